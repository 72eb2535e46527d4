"""What lesson 08 says that an upgrade could make false, and that its sections stand alone."""

import asyncio
import builtins
import difflib
import gzip
import re
import time
from functools import partial

import pytest
from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse, StreamingResponse
from lessons import cell_of, lesson, names_in, run_cells, sections_of
from waiting import Requests

from labserver.recorder import record
from labserver.recording import Ending
from labserver.server import Server

LESSON = lesson(8)
run = partial(run_cells, LESSON)


def test_each_section_needs_the_first_code_cell_and_its_own():
    imports, *others = sections_of(LESSON)
    assert len(others) == 11, "ten sections of cases, and the exercises"
    for source in others:
        missing = names_in(source)[0] - names_in(imports)[1] - set(dir(builtins))
        assert not missing, f"{missing} made elsewhere:\n{source}"


def test_a_report_that_breaks_off_has_a_200():
    with Server(run("report-program")["app"]) as server:
        report = record(f"{server.url}/report", quiet=True)
        assert "ZeroDivisionError" in server.log
    assert (report.response.status_code, len(report.chunks), report.whole) == (200, 2, False)


def test_upstream_notices_that_the_client_left(capsys):
    app = Requests(run("upstream-program")["app"])
    with Server(app) as server:
        record(f"{server.url}/passed-on", max_chunks=3, quiet=True)
        app.wait(2)
        assert not server.log
    begun = capsys.readouterr().out.splitlines()
    assert 3 <= len(begun) < 20, "it would begin twenty"
    assert begun == [f"upstream begins row {i}" for i in range(len(begun))]


def passed_on(upstream, times=1):
    """What the last recording of the lesson's route shows, in front of another upstream."""
    app = FastAPI()
    app.get("/upstream")(upstream)
    app.get("/passed-on")(run("upstream-program")["passed_on"])
    with Server(app) as server:
        return [record(f"{server.url}/passed-on", quiet=True) for _ in range(times)][-1]


def text_of(recording):
    return recording.body.decode()


def test_a_refusal_of_upstream_is_passed_on():
    seen = passed_on(lambda: JSONResponse({"detail": "busy"}, 503))
    assert seen.response.status_code == 503
    assert seen.response.headers["content-type"] == "application/json"
    assert text_of(seen) == '{"detail":"busy"}'


@pytest.mark.parametrize("status", [201, 206, 302, 404, 410, 429, 599])
def test_each_status_of_upstream_is_passed_on_with_its_body(status):
    headers = {"Content-Type": "text/x", "Content-Range": "bytes 0-3/9"}
    seen = passed_on(lambda: Response(b"body", status, headers))
    assert (seen.response.status_code, seen.body) == (status, b"body")
    assert {*headers.items()} <= {(k.title(), v) for k, v in seen.response.headers.items()}


def test_an_encoding_of_upstream_is_passed_on():
    packed = gzip.compress(b"one\ntwo\n")
    headers = {"Content-Encoding": "gzip", "Content-Type": "text/plain"}
    seen = passed_on(lambda: Response(packed, headers=headers))
    assert {*headers.items()} <= {(k.title(), v) for k, v in seen.response.headers.items()}
    assert seen.response.headers["content-length"] == str(len(packed))
    assert text_of(seen) == "one\ntwo\n"


def test_upstream_is_asked_for_no_encoding_and_with_no_cookie_of_another_client():
    asked = []

    def upstream(request: Request):
        asked.append({*request.headers})
        return Response("one", headers={"Set-Cookie": "user=ann"})

    passed_on(upstream, times=2)
    assert asked == [{"host"}, {"host"}]


@pytest.mark.parametrize("headers", [{}, {"Content-Length": "8"}])
def test_a_cut_of_upstream_is_a_cut(headers):
    async def rows():
        yield "one\n"
        await asyncio.sleep(0.1)
        raise ZeroDivisionError

    seen = passed_on(lambda: StreamingResponse(rows(), headers=headers))
    assert (seen.ending, text_of(seen)) == (Ending.CUT, "one\n")


def test_an_upstream_without_a_body_is_passed_on():
    seen = passed_on(lambda: Response(status_code=204))
    assert (seen.response.status_code, seen.chunks, seen.whole) == (204, [], True)


def test_a_job_in_the_stream_ends_with_its_client():
    main = run("progress-program")
    app = Requests(main["app"])
    with Server(app) as server:
        record(f"{server.url}/progress", max_chunks=2, quiet=True)
        app.wait(1)
    assert main["done"][:2] == [20, 40] and 100 not in main["done"]


def test_a_file_comes_in_other_pieces_and_by_file_response_also_in_part():
    main = run("file-program")
    with Server(main["app"]) as server:
        whole = record(f"{server.url}/download", quiet=True)
        part = {"Range": "bytes=4194304-4198399"}
        streamed, file = (
            record(server.url + path, headers=part, quiet=True) for path in ("/download", "/film")
        )
    assert whole.body == b"".join(main["BLOCKS"])
    assert (streamed.response.status_code, streamed.size) == (200, 2**23)
    assert (file.response.status_code, file.size) == (206, 4096)


def test_a_row_a_piece_makes_text_and_events_slow_and_500_make_neither():
    """By the processor's time, the least of three."""

    def cost(path, size):
        start = time.process_time()
        record(f"{server.url}/{path}?size={size}", quiet=True, keep_data=False)
        return time.process_time() - start

    with Server(run("csv-program")["app"]) as server:
        for path in ("export", "events"):
            one, many = (min(cost(path, size) for _ in range(3)) for size in (1, 500))
            assert one > 5 * many, path
        text, events = (
            record(f"{server.url}/{path}?size=500", quiet=True) for path in ("export", "events")
        )
    assert (text.size, events.size) == (317_780, 458_180)


@pytest.mark.parametrize(
    ("before", "edit"),
    [("logs", "class"), ("edit-class", "name"), ("edit-name", "id"), ("edit-id", "end")],
)
def test_each_edit_is_what_is_shown(before, edit):
    def lines(id):
        source = cell_of(LESSON, f"{id}-program").source
        return [line for line in source.splitlines() if not re.match("import|from|$", line)]

    shown = re.search(r"```diff\n(.*?)```", cell_of(LESSON, f"edit-{edit}").source, re.DOTALL)[1]
    made = [
        line for line in difflib.ndiff(lines(before), lines(f"edit-{edit}")) if line[0] in "+-"
    ]
    assert sorted(line[0] + line[2:] for line in made) == sorted(
        line for line in shown.splitlines() if line[0] in "+-"
    )
