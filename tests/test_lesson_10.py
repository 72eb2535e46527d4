"""What lesson 10 says, sentence by sentence: each test is named as the one that it holds.

The programs are the lesson's own cells.
"""

import builtins
import gc
import re
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import httpx
import pytest
from lessons import cells_of, headings_of, lesson, names_in, run_cells, sections_of
from waiting import LONG, PATIENT, Requests, turns, wait_until

from labserver.recorder import record
from labserver.server import Server

LESSON = lesson(10)
CELLS = {cell.id: cell for cell in cells_of(LESSON)}
run = partial(run_cells, LESSON)


def served(id):
    return Server(run(id)["app"])


def asked(server, path, **options):
    return record(server.url + path, quiet=True, **options)


# The lesson itself


def test_each_section_needs_the_first_code_cell_and_its_own():
    imports, *others = sections_of(LESSON)
    assert len(others) == 11, "ten sections of faults, and the exercise"
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


# Its sentences


def test_an_error_after_the_first_byte_is_a_200_and_a_cut_and_stands_in_the_log():
    with served("error-cut") as server:
        pay = asked(server, "/cut")
        wait_until(lambda: server.log.splitlines()[-1].startswith("ValueError: invalid literal"))
    assert (pay.response.status_code, len(pay.events), pay.whole) == (200, 2, False)
    assert pay.ended.startswith("ended early")


def test_an_error_as_text_leaks_and_empties_the_log():
    with served("error-leaks") as server:
        pay = asked(server, "/leaks")
        assert not server.log
    assert pay.whole and "ann.xlsx" in pay.events[-1].data


def test_told_the_client_reads_a_public_message_and_the_log_has_the_traceback():
    with served("error-told") as server:
        pay = asked(server, "/told")
        assert "ERROR uvicorn.error: pay broke off\nTraceback" in server.log
        assert "see ann.xlsx" in server.log
        back = asked(server, "/told", headers={"Last-Event-ID": pay.events[-1].id})
    assert pay.whole and pay.events[-1].data == "Please come back."
    assert back.response.status_code == 204


@pytest.mark.parametrize(("id", "path"), [("error-leaks", "/leaks"), ("error-told", "/told")])
def test_a_browser_comes_back_for_ever_unless_it_gets_a_204(id, path, page):
    app = Requests(run(id)["app"])
    with Server(app) as server:
        page.goto(f"{server.url}/openapi.json")
        page.evaluate(f"() => {{ window.source = new EventSource('{path}'); }}")
        if id == "error-told":
            page.wait_for_function("window.source.readyState === EventSource.CLOSED")
            assert app.history.count(("ended", path)) == 2
        else:
            wait_until(lambda: app.history.count(("ended", path)) >= 3)


def test_behind_http_1_0_a_cut_looks_like_an_end(capsys):
    with served("http-1-0-program") as server:
        main = {"httpx": httpx, "app": None, "serve": lambda app: server}
        exec(CELLS["http-1-0-look"].source, main)
    by_1_1, by_1_0 = capsys.readouterr().out.splitlines()
    assert by_1_1 == r"1.1 b'6\r\n15.00\n\r\n6\r\n20.00\n\r\n'"
    assert by_1_0 == r"1.0 b'15.00\n20.00\n'"


def test_a_403_from_the_generator_is_a_200_too():
    with served("forbidden-program") as server:
        late, early = asked(server, "/late"), asked(server, "/early")
        assert len(asked(server, "/early?key=tea").events) == 1
    assert (late.response.status_code, late.size, late.whole) == (200, 0, False)
    assert early.response.status_code == 403


def test_a_declared_length_of_letters_cuts_the_body_and_one_of_bytes_does_not():
    with served("length-program") as server:
        letters, in_bytes = asked(server, "/letters"), asked(server, "/bytes")
        assert "Content-Length" in server.log.splitlines()[-1]
    declared = letters.response.headers["Content-Length"]
    assert (declared, letters.size, letters.whole) == ("34", 24, False)
    assert (in_bytes.size, in_bytes.whole) == (38, True)


def test_a_length_that_is_too_great_ends_in_a_cut_after_all_bytes():
    main = run("length-program")
    main["app"].get("/more")(lambda: main["sized"](99))
    with Server(main["app"]) as server:
        more = asked(server, "/more")
    assert (more.size, more.whole) == (38, False)


def test_a_dependency_of_function_scope_closes_before_the_response_has_read():
    with served("dependency-program") as server:
        early, whole = (asked(server, path) for path in ("/early", "/open"))
        assert server.log.endswith("ValueError: I/O operation on closed file.")
    assert (early.response.status_code, early.size, early.whole) == (200, 0, False)
    assert whole.whole and whole.size > 10_000


