"""A server: it starts, serves and stops; nothing of it is left, and an end of Python ends it."""

import asyncio
import gc
import os
import socket
import subprocess
import sys
import threading
import time
from contextlib import asynccontextmanager

import httpx
import psutil
import pytest
from apps import answering, streaming
from fastapi import FastAPI
from fastapi.responses import StreamingResponse
from machine import NO_PROXIES
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


def test_an_app_that_fails_while_starting_leaves_none(client):
    @asynccontextmanager
    async def lifespan(app):
        raise LookupError("no database at db:5432\x1b\n  and more lines")
        yield

    last = serve(answering("one"))
    words = r"LookupError: no database at db:5432\\x1b\Z"  # one line, and no escape of a terminal
    with pytest.raises(RuntimeError, match=words) as caught:
        serve(FastAPI(lifespan=lifespan))
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


# The end of a script, of a kernel


SCRIPT = """if True:
    import asyncio, sys, threading, time
    from contextlib import asynccontextmanager
    from fastapi import FastAPI
    from fastapi.responses import StreamingResponse
    from labserver import record, serve

    @asynccontextmanager
    async def lifespan(app):
        stopping = threading.Event()
        worker = threading.Thread(target=stopping.wait)  # Python waits for its end
        worker.start()
        await asyncio.to_thread(time.sleep, 0)
        yield
        stopping.set()
        await asyncio.to_thread(worker.join)
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


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork there")
def test_the_end_of_a_forked_child_stops_nothing():
    code = f"""{SCRIPT}
    import multiprocessing
    child = multiprocessing.get_context("fork").Process(target=print, args=["child"])
    child.start()
    child.join()
    print(server.running, record("/", max_chunks=1, quiet=True).response.status_code)
    """
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code],
        env=NO_PROXIES,
        capture_output=True,
        text=True,
        timeout=LONG,
    )
    told = [line for line in done.stdout.splitlines()[1:] if line != "cleaned up"]
    assert told == ["child", "True 200", "shut down"], done.stderr


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
