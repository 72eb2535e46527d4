"""What lesson 13 says, sentence by sentence: each test is named as the one that it holds.

The programs are the lesson's own cells. What is said of the finished server is held by
test_stores.py.
"""

import time
from functools import partial

import httpx
import pytest
from lessons import cells_of, lesson, run_cells
from waiting import PATIENT, turns, wait_until

from labserver import storage
from labserver.crowd import crowd
from labserver.recorder import record
from labserver.server import Server
from labserver.storage import NONE_HERE, Valkey, find
from labserver.workers import Workers

LESSON = lesson(13)
CELLS = {cell.id: cell for cell in cells_of(LESSON)}
SIX = "one two three four five six"
run = partial(run_cells, LESSON)


def tell(url, *texts):
    for text in texts:
        httpx.post(url, params={"text": text}, **PATIENT).raise_for_status()


@pytest.fixture(scope="module")
def valkey():
    """The environment of a program's workers, with a Valkey in it."""
    store = Valkey(program=find() or pytest.skip(NONE_HERE))
    yield {"LABSERVER_STORE": store.url}
    store.stop()


def test_a_shared_list_loses_what_nobody_looked_at_and_repeats_the_rest():
    main = run("latest-program")
    with Server(main["app"]) as server, turns(main) as sleeps:
        url = f"{server.url}/latest"
        with crowd(url, 2) as (ann, bob):
            tell(url, "tea", "cake")
            sleeps.go(6)
            wait_until(lambda: len(ann.texts) + len(bob.texts) >= 6)
            assert {*ann.texts, *bob.texts} == {"cake"}


@pytest.mark.parametrize("path", ["queues", "leaving"])
def test_a_slow_listener_loses_notes_and_holds_up_nobody_and_leaves_no_queue(path):
    main = run(f"{path}-program")
    with Server(main["app"]) as server, turns(main) as sleeps:
        url = f"{server.url}/{path}"
        notes = list("12345678")
        with crowd(f"{url}?room=100", 1) as (quick,), crowd(f"{url}?room=3&pace=1", 1) as (slow,):
            assert len(main["queues"]) == 2
            for number, note in enumerate(notes, 1):
                if number == 2:
                    wait_until(lambda: slow.texts == ["1"])
                tell(url, note)
            sleeps.go(100)
            wait_until(lambda: quick.texts == notes)
            heard = ["1", "6", "7", "8"] if path == "queues" else ["1", "2", "3", "4"]
            wait_until(lambda: slow.texts[:4] == heard)
            if path == "leaving":
                wait_until(lambda: len(slow.responses) > 1)  # its stream ended, and it asks again
        wait_until(lambda: not main["queues"])


def test_with_room_for_one_a_slow_listener_hears_the_newest():
    main = run("queues-program")
    with Server(main["app"]) as server, turns(main) as sleeps:
        url = f"{server.url}/queues"
        with crowd(f"{url}?room=1&pace=1", 1) as (slow,):
            tell(url, "1")
            wait_until(lambda: slow.texts == ["1"])
            tell(url, *"2345")
            sleeps.go(2)
            wait_until(lambda: slow.texts == ["1", "5"])


@pytest.mark.parametrize(
    ("last", "heard"),
    [("", "c d e f g"), ("5", "f g"), ("1", "notes are missing c d e f g")]
    + [("99", "notes are missing c d e f g")],
)
def test_a_replay_buffer_brings_back_who_was_away_and_says_what_is_missing(last, heard):
    with Server(run("kept-program")["app"]) as server:
        url = f"{server.url}/kept"
        tell(url, *"abcdefg")
        headers = {"Last-Event-ID": last} if last else {}
        count = 5 if not last else 2 if last == "5" else 6
        got = record(url, quiet=True, max_chunks=count, headers=headers)
        assert " ".join(event.data for event in got.events) == heard


def test_every_listener_of_both_routes_hears_each_note_at_some_delay():
    given = {"httpx": httpx, "crowd": crowd, "time": time}
    main = run("tell", "delays", given=given)
    with Workers(CELLS["thousand-program"].source, 1) as one:
        for path in ("/library", "/by-hand"):
            times = main["delays"](one.url, path, 100)
            assert len(times) == 400 and times == sorted(times) and times[0] > 0


def test_two_workers_split_the_listeners_in_silence():
    with (
        Workers(CELLS["workers-program"].source, 2) as two,
        httpx.Client(**PATIENT) as one,
    ):
        url = f"{two.url}/workers"
        with crowd(url, 24) as listeners:
            by_worker = {}
            for listener in listeners:
                worker = listener.responses[0].headers["worker"]
                by_worker.setdefault(worker, []).append(listener)
            if len(by_worker) < 2:
                pytest.skip("the system gave all 24 connections to one worker")
            for text in "123456":  # on one connection, so to one worker
                one.post(url, params={"text": text}).raise_for_status()
            groups = by_worker.values()
            wait_until(lambda: any(all(each.texts == [*"123456"] for each in g) for g in groups))
            time.sleep(0.5)  # in which the others could hear
            heard = [{tuple(each.texts) for each in group} for group in by_worker.values()]
    assert sorted(heard, key=len) in ([{()}, {(*"123456",)}], [{(*"123456",)}, {()}])


def test_from_dollar_at_each_read_words_are_lost(valkey):
    with Workers(CELLS["dollar-program"].source, 2, **valkey) as two:
        url = f"{two.url}/dollar"
        with crowd(url, 6) as listeners:
            for _ in range(20):
                tell(url, SIX)
            wait_until(lambda: all(listener.texts for listener in listeners))  # of both workers
            time.sleep(1)  # in which the rest could come
    assert any(len(listener.texts) < 120 for listener in listeners)


def test_with_the_id_that_was_last_every_listener_of_both_workers_hears_all(valkey):
    with Workers(CELLS["resolved-program"].source, 2, **valkey) as two:
        url = f"{two.url}/resolved"
        with crowd(url, 6) as listeners:
            for _ in range(5):
                tell(url, SIX)
            wait_until(lambda: all(one.texts == SIX.split() * 5 for one in listeners))


def test_a_connection_a_listener_against_one_a_worker(valkey, capsys):
    given = {"crowd": crowd, "Workers": Workers, "lab": Valkey(valkey["LABSERVER_STORE"])}
    main = run("count-connections", given=given)
    main["connections"](CELLS["resolved-program"].source, "/resolved")
    main["connections"]("from labserver.app import app\n", "/notifications")
    many, few = (int(line.split()[1]) for line in capsys.readouterr().out.splitlines())
    assert many >= 40 and few <= 4  # one each, and one more while something is asked


def test_where_there_is_no_valkey_the_steps_that_need_it_are_left_out(capsys, monkeypatch):
    monkeypatch.setattr("labserver.storage.find", lambda: None)
    monkeypatch.delenv("LABSERVER_STORE", raising=False)
    cells = ["valkey-start", "in-two-workers", "dollar-look", "resolved-look"]
    cells += ["connections-look", "killed-look", "restarted-look"]
    run(*cells, given={"run_valkey": storage.run_valkey})
    assert capsys.readouterr().out.splitlines() == [NONE_HERE]