def test_without_a_scope_each_stream_keeps_its_connection_until_its_last_chunk():
    main = run("pinned-program")
    with Server(main["app"]) as server, turns(main) as sleeps, ThreadPoolExecutor() as threads:

        def headers(path):
            url = server.url + path
            with httpx.stream("GET", url, **PATIENT) as response:
                came.append(path)
                return response.read()

        came = []
        streams = [threads.submit(headers, "/request") for _ in range(6)]
        wait_until(lambda: len(came) == 2)
        time.sleep(0.5)  # in which a third could come
        assert len(came) == 2, "two connections"
        streams += [threads.submit(headers, "/function")]
        time.sleep(0.3)
        assert "/function" not in came, "nor is one left for a short use"
        sleeps.go(6 * 3 + 3)
        assert all(stream.result(LONG).count(b"Ann") == 3 for stream in streams)
        came.clear()
        streams = [threads.submit(headers, "/function") for _ in range(6)]
        wait_until(lambda: len(came) == 6)
        sleeps.go(6 * 3)
        assert all(stream.result(LONG).count(b"Ann") == 3 for stream in streams)


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


@pytest.mark.parametrize("path", ["/left", "/closed"])
def test_a_plain_generator_is_cleaned_up_as_garbage_a_closed_one_before(path, capsys):
    app = Requests(run("late-program")["app"])
    gc.disable()
    try:
        with Server(app) as server:
            asked(server, path, max_chunks=2)
            app.wait(1)
            before = capsys.readouterr().out
            gc.collect()
            after = capsys.readouterr().out
    finally:
        gc.enable()
    late = path == "/left"
    assert ("given back" in before, "given back" in after) == (not late, late)


@pytest.mark.parametrize("shield", [False, True])
def test_a_finally_that_awaits_ends_inside_a_shield_alone(shield, capsys):
    app = Requests(run("shield-program")["app"])
    with Server(app) as server:
        asked(server, f"/rows?shield={shield}", max_chunks=2)
        app.wait(1)
        assert not server.log
    said = capsys.readouterr().out.split("\n")
    assert "giving back …" in said and ("given back" in said) is shield


def test_an_unbounded_queue_runs_ahead_a_bounded_one_holds_the_task_back():
    main = run("slow-program")
    made, all_of_it = main["made"], 640 * 2**16
    with Server(main["app"]) as server, httpx.Client(**PATIENT) as client:
        with client.stream("GET", f"{server.url}/blocks?room=0"):
            wait_until(lambda: sum(made) == all_of_it)
        made.clear()
        with client.stream("GET", f"{server.url}/blocks?room=8"):
            wait_until(lambda: sum(made) >= 8 * 2**16)
            time.sleep(0.5)  # in which it could run ahead
            assert sum(made) < all_of_it / 2


@pytest.mark.parametrize(
    ("id", "path", "left"),
    [("slow-program", "/blocks?room=8", 5), ("filler-program", "/tidy", 0)],
)
def test_the_task_that_fills_a_queue_stays_behind_unless_finally_cancels_it(id, path, left):
    main = run(id)
    app = Requests(main["app"])
    with Server(app) as server:
        for _ in range(5):
            asked(server, path, max_chunks=1)
        app.wait(5)
        if left:
            time.sleep(0.5)  # in which they could end
        else:
            wait_until(lambda: all(task.done() for task in main["tasks"]))
        assert sum(not task.done() for task in main["tasks"]) == left
    assert len(main["tasks"]) == 5


@pytest.mark.parametrize(
    ("last", "most", "runs"),
    [(5, None, True), (5, 3, True), (0, None, False)],
    ids=["all", "leaves", "fails"],
)
def test_finally_runs_in_any_case_and_a_background_task_is_lost_with_a_cut(
    last, most, runs, capsys
):
    app = Requests(run("background-program")["app"])
    with Server(app) as server:
        asked(server, f"/shares?last={last}", max_chunks=most)
        app.wait(1)
    said = capsys.readouterr().out
    assert said.count("finally") == 1 and ("background task ran" in said) is runs


def test_the_server_notices_a_client_that_leaves_long_before_the_last_event(capsys):
    main = run("background-program")
    app, shares = Requests(main["app"]), main["shares"]
    main["app"].get("/long")(lambda: main["EventSourceResponse"](shares(range(1, 100))))
    with Server(app) as server:
        assert len(asked(server, "/long", max_chunks=3).events) == 3
        app.wait(1)
    assert re.search(r"finally, with part = (\d|1\d)\n", capsys.readouterr().out)
