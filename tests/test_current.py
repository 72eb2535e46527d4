"""serve: at which address, once and again, and what leaves the last server running."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import ExitStack, asynccontextmanager

import httpx
import pytest
from apps import answering, open_streams, streaming
from fastapi import APIRouter, FastAPI
from machine import NO_PROXIES
from waiting import LONG, PATIENT, wait_until

from labserver import serve

pytestmark = pytest.mark.usefixtures("no_server_left")


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
        (8000, "not an int"),
        (APIRouter(), "not an APIRouter"),
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


def test_an_app_that_serves_while_it_is_served_is_told_so():
    """It would wait for its own event loop, and the cell that serves it for both."""

    @asynccontextmanager
    async def lifespan(app):
        serve(answering("two"))
        yield

    server = serve(answering("one"))
    with pytest.raises(RuntimeError, match=r"RuntimeError: serve\(\) waits") as caught:
        serve(FastAPI(lifespan=lifespan))
    assert "\n" not in str(caught.value)
    assert serve(answering("three")).url == server.url


def test_a_route_that_serves_does_not_end_its_own_server():
    app = answering("one")

    @app.get("/plain")
    def plain():
        serve(answering("two"))

    @app.get("/async")
    async def in_a_thread():
        await asyncio.to_thread(serve, answering("two"))

    server = serve(app)
    for path in ("/plain", "/async"):
        # A connection each: after a 500 the server closes the one it came by.
        assert httpx.get(server.url + path, **PATIENT).status_code == 500
        assert httpx.get(server.url + "/word", **PATIENT).json() == "one"
    wait_until(lambda: server.log.count("\nRuntimeError: serve() waits") == 2)


def test_two_processes_never_collide(tmp_path):
    code = """if True:
        import sys
        from labserver import record, serve
        from fastapi import APIRouter, FastAPI
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
