"""What the lesson says about the libraries, and would be false if they changed."""

import csv
import threading
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass

import httpx
import pytest
from fastapi import FastAPI
from fastapi.responses import StreamingResponse

from labserver import record
from labserver.server import Server

ROW = "1,User 1\r\n"


@dataclass
class Person:
    id: int


@pytest.fixture(scope="module")
def server():
    app = FastAPI()

    def plain(count):
        for _ in range(count):
            yield ROW

    async def never_awaits(count):
        for _ in range(count):
            yield ROW

    @app.get("/plain")
    def plain_export(count: int):
        return StreamingResponse(plain(count))

    @app.get("/never-awaits")
    def async_export(count: int):
        return StreamingResponse(never_awaits(count))

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


def longest_wait(server, path):
    """The longest that another request waited, as a part of the time of the export at `path`."""
    took = []

    def export():
        took.append(record(server.url + path, quiet=True, keep_data=False).seconds)

    thread = threading.Thread(target=export)
    with httpx.Client(trust_env=False) as client:
        client.get(server.url + "/loop")
        thread.start()
        time.sleep(0.05)
        waits = []
        while thread.is_alive():
            start = time.perf_counter()
            client.get(server.url + "/loop")
            waits.append(time.perf_counter() - start)
    thread.join()
    return max(waits) / took[0]


def test_while_an_async_generator_never_awaits_all_other_requests_wait(server):
    assert longest_wait(server, "/never-awaits?count=20000") > 0.5


def test_a_plain_generator_holds_nobody_up(server):
    assert longest_wait(server, "/plain?count=6000") < 0.5


def test_starlette_runs_a_plain_generator_in_a_worker_thread(server):
    with httpx.Client(trust_env=False) as client:
        threads = [client.get(server.url + path).text.strip('"') for path in ("/thread", "/loop")]
    assert len(set(threads)) == 2


def test_iter_lines_takes_away_a_newline_inside_a_csv_field(server):
    with httpx.stream("GET", server.url + "/two-lines", trust_env=False) as response:
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
