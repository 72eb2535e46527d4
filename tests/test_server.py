"""serve: where, when, again, and what is said when it cannot."""

import asyncio
import gc
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import ExitStack, asynccontextmanager

import httpx
import psutil
import pytest
from apps import answering, open_streams, streaming
from fastapi import FastAPI
from fastapi.responses import StreamingResponse
from machine import NO_PROXIES
from waiting import LONG

from labserver import serve
from labserver.server import Server


@pytest.fixture(autouse=True)
def no_server_left():
    yield
    serve(FastAPI()).stop()
    assert not [t.name for t in threading.enumerate() if t.name.startswith("labserver")]


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

    def least_seconds(*, kept):
        taken = []
        for _ in range(15):
            start = time.perf_counter()
            client.get(server.url, headers={} if kept else {"Connection": "close"})
            taken.append(time.perf_counter() - start)
        return min(taken)  # a busy machine makes some longer, the algorithm makes all

    app = FastAPI()
    app.get("/")(lambda: StreamingResponse(iter(["one", "two", "three"])))
    server = serve(app)
    assert least_seconds(kept=True) < 3 * least_seconds(kept=False)


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


def test_threads_that_serve_at_once_share_the_address():
    servers = []
    threads = [
        threading.Thread(target=lambda: servers.append(serve(answering("one")))) for _ in range(5)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(LONG)
    assert len({server.port for server in servers}) == 1
    assert sum(server.running for server in servers) == 1


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


# The end of a script, of a kernel


SCRIPT = """if True:
    import asyncio, sys
    from contextlib import asynccontextmanager
    from fastapi import FastAPI
    from fastapi.responses import StreamingResponse
    from labserver import record, serve

    @asynccontextmanager
    async def lifespan(app):
        yield
        await asyncio.sleep(0.1)
        print("shut down", flush=True)

    async def body():
        try:
            while True:
                yield "x"
                await asyncio.sleep(0.01)
        finally:
            print("cleaned up", flush=True)

    app = FastAPI(lifespan=lifespan)
    app.get("/")(lambda: StreamingResponse(body()))
    server = serve(app)
    record("/", max_chunks=2, quiet=True)
"""


@pytest.mark.parametrize("end", ["", "sys.exit(3)", "raise LookupError('on purpose')"])
def test_a_script_that_ends_shuts_its_app_down(end):
    code = f"{SCRIPT}    {end}\n"
    done = subprocess.run(
        [sys.executable, "-c", code], env=NO_PROXIES, capture_output=True, text=True, timeout=LONG
    )
    assert done.stdout.splitlines()[1:] == ["cleaned up", "shut down"], done.stderr


def test_a_kernel_that_ends_shuts_its_app_down(tmp_path):
    from jupyter_client.manager import start_new_kernel

    note = tmp_path / "note"
    manager, client = start_new_kernel(kernel_name="python3", env=NO_PROXIES)
    try:
        code = SCRIPT.replace(
            'print("shut down", flush=True)', f'open({str(note)!r}, "w").close()'
        )
        assert client.execute_interactive(code, timeout=60)["content"]["status"] == "ok"
        client.stop_channels()
        manager.shutdown_kernel()
    finally:
        manager.shutdown_kernel(now=True)
    assert note.exists()


def test_a_server_starts_once():
    with Server(answering("one")) as server, socket.create_server(("127.0.0.1", 0)) as other:
        with pytest.raises(RuntimeError, match="was started before"):
            server.start(other)
        assert server.running and other.fileno() >= 0
    with pytest.raises(RuntimeError, match="was started before"):
        server.start()
