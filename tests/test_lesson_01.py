"""What lesson 01 says of the libraries, and an upgrade could make untrue."""

import asyncio
import time

import pytest
from fastapi import BackgroundTasks, FastAPI
from fastapi.responses import StreamingResponse

from labserver.recorder import record
from labserver.server import Server

app = FastAPI()
ran = []


async def endless():
    while True:
        yield "line\n"
        await asyncio.sleep(0.02)


@app.get("/injected")
async def injected(tasks: BackgroundTasks):
    tasks.add_task(ran.append, "injected")
    return StreamingResponse(["line\n"])


@app.get("/given")
async def given():
    tasks = BackgroundTasks()
    tasks.add_task(ran.append, "given")
    return StreamingResponse(endless(), background=tasks)


@pytest.fixture
def url():
    ran.clear()
    with Server(app) as server:
        yield server.url


def wait_for_a_task():
    deadline = time.monotonic() + 10
    while not ran and time.monotonic() < deadline:
        time.sleep(0.01)
    return ran


def test_tasks_that_fastapi_hands_to_a_route_run_without_background(url):
    record(f"{url}/injected", quiet=True)
    assert wait_for_a_task() == ["injected"]


def test_a_background_task_runs_also_when_the_client_leaves_before_the_end(url):
    record(f"{url}/given", quiet=True, max_chunks=2)
    assert wait_for_a_task() == ["given"]
