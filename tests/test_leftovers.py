"""A stop runs every `finally` that its streams left, without a collection of the whole kernel."""

import asyncio
import gc
import subprocess
import sys
import time

import pytest
from fastapi import FastAPI
from fastapi.responses import StreamingResponse
from machine import NO_PROXIES
from sse_starlette import EventSourceResponse
from waiting import wait_until

from labserver.server import Server


def rows(name, ended):
    try:
        while True:
            yield "x\n"
            time.sleep(0.005)
    finally:
        ended.append(name)


async def by_hand(name, ended):
    kept = rows(name, ended)
    for row in kept:
        yield row
        await asyncio.sleep(0.005)


async def gone_wrong(name, ended):
    kept = rows(name, ended)
    for row in kept:
        yield row
        raise LookupError("on purpose")


MAKERS = {
    "sync": lambda name, ended: StreamingResponse(rows(name, ended)),
    "map": lambda name, ended: StreamingResponse(map(str.upper, rows(name, ended))),
    "by_hand": lambda name, ended: StreamingResponse(by_hand(name, ended)),
    "sse": lambda name, ended: EventSourceResponse(rows(name, ended)),
    "sse_by_hand": lambda name, ended: EventSourceResponse(by_hand(name, ended)),
}


@pytest.fixture
def uncollected():
    """No collection by chance: what ends here ends by the stop."""
    gc.collect()
    gc.disable()
    yield lambda: gc.get_stats()[2]["collections"]
    gc.enable()


@pytest.mark.parametrize("left", [False, True])
@pytest.mark.parametrize("kind", MAKERS)
def test_stop_runs_finally_without_a_collection(kind, left, client, uncollected):
    ended = []
    app = FastAPI()
    app.get("/")(lambda: MAKERS[kind](kind, ended))
    before = uncollected()
    with Server(app) as server:
        responses = [client.send(client.build_request("GET", server.url), stream=True)]
        next(responses[0].iter_raw())
        if left:
            responses.pop().close()
            time.sleep(0.1)  # the server may notice it before the stop, or in it
    wait_until(lambda: ended)  # a synchronous step that is under way ends after the stop
    assert ended == [kind]
    assert uncollected() == before


def test_a_generator_that_is_still_wanted_is_left_alone(client, uncollected):
    ended = []
    wanted = rows("shared", ended)
    app = FastAPI()
    app.get("/")(lambda: StreamingResponse(wanted))
    with Server(app) as server, client.stream("GET", server.url) as response:
        next(response.iter_raw())
    assert not ended and next(wanted) == "x\n"


LARGE = """if True:
    import gc, time
    from fastapi import FastAPI
    from labserver import serve
    def least(step):
        taken = []
        for _ in range(9):
            start = time.process_time()  # a busy machine gives less of it, not more
            step()
            taken.append(time.process_time() - start)
        return min(taken)
    lists = [[] for _ in range(3_000_000)]
    assert least(lambda: serve(FastAPI())) < least(gc.collect) / 5
"""


def test_serving_again_looks_at_none_of_millions_of_objects():
    subprocess.run([sys.executable, "-c", LARGE], env=NO_PROXIES, check=True, timeout=120)
