"""server.log: what went wrong in the server, whatever logging says."""

import asyncio
import logging
import socket
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import httpx
import pytest
from apps import answering
from fastapi import BackgroundTasks, FastAPI, WebSocket
from fastapi.responses import StreamingResponse
from machine import NO_PROXIES
from waiting import LONG, PATIENT, wait_until
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from labserver import serve
from labserver.log import CANCELLED, Log, ThreadLog
from labserver.server import Server


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
        assert httpx.get(server.url + "/wrong", **PATIENT).status_code == 500
        with pytest.raises(httpx.RemoteProtocolError):
            httpx.get(server.url + "/late", **PATIENT)
    assert "Traceback" in server.log and "wrong on purpose" in server.log
    assert "too late" in server.log
    assert repr(server.log) == str(server.log)
    assert server.log.last_line == "ZeroDivisionError: too late" and Log().last_line == ""
    captured = capfd.readouterr()
    assert captured.err == "" and captured.out == f"Serving on {server.url}\n"


def test_the_last_line_of_a_group_is_its_last_error(client):
    app = FastAPI()

    async def fail():
        raise LookupError("in a task")

    @app.get("/")
    async def wrong():
        async with asyncio.TaskGroup() as tasks:
            async with asyncio.TaskGroup() as inner:
                inner.create_task(fail())
            tasks.create_task(fail())

    with Server(app) as server:
        client.get(server.url)
    assert server.log.endswith("-------")
    assert server.log.last_line == "LookupError: in a task"


def test_the_last_line_of_an_error_of_many_lines_is_its_first_one(client):
    app = FastAPI()

    @app.get("/")
    async def wrong():
        error = LookupError("no such row\nlook elsewhere")
        error.add_note("a note")
        raise error

    with Server(app) as server:
        client.get(server.url)
    assert server.log.endswith("elsewhere\na note")
    assert server.log.last_line == "LookupError: no such row"
    assert Log(f"{server.log}\nWARNING app: first\nsecond").last_line == "second"


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


@pytest.mark.parametrize(
    "configure",
    [
        'logging.config.dictConfig({"version": 1})',
        'logging.config.fileConfig("logging.ini")',
        "logging.disable()",
        "logging.disable(logging.ERROR)",
        'logging.getLogger("uvicorn.error").setLevel(99)',
        'logging.getLogger("uvicorn").disabled = True',
        "logging.setLoggerClass(type('Mute', (logging.Logger,), {'handle': print}))",
        "logging.setLogRecordFactory(lambda *args, **options: 1 / 0)",
        "logging.Logger._log = logging.Logger.error = logging.Formatter.format = print",
    ],
)
@pytest.mark.parametrize("when", ["before", "after", "in the app"])
def test_no_configuration_of_logging_empties_it(configure, when, tmp_path):
    (tmp_path / "logging.ini").write_text(INI)
    command = [sys.executable, "-W", "error", "-c", CONFIGURED, configure, when]
    subprocess.run(command, cwd=tmp_path, env=NO_PROXIES, check=True, timeout=60)


INI = """
[loggers]
keys=root
[handlers]
keys=
[formatters]
keys=
[logger_root]
handlers=
"""

CONFIGURED = """if True:
    import asyncio, logging, logging.config, sys
    from contextlib import asynccontextmanager
    from fastapi import BackgroundTasks, FastAPI
    from fastapi.responses import StreamingResponse
    from labserver import record, serve
    configure, when = sys.argv[1:]

    @asynccontextmanager
    async def lifespan(app):
        if when == "in the app":
            exec(configure)
        yield
        raise LookupError("in the shutdown")

    app = FastAPI(lifespan=lifespan)

    @app.get("/wrong")
    async def wrong():
        raise LookupError("in the route")

    @app.get("/late")
    async def late():
        async def body():
            yield "x"
            raise LookupError("in the stream")
        return StreamingResponse(body())

    @app.get("/task")
    async def task():
        async def fail():
            raise LookupError("in a task")
        asyncio.create_task(fail())

    if when == "before":
        exec(configure)
    server = serve(app)
    if when == "after":
        exec(configure)
    for path in ("/wrong", "/late", "/task"):
        record(path, quiet=True)
    server.stop()
    for place in ("the route", "the stream", "a task", "the shutdown"):
        assert server.log.count(f"LookupError: in {place}") == 1, (place, server.log)
    assert server.log.count("Traceback") >= 4
"""


@pytest.fixture
def patient_reader(monkeypatch):
    """A busy machine may need longer for the end of a request than a reader of the log waits."""
    monkeypatch.setattr("labserver.server.LOG_SECONDS", LONG)


