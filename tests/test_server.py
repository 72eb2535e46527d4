"""serve: where, when, again, and what is said when it cannot."""

import asyncio
import gc
import logging
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import ExitStack, asynccontextmanager, suppress

import httpx
import psutil
import pytest
from fastapi import FastAPI
from fastapi.responses import StreamingResponse
from machine import NO_PROXIES
from sse_starlette import EventSourceResponse

from labserver import serve
from labserver.sends import Sends
from labserver.server import Server


@pytest.fixture(autouse=True)
def no_server_left():
    yield
    serve(FastAPI()).stop()
    assert not [t.name for t in threading.enumerate() if t.name.startswith("labserver")]


@pytest.fixture
def client():
    with httpx.Client(trust_env=False, timeout=10) as client:
        yield client


def answering(word):
    app = FastAPI()
    app.get("/word")(lambda: word)
    return app


def streaming(finished):
    """An app of endless streams, each of which notes in `finished` that its `finally` ran."""
    app = FastAPI()

    def note(name, lines):
        try:
            yield from lines
        finally:
            finished.append(name)

    async def anote(name, item):
        try:
            while True:
                yield item
                await asyncio.sleep(0.02)
        finally:
            finished.append(name)

    def slow_lines():
        while True:
            yield "x\n"
            time.sleep(0.05)

    async def flood():
        while True:
            yield b"x" * 65536

    app.get("/plain")(lambda: StreamingResponse(anote("plain", "x\n")))
    app.get("/sync")(lambda: StreamingResponse(note("sync", slow_lines())))
    app.get("/sse")(lambda: EventSourceResponse(anote("sse", {"data": "x"})))
    app.get("/flood")(lambda: StreamingResponse(flood()))
    return app


def asking(line, path, *headers):
    """A request written out, for the server at the other end of a socket."""
    lines = [f"GET {path} HTTP/1.1", "Host: {}:{}".format(*line.getpeername()), *headers]
    return "\r\n".join([*lines, "", ""]).encode()


def open_streams(server, client, stack, count=10):
    """Streams of each kind that have begun to come, and a client that reads nothing."""
    paths = ["/plain", "/sync", "/sse"]
    for n in range(count):
        response = stack.enter_context(client.stream("GET", server.url + paths[n % 3]))
        chunks = response.iter_raw()
        next(chunks)
        stack.callback(chunks.close)  # and so kept: a generator that is dropped ends the stream
    idle = stack.enter_context(socket.create_connection(("127.0.0.1", server.port)))
    idle.sendall(asking(idle, "/flood"))
    return [paths[n % 3][1:] for n in range(count)]


def test_says_where_it_serves(client, capsys):
    server = serve(answering("one"))
    assert capsys.readouterr().out == f"Serving on {server.url}\n"
    assert client.get(server.url + "/word").json() == "one"
    assert server.url.startswith("http://127.0.0.1:") and not server.url.endswith("/")
    assert repr(server) == f"<Server {server.url}>"


def test_again_is_the_new_app_at_the_same_address(client):
    first = serve(answering("one"))
    second = serve(answering("two"))
    assert second.url == first.url
    assert client.get(first.url + "/word").json() == "two"
    first.stop()  # replaced already: does nothing
    assert client.get(second.url + "/word").json() == "two"


def test_the_address_is_kept_after_stop(client):
    first = serve(answering("one"))
    first.stop()
    first.stop()
    assert repr(first).endswith("stopped>")
    with pytest.raises(httpx.ConnectError):
        client.get(first.url)
    assert serve(answering("two")).url == first.url


def test_an_address_taken_in_the_meantime_is_left(client):
    first = serve(answering("one"))
    first.stop()
    with socket.create_server(("127.0.0.1", first.port)):
        second = serve(answering("two"))
        assert second.port != first.port
    assert client.get(second.url + "/word").json() == "two"


def test_a_port_of_ones_own(client):
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    server = serve(answering("one"), port=port)
    assert server.port == port
    assert serve(answering("two"), port=port).port == port


