"""How the server stops: what ends, what is waited for, what is not."""

import asyncio
import os
import signal
import socket
import sys
import threading
import time
from contextlib import ExitStack, asynccontextmanager, suppress
from itertools import pairwise

import httpx
import pytest
from apps import answering, asking, open_streams, streaming
from fastapi import FastAPI
from fastapi.responses import StreamingResponse
from waiting import LONG, PATIENT

from labserver import serve, shutdown
from labserver.server import STOP_SECONDS, Server


@pytest.fixture(autouse=True)
def no_server_left():
    yield
    serve(FastAPI()).stop()
    assert not [t.name for t in threading.enumerate() if t.name.startswith("labserver")]


def test_stop_ends_streams_and_runs_finally(client):
    for _ in range(5):  # on a busy machine, a synchronous step may not end in time
        finished = []
        with ExitStack() as stack:
            server = serve(streaming(finished))
            opened = open_streams(server, client, stack)
            server.stop()
            ran = sorted(finished)
            assert not server.log
            with socket.create_server(("127.0.0.1", server.port)):
                pass  # the port is free
        if ran == sorted(opened):
            break
    assert ran == sorted(opened)


def test_a_step_under_way_is_not_waited_for(client):
    released = threading.Event()
    app = FastAPI()

    def steps():
        yield "first\n"
        released.wait(60)

    app.get("/")(lambda: StreamingResponse(steps()))
    server = serve(app)
    with client.stream("GET", server.url) as response:
        next(response.iter_raw())
        server.stop()
        assert not released.is_set() and not server.running
        with socket.create_server(("127.0.0.1", server.port)):
            pass
    released.set()


def test_a_blocked_event_loop_is_left_behind(client, capsys):
    released, entered = threading.Event(), threading.Event()
    app = FastAPI()

    @app.get("/")
    async def block():
        entered.set()
        released.wait(60)

    first = serve(app)
    reader = threading.Thread(target=lambda: httpx.get(first.url, **PATIENT))
    reader.start()
    try:
        entered.wait(LONG)
        second = serve(answering("two"))
        assert "blocks its event loop" in capsys.readouterr().out
        assert second.url == first.url
        assert client.get(second.url + "/word").json() == "two"
    finally:
        released.set()
        reader.join(LONG)
        first._thread.join(LONG)


def test_servers_that_are_stopped_together_are_left_behind_together(monkeypatch, capsys):
    """A script ends within two seconds, however many calls block their event loops then."""
    steps = (shutdown.REQUEST_SECONDS, shutdown.CANCEL_SECONDS, shutdown.LIFESPAN_SECONDS)
    rest = 2 * shutdown.REST_SECONDS + shutdown.CANCEL_SECONDS
    assert sum(steps) + rest < STOP_SECONDS < 2
    released = threading.Event()

    @asynccontextmanager
    async def lifespan(app):
        yield
        released.wait(60)

    monkeypatch.setattr("labserver.server.STOP_SECONDS", 1.0)
    servers = [Server(FastAPI(lifespan=lifespan)).__enter__() for _ in range(5)]
    moments = [time.monotonic()]
    for server in servers:
        server.begin_to_stop()
    for server in servers:
        server.stop()
        moments.append(time.monotonic())
    released.set()
    assert capsys.readouterr().out.count("blocks its event loop") == 5
    first, *others = (after - before for before, after in pairwise(moments))
    assert min(others) < first / 2  # a busy machine makes some longer, a wait for each makes all
    for server in servers:
        server._thread.join(LONG)


def test_lifespan_runs_to_its_end(client):
    seen = []

    @asynccontextmanager
    async def lifespan(app):
        seen.append("start")
        yield
        seen.append("end")

    app = FastAPI(lifespan=lifespan)
    app.get("/")(lambda: seen)
    server = serve(app)
    assert client.get(server.url).json() == ["start"]
    with ExitStack() as stack:
        app.get("/plain")(lambda: None)
        stack.enter_context(client.stream("GET", server.url + "/plain"))
        server.stop()
    assert seen == ["start", "end"]


def test_a_stop_at_once_does_not_cut_the_shutdown():
    ended = []

    @asynccontextmanager
    async def lifespan(app):
        yield
        await asyncio.sleep(0)
        ended.append(True)

    for _ in range(100):
        Server(FastAPI(lifespan=lifespan)).__enter__().stop()
    assert len(ended) == 100


def test_background_tasks_end_with_the_server(client):
    ended = []

    async def tick():
        try:
            await asyncio.sleep(3600)
        finally:
            ended.append(True)

    app = FastAPI()

    @app.get("/")
    async def start():
        app.state.task = asyncio.create_task(tick())
        await asyncio.sleep(0)

    with serve(app) as server:
        client.get(server.url)
    assert ended == [True]


def test_cleaning_up_that_never_ends_is_not_waited_for(client, capsys):
    half_read = []

    async def items():
        try:
            yield "first"
            yield "second"
        finally:
            await asyncio.sleep(3600)

    app = FastAPI()

    @app.get("/")
    async def first():
        half_read.append(items())
        return await anext(half_read[0])

    server = serve(app)
    client.get(server.url)
    server.stop()
    assert "does not stop" not in capsys.readouterr().out


@pytest.mark.parametrize("stop", [SystemExit, KeyboardInterrupt])
def test_a_stream_that_exits_ends_alone(stop, client, capfd):
    app = FastAPI()

    async def stream():
        yield "x"
        raise stop("on purpose")

    app.get("/")(lambda: StreamingResponse(stream()))
    app.get("/word")(lambda: "still here")
    with serve(app) as server:
        with pytest.raises(httpx.RemoteProtocolError):
            client.get(server.url)
        assert client.get(server.url + "/word").json() == "still here"
    assert "on purpose" in server.log
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("kind", ["async", "sync"])
def test_a_route_may_stop_its_server(kind, client):
    app = FastAPI()

    @app.get("/async")
    async def on_the_loop():
        server.stop()

    app.get("/sync")(lambda: server.stop())
    server = serve(app)
    with suppress(httpx.HTTPError):
        client.get(f"{server.url}/{kind}")
    server.stop()  # waits for the end, no matter who asked for it
    with socket.create_server(("127.0.0.1", server.port)):
        assert not server.running and not server.log


@pytest.mark.skipif(sys.platform == "win32", reason="sends itself a signal")
def test_an_interrupted_stop_is_waited_for_by_the_next(client):
    entered, released = threading.Event(), threading.Event()
    app = FastAPI()

    @app.get("/")
    async def block():
        entered.set()
        released.wait(60)

    def interrupt():
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(0.3)
        released.set()

    first = serve(app)
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with socket.create_connection(("127.0.0.1", first.port)) as line:
            line.sendall(asking(line, "/"))
            assert entered.wait(LONG)
            timer = threading.Timer(0.3, interrupt)
            timer.start()
            with pytest.raises(KeyboardInterrupt):
                first.stop()
            assert serve(answering("two")).url == first.url
    finally:
        released.set()
        timer.join()
        signal.signal(signal.SIGINT, before)
