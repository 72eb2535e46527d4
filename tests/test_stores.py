"""Where notifications live: what reaches whom, in memory and in a real Valkey, whatever breaks."""

import asyncio
import os
import random
import signal
import sys
import time
import traceback
from contextlib import ExitStack, suppress
from itertools import pairwise

import httpx
import pytest
from jupyter_client.manager import start_new_kernel
from listeners import attentive, tell, tell_surely
from machine import NO_PROXIES
from waiting import LONG, PATIENT, wait_until

import labserver.app
from labserver import memory, record, stores
from labserver.server import Server
from labserver.storage import NONE_HERE, Valkey, find
from labserver.workers import Workers

APP = "from labserver.app import app\n"
SERVES = """import os
from labserver import serve
from labserver.app import app
from labserver.storage import run_valkey
valkey = run_valkey()
os.environ["LABSERVER_STORE"] = valkey.url
print(serve(app).url + "/notifications")
"""
posix = pytest.mark.skipif(sys.platform == "win32", reason="no SIGKILL and no SIGSTOP there")


@pytest.fixture
def valkey():
    server = needed()
    yield server
    server.stop()


def valkey_client(store):
    return pytest.importorskip("valkey").Valkey.from_url(store.url)


def needed():
    """A new Valkey."""
    program = find() or pytest.skip(NONE_HERE)
    return Valkey(program=program)


@pytest.fixture(params=["memory", "valkey"])
def either_store(request, monkeypatch):
    """What is served meanwhile keeps its notes in memory, or in a Valkey."""
    if request.param == "valkey":
        server = request.getfixturevalue("valkey")
        monkeypatch.setenv("LABSERVER_STORE", server.url)


@pytest.fixture
def url(either_store):
    """/notifications of the finished app, with either store."""
    with Server(labserver.app.app) as server:
        yield f"{server.url}/notifications"


def notes(*texts):
    return [("notification", text) for text in texts]


def heard_after(url, last_id, count):
    """The first events that a listener with that id hears."""
    got = record(url, quiet=True, max_chunks=count, headers={"Last-Event-ID": last_id})
    return [(event.event, event.data) for event in got.events]


# Both stores


def test_each_note_reaches_each_listener_once_and_any_id_resumes(url):
    texts = [f"note {i}" for i in range(5)]
    with attentive(url, 3) as listeners:
        first = listeners[0].last_id
        for text in texts:
            assert tell(url, text) == 202
        wait_until(lambda: all(one.texts == texts for one in listeners))
        ids = [event.id for event in listeners[0].heard]
    assert len({*ids}) == 5
    for place, id in enumerate([first, *ids[:-1]]):
        assert heard_after(url, id, 5 - place) == notes(*texts[place:])


def test_a_listener_that_is_cut_before_its_first_note_misses_none(url):
    with attentive(url, 1) as listeners:
        id = listeners[0].last_id
    assert tell(url, "while nobody listened") == 202
    assert heard_after(url, id, 1) == notes("while nobody listened")


def test_a_newcomer_hears_what_comes_and_nothing_older(url):
    tell_surely(url, "older")
    with attentive(url, 1) as listeners:
        tell_surely(url, "new")
        wait_until(lambda: listeners[0].texts == ["new"])


@pytest.mark.parametrize("id", ["5", "x", "1-1", "9999999999999-0", "$", "-", "9" * 5000])
def test_an_id_that_is_not_known_is_told_so_and_gets_all_that_is_kept(url, id):
    tell_surely(url, "kept")
    told, *rest = heard_after(url, id, 2)
    assert (told[0], rest) == ("reset", notes("kept"))


def test_an_id_that_is_too_old_is_told_so(monkeypatch):
    monkeypatch.setattr(memory, "KEPT", 3)
    with (
        Server(labserver.app.app) as server,
        attentive(f"{server.url}/notifications", 1) as listeners,
    ):
        url, first = f"{server.url}/notifications", listeners[0].last_id
        for i in range(4):
            tell_surely(url, str(i))
        told, *rest = heard_after(url, first, 4)
        assert (told[0], rest) == ("reset", notes("1", "2", "3"))