@pytest.mark.usefixtures("patient_reader")
def test_it_is_there_once_the_response_is(client):
    """An error is logged after its 500 was sent; who reads the log next sees it."""
    app = FastAPI()

    @app.middleware("http")
    async def beside(request, call_next):
        return await call_next(request)

    @app.get("/{n}")
    async def wrong(n: int):
        raise LookupError(f"number {n}.")

    with Server(app) as server:
        for n in range(50):
            answer = client.get(f"{server.url}/{n}", headers={"Connection": "close"})
            assert answer.status_code == 500
            assert f"number {n}." in server.log


@pytest.mark.usefixtures("patient_reader")
def test_it_is_there_once_the_client_has_left(client):
    app = FastAPI()

    @app.get("/{n}")
    async def endless(n: int):
        async def body():
            try:
                while True:
                    yield "x"
                    await asyncio.sleep(0.01)
            finally:
                raise LookupError(f"number {n}.")

        return StreamingResponse(body())

    @app.get("/open/")
    async def other():
        async def body():
            yield "x"
            await asyncio.sleep(3600)

        return StreamingResponse(body())

    with Server(app) as server, client.stream("GET", f"{server.url}/open/") as is_open:
        next(is_open.iter_raw())  # what is not being finished is not waited for
        for n in range(20):
            with client.stream("GET", f"{server.url}/{n}") as response:
                next(response.iter_raw())
            assert f"number {n}." in server.log


@pytest.mark.usefixtures("patient_reader")
def test_a_socket_that_the_server_closed_is_waited_for_too():
    app = FastAPI()

    @app.websocket("/")
    async def root(socket: WebSocket):
        await socket.accept()
        await socket.close()
        await asyncio.sleep(0.05)
        raise LookupError("after the end")

    with Server(app) as server:
        with connect(server.url.replace("http", "ws")) as socket, pytest.raises(ConnectionClosed):
            socket.recv()
        assert "after the end" in server.log