def test_with_stops_at_its_end(client):
    with serve(answering("one")) as server:
        assert client.get(server.url + "/word").json() == "one"
    assert not server.running


def test_small_pieces_are_not_held_back(client):
    """On a kept connection, Nagle's algorithm would hold each second piece for about 40 ms."""

    def median_seconds(*, kept):
        taken = []
        for _ in range(15):
            start = time.perf_counter()
            client.get(server.url, headers={} if kept else {"Connection": "close"})
            taken.append(time.perf_counter() - start)
        return sorted(taken)[7]

    app = FastAPI()
    app.get("/")(lambda: StreamingResponse(iter(["one", "two", "three"])))
    server = serve(app)
    assert median_seconds(kept=True) < 3 * median_seconds(kept=False)


def test_stop_ends_streams_and_runs_finally(client):
    finished = []
    with ExitStack() as stack:
        server = serve(streaming(finished))
        opened = open_streams(server, client, stack)
        server.stop()
        assert sorted(finished) == sorted(opened)
        assert not server.log
        with socket.create_server(("127.0.0.1", server.port)):
            pass  # the port is free


def test_again_while_streams_are_open(client):
    """Starting uvicorn as a process takes longer than replacing a server with open streams."""
    code = "import uvicorn, fastapi; fastapi.FastAPI()"
    start = time.perf_counter()
    subprocess.run([sys.executable, "-c", code], check=True)
    reference = time.perf_counter() - start
    taken = []
    for _ in range(3):
        with ExitStack() as stack:
            first = serve(streaming([]))
            open_streams(first, client, stack)
            start = time.perf_counter()
            second = serve(answering("two"))
            assert client.get(second.url + "/word").json() == "two"
            taken.append(time.perf_counter() - start)
            assert second.url == first.url
    assert min(taken) < reference


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
    with client.stream("GET", serve(streaming(finished)).url + "/sse") as response:
        text = response.iter_text()
        assert "".join(next(text) for _ in range(5)).count("data: x\r\n\r\n") == 5
    serve(FastAPI()).stop()
    gc.collect()
    assert process.memory_info().rss - before[0] < 30 * 2**20
    assert process.num_fds() <= before[1] + 2
    assert threading.active_count() <= before[2] + 2
    assert len(finished) == 201


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
    reader = threading.Thread(target=lambda: httpx.get(first.url, trust_env=False, timeout=60))
    reader.start()
    try:
        entered.wait(10)
        second = serve(answering("two"))
        assert "blocks its event loop" in capsys.readouterr().out
        assert second.url == first.url
        assert client.get(second.url + "/word").json() == "two"
    finally:
        released.set()
        reader.join(10)
        first._thread.join(10)


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
    server.stop()  # waits for the end, whoever asked for it
    with socket.create_server(("127.0.0.1", server.port)):
        assert not server.running and not server.log