def test_a_slow_listener_holds_up_nobody_and_is_told_what_it_missed(monkeypatch):
    monkeypatch.setattr(memory, "KEPT", 50)
    long, count = "\N{GOTHIC LETTER HWAIR}" * 900, 2500  # 9 MB, more than two sockets hold
    with Server(labserver.app.app) as server, httpx.Client(**PATIENT) as client:
        url = f"{server.url}/notifications"
        with client.stream("GET", url) as slow, attentive(url, 1) as quick:
            for i in range(count):
                assert client.post(url, json=f"{i} {long}").status_code == 202
            wait_until(lambda: len(quick[0].heard) == count)
            last, lines = f"data: {count - 1} ", slow.iter_lines()
            came = []
            for line in lines:
                came.append(line)
                if line.startswith(last):
                    break
    numbers = [int(line.split()[1]) for line in came if line.startswith("data: ") and long in line]
    gaps = sum(b != a + 1 for a, b in pairwise(numbers))
    assert numbers == sorted({*numbers}) and numbers[-1] == count - 1
    assert gaps == came.count("event: reset") > 0


def test_two_hundred_listeners_that_leave_at_once_leave_nothing(either_store, monkeypatch):
    monkeypatch.setenv("LABSERVER_LISTENERS", "300")
    monkeypatch.setattr("labserver.stores.ANSWER_SECONDS", LONG)  # so many may keep it waiting
    with Server(labserver.app.app) as server:
        url = f"{server.url}/notifications"
        connections = server._uvicorn.server_state.connections

        def quiet():
            return len(asyncio.all_tasks(server._loop)), len(connections)

        with attentive(url, 1):  # the first one starts what sse-starlette keeps for all
            tell_surely(url, "one before")
        wait_until(lambda: not connections)
        before = quiet()
        with attentive(url, 200):
            assert quiet() > (before[0] + 200, 199)
        # Fewer, where a task of the one before was still about to end.
        wait_until(lambda: not connections and quiet() <= before)
        assert httpx.post(url, json="x", **PATIENT).json() == {"listeners": 0}
        assert not server.log


# How many may listen


def test_one_too_many_is_asked_to_come_later_in_a_way_that_it_understands(monkeypatch):
    monkeypatch.setenv("LABSERVER_LISTENERS", "1")
    with Server(labserver.app.app) as server:
        url = f"{server.url}/notifications"
        with httpx.stream("GET", url, **PATIENT):
            browser = record(url, quiet=True, headers={"Accept": "text/event-stream"})
            other = record(url, quiet=True)
        assert browser.response.status_code == 200 and browser.whole
        assert browser.body == b"retry: 10000\n\n"
        assert other.response.status_code == 503 and other.response.headers["retry-after"] == "10"


def test_the_number_of_listeners_is_bounded_by_the_descriptors(monkeypatch):
    monkeypatch.setenv("LABSERVER_LISTENERS", "1000000")
    assert labserver.app.most_listeners() < 10_000
    monkeypatch.setenv("LABSERVER_LISTENERS", "many")
    with pytest.raises(RuntimeError, match="LABSERVER_LISTENERS is a whole number, not 'many'"):
        Server(labserver.app.app).start()


# Valkey


@pytest.mark.parametrize(
    "store",
    ["nothing", "http://127.0.0.1", "valkey://127.0.0.1:x", "valkey://ann:pass#word@127.0.0.1"],
)
def test_what_is_no_address_of_a_store_is_told_in_one_line(store, monkeypatch):
    pytest.importorskip("valkey", reason="the client is not installed")
    monkeypatch.setenv("LABSERVER_STORE", store)
    words = r"^The app failed while starting\. ValueError: LABSERVER_STORE is no address .*6379\.$"
    with pytest.raises(RuntimeError, match=words) as caught:
        Server(labserver.app.app).start()
    assert "pass" not in "".join(traceback.format_exception(caught.value))


def test_notes_reach_the_listeners_of_every_worker(valkey):
    with Workers(APP, LABSERVER_STORE=valkey.url) as workers:
        url = f"{workers.url}/notifications"
        with attentive(url, 20) as listeners:
            for i in range(20):
                tell_surely(url, str(i))
            texts = [str(i) for i in range(20)]
            wait_until(lambda: all(one.texts == texts for one in listeners))


