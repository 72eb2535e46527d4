"""What lesson 09 says, sentence by sentence: each test is named as the one that it holds.

The programs are the lesson's own cells. Where it says what comes first, the test decides when
each of their sleeps ends.
"""

import asyncio
import builtins
import difflib
import gc
import linecache
import re
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from functools import partial
from types import SimpleNamespace

import httpx
import pytest
from lessons import cells_of, headings_of, lesson, names_in, run_cells, sections_of
from machine import NO_PROXIES
from waiting import LONG, Each, Requests, turns, wait_until

from labserver import diagnose
from labserver.app import app as finished_app
from labserver.recorder import record, record_watched
from labserver.recording import Bounds
from labserver.server import Server

LESSON = lesson(9)
CELLS = {cell.id: cell for cell in cells_of(LESSON)}
run = partial(run_cells, LESSON)


def served(id):
    return Server(run(id)["app"])


def asked(server, path, **options):
    return record(server.url + path, quiet=True, **options)


@contextmanager
def in_turns(id):
    """A program of the lesson, served, whose sleeps end when the test says `go()`.

    Gives that, a client for it, and a function that asks it in another thread.
    """
    main = run(id)
    with (
        Server(main["app"]) as server,
        httpx.Client(base_url=server.url, trust_env=False, timeout=LONG) as client,
        ThreadPoolExecutor() as pool,
        turns(main) as sleeps,
    ):
        yield sleeps.go, client, partial(pool.submit, client.get)


def comes_one_by_one(lines, go, name, count):
    """Each line comes while the next is still to be made."""
    for i in range(count):
        go()
        assert next(lines) == f"{name} {i}"


def is_held_back(answer, seconds=0.5):
    """Whether something is still awaited though there was time for it."""
    with suppress(TimeoutError):
        answer.result(seconds)
    return not answer.done()


# The lesson itself


def test_each_section_needs_the_first_code_cell_and_its_own():
    imports, *others = sections_of(LESSON)
    assert len(others) == 15, "fourteen sections of faults, and the exercise"
    for source in others:
        missing = names_in(source)[0] - names_in(imports)[1] - set(dir(builtins))
        assert not missing, f"{missing} made elsewhere:\n{source}"


def test_symptoms_and_checklist_link_to_every_section():
    faults = [h.replace(" ", "-") for _, h in headings_of(LESSON)][1:]
    faults = [fault for fault in faults if fault not in ("Your-turn", "Mend-a-service", "Recap")]
    assert len(faults) == 14
    for fault in faults:
        assert f"(#{fault})" in CELLS["title"].source, fault
        assert f"](#{fault}) |" in CELLS["recap"].source, fault
    assert len(re.findall(r"▶ \[[^]]*\]\((\S+)\)", CELLS["title"].source)) == 6
    assert len(set(re.findall(r"▶ \[[^]]*\]\((\S+)\)", CELLS["title"].source))) == 5


@pytest.mark.parametrize("id", [id[:-7] for id in CELLS if id.endswith("-mended")])
def test_each_fault_went_with_one_edit(id):
    before, after = (CELLS[f"{id}-{kind}"].source.splitlines() for kind in ("fault", "mended"))
    diff = [line for line in difflib.ndiff(before, after) if line[:2] in ("- ", "+ ")]
    indented = [line for line in diff if id == "error" and re.match(r"[+-] {9}", line)]
    assert len(diff) - len(indented) <= 8, diff
    assert sum("edit" in line for line in diff) == 1, "the edit is marked"


# Its sentences


def test_a_blocking_call_stops_everybody_else_and_its_own_client_never_sees_it():
    for kind, seconds in (("fault", 0.5), ("mended", LONG)):
        with in_turns(f"blocking-{kind}") as (go, client, ask):
            with client.stream("GET", "/report") as report:
                lines = report.iter_lines()
                comes_one_by_one(lines, go, "line", 1)
                ping = ask("/ping")
                assert is_held_back(ping, seconds) is (kind == "fault")
                go(3)
                assert list(lines) == ["line 1", "line 2", "line 3"]
            assert ping.result(LONG).json() == "pong"


@pytest.mark.parametrize("kind", ["fault", "mended"])
def test_a_generator_that_never_awaits_freezes_the_server_once_its_client_left(kind):
    look = CELLS[f"never-awaits-{kind}-look"].source.split('"""')[1]
    if kind == "mended":  # on a busy machine, that may not be enough
        look = look.replace("seconds=2", "seconds=30")
    script = CELLS[f"never-awaits-{kind}"].source + "\n" + look
    done = subprocess.run(
        [sys.executable, "-"],
        input=script,
        env=NO_PROXIES,
        timeout=60,
        capture_output=True,
        text=True,
    )
    assert "stopped at max_chunks=3" in done.stdout
    if kind == "fault":
        assert re.search(r"TimeoutError: GET \S+/ping: no response within 2 s", done.stderr)
    else:
        assert "pong" in done.stdout and not done.stderr


