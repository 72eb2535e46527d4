"""What lesson 04 says of clients, loops and the stop button, and that its kernel stays sound."""

import asyncio
import queue
import shutil
import subprocess
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress

import httpx
import psutil
import pytest
from fastapi import FastAPI
from fastapi.responses import StreamingResponse
from jupyter_client.manager import start_new_kernel
from lessons import lesson
from machine import NO_PROXIES, before_3_14
from waiting import LONG, wait_until

from labserver.server import Server

LESSON = lesson(4)


# The stop button


@pytest.fixture(scope="module")
def kernel(tmp_path_factory):
    env = NO_PROXIES | {"IPYTHONDIR": str(tmp_path_factory.mktemp("ipython"))}
    manager, client = start_new_kernel(env=env, stderr=subprocess.DEVNULL)
    yield manager, client
    client.stop_channels()
    manager.shutdown_kernel(now=True)


READ = """
import asyncio, httpx
async def read():
    client = httpx.AsyncClient(trust_env=False)
    async with client, client.stream("GET", url) as response:
        async for line in response.aiter_lines():
            print(line, flush=True)
"""
IN_THE_CELL = """
import httpx
with httpx.stream("GET", url, trust_env=False) as response:
    for line in response.iter_lines():
        print(line, flush=True)
"""
BY_REQUESTS = """
import requests
for line in requests.get(url, stream=True).iter_lines():
    print(line, flush=True)
"""
BY_CURL = """
import subprocess
with subprocess.Popen(["curl", "-sN", url], stdout=subprocess.PIPE) as curl:
    for line in curl.stdout:
        print(line, flush=True)
"""
RECORDED = "from labserver import record; record(url)"
LOOP_OF_ITS_OWN = """
import nest_asyncio
loop = asyncio.new_event_loop()
nest_asyncio.apply(loop)
loop.run_until_complete(read())
"""


@contextmanager
def interrupted(kernel, cell):
    """A cell that is interrupted while it reads an idle stream.

    Gives a function that tells whether the cell ends within some seconds, and an event that lets
    the next piece of the stream come.
    """
    manager, client = kernel
    app, more = FastAPI(), threading.Event()

    async def two_lines():
        yield "line\n"
        while not more.is_set():
            await asyncio.sleep(0.01)
        yield "line\n"
        await asyncio.sleep(LONG)

    app.get("/")(lambda: StreamingResponse(two_lines()))
    with Server(app) as server:
        sent = client.execute(f"url = {server.url!r}\n{cell}")
        assert says(client, sent, LONG, lambda content: "line" in content.get("text", ""))
        process = psutil.Process(manager.provisioner.pid)
        wait_until(lambda: is_asleep(process))
        manager.interrupt_kernel()
        is_idle = {"execution_state": "idle"}
        yield lambda seconds: says(client, sent, seconds, lambda what: what == is_idle), more


def says(client, sent, seconds, wanted):
    """Whether the cell that was sent says within some seconds what is wanted."""
    deadline = time.monotonic() + seconds
    with suppress(queue.Empty):
        while True:
            message = client.get_iopub_msg(timeout=max(0, deadline - time.monotonic()))
            if message["parent_header"].get("msg_id") == sent and wanted(message["content"]):
                return True
    return False


def is_asleep(process):
    """Whether a process waits for something, looked at ten times."""
    return not any(
        time.sleep(0.02) or process.status() != psutil.STATUS_SLEEPING for _ in range(10)
    )


@before_3_14
@pytest.mark.parametrize("cell", [IN_THE_CELL, RECORDED, BY_REQUESTS, READ + LOOP_OF_ITS_OWN])
def test_stop_button_ends_a_plain_read_at_once(cell, kernel):
    with interrupted(kernel, cell) as (ends_within, _):
        assert ends_within(LONG)


@pytest.mark.skipif(not shutil.which("curl"), reason="this machine has no curl")
def test_stop_button_ends_a_read_by_curl_at_once(kernel):
    with interrupted(kernel, BY_CURL) as (ends_within, _):
        assert ends_within(LONG)


def test_stop_button_ends_an_await_with_the_next_piece(kernel):
    with interrupted(kernel, READ + "await read()") as (ends_within, more):
        assert not ends_within(1)
        more.set()
        assert ends_within(LONG)


# Single sentences


def test_plain_function_can_wait_in_another_thread_without_a_patch():
    def wait():
        with ThreadPoolExecutor() as threads:
            return threads.submit(asyncio.run, asyncio.sleep(0, "slept")).result()

    async def main():
        return wait()

    assert asyncio.run(main()) == "slept"


def test_iter_lines_tears_data_at_a_line_separator():
    response = httpx.Response(200, content="1,a\u2028b\n".encode())
    assert list(response.iter_lines()) == ["1,a", "b"]


def test_httpx_bounds_each_step_by_5_seconds():
    assert httpx.Client(trust_env=False).timeout == httpx.Timeout(5)
