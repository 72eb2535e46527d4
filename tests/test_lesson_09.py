"""What lesson 09 says, sentence by sentence: each test is named as the one that it holds.

The programs are the lesson's own cells. Times are compared with each other, never with a clock.
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
from itertools import pairwise

import httpx
import pytest
from conftest import LESSONS, NO_PROXIES
from test_lesson_08 import names
from test_notebooks import cells_of, headings_of

from labserver import diagnose
from labserver.app import app as finished_app
from labserver.recorder import record
from labserver.server import Server

LESSON = next(path for path in LESSONS if path.name.startswith("09_"))
CELLS = {cell.id: cell for cell in cells_of(LESSON)}


def run(id):
    """The names that a cell of the lesson makes."""
    main = {"__name__": "main"}
    exec(CELLS[id].source, main)
    return main


def served(id):
    return Server(run(id)["app"])


def asked(server, path, **options):
    return record(server.url + path, quiet=True, **options)


def came_apart(times):
    """Whether each came a while after the one before, rather than all at the end."""
    return min(b - a for a, b in pairwise(times)) > times[-1] / len(times) / 3


def times_of(recording):
    return [item.at for item in recording.events or recording.chunks]


# The lesson itself


def sections():
    """The code cells of each section, joined; the first is the imports cell."""
    joined = [""]
    for cell in cells_of(LESSON)[1:]:
        if cell.cell_type == "code":
            joined[-1] += cell.source + "\n"
        elif re.search(r"^## ", cell.source, re.MULTILINE):
            joined.append("")
    return [source for source in joined if source]


def test_each_section_needs_the_first_code_cell_and_its_own():
    imports, *others = sections()
    assert len(others) == 15, "fourteen sections of faults, and the exercise"
    for source in others:
        caught = set(re.findall(r"except \w+ as (\w+)", source))
        missing = names(source)[0] - names(imports)[1] - set(dir(builtins)) - caught
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
    pings, reports = {}, {}
    for kind in ("fault", "mended"):
        with served(f"blocking-{kind}") as server, ThreadPoolExecutor() as pool:
            streaming = pool.submit(asked, server, "/report")
            time.sleep(0.1)
            pings[kind] = [asked(server, "/ping").seconds for _ in range(3)]
            reports[kind] = times_of(streaming.result())
    assert all(len(report) == 4 and came_apart(report) for report in reports.values())
    step = reports["mended"][-1] / 4
    assert min(pings["mended"]) < step / 2 < max(pings["fault"])


@pytest.mark.parametrize("kind", ["fault", "mended"])
def test_a_generator_that_never_awaits_freezes_the_server_once_its_client_left(kind):
    look = CELLS[f"never-awaits-{kind}-look"].source.split('"""')[1]
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
    with served("collects-program") as server, httpx.Client(trust_env=False) as client:
        start = time.perf_counter()
        response = client.get(f"{server.url}/report")
        at = [time.perf_counter() - start for _ in response.iter_lines()]
        assert len(at) == 4 and not came_apart(at)
        start = time.perf_counter()
        with client.stream("GET", f"{server.url}/report") as response:
            at = [time.perf_counter() - start for _ in response.iter_lines()]
        assert len(at) == 4 and came_apart(at)


def test_the_in_process_transport_runs_the_app_to_its_end_before_it_hands_over():
    async def times():
        inside = httpx.ASGITransport(app=run("collects-program")["app"])
        start, at = time.perf_counter(), []
        async with (
            httpx.AsyncClient(base_url="http://lab", transport=inside) as client,
            client.stream("GET", "/report") as response,
        ):
            async for _ in response.aiter_lines():
                at.append(time.perf_counter() - start)
        return at

    at = asyncio.run(times())
    assert len(at) == 4 and not came_apart(at)


def test_the_proxy_holds_back_until_the_header_makes_it_let_go():
    chunks = {}
    for id in ("proxy-fault", "proxy-mended"):
        with served(id) as server:
            assert came_apart(times_of(asked(server, "/rows")))
            chunks[id] = times_of(asked(server, "/proxied"))
    assert len(chunks["proxy-fault"]) == 1
    assert len(chunks["proxy-mended"]) == 4 and came_apart(chunks["proxy-mended"])


def test_event_source_response_sends_the_header_by_itself():
    with Server(finished_app) as server:
        assert asked(server, "/sse?count=1").response.headers["X-Accel-Buffering"] == "no"