def test_get_reads_the_body_to_its_end_before_it_returns():
    with in_turns("collects-program") as (go, client, ask):
        collected = ask("/report")
        go(3)
        assert is_held_back(collected)
        go()
        assert len(collected.result(LONG).text.splitlines()) == 4
        with client.stream("GET", "/report") as response:
            comes_one_by_one(response.iter_lines(), go, "line", 4)


def test_the_in_process_transport_runs_the_app_to_its_end_before_it_hands_over():
    main = run("collects-program")

    async def lines():
        inside = httpx.ASGITransport(app=main["app"])
        async with httpx.AsyncClient(base_url="http://lab", transport=inside) as client:
            request = client.build_request("GET", "/report")
            sent = asyncio.create_task(client.send(request, stream=True))
            sleeps.go(3)
            assert not (await asyncio.wait([sent], timeout=0.5))[0], "no headers yet"
            sleeps.go()
            return [line async for line in (await sent).aiter_lines()]

    with turns(main) as sleeps:
        assert len(asyncio.run(lines())) == 4


def test_the_proxy_holds_back_until_the_header_makes_it_let_go():
    for kind in ("fault", "mended"):
        with in_turns(f"proxy-{kind}") as (go, client, _):
            with client.stream("GET", "/rows") as response:
                comes_one_by_one(response.iter_lines(), go, "row", 4)
            if kind == "mended":
                with client.stream("GET", "/proxied") as response:
                    comes_one_by_one(response.iter_lines(), go, "row", 4)
            else:
                with ThreadPoolExecutor() as pool, client.stream("GET", "/proxied") as response:
                    chunks = response.iter_raw()
                    first = pool.submit(next, chunks)
                    go(3)
                    assert is_held_back(first)
                    go()
                    assert len(first.result(LONG).splitlines()) == 4 and not list(chunks)


def test_event_source_response_sends_the_header_by_itself():
    with Server(finished_app) as server:
        assert asked(server, "/sse?count=1").response.headers["X-Accel-Buffering"] == "no"


@pytest.mark.parametrize("encoding", ["gzip", "identity"])
@pytest.mark.parametrize(("kind", "seconds"), [("fault", 0.5), ("mended", LONG)])
def test_headers_wait_for_the_first_row_whatever_encoding_was_asked_for(kind, seconds, encoding):
    with in_turns(f"compression-{kind}") as (go, client, _), ThreadPoolExecutor() as pool:
        request = client.build_request("GET", "/rows", headers={"Accept-Encoding": encoding})
        sent = pool.submit(client.send, request, stream=True)
        assert is_held_back(sent, seconds) is (kind == "fault")
        go()
        response = sent.result(LONG)
        assert (response.headers.get("Content-Encoding") == "gzip") is (encoding == "gzip")
        lines = response.iter_lines()
        assert next(lines) == "row 0"
        go()
        assert next(lines) == "row 1"
        go()
        assert list(lines) == ["row 2"]


def test_an_error_after_the_first_byte_is_a_200_and_loses_the_background_task(capsys):
    app = Requests(run("error-fault")["app"])
    with Server(app) as server:
        rates = asked(server, "/rates")
        app.wait(1)
        wait_until(lambda: server.log.endswith("ZeroDivisionError: division by zero"))
    assert (rates.response.status_code, len(rates.events), rates.whole) == (200, 2, False)
    assert rates.ended.startswith("ended early")
    assert "background task ran" not in capsys.readouterr().out


def test_with_the_edit_the_body_is_whole_and_says_what_is_missing_and_the_task_runs(capsys):
    app = Requests(run("error-mended")["app"])
    with Server(app) as server:
        rates = asked(server, "/rates")
        app.wait(1)
        assert not server.log
    assert [event.event for event in rates.events] == ["message", "message", "failed"]
    assert rates.whole
    assert "background task ran" in capsys.readouterr().out


def test_a_403_from_the_generator_is_a_200_too():
    with served("forbidden-fault") as server:
        refused = asked(server, "/orders")
        assert (refused.response.status_code, refused.size, refused.whole) == (200, 0, False)
        assert len(asked(server, "/orders?key=tea").events) == 1
    with served("forbidden-mended") as server:
        assert asked(server, "/orders").response.status_code == 403
        assert len(asked(server, "/orders?key=tea").events) == 1


@pytest.mark.parametrize("id", ["left-async", "left-fault", "left-mended"])
def test_a_plain_generator_is_cleaned_up_as_garbage_an_async_or_closed_one_before(id, capsys):
    app = Requests(run(id)["app"])
    gc.disable()
    try:
        with Server(app) as server:
            asked(server, "/rows", max_chunks=2)
            app.wait(1)
            before = capsys.readouterr().out
            gc.collect()
            after = capsys.readouterr().out
    finally:
        gc.enable()
    late = id == "left-fault"
    assert ("given back" in before, "given back" in after) == (not late, late)


