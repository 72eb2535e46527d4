"""What lesson 09 says, sentence by sentence: each test is named as the one that it holds.

The programs are the lesson's own cells. Where it says what comes first, the test decides when
each of their sleeps ends.
"""

import asyncio
import builtins
import linecache
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from functools import partial
from types import SimpleNamespace

import httpx
import pytest
from behind import PROGRAMS, each_nginx
from lessons import cells_of, headings_of, lesson, names_in, run_cells, sections_of
from machine import NO_PROXIES
from waiting import LONG, PATIENT, Each, turns, wait_until

from labserver import diagnose
from labserver.app import app as finished_app
from labserver.diagnosis import Level
from labserver.proxy import nginx as in_front
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
        httpx.Client(base_url=server.url, **PATIENT) as client,
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
    assert len(others) == 11, "ten sections with programs, and the exercise"
    for source in others:
        missing = names_in(source)[0] - names_in(imports)[1] - set(dir(builtins))
        assert not missing, f"{missing} made elsewhere:\n{source}"


def test_list_of_sections_and_checklist_link_to_every_section():
    faults = [h.replace(" ", "-") for level, h in headings_of(LESSON) if level == "##"]
    faults = [fault for fault in faults if fault not in ("Your-turn", "Recap")]
    assert len(faults) == 10
    for fault in faults:
        assert f"(#{fault})" in CELLS["title"].source, fault
        assert f"](#{fault}) |" in CELLS["recap"].source, fault
    assert len(set(re.findall(r"▶ \[[^]]*\]\((\S+)\)", CELLS["title"].source))) == 5


def test_every_line_of_the_checklist_leads_to_a_section():
    _, _, *lines = re.findall(r"^\|.*", CELLS["recap"].source, re.MULTILINE)
    assert len(lines) >= 10
    assert all(re.match(r"\| \[[^]]*\?\]\(#\S+\) \| ", line) for line in lines), lines


@pytest.mark.parametrize("id", [id for id in CELLS if "program" in id])
def test_each_edit_is_marked_once(id):
    edits = CELLS[id].source.count("# the edit") + CELLS[id].source.count("# edit")
    assert edits == (
        id not in ("collects-program", "forty-program", "small-chunks-program", "reload-program")
    )


# Its sentences


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


@pytest.mark.parametrize("way", ["all-first", "each"])
def test_a_generator_that_computes_first_makes_nothing_before_it_has_all(way):
    with (
        in_turns("computes-program") as (go, client, _),
        ThreadPoolExecutor() as pool,
        client.stream("GET", f"/prices/{way}") as response,
    ):
        lines = response.iter_lines()
        if way == "each":
            comes_one_by_one(lines, go, "price", 4)
        else:
            first = pool.submit(next, lines)
            go(3)
            assert is_held_back(first)
            go()
            assert [first.result(LONG), *lines] == [f"price {i}" for i in range(4)]


@pytest.mark.parametrize("marked", [False, True])
@each_nginx
def test_the_proxy_holds_back_unless_the_header_makes_it_let_go(nginx, marked, monkeypatch):
    monkeypatch.setenv("LABSERVER_NGINX", PROGRAMS[nginx]())
    with in_turns("proxy-program") as (go, client, _), ThreadPoolExecutor() as pool:
        with client.stream("GET", "/rows") as response:
            comes_one_by_one(response.iter_lines(), go, "row", 4)
        app = str(client.base_url).rstrip("/")
        with in_front("proxy_http_version 1.0;", app, quiet=True) as proxy:
            url = f"{proxy.url}/rows?marked={marked}"
            if marked:
                with client.stream("GET", url) as response:
                    comes_one_by_one(response.iter_lines(), go, "row", 4)
            else:
                whole = pool.submit(client.get, url)
                go(3)
                assert is_held_back(whole)
                go()
                assert len(whole.result(LONG).text.splitlines()) == 4


def test_event_source_response_sends_the_header_by_itself():
    with Server(finished_app) as server:
        assert asked(server, "/sse?count=1").response.headers["X-Accel-Buffering"] == "no"