@pytest.mark.usefixtures("patient_reader")
@pytest.mark.parametrize("beside", ["nobody", "a client that reads nothing"])
def test_it_waits_for_an_app_that_goes_on_when_its_client_has_all(beside):
    app = FastAPI()

    async def failing(n):
        yield "x"
        await asyncio.sleep(0.02)
        raise LookupError(f"number {n}.")

    async def length(n: int):
        return StreamingResponse(failing(n), headers={"Content-Length": "1"})

    async def task(n: int, tasks: BackgroundTasks):
        async def work():
            async for _ in failing(n):
                pass

        tasks.add_task(work)

    app.get("/length/{n}")(length)
    app.head("/head/{n}")(lambda n: StreamingResponse(failing(n)))
    app.get("/task/{n}")(task)

    async def large():
        yield b"x" * 2**25
        raise LookupError("none has read")

    app.get("/large")(lambda: StreamingResponse(large()))
    with Server(app) as server, socket.create_connection(("127.0.0.1", server.port)) as line:
        if beside != "nobody":
            line.sendall(b"GET /large HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
            wait_until(lambda: "none has read" in server.log)
        for n, kind in enumerate(("length", "head", "task")):
            method = "HEAD" if kind == "head" else "GET"
            with httpx.Client(**PATIENT) as client:  # which keeps its connection open
                assert client.request(method, f"{server.url}/{kind}/{n}").status_code == 200
                assert f"number {n}." in server.log


@pytest.mark.parametrize("supported", [True, False])
def test_an_error_in_the_shutdown_of_a_plain_app_is_kept(supported):
    async def app(scope, receive, send):
        if supported:
            await receive()
            await send({"type": "lifespan.startup.complete"})
            await receive()
        raise LookupError("on purpose")

    with Server(app) as server:
        assert server.log == ""
    assert server.log.count("LookupError: on purpose") == supported


def test_an_error_that_ends_the_event_loop_is_kept(client):
    app = FastAPI()
    left = []

    async def rude():
        try:
            await asyncio.sleep(3600)
        finally:
            for task in asyncio.all_tasks():
                task.cancel()

    @app.get("/")
    async def leave_it():
        left.append(asyncio.create_task(rude()))

    with Server(app) as server:
        client.get(server.url)
    assert "The server ended by an error." in server.log and "CancelledError" in server.log


def test_a_task_that_was_cancelled_and_is_awaited_is_an_error(client):
    app = FastAPI()

    @app.get("/")
    async def wrong():
        task = asyncio.create_task(asyncio.sleep(60))
        task.cancel("by the app")
        await task

    with Server(app) as server:
        assert client.get(server.url).status_code == 500
        assert "CancelledError" in server.log and "Traceback" in server.log


def test_a_request_that_the_app_cancelled_has_a_line_and_one_that_stop_cancelled_has_none(client):
    app = FastAPI()
    begun = threading.Event()

    @app.get("/itself")
    async def itself():
        asyncio.current_task().cancel()
        await asyncio.sleep(0)

    @app.get("/slow")
    async def slow():
        begun.set()
        await asyncio.sleep(3600)

    with Server(app) as server:
        assert client.get(server.url + "/itself").status_code == 500
        assert server.log == CANCELLED
        with ThreadPoolExecutor() as threads:
            asked = threads.submit(httpx.get, server.url + "/slow", **PATIENT)
            assert begun.wait(LONG)
            server.stop()
            assert isinstance(asked.exception(LONG), httpx.HTTPError) or asked.result().is_error
    assert server.log == CANCELLED


def test_what_another_loop_left_behind_is_no_error_of_the_app(client, caplog):
    app = FastAPI()

    @app.get("/collected")
    async def collect():
        loop = asyncio.new_event_loop()
        loop.create_future().set_exception(LookupError("of another loop"))  # nobody asks for it
        loop.close()

    with Server(app) as server:
        assert client.get(f"{server.url}/collected").status_code == 200
        assert server.log == ""
    assert "of another loop" in caplog.text


def test_a_record_without_a_text_is_no_error_of_the_app(client):
    app = FastAPI()

    @app.get("/")
    async def root():
        logging.getLogger("uvicorn.error").warning("%d", "no number")

    with Server(app) as server:
        assert client.get(server.url).status_code == 200
        assert "test_log.py, line " in server.log and "TypeError" in server.log


def test_reading_it_waits_for_no_long_task(client):
    ended = threading.Event()
    app = FastAPI()

    @app.get("/")
    async def start(tasks: BackgroundTasks):
        tasks.add_task(ended.wait, 60)

    with Server(app) as server:
        client.get(server.url)
        assert server.log == "" and not ended.is_set()
        ended.set()


def test_reading_it_needs_nothing_private_of_h11(client):
    """Without it, a client that has left less than all of its response is one that waits."""

    class Connection:
        def __init__(self, whole):
            self.whole = whole

        def __getattr__(self, name):
            if name == "_writer":
                raise AttributeError(name)
            return getattr(self.whole, name)

    app = FastAPI()

    @app.get("/")
    async def endless():
        (connection,) = server._uvicorn.server_state.connections
        connection.conn = Connection(connection.conn)

        async def body():
            yield "x"
            await asyncio.sleep(3600)

        return StreamingResponse(body())

    with Server(app) as server, client.stream("GET", server.url) as response:
        next(response.iter_raw())
        assert server.log == ""


def test_a_route_may_read_it(client):
    app = FastAPI()
    app.get("/async")(lambda: str(server.log))

    @app.get("/sync")
    async def on_the_loop():
        return str(server.log)

    with Server(app) as server:
        assert client.get(server.url + "/async").json() == ""
        assert client.get(server.url + "/sync").json() == ""


def test_no_secret_and_no_control_character_is_kept(client):
    app = FastAPI()

    @app.get("/")
    async def wrong():
        raise LookupError("GET /x?access_token=abc \x1b[2J")

    with Server(app) as server:
        client.get(server.url)
        assert "LookupError: GET /x?access_token=*** \\x1b[2J" in server.log


def test_an_error_that_quotes_a_whole_body_is_cut(client):
    app = FastAPI()

    @app.get("/")
    async def wrong():
        raise KeyError("x" * 10**6)

    with Server(app) as server:
        client.get(server.url)
        assert "Traceback" in server.log and len(server.log) < 50_000


def test_a_server_that_stops_lets_no_record_of_another_pass(caplog):
    """Its filter goes while the other server's thread asks the filters, one after another."""
    caplog.set_level(logging.DEBUG)
    leaving = ExitStack()

    class Stopping(ThreadLog):
        def filter(self, record):
            leaving.close()
            return super().filter(record)

    def serve_one():
        with ThreadLog().capturing():
            logging.getLogger("uvicorn.error").debug("Cookie: hidden")

    leaving.enter_context(Stopping().capturing())
    thread = threading.Thread(target=serve_one)
    thread.start()
    thread.join()
    assert "hidden" not in caplog.text
