"""A server: it starts, serves and stops, and nothing of it is left."""

import asyncio
import gc
import logging
import socket
import threading
import time
from contextlib import asynccontextmanager
from statistics import median

import httpx
import psutil
import pytest
from apps import answering, streaming
from fastapi import FastAPI, Request
from fastapi.middleware.cors import CORSMiddleware
from fastapi.responses import StreamingResponse
from waiting import LONG

from labserver import serve
from labserver.server import Server

pytestmark = pytest.mark.usefixtures("no_server_left")


def test_with_stops_at_its_end(client):
    with serve(answering("one")) as server:
        assert client.get(server.url + "/word").json() == "one"
    assert not server.running


def test_small_pieces_are_not_held_back(client):
    """On a kept connection, Nagle's algorithm would hold each second piece for about 40 ms."""

    def usual_seconds(*, kept):
        taken = []
        for _ in range(15):
            start = time.perf_counter()
            client.get(server.url, headers={} if kept else {"Connection": "close"})
            taken.append(time.perf_counter() - start)
        return median(taken)  # a busy machine makes some longer, the algorithm nearly all

    app = FastAPI()
    app.get("/")(lambda: StreamingResponse(iter(["one", "two", "three"])))
    server = serve(app)
    for _ in range(5):  # a very busy machine may make most longer
        kept, apart = usual_seconds(kept=True), usual_seconds(kept=False)
        if kept < 3 * apart:
            break
    assert kept < 3 * apart


def test_two_hundred_servers_leave_nothing(client):
    process = psutil.Process()
    finished, numbers = [], []
    for cycle in range(200):
        server = serve(streaming(finished))
        with client.stream("GET", server.url + ("/plain", "/sync", "/sse")[cycle % 3]) as response:
            chunks = response.iter_raw()
            numbers.append(len(next(chunks)))
            if cycle % 2:
                server.stop()
        if cycle == 20:
            gc.collect()
            before = process.memory_info().rss, process.num_fds(), threading.active_count()
            at_exit = len(threading._threading_atexits)
    with client.stream("GET", serve(streaming(finished)).url + "/sse") as response:
        text = response.iter_text()
        assert "".join(next(text) for _ in range(5)).count("data: x\r\n\r\n") == 5
    serve(FastAPI()).stop()
    gc.collect()
    assert process.memory_info().rss - before[0] < 30 * 2**20
    assert process.num_fds() <= before[1] + 2
    assert threading.active_count() <= before[2] + 2
    assert len(threading._threading_atexits) <= at_exit + 2  # others' may come between
    assert len(finished) == 201


def test_an_app_that_fails_while_starting_leaves_none(client):
    @asynccontextmanager
    async def lifespan(app):
        raise LookupError("no database at db:5432\x1b\n  and more lines")
        yield

    last = serve(answering("one"))
    words = r"LookupError: no database at db:5432\\x1b and more lines\Z"  # on one line
    with pytest.raises(RuntimeError, match=words) as caught:
        serve(FastAPI(lifespan=lifespan))
    assert isinstance(caught.value.__cause__, LookupError)
    with pytest.raises(httpx.ConnectError):
        client.get(last.url)
    assert serve(answering("two")).url == last.url


# Of a layer that catches all errors, this is what Starlette has made of one.
TRACEBACK = """Traceback (most recent call last):
  File "main.py", line 2, in lifespan
    connect()
LookupError: no database
"""


class Wordless(Exception):
    def __str__(self):
        raise LookupError


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (
            SyntaxError("invalid", ("settings.py", 2, 1, "x = = 1")),
            "invalid (settings.py, line 2)",
        ),
        (ExceptionGroup("two", [ValueError("a\nb")]), "two (1 sub-exception): ValueError: a b"),
        (LookupError("\n  no database\n  at db"), "no database at db"),
        (Wordless(), "it has no text"),
        (ValueError("  "), ""),
        (ValueError("x" * 10**7), "x" * 488),
    ],
)
def test_why_an_app_fails_while_starting_is_told_by_name_on_one_line(error, told):
    @asynccontextmanager
    async def lifespan(app):
        raise error
        yield

    name = type(error).__name__
    with pytest.raises(RuntimeError) as caught:
        Server(FastAPI(lifespan=lifespan)).start()
    assert str(caught.value) == f"The app failed while starting. {name}{told and ': '}{told}"


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("no database\nat db", "no database"),
        (TRACEBACK, "LookupError: no database"),
        ("", "ERROR uvicorn.error: Application startup failed. Exiting."),
    ],
)
def test_why_is_told_too_by_an_app_that_says_so_and_raises_nothing(said, told):
    async def app(scope, receive, send):
        await receive()
        logging.getLogger("uvicorn.error").warning("this is not the reason")
        await send({"type": "lifespan.startup.failed", "message": said})

    with pytest.raises(RuntimeError) as caught:
        Server(app).start()
    assert str(caught.value) == f"The app failed while starting. {told}"


def test_a_middleware_that_knows_requests_alone_is_served_as_by_uvicorn(client):
    class RequestsAlone:
        def __init__(self, app):
            self.app = app

        async def __call__(self, scope, receive, send):
            Request(scope)  # which refuses the scope of a lifespan
            await self.app(scope, receive, send)

    app = FastAPI()
    app.add_middleware(RequestsAlone)
    app.get("/")(lambda: "here")
    with Server(app) as server:
        assert client.get(server.url).json() == "here"
    assert server.log == ""


def test_an_app_that_cannot_be_put_together_fails_while_starting():
    app = FastAPI()
    app.add_middleware(CORSMiddleware, allow_origin=["*"])  # without its s
    with pytest.raises(RuntimeError, match=r"failed while starting. TypeError: .*'allow_origin'"):
        serve(app)


def test_an_app_that_never_starts_is_given_up(client, monkeypatch):
    @asynccontextmanager
    async def lifespan(app):
        await asyncio.sleep(3600)
        yield

    monkeypatch.setattr("labserver.server.START_SECONDS", 0.3)
    with pytest.raises(RuntimeError, match="not ready within"):
        serve(FastAPI(lifespan=lifespan))


def test_one_that_was_stopped_before_it_started_has_its_time_to_stop(monkeypatch, capsys):
    server = Server(answering("one"))
    monkeypatch.setattr("labserver.server.STOP_SECONDS", 0.0)
    server.stop()
    monkeypatch.setattr("labserver.server.STOP_SECONDS", LONG)
    server.start()
    server.stop()
    assert not server._thread.is_alive() and capsys.readouterr().out == ""


def test_a_server_starts_once():
    with Server(answering("one")) as server, socket.create_server(("127.0.0.1", 0)) as other:
        with pytest.raises(RuntimeError, match="was started before"):
            server.start(other)
        assert server.running and other.fileno() >= 0
    with pytest.raises(RuntimeError, match="was started before"):
        server.start()
    with pytest.raises(RuntimeError, match="was started before"), server:
        pass
