"""diagnose: who waits for whom."""

import asyncio
import http.server
import itertools
import json
import time
from dataclasses import replace
from typing import Annotated

import pytest
from fastapi import Depends
from fastapi.responses import StreamingResponse
from services import (
    DONE,
    EVENTS,
    LINES,
    SSE,
    TEXT,
    UNCACHED,
    apart,
    handler,
    healthy,
    named,
    observed,
    paced,
    raw,
    routed,
    said_of,
    text,
)

from labserver.diagnosis import rules
from labserver.diagnosis.observation import Pair
from labserver.recording import Ending


@named("starved")
async def test_sleeps_in_async():
    async def body():
        for line in LINES[:6]:
            time.sleep(0.3)
            yield line

    return StreamingResponse(body(), media_type=TEXT)


@named("starved")
async def test_sleeps_before_the_stream():
    time.sleep(1.5)
    return text(*LINES[:3])


@named("starved")
async def test_sleeps_and_awaits():
    async def body():
        for i in range(8):
            time.sleep(0.4)
            yield f"data: {i}\n\n"
            await asyncio.sleep(0.01)

    return StreamingResponse(body(), media_type=SSE)


ENDLESS = """
from fastapi import FastAPI
from fastapi.responses import StreamingResponse
app = FastAPI()
async def rows():
    i = 0
    while True:
        yield f"row {i}, and some more text to fill it\\n" * 30
        i += 1
app.get("/s")(lambda: StreamingResponse(rows(), media_type="text/plain"))
"""


@named("never-awaits")
def test_endless_without_an_await():
    return apart(ENDLESS, "/s")


@named("one-at-a-time")
def test_lock_for_the_whole_stream():
    lock = asyncio.Lock()

    async def route():
        async def body():
            async with lock:
                async for piece in paced(*LINES):
                    yield piece

        return StreamingResponse(body(), media_type=TEXT)

    return routed(route)


@pytest.mark.parametrize(("calm", "said"), [(0.01, True), (0.9, False)])
def test_who_waits_for_a_limit_waits_for_no_stream(calm, said):
    """Another path, with no stream open, waits as long as the second stream."""
    alone = observed(*EVENTS, DONE, every=0.2, server="uvicorn")
    first, second = (observed(*EVENTS, DONE, every=0.2).alone for _ in range(2))
    second.chunks = [chunk._replace(at=chunk.at + 1.8) for chunk in second.chunks]
    alone.pair = Pair([first, second], apart=0.2, calm=[calm] * 4)
    assert ("one-at-a-time" in said_of(alone)) is said


def alone_and_two(second, **change):
    """An endless stream, and then two of it at once: a Pair whose second is this one."""
    alone = observed(*EVENTS, ending=Ending.ENOUGH)
    first = observed(*EVENTS * 2, ending=Ending.ENOUGH)
    return replace(alone, pair=Pair([first.alone, *second], apart=0.1, **change))


def test_a_second_stream_that_ends_at_once():
    busy = observed('event: error\ndata: {"message": "too many"}\n\n').alone
    told = said_of(alone_and_two([busy]))["advice-refuses-second"]
    assert "too many" in told
    short = replace(alone_and_two([busy]), encoded=busy)  # it may end alone, too
    assert "advice-refuses-second" not in said_of(short)
    late = observed(*EVENTS * 2).alone  # which ended, as it may
    assert "advice-refuses-second" not in said_of(alone_and_two([late]))


def test_a_second_stream_that_gets_no_answer():
    assert "refuses-second" in said_of(alone_and_two([]))
    assert "refuses-second" not in said_of(alone_and_two([], unanswered=5.0))  # it had to wait
    assert "refuses-second" not in said_of(replace(alone_and_two([]), pair=Pair()))


@named("advice-shared-pace")
def test_a_lock_around_each_piece():
    lock = asyncio.Lock()

    async def route():
        async def body():
            for line in LINES * 2:
                async with lock:
                    await asyncio.sleep(0.25)
                yield line

        return StreamingResponse(body(), media_type=TEXT)

    return routed(route)


@healthy
def test_threads_of_the_standard_library():
    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Type", "application/x-ndjson")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for i in range(8):
            row = json.dumps({"n": i}).encode() + b"\n"
            self.wfile.write(b"%x\r\n%s\r\n" % (len(row), row))
            time.sleep(0.15)
        self.wfile.write(b"0\r\n\r\n")

    return handler(do_GET)


@healthy
def test_one_client_after_another():
    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Type", "text/csv")
        self.end_headers()
        for i in range(8):
            self.wfile.write(b"%d,user\n" % i)
            time.sleep(0.1)

    return handler(do_GET, http.server.HTTPServer, "HTTP/1.0")


@healthy
def test_one_socket_after_another():
    def answer(line):
        line.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n")
        line.sendall(b"Cache-Control: no-cache\r\n\r\n")
        for piece in (*EVENTS, DONE):
            line.sendall(piece.encode())
            time.sleep(0.1)

    return raw(answer, threaded=False)


@healthy
async def test_fast_export():
    rows = ["".join(f"{i},user {i},note\n" for i in range(500))] * 200
    return text(*rows, every=0, media_type="text/csv")


@healthy
def test_fast_export_from_a_thread():
    rows = ["".join(f"{i},user {i},note\n" for i in range(500))] * 300
    return routed(lambda: StreamingResponse(iter(rows), media_type="text/csv"))


@healthy
async def test_fast_but_fair():
    async def body():
        for i in range(20000):
            yield f"{i}, and some more text to fill the row\n" * 20
            await asyncio.sleep(0)

    return StreamingResponse(body(), media_type="text/csv")


@named("one-at-a-time")
def test_an_endless_stream_under_a_lock():
    lock = asyncio.Lock()

    async def route():
        async def body():
            async with lock:
                for i in itertools.count():
                    yield f"data: {i}\n\n"
                    await asyncio.sleep(0.2)

        return StreamingResponse(body(), media_type=SSE, headers=UNCACHED)

    return routed(route)


@named("one-at-a-time")
def test_a_lock_that_holds_the_headers_too():
    lock = asyncio.Lock()

    async def alone():
        async with lock:
            yield

    async def route(held: Annotated[None, Depends(alone)]):
        return text(*LINES, *LINES, *LINES, *LINES)

    return routed(route)


@healthy
def test_a_long_poll_that_is_answered_when_there_is_news():
    """By a clock: of two, the second may be answered first, or both wait for long."""

    async def route():
        await asyncio.sleep(3.0 - time.time() % 3.0)
        return {"news": time.time()}

    return routed(route)


@pytest.mark.parametrize(("second_at", "words"), [(0.1, "two streams"), (3.5, "one request")])
def test_others_wait_for_two_streams_or_for_one(second_at, words):
    """A server of two workers answers two at once, and then nobody."""
    seen = observed(*EVENTS, every=0.4)
    answers = [observed(*EVENTS, every=0.4).alone for _ in range(2)]
    answers[1].headers_at = second_at
    seen.pair = Pair(answers, waits=[2.5], calm=[0.01])
    (found,) = [one for one in rules.findings(seen) if one.code == "advice-one-at-a-time"]
    assert words in found.text