@pytest.mark.parametrize("encoding", ["gzip", "identity"])
@pytest.mark.parametrize(("early", "seconds"), [(False, 0.5), (True, LONG)])
def test_headers_wait_for_the_first_row_whatever_encoding_was_asked_for(early, seconds, encoding):
    with in_turns("compression-program") as (go, client, _), ThreadPoolExecutor() as pool:
        accept = {"Accept-Encoding": encoding}
        request = client.build_request("GET", f"/export?early={early}", headers=accept)
        sent = pool.submit(client.send, request, stream=True)
        assert is_held_back(sent, seconds) is not early
        go()
        response = sent.result(LONG)
        assert (response.headers.get("Content-Encoding") == "gzip") is (encoding == "gzip")
        lines = response.iter_lines()
        assert next(lines) == "row 0"
        go()
        assert next(lines) == "row 1"
        go()
        assert list(lines) == ["row 2"]


@pytest.mark.parametrize("flush", [False, True])
def test_a_compressor_that_does_not_flush_holds_the_rows(flush):
    with (
        in_turns("flush-program") as (go, client, _),
        ThreadPoolExecutor() as pool,
        client.stream("GET", f"/packed?flush={flush}") as response,
    ):
        lines = response.iter_lines()
        if flush:
            comes_one_by_one(lines, go, "row", 3)
        else:
            first = pool.submit(next, lines)
            go(2)
            assert is_held_back(first)
            go()
            assert [first.result(LONG), *lines] == ["row 0", "row 1", "row 2"]


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


def test_a_blocking_call_stops_everybody_else_and_its_own_client_never_sees_it():
    for way, seconds in (("async-def", 0.5), ("def", LONG)):
        with in_turns("blocking-program") as (go, client, ask):
            with client.stream("GET", f"/report/{way}") as report:
                lines = report.iter_lines()
                comes_one_by_one(lines, go, "line", 1)
                docs = ask("/docs")
                assert is_held_back(docs, seconds) is (way == "async-def")
                go(3)
                assert list(lines) == ["line 1", "line 2", "line 3"]
            assert docs.result(LONG).status_code == 200


@pytest.mark.parametrize("kind", ["fault", "fixed"])
def test_a_generator_that_never_awaits_freezes_the_server_once_its_client_left(kind):
    look = CELLS[f"never-awaits-{kind}-look"].source.split('"""')[1]
    if kind == "fixed":  # on a busy machine, that may not be enough
        look = look.replace("seconds=2", "seconds=30")
    script = CELLS["never-awaits-program"].source + "\n" + look
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


def test_forty_plain_streams_leave_no_thread_for_a_plain_route_and_none_is_needed_for_another():
    with in_turns("forty-program") as (go, client, _), ThreadPoolExecutor(41) as pool:
        client.timeout = LONG
        url = client.base_url
        streams = [pool.submit(record, f"{url}/slow", quiet=True) for _ in range(40)]
        wait_until(lambda: is_held_back(pool.submit(record, f"{url}/ping", quiet=True)))
        assert client.get("/aping").json() == "pong"
        go(80)
        assert all(stream.result(LONG).whole for stream in streams)
        assert client.get("/ping").json() == "pong"


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
    try:
        look("reload-fault-look")
        assert main["seen"].whole
        assert "Waiting for connections to close" in capsys.readouterr().out
        look("reload-mended-look")
        assert not main["seen"].whole
        assert "timeout graceful shutdown exceeded" in capsys.readouterr().out
    finally:
        main["uvicorn"].terminate()  # where a look did not come so far
        main["uvicorn"].communicate(timeout=LONG)
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
                for _ in range(5 if expected else 1):  # a busy machine may hide a fault
                    found = diagnose(f"{server.url}/steps{query}", quiet=True)
                    faults = [one.code for one in found if one.level is Level.FAULT]
                    if faults == expected:
                        break
                assert faults == expected