@posix
def test_a_killed_worker_loses_nothing_and_repeats_nothing(valkey):
    with Workers(APP, LABSERVER_STORE=valkey.url) as workers:
        url = f"{workers.url}/notifications"
        with attentive(url, 100) as listeners:
            tell_surely(url, "before")
            [killed, _] = workers.pids
            os.kill(killed, signal.SIGKILL)
            accepted = [str(i) for i in range(30) if tell(url, str(i)) == 202]
            tell_surely(url, "after")
            everyone = listeners
            wait_until(lambda: all(one.texts[-1:] == ["after"] for one in everyone))
            assert all(one.texts == ["before", *accepted, "after"] for one in everyone)
        wait_until(lambda: killed not in workers.pids)  # uvicorn looks now and then


def test_a_restarted_valkey_is_found_again_and_the_loss_is_told(valkey, monkeypatch):
    monkeypatch.setenv("LABSERVER_STORE", valkey.url)
    with Server(labserver.app.app) as server:
        url = f"{server.url}/notifications"
        with attentive(url, 3) as listeners:
            tell_surely(url, "before")
            valkey.stop()
            assert tell(url, "refused") == 503
            valkey.restart()
            tell_surely(url, "after")  # in memory alone, "before" is gone with the old process
            wait_until(lambda: all(one.texts[-1] == "after" for one in listeners))
            names = [[event.event for event in one.heard] for one in listeners]
            assert names == [["notification", "reset", "notification"]] * 3
            assert all([one.status_code for one in one.responses] == [200] for one in listeners), (
                "nobody was cut off"
            )
        assert "The store does not answer" in server.log


def test_without_a_store_a_listener_waits_and_then_ends_and_a_post_is_refused(monkeypatch):
    pytest.importorskip("valkey", reason="the client is not installed")
    monkeypatch.setenv("LABSERVER_STORE", "valkey://:secret@127.0.0.1:1")
    monkeypatch.setattr(labserver.app, "AWAY_SECONDS", 2.5)
    with Server(labserver.app.app) as server:
        url = f"{server.url}/notifications"
        got = record(url, quiet=True)
        refused = httpx.post(url, json="x", **PATIENT)
        wait_until(lambda: "A notification was refused" in server.log)
        assert "secret" not in server.log
    data = got.body
    assert got.response.status_code == 200 and got.whole and not got.events
    assert data.startswith(b"retry: 1000\r\n\r\n")
    assert 1 < data.count(b": waiting for the store") < 10, "one a second, or fewer"
    assert refused.status_code == 503 and refused.headers["retry-after"]


def test_a_store_that_refuses_at_once_is_not_asked_without_a_pause():
    class Refusing:
        async def after(self, id, seconds):
            raise stores.StoreAway("max number of clients reached")

    async def comments(seconds):
        told = labserver.app.told(Refusing(), "7-0", seconds)
        return [item.comment async for item in told if item.comment]

    assert 1 < len(asyncio.run(comments(1.0))) < 2 + 1.0 / stores.AGAIN_SECONDS


@posix
def test_a_store_that_hangs_hangs_nobody(valkey, monkeypatch):
    monkeypatch.setenv("LABSERVER_STORE", valkey.url)
    with valkey_client(valkey) as asking:
        process = asking.info("server")["process_id"]
    with Server(labserver.app.app) as server:
        url = f"{server.url}/notifications"
        with attentive(url, 2) as listeners:
            os.kill(process, signal.SIGSTOP)
            try:
                refused = tell(url, "while it hangs")
            finally:
                os.kill(process, signal.SIGCONT)
            assert refused == 503
            tell_surely(url, "after")
            everyone = listeners
            wait_until(lambda: all(one.texts[-1:] == ["after"] for one in everyone))
            # What was refused may have been kept: it is heard by all, or by none.
            assert len({(*one.texts,) for one in everyone}) == 1
            assert all(event.event == "notification" for event in everyone[0].heard)


def served_by_a_kernel(stack):
    """/notifications of an app that a kernel serves, with a Valkey of its own, until both end."""
    environment = NO_PROXIES | {"LABSERVER_STORE": ""}
    manager, client = start_new_kernel(kernel_name="python3", env=environment)
    stack.callback(manager.shutdown_kernel)
    stack.callback(client.stop_channels)
    printed = []
    client.execute_interactive(
        SERVES, timeout=LONG, output_hook=lambda message: printed.append(message["content"])
    )
    return "".join(part.get("text", "") for part in printed).split()[-1]


