"""What lesson 11 says about sse-starlette and fastapi.sse, held to the versions pinned.

Its programs are run as they stand there, so that a test names the sentence that became false.
"""

import inspect
import json
import re
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from functools import partial
from itertools import pairwise

import pytest
import sse_starlette
from fastapi import FastAPI, sse
from lessons import cells_of, lesson, run_cells
from machine import NO_PROXIES
from pydantic import ValidationError
from waiting import LONG, Each

from labserver.recorder import record, record_watched
from labserver.recording import Bounds
from labserver.server import Server

LESSON = lesson(11)
CELLS = {cell.id: cell.source for cell in cells_of(LESSON)}
EDITS = ("start", "import", "yield", "fields", "dependency")
CUT, CLEAN = "ended early", "whole."


run = partial(run_cells, LESSON)


@pytest.fixture(scope="module")
def stock():
    """Asks the program after an edit for an item."""
    with ExitStack() as stack:
        servers = {
            edit: stack.enter_context(Server(run(f"{edit}-program")["app"])) for edit in EDITS
        }
        yield lambda edit, item: record(f"{servers[edit].url}/stock?item={item}", quiet=True)


@pytest.fixture(scope="module")
def typed():
    with Server(run("typed-program")["app"]) as server:
        paths = ("/sse-starlette", "/fastapi-sse")
        document = record(f"{server.url}/openapi.json", quiet=True)
        paths_documented = json.loads(document.body)["paths"]
        yield {
            path: (
                record(server.url + path, quiet=True),
                paths_documented[path]["get"]["responses"]["200"]["content"],
            )
            for path in paths
        }


@pytest.fixture(scope="module")
def rows():
    with Server(run("rows-program")["app"]) as server:
        yield lambda path: record(server.url + path, "POST", quiet=True)


@pytest.fixture(scope="module", autouse=True)
def pings(rows):
    """Both streams of the same values, 15.5 s quiet after them; the other tests need not wait."""
    paths = ("/sse-starlette", "/fastapi-sse")
    with ThreadPoolExecutor() as pool:
        yield [pool.submit(rows, f"{path}?quiet=15.5") for path in paths]


def sent(recording):
    return [chunk.data for chunk in recording.chunks]


def read(recording):
    return [(event.event, event.data, event.id) for event in recording.events]


# The program, edit by edit


def test_three_events_of_tea_lines_ended_by_cr_lf(stock):
    assert sent(stock("start", "tea")) == [
        b'event: left\r\ndata: {"left": 2}\r\n\r\n',
        b'event: left\r\ndata: {"left": 1}\r\n\r\n',
        b"event: end\r\ndata: no more\r\n\r\n",
    ]


def test_oil_ended_early(stock):
    oil = stock("start", "oil")
    assert len(oil.events) == 1 and oil.ended.startswith(CUT)


@pytest.mark.parametrize(
    ("edit", "status"),
    [("start", 404), ("import", 404), ("yield", 200), ("fields", 200), ("dependency", 404)],
)
def test_ink_is_a_200_while_the_check_stands_in_a_generator(stock, edit, status):
    assert stock(edit, "ink").response.status_code == status


def test_after_edit_1_tea_is_a_200_and_then_cut():
    with Server(run("import-program")["app"]) as server:
        tea = record(f"{server.url}/stock?item=tea", quiet=True)
        log = server.log
    assert tea.response.status_code == 200
    assert not tea.chunks and tea.ended.startswith(CUT)
    assert log.splitlines()[-1] == "AttributeError: 'dict' object has no attribute 'encode'"


def test_returned_it_is_a_plain_streaming_response_that_frames_nothing():
    app = FastAPI()
    app.get("/")(lambda: sse.EventSourceResponse(iter(["one", "two"])))
    with Server(app) as server:
        returned = record(server.url, quiet=True)
    assert returned.response.headers["content-type"].startswith("text/event-stream")
    assert sent(returned) == [b"one", b"two"]
    assert sse.EventSourceResponse.__mro__[1].__name__ == "StreamingResponse"