def test_an_unbounded_queue_runs_ahead_a_bounded_one_holds_the_task_back():
    main = run("slow-program")
    made, all_of_it = main["made"], 640 * 2**16
    with Server(main["app"]) as server, httpx.Client(trust_env=False, timeout=LONG) as client:
        with client.stream("GET", f"{server.url}/blocks?room=0"):
            wait_until(lambda: sum(made) == all_of_it)
        made.clear()
        with client.stream("GET", f"{server.url}/blocks?room=8"):
            wait_until(lambda: sum(made) >= 8 * 2**16)
            time.sleep(0.5)  # in which it could run ahead
            assert sum(made) < all_of_it / 2


def test_a_dependency_of_function_scope_closes_before_the_response_has_read():
    with served("dependency-program") as server:
        early, whole = (asked(server, path) for path in ("/early", "/open"))
        assert server.log.endswith("ValueError: I/O operation on closed file.")
    assert (early.response.status_code, early.size, early.whole) == (200, 0, False)
    assert whole.whole and whole.size > 10_000


def test_the_finished_app_sends_the_header_too():
    with Server(finished_app) as server:
        for path in ("/plain-stream?count=1", "/stream?count=1"):
            assert asked(server, path).response.headers["X-Content-Type-Options"] == "nosniff"


def test_a_chromium_shows_nothing_of_blank_before_its_end(page):
    main = run("blank-tab-program")
    shown = "(tab.document.body?.innerText ?? '')"
    with Server(main["app"]) as server, turns(main) as sleeps:
        page.goto(f"{server.url}/openapi.json")
        page.evaluate("() => { window.tab = open('/live'); }")
        page.wait_for_function(f"{shown}.includes('line 0')")
        sleeps.go(8)
        page.wait_for_function(f"{shown}.includes('line 7')")
        page.evaluate("() => { window.tab = open('/blank'); }")
        page.wait_for_timeout(1000)
        assert page.evaluate(shown) == ""
        sleeps.go(8)
        page.wait_for_function(f"{shown}.includes('line 7')")


def test_a_generator_serves_one_client_once():
    main = run("shared-program")
    with Server(main["app"]) as server, ThreadPoolExecutor() as pool, turns(main) as sleeps:
        whole = pool.submit(asked, server, "/shared")
        wait_until(lambda: main["made"].gi_running)
        cut = asked(server, "/shared")
        sleeps.go(4)
        whole = whole.result(LONG)
        assert "generator already executing" in server.log
        later = asked(server, "/shared")
        sleeps.go(8)
        own = [one.result(LONG) for one in [pool.submit(asked, server, "/own") for _ in "ab"]]
    assert (whole.size, whole.whole, cut.whole) == (8, True, False)
    assert (later.response.status_code, later.size, later.whole) == (200, 0, True)
    assert all(one.size == 8 and one.whole for one in own)


def test_a_string_streams_letter_by_letter_and_many_times_slower():
    main = run("small-chunks-program")
    with Server(main["app"]) as server:
        pages = [asked(server, "/page") for _ in range(5)]
        letters = asked(server, "/letters")
    assert len(letters.chunks) == letters.size == len(main["PAGE"])
    assert all((len(page.chunks), page.size) == (1, letters.size) for page in pages)
    assert letters.seconds > 3 * min(page.seconds for page in pages)


def test_a_reload_waits_for_open_streams_or_cuts_them_after_the_time_it_is_given(capsys):
    main = {"httpx": httpx}

    def look(id):
        source = CELLS[id].source
        linecache.cache[id] = (len(source), None, source.splitlines(keepends=True), id)
        exec(compile(source, id, "exec"), main)

    def save_at_the_first(chunk):
        if chunk.data == b"tick 0\n":
            main["main"].touch()

    def record(url, quiet):
        return record_watched(Each(save_at_the_first), url, "GET", Bounds())

    for id in ("reload-program", "reload-start", "reload-ready"):
        look(id)
    main |= {"record": record, "Timer": lambda *args: SimpleNamespace(start=lambda: None)}
    look("reload-fault-look")
    assert main["seen"].whole
    assert "Waiting for connections to close" in capsys.readouterr().out
    look("reload-mended-look")
    assert not main["seen"].whole
    assert "timeout graceful shutdown exceeded" in capsys.readouterr().out
    main["client"].close()
    main["folder"].cleanup()


def test_diagnose_names_one_fault_each_time_then_the_403_and_nothing_but_advice():
    solution = LESSON.parent / "solutions/09_keeps_answering.py"
    for program, codes in (
        (CELLS["mend-starter"].source, (["cut-before-first"], ["starved"])),
        (solution.read_text(encoding="utf-8"), (["status"], [])),
    ):
        main = {"__name__": "main"}
        exec(program, main)
        with Server(main["app"]) as server:
            for query, expected in zip(("", "?key=tea"), codes, strict=True):
                found = diagnose(f"{server.url}/steps{query}", quiet=True)
                assert [one.code for one in found if not one.is_advice] == expected
