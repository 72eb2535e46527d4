"""What lesson 01 says of the libraries, and an upgrade could make untrue."""

import asyncio
from functools import partial

import pytest
from fastapi import BackgroundTasks, FastAPI
from fastapi.responses import StreamingResponse
from lessons import lesson, run_cells
from waiting import Requests, wait_until

from labserver.recorder import record
from labserver.server import Server

run = partial(run_cells, lesson(1))

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


async def raising():
    yield "line\n"
    raise ValueError("no more lines")


@app.get("/raising")
async def report():
    tasks = BackgroundTasks()
    tasks.add_task(ran.append, "after an error")
    return StreamingResponse(raising(), background=tasks)


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


def test_tasks_that_fastapi_hands_in_are_lost_beside_background(capsys):
    app = Requests(run("handed-program")["app"])
    with Server(app) as server:
        record(f"{server.url}/handed", quiet=True)
        app.wait(1)
        assert "FastAPI handed in" in capsys.readouterr().out
        record(f"{server.url}/both", quiet=True)
        app.wait(2)
    said = capsys.readouterr().out
    assert "of your own" in said and "FastAPI handed in" not in said


def test_an_error_midway_is_a_200_and_a_cut_and_the_log_names_it(capsys):
    with Server(run("raises-program")["app"]) as server:
        raises = record(f"{server.url}/raises")
        log = server.log
    assert (raises.response.status_code, len(raises.chunks), raises.whole) == (200, 3, False)
    assert "ended early" in capsys.readouterr().out.splitlines()[-1]
    assert log.splitlines()[-1] == "ValueError: there is no line 3"


def test_after_an_error_midway_no_background_task_runs():
    requests = Requests(app)
    ran.clear()
    with Server(requests) as server:
        record(f"{server.url}/raising", quiet=True)
        requests.wait(1)
    assert ran == []