@pytest.mark.parametrize("encoding", ["gzip", "identity"])
def test_headers_wait_for_the_first_row_also_for_who_asked_for_no_compression(encoding):
    accept = {"Accept-Encoding": encoding}
    with served("compression-fault") as server:
        held = asked(server, "/rows", headers=accept)
    with served("compression-mended") as server:
        mended = asked(server, "/rows", headers=accept)
    assert (held.response.headers.get("Content-Encoding") == "gzip") is (encoding == "gzip")
    assert held.headers_at > held.chunks[0].at / 2
    assert mended.headers_at < mended.chunks[0].at / 2
    for rows in (held, mended):
        assert len(rows.chunks) == 3 and came_apart(times_of(rows)), "the rows came one by one"


def test_an_error_after_the_first_byte_is_a_200_and_loses_the_background_task(capsys):
    with served("error-fault") as server:
        rates = asked(server, "/rates")
        time.sleep(0.3)
        assert server.log.endswith("ZeroDivisionError: division by zero")
    assert (rates.response.status_code, len(rates.events), rates.whole) == (200, 2, False)
    assert rates.ended.startswith("ended early")
    assert "background task ran" not in capsys.readouterr().out


def test_with_the_edit_the_body_is_whole_and_says_what_is_missing_and_the_task_runs(capsys):
    with served("error-mended") as server:
        rates = asked(server, "/rates")
        time.sleep(0.3)
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
    gc.disable()
    try:
        with served(id) as server:
            asked(server, "/rows", max_chunks=2)
            time.sleep(1)
            before = capsys.readouterr().out
            gc.collect()
            after = capsys.readouterr().out
    finally:
        gc.enable()
    late = id == "left-fault"
    assert ("given back" in before, "given back" in after) == (not late, late)


def test_an_unbounded_queue_runs_ahead_a_bounded_one_holds_the_task_back():
    main, ahead = run("slow-program"), {}
    with Server(main["app"]) as server, httpx.Client(trust_env=False) as client:
        for room in (0, 8):
            main["made"].clear()
            with client.stream("GET", f"{server.url}/blocks?room={room}"):
                time.sleep(0.5)
                ahead[room] = sum(main["made"])
    assert ahead[0] == 640 * 2**16
    assert 8 * 2**16 <= ahead[8] < ahead[0] / 2


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


def test_a_chromium_shows_nothing_of_blank_before_its_end(chromium):
    playwright = pytest.importorskip("playwright.sync_api")
    shown = {}
    with served("blank-tab-program") as server, playwright.sync_playwright() as p:
        browser = p.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        for path in ("/live", "/blank"):
            page, start = browser.new_page(), time.perf_counter()
            page.goto(server.url + path, wait_until="commit")
            page.wait_for_function("document.body && document.body.innerText.includes('line 0')")
            shown[path] = time.perf_counter() - start
            page.wait_for_function("document.body.innerText.includes('line 7')")
            shown[path] /= time.perf_counter() - start
        browser.close()
    assert shown["/live"] < 0.5 < shown["/blank"]


def test_a_generator_serves_one_client_once():
    with served("shared-program") as server, ThreadPoolExecutor() as pool:
        both = [pool.submit(asked, server, "/shared") for _ in "ab"]
        cut, whole = sorted((one.result() for one in both), key=lambda one: one.size)
        assert "generator already executing" in server.log
        later = asked(server, "/shared")
        own = [asked(server, "/own") for _ in "ab"]
    assert (whole.size, whole.whole, cut.whole) == (8, True, False)
    assert (later.response.status_code, later.size, later.whole) == (200, 0, True)
    assert all(one.size == 8 and one.whole for one in own)


def test_a_string_streams_letter_by_letter_and_many_times_slower():
    main = run("small-chunks-program")
    with Server(main["app"]) as server:
        asked(server, "/page")
        letters, page = asked(server, "/letters"), asked(server, "/page")
    assert len(letters.sent or letters.chunks) == letters.size == len(main["PAGE"])
    assert (len(page.chunks), page.size) == (1, letters.size)
    assert letters.seconds > 3 * page.seconds


def test_a_reload_waits_for_open_streams_or_cuts_them_after_the_time_it_is_given(capsys):
    main = {"__name__": "main", "httpx": httpx, "record": record}
    ids = ("program", "start", "ready", "fault-look", "mended-look")
    for id in (f"reload-{id}" for id in ids):
        source = CELLS[id].source
        linecache.cache[id] = (len(source), None, source.splitlines(keepends=True), id)
        exec(compile(source, id, "exec"), main)
        if id == "reload-fault-look":
            assert main["seen"].whole
            assert "Waiting for connections to close" in capsys.readouterr().out
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
