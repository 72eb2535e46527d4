"""What lesson 03 says about the libraries, and would be false if they changed."""

import csv
import io
import threading
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import httpx
import pytest
from fastapi import FastAPI
from fastapi.responses import StreamingResponse
from lessons import lesson, run_cells
from waiting import LONG, PATIENT, wait_until

from labserver import record
from labserver.server import Server

ROW = "1,User 1\r\n"


@dataclass
class Person:
    id: int


@pytest.fixture(scope="module")
def server():
    app = FastAPI()

    @app.get("/thread")
    def thread():
        return StreamingResponse(str(threading.get_ident()) for _ in range(1))

    @app.get("/loop")
    async def loop():
        return str(threading.get_ident())

    @app.get("/two-lines")
    def two_lines():
        return StreamingResponse(['2,"Bob\n', 'Lee"\n'])

    @app.get("/people.jsonl")
    async def people():
        yield {"id": 1, "name": "Bob\nLee"}
        yield {"id": 2}

    @app.get("/annotated")
    async def annotated() -> AsyncIterator[Person]:
        yield Person(1)
        yield {"id": "two"}

    with Server(app) as server:
        yield server


def done_in_order(rows):
    """What is done first: an export of these rows, or a request that is made meanwhile."""
    app, began, done = FastAPI(), threading.Event(), []

    @app.get("/other")
    async def other():
        done.append("other")

    app.get("/export")(lambda: StreamingResponse(rows(began, done)))
    with Server(app) as server, ThreadPoolExecutor() as pool:
        export = pool.submit(record, server.url + "/export", quiet=True)
        assert began.wait(LONG)
        httpx.get(server.url + "/other", **PATIENT)
        assert export.result().whole
    return done


def test_while_an_async_generator_never_awaits_all_other_requests_wait():
    async def rows(began, done):
        began.set()
        for _ in range(3000):  # so few that nothing waits for the client to read them
            yield ROW
        done.append("export")

    assert done_in_order(rows) == ["export", "other"]


def test_a_plain_generator_holds_nobody_up():
    def rows(began, done):
        yield ROW
        began.set()
        wait_until(lambda: done == ["other"])
        yield ROW
        done.append("export")

    assert done_in_order(rows) == ["other", "export"]


def test_starlette_runs_a_plain_generator_in_a_worker_thread(server):
    with httpx.Client(**PATIENT) as client:
        threads = [client.get(server.url + path).text.strip('"') for path in ("/thread", "/loop")]
    assert len(set(threads)) == 2


def test_joined_four_people_become_five_rows_and_a_formula_stays_one():
    main = run_cells(lesson(3), "quoting-program")
    people = [[str(field) for field in row] for row in main["PEOPLE"]]
    joined, written = (
        list(csv.reader(io.StringIO("".join(map(line, people)), newline="")))
        for line in (main["joined"], main["written"])
    )
    assert len(joined) == 5 and written == people
    assert ["3", "=1+2"] in written


def test_iter_lines_takes_away_a_newline_inside_a_csv_field(server):
    with httpx.stream("GET", server.url + "/two-lines", **PATIENT) as response:
        assert list(csv.reader(response.iter_lines())) == [["2", "BobLee"]]


def test_a_route_that_yields_streams_json_lines_a_chunk_a_row(server):
    streamed = record(server.url + "/people.jsonl", quiet=True)
    assert streamed.response.headers["content-type"] == "application/jsonl"
    lines = [chunk.data for chunk in streamed.chunks]
    assert lines == [b'{"id": 1, "name": "Bob\\nLee"}\n', b'{"id": 2}\n']


def test_an_annotated_yield_route_validates_each_row_and_cuts_the_stream_short(server):
    streamed = record(server.url + "/annotated", quiet=True)
    assert streamed.response.status_code == 200
    assert not streamed.whole
    assert [chunk.data for chunk in streamed.chunks] == [b'{"id":1}\n']