def test_two_kernels_with_a_store_each_hear_their_own_notes_alone():
    find() or pytest.skip(NONE_HERE)
    with ExitStack() as stack:
        urls = [served_by_a_kernel(stack) for _ in "ab"]
        crowds = [stack.enter_context(attentive(url, 1)) for url in urls]
        for name, url in zip("ab", urls, strict=True):
            tell_surely(url, name)
        for name, one in zip("ab", crowds, strict=True):
            wait_until(lambda one=one: one[0].heard)
            assert one[0].texts == [name]


def test_a_stream_that_others_emptied_or_wrote_into_is_read_all_the_same(valkey, monkeypatch):
    monkeypatch.setenv("LABSERVER_STORE", valkey.url)
    with valkey_client(valkey) as client:
        client.xadd(stores.KEY, {"text": "old"})
        client.xtrim(stores.KEY, maxlen=0)
        with Server(labserver.app.app) as server:
            url = f"{server.url}/notifications"
            with attentive(url, 1) as listeners:
                client.xadd(stores.KEY, {"text": b"no UTF-8: \xff"})
                tell_surely(url, "after")
                wait_until(lambda: listeners[0].texts == ["no UTF-8: \ufffd", "after"])
            assert "Traceback" not in server.log


def test_an_error_of_this_program_is_told_once_with_its_traceback(valkey, monkeypatch):
    def fail(tail, note):
        raise ZeroDivisionError("on purpose")

    monkeypatch.setenv("LABSERVER_STORE", valkey.url)
    monkeypatch.setattr(memory.Tail, "add", fail)
    with Server(labserver.app.app) as server:
        wait_until(lambda: "ZeroDivisionError: on purpose" in server.log)
        got = record(f"{server.url}/notifications?seconds=1.5", quiet=True)
        assert got.whole and b": waiting for the store" in got.body
    assert server.log.count("Traceback") == 1


def test_more_notes_than_are_kept_during_a_pause_are_told_as_missing(valkey, monkeypatch):
    monkeypatch.setattr(stores, "KEPT", 100)
    monkeypatch.setattr(memory, "KEPT", 100)

    async def read_late():
        store = stores.ValkeyStore(valkey.url)
        reader = asyncio.create_task(store.follow())
        await store._live_tail(1)
        first = await store.last()
        with valkey_client(valkey) as client:  # blocks this loop: the reader pauses
            for i in range(500):
                client.xadd(stores.KEY, {"text": str(i)}, maxlen=100)
        try:
            with pytest.raises(LookupError):
                place = first
                for _ in range(int(LONG)):  # the reader may have been answered the first notes
                    notes = await store.after(place, 1)
                    place = notes[-1].id if notes else place
            return await store.after("", 1)
        finally:
            reader.cancel()
            await asyncio.gather(reader, return_exceptions=True)
            await store.close()

    assert [note.text for note in asyncio.run(read_late())] == [str(i) for i in range(400, 500)]


@posix
@pytest.mark.parametrize("seed", range(int(os.environ.get("SEEDS", "3"))))
def test_random_cuts_kills_and_pauses_lose_nothing_and_repeat_nothing(seed, valkey):
    chance = random.Random(seed)
    with Workers(APP, LABSERVER_STORE=valkey.url) as workers:
        url = f"{workers.url}/notifications"
        with attentive(url, 10) as listeners:
            accepted = [
                text for i in range(60) if _told(chance, workers, listeners, text := str(i))
            ]
            tell_surely(url, "the end")
            for one in listeners:
                wait_until(lambda one=one: one.texts[-1:] == ["the end"])
                assert len({*one.texts}) == len(one.texts), f"twice: {one.texts}"
                lost = {*accepted} - {*one.texts}
                assert not lost and sorted(one.texts[:-1], key=int) == one.texts[:-1]


def _told(chance, workers, listeners, text):
    """Whether a note is accepted while something goes wrong."""
    what = chance.random()
    pids = workers.pids
    if what < 0.3:
        for one in chance.sample(listeners, 3):
            listeners.cut(one)
    elif what < 0.36 and len(pids) == 2:
        _send(chance.choice(pids), signal.SIGKILL)
    elif what < 0.45 and pids:
        pid = chance.choice(pids)
        _send(pid, signal.SIGSTOP)
        time.sleep(chance.uniform(0, 0.1))
        _send(pid, signal.SIGCONT)
    time.sleep(chance.uniform(0, 0.02))
    return tell(f"{workers.url}/notifications", text) == 202


def _send(pid, number):
    with suppress(ProcessLookupError):  # it was replaced a moment ago
        os.kill(pid, number)