def test_after_edit_2_a_dict_is_data_and_lines_end_in_lf(stock):
    assert sent(stock("yield", "tea")) == [
        b'data: {"event": "left", "data": "{\\"left\\": 2}"}\n\n',
        b'data: {"event": "left", "data": "{\\"left\\": 1}"}\n\n',
        b'data: {"event": "end", "data": "no more"}\n\n',
    ]


@pytest.mark.parametrize("edit", ["yield", "fields", "dependency"])
def test_oil_came_whole_and_only_the_missing_end_event_tells(stock, edit):
    for _ in range(5):
        oil = stock(edit, "oil")
        assert (oil.response.status_code, oil.ended, len(oil.events)) == (200, CLEAN, 1)
        assert "end" not in [event.event for event in oil.events]


def test_the_error_is_in_the_servers_log():
    server = Server(run("dependency-program")["app"])
    with server:
        record(f"{server.url}/stock?item=oil", quiet=True)
    assert "ValueError: invalid literal for int()" in server.log


@pytest.mark.parametrize("edit", ["yield", "fields"])
def test_ink_failed_before_anything_was_awaited_and_was_cut(stock, edit):
    for _ in range(5):
        assert stock(edit, "ink").ended.startswith(CUT)


def test_the_events_of_tea_are_those_of_the_start_again(stock):
    assert read(stock("start", "tea")) == read(stock("fields", "tea"))
    assert read(stock("start", "tea")) == read(stock("dependency", "tea"))


def test_each_edit_changes_few_lines():
    """The programs differ where the text says so, and nowhere else."""
    lines = {
        edit: set(re.sub(" +#.*", "", CELLS[f"{edit}-program"]).splitlines()) for edit in EDITS
    }
    assert [len(lines[b] - lines[a]) for a, b in pairwise(EDITS)][::2] == [1, 3]
    assert "from fastapi.sse import EventSourceResponse" in lines["import"] - lines["start"]
    assert all("ServerSentEvent" in line for line in lines["fields"] - lines["yield"])


# A declared type


def test_fastapi_sse_sends_json_makes_a_number_and_leaves_the_extra_field_out(typed):
    recording, _ = typed["/fastapi-sse"]
    assert [json.loads(event.data) for event in recording.events] == [
        {"item": "tea", "left": 2},
        {"item": "oil", "left": 5},
    ]


def test_a_value_that_does_not_fit_is_an_end_that_looks_clean(typed):
    assert typed["/fastapi-sse"][0].ended == CLEAN


def test_its_document_describes_an_event_and_its_data(typed):
    item = typed["/fastapi-sse"][1]["text/event-stream"]["itemSchema"]
    assert item["properties"].keys() == {"data", "event", "id", "retry"}
    schema = {"$ref": "#/components/schemas/Stock"}
    assert item["properties"]["data"]["contentSchema"] == schema


def test_sse_starlette_sends_what_python_prints_and_is_cut_and_documented_as_json(typed):
    recording, content = typed["/sse-starlette"]
    assert [event.data for event in recording.events] == ["Stock(item='tea', left=2)"]
    assert recording.ended.startswith(CUT)
    assert content == {"application/json": {"schema": {}}}


# Four rows


@pytest.mark.parametrize(
    ("number", "theirs", "native"),
    [
        (0, "text", '"text"'),
        (1, "two\nlines", '"two\\nlines"'),
        (2, "data: x\n\n", '"data: x\\n\\n"'),
        (3, "None", "null"),
        (4, "{'tea': 3}", '{"data": {"tea": 3}}'),
        (5, "x", '{"data": "x", "event": null, '),
        (6, "data='x' raw_data=None event=None ", '"x"'),
    ],
)
def test_no_value_is_the_same(rows, number, theirs, native):
    for path, data in (("/sse-starlette", theirs), ("/fastapi-sse", native)):
        recording = rows(path)
        assert recording.whole and len(recording.events) == 7
        got = recording.events[number].data
        assert got.startswith(data) and (number > 4 or got == data)


