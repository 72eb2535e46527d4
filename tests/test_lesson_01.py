"""What lesson 01 says of the libraries, and an upgrade could make untrue."""

import asyncio

import pytest
from fastapi import BackgroundTasks, FastAPI
from fastapi.responses import StreamingResponse
from waiting import wait_until

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


def test_tasks_that_fastapi_hands_to_a_route_run_without_background(url):
    record(f"{url}/injected", quiet=True)
    wait_until(lambda: ran == ["injected"])


def test_a_background_task_runs_also_when_the_client_leaves_before_the_end(url):
    record(f"{url}/given", quiet=True, max_chunks=2)
    wait_until(lambda: ran == ["given"])