def test_threads_that_serve_at_once_share_the_address():
    servers = []
    threads = [
        threading.Thread(target=lambda: servers.append(serve(answering("one")))) for _ in range(5)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len({server.port for server in servers}) == 1
    assert sum(server.running for server in servers) == 1


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
            assert entered.wait(10)
            timer = threading.Timer(0.3, interrupt)
            timer.start()
            with pytest.raises(KeyboardInterrupt):
                first.stop()
            assert serve(answering("two")).url == first.url
    finally:
        released.set()
        timer.join()
        signal.signal(signal.SIGINT, before)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork there")
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_forked_child_does_not_hold_the_address(client):
    first = serve(answering("one"))
    child = os.fork()
    if not child:
        time.sleep(60)
        os._exit(0)
    try:
        second = serve(answering("two"))
        assert second.url == first.url
        assert client.get(second.url + "/word").json() == "two"
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


# What cannot be served


def wsgi(environ, start_response):
    pass


@pytest.mark.parametrize(
    ("app", "words"),
    [
        ("main:app", "not a str"),
        (None, "not a NoneType"),
        (FastAPI, "the class FastAPI"),
        (wsgi, "a function is not"),
        (FastAPI().routes, "not a list"),
    ],
)
def test_what_is_no_app_leaves_the_last_server(app, words, client):
    server = serve(answering("one"))
    with pytest.raises(TypeError, match="ASGI app") as caught:
        serve(app)
    assert words in str(caught.value) and "\n" not in str(caught.value)
    assert client.get(server.url + "/word").json() == "one"


@pytest.mark.parametrize("port", [-1, 65536, "8000", 8000.0, True, None])
def test_a_port_out_of_range_leaves_the_last_server(port, client):
    server = serve(answering("one"))
    with pytest.raises(ValueError, match="0 to 65535"):
        serve(answering("two"), port=port)
    assert client.get(server.url + "/word").json() == "one"


def test_a_taken_port_is_named_and_leaves_the_last_server(client):
    server = serve(answering("one"))
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(OSError, match=f"Port {port} on 127.0.0.1 cannot be used"):
            serve(answering("two"), port=port)
    assert client.get(server.url + "/word").json() == "one"


def test_an_app_that_fails_while_starting_leaves_none(client):
    @asynccontextmanager
    async def lifespan(app):
        raise LookupError("no database at db:5432")
        yield

    last = serve(answering("one"))
    with pytest.raises(RuntimeError, match="LookupError: no database at db:5432") as caught:
        serve(FastAPI(lifespan=lifespan))
    assert "\n" not in str(caught.value)
    assert isinstance(caught.value.__cause__, LookupError)
    with pytest.raises(httpx.ConnectError):
        client.get(last.url)
    assert serve(answering("two")).url == last.url


def test_an_app_that_never_starts_is_given_up(client, monkeypatch):
    @asynccontextmanager
    async def lifespan(app):
        await asyncio.sleep(3600)
        yield

    monkeypatch.setattr("labserver.server.START_SECONDS", 0.3)
    with pytest.raises(RuntimeError, match="not ready within"):
        serve(FastAPI(lifespan=lifespan))


# The log


def test_log_keeps_tracebacks_and_prints_nothing(capfd):
    logging.lastResort.flush()
    app = FastAPI()

    @app.get("/wrong")
    async def wrong():
        raise ZeroDivisionError("wrong on purpose")

    async def late():
        yield "x"
        raise ZeroDivisionError("too late")

    app.get("/late")(lambda: StreamingResponse(late()))
    with serve(app) as server:
        # A connection each: after a 500 the server closes the one it came by.
        assert httpx.get(server.url + "/wrong", trust_env=False).status_code == 500
        with pytest.raises(httpx.RemoteProtocolError):
            httpx.get(server.url + "/late", trust_env=False)
    assert "Traceback" in server.log and "wrong on purpose" in server.log
    assert "too late" in server.log
    assert repr(server.log) == str(server.log)
    captured = capfd.readouterr()
    assert captured.err == "" and captured.out == f"Serving on {server.url}\n"


def test_logging_of_others_is_left_alone(client, caplog):
    names = ("uvicorn", "uvicorn.error", "uvicorn.access", "asyncio", "sse_starlette.sse")
    loggers = [logging.getLogger(name) for name in names]

    def settings():
        return [(x.level, x.propagate, list(x.handlers), list(x.filters)) for x in loggers]

    before = settings()
    with serve(answering("one")) as server:
        client.get(server.url + "/word")
        logging.getLogger("uvicorn.error").error("of somebody else")
        assert "of somebody else" in caplog.text
        assert "of somebody else" not in server.log
    assert settings() == before


def test_a_chatty_root_logger_shows_no_access_lines(client, caplog):
    caplog.set_level(logging.DEBUG)
    with serve(answering("one")) as server:
        client.get(server.url + "/word?token=secret")
    assert "GET /word" not in caplog.text
    assert "secret" not in server.log


# The layer that notes hand-overs


async def hand_written(scope, receive, send):
    """An app below every framework, whose messages can be compared one by one."""
    await receive()
    await send({"type": "http.response.start", "status": 200, "headers": []})
    for body in (b"one", b"", b"two"):
        await send({"type": "http.response.body", "body": body, "more_body": True})
    await send({"type": "http.response.body", "body": b"", "more_body": False})


def raw_answer(app):
    with Server(app) as server, socket.create_connection(("127.0.0.1", server.port)) as line:
        line.sendall(asking(line, "/", "Connection: close"))
        return b"".join(iter(lambda: line.recv(65536), b"")).partition(b"\r\n\r\n")[2]


def test_the_layer_changes_no_byte():
    class Watched:
        def __init__(self, app):
            self.layer = Sends(app)
            self.watch = self.layer.watching()
            self.watch.__enter__()

        async def __call__(self, scope, receive, send):
            await self.layer(scope, receive, send)

    assert raw_answer(hand_written) == raw_answer(Watched(hand_written))


@pytest.mark.parametrize("watched", [False, True])
def test_the_layer_keeps_backpressure_and_cancellation(watched, client):
    """The app waits for a client that does not read, and is told when that client leaves."""
    handed, ended = [], threading.Event()
    app = FastAPI()

    async def flood():
        try:
            while True:
                handed.append(65536)
                yield b"x" * 65536
                await asyncio.sleep(0)
        finally:
            ended.set()

    app.get("/")(lambda: StreamingResponse(flood()))
    with Server(app) as server, ExitStack() as stack:
        moments = stack.enter_context(server.sends.watching()) if watched else {}
        with socket.create_connection(("127.0.0.1", server.port)) as line:
            line.sendall(asking(line, "/"))
            ahead = -1
            while ahead != len(handed) or not handed:
                ahead = len(handed)
                time.sleep(0.3)
            assert sum(handed) < 64 * 2**20
            assert not watched or len(moments[line.getsockname()]) in (ahead - 1, ahead)
            line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        assert ended.wait(10)
    assert not moments


# nest_asyncio, two kernels


NESTED = """
import sys
def apply(): import nest_asyncio; nest_asyncio.apply()
when = sys.argv[1]
if when == "before import": apply()
from labserver import record, serve
from labserver.app import app
if when == "before serve": apply()
server = serve(app)
if when == "after serve": apply()
for _ in range(3):
    assert len(record("/sse?every=0.01", quiet=True).events) == 5
    assert len(record("/plain-stream?every=0.01", quiet=True).chunks) == 5
    first, server = server, serve(app)
    assert server.url == first.url
assert not server.log, server.log
"""
WHEN = ["never", "before import", "before serve", "after serve"]


def run_nested(python, when, folder):
    subprocess.run(
        [python, "-W", "error", "-c", NESTED, when],
        env=NO_PROXIES,
        cwd=folder,
        check=True,
        timeout=60,
    )


@pytest.mark.parametrize("when", WHEN)
def test_nest_asyncio_changes_nothing(when, tmp_path):
    run_nested(sys.executable, when, tmp_path)


@pytest.mark.parametrize("when", WHEN)
def test_nest_asyncio_changes_nothing_on_other_pythons(when, other_python, tmp_path):
    run_nested(other_python, when, tmp_path)


def test_two_processes_never_collide(tmp_path):
    code = """if True:
        import sys
        from labserver import record, serve
        from fastapi import FastAPI
        app = FastAPI()
        app.get("/me")(lambda: sys.argv[1])
        for _ in range(20):
            serve(app)
            assert record("/me", quiet=True).chunks[0].data.decode() == f'"{sys.argv[1]}"'
        """
    processes = [
        subprocess.Popen([sys.executable, "-c", code, name], env=NO_PROXIES, cwd=tmp_path)
        for name in ("one", "two", "three")
    ]
    assert [process.wait(60) for process in processes] == [0, 0, 0]