def test_no_cache_or_no_store_tells_which_made_it(rows):
    made = [
        rows(path).response.headers["cache-control"] for path in ("/sse-starlette", "/fastapi-sse")
    ]
    assert made == ["no-store", "no-cache"]


def test_sse_starlette_sends_more_events_a_second(rows):
    """By the processor's time, the least of five: a busy machine gives less of it, not more."""

    def cost(path):
        start = time.process_time()
        rows(path)
        return time.process_time() - start

    paths = ("/sse-starlette?times=500", "/fastapi-sse?times=500")
    theirs, native = map(
        min, zip(*([cost(path) for path in paths] for _ in range(5)), strict=True)
    )
    assert native > 1.3 * theirs


def test_three_comments_against_one(pings):
    theirs, native = (sent(recording.result())[7:] for recording in pings)
    assert len(theirs) == 3 and all(comment.startswith(b": ping - ") for comment in theirs)
    assert native == [b": ping\n\n"]


def test_fastapi_sse_has_no_setting_for_its_ping():
    for function in (FastAPI.get, FastAPI.post, sse.EventSourceResponse):
        assert not [name for name in inspect.signature(function).parameters if "ping" in name]


def test_a_comment_of_your_own_is_no_event():
    app = FastAPI()

    @app.get("/", response_class=sse.EventSourceResponse)
    def quiet():
        yield sse.ServerSentEvent(comment="still here")

    with Server(app) as server:
        recording = record(server.url, quiet=True)
    assert sent(recording) == [b": still here\n\n"] and not recording.events


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGTERM")
@pytest.mark.parametrize(("path", "ended"), [("/sse-starlette", CUT), ("/fastapi-sse", CLEAN)])
def test_a_stop_cuts_the_stream_of_sse_starlette_and_waits_for_fastapi_sse(path, ended):
    script = CELLS["rows-program"] + "\nimport uvicorn\nuvicorn.run(app, port=0, access_log=False)"
    process = subprocess.Popen(
        [sys.executable, "-c", script], stderr=subprocess.PIPE, text=True, env=NO_PROXIES
    )
    came = []

    def stop_at_the_seventh(event):
        came.append(event)
        if len(came) == 7:
            process.terminate()

    try:
        url = next(line.split()[4] for line in process.stderr if "http" in line)
        watcher = Each(stop_at_the_seventh)
        recording = record_watched(watcher, f"{url}{path}?quiet=2", "POST", Bounds())
    finally:
        process.terminate()
        process.communicate(timeout=LONG)
    assert recording.ended.startswith(ended)
    assert len(recording.events) == 7


# The way back: what a forgotten edit gives


def returned(*yields):
    """What sse-starlette makes of what was yielded, its class set on a route that yields."""
    app = FastAPI()

    @app.get("/", response_class=sse_starlette.EventSourceResponse)
    def events():
        yield from yields

    with Server(app) as server:
        return record(server.url, quiet=True)


def test_its_class_on_a_route_that_yields_works_with_its_defaults():
    assert sent(returned("one", {"event": "e", "data": "two"})) == [
        b"data: one\r\n\r\n",
        b"event: e\r\ndata: two\r\n\r\n",
    ]


def test_an_event_of_fastapi_is_pythons_text():
    event = returned(sse.ServerSentEvent(event="left", data=1)).events[0]
    assert event.event == "message" and event.data.startswith("data=1 raw_data=None")


def test_a_bare_dict_is_taken_for_fields_and_cut():
    assert returned({"left": 2}).ended.startswith(CUT)


def test_data_is_in_single_quotes():
    event = sse_starlette.ServerSentEvent(event="left", data={"left": 2})
    assert returned(event).events[0].data == "{'left': 2}"


def test_raw_data_is_a_type_error():
    with pytest.raises(TypeError, match="raw_data"):
        sse_starlette.ServerSentEvent(event="end", raw_data="no more")


def test_native_event_takes_data_or_raw_data():
    with pytest.raises(ValidationError, match="Cannot set both"):
        sse.ServerSentEvent(data=1, raw_data="1")
