"""diagnose: the pieces of a body: how small, how seldom, how alike."""

import asyncio
import json
import time
from itertools import groupby

import pytest
from fastapi.responses import StreamingResponse
from services import (
    DONE,
    LINES,
    NOSNIFF,
    SSE,
    TEXT,
    UNCACHED,
    handler,
    healthy,
    named,
    observed,
    paced,
    routed,
    said_of,
    sse,
    text,
)
from sse_starlette import EventSourceResponse

from labserver.recording import Ending


@named("no-ping")
async def test_silence():
    return sse("data: hello\n\n", every=60)


@pytest.mark.parametrize(("between", "told"), [(40, True), (3, False)])
def test_pings_without_a_pause(between, told):
    pieces = ["data: a\n\n", *[": ping\n\n"] * between] * (200 // between)
    assert ("advice-pings" in said_of(observed(*pieces, every=0.01))) is told


@pytest.mark.parametrize(
    ("ping", "told"),
    [
        ("data: keep-alive", True),
        ("event: ping\ndata: ping", False),
        (": ping", False),
        ("data: [DONE]", False),
    ],
)
def test_pings_that_a_page_takes_for_json(ping, told):
    events = ['data: {"n": 1}\n\n', 'data: {"n": 2}\n\n', f"{ping}\n\n"]
    assert ("advice-pings" in said_of(observed(*events * 3))) is told


@pytest.mark.parametrize(
    ("numbers", "told"),
    [([1, 1, 2, 2, 3, 3, 4, 4, 5], True), ([1, 1, 2, 2, 3, 4, 5, 5], False), ([1] * 9, False)],
)
def test_events_that_come_twice(numbers, told):
    together = ["".join(f"data: {n}\n\n" for n in same) for _, same in groupby(numbers)]
    assert ("advice-twice" in said_of(observed(*together))) is told
    apart = [f"data: {n}\n\n" for n in numbers]  # as a clock that is read twice a second
    assert "advice-twice" not in said_of(observed(*apart))
    sides = [f"event: left\ndata: {n}\n\nevent: right\ndata: {n}\n\n" for n in range(5)]
    assert "advice-twice" not in said_of(observed(*sides))


@named("advice-stalled")
async def test_stuck_in_the_middle():
    async def body():
        async for piece in paced(*LINES[:5]):
            yield piece
        await asyncio.sleep(60)

    return StreamingResponse(body(), media_type=TEXT)


@named("advice-small-chunks")
async def test_a_row_a_chunk():
    return StreamingResponse(iter([f"{i},user {i}\n" for i in range(3000)]), media_type="text/csv")


@named("tiny-chunks")
async def test_a_letter_a_chunk():
    return StreamingResponse("".join(LINES) * 10, media_type=TEXT)


@named("cumulative")
async def test_buffer_never_emptied():
    rows = [f"{i},user {i}\n" for i in range(6)]
    return text(*["".join(rows[: i + 1]) for i in range(6)], media_type="text/csv")


@named("tiny-chunks")
def test_letters_the_second_time():
    answers = []

    async def route():
        words = answers[0] if answers else ["it is ", "a quarter ", "past ten "] * 4
        answers.append("".join(words))
        return sse(*[f"data: {json.dumps({'text': word})}\n\n" for word in words], every=0.02)

    return routed(route)


@healthy
async def test_the_last_few_then_a_wait():
    async def events():
        for i in range(10):
            yield {"data": i}
        await asyncio.sleep(60)

    return EventSourceResponse(events(), ping=5)


@healthy
async def test_batches_as_advised():
    async def body():
        rows = [f"{i},{i}\n" for i in range(110)]
        for i in range(0, 110, 25):
            await asyncio.sleep(0.02 * len(rows[i : i + 25]))
            yield "".join(rows[i : i + 25])

    return StreamingResponse(body(), media_type="text/csv")


@healthy
async def test_lines():
    return text(*LINES)


@healthy
def test_lines_from_a_thread():
    def body():
        for line in LINES:
            time.sleep(0.15)
            yield line

    return routed(lambda: StreamingResponse(body(), media_type=TEXT, headers=NOSNIFF))


@healthy
async def test_idle_with_pings():
    async def events():
        await asyncio.sleep(60)
        yield {"data": "at last"}

    return EventSourceResponse(events(), ping=2)


@healthy
async def test_idle_with_the_usual_pings():
    async def events():
        yield {"data": "hello"}
        await asyncio.sleep(60)

    return EventSourceResponse(events())


@healthy
async def test_endless():
    return sse(*[f"data: {i}\n\n" for i in range(10000)], every=0.05)


@healthy
async def test_tokens():
    words = ["so", "it", "goes", "on", "and", "on"] * 20
    words = [f"data: {json.dumps({'delta': word})}\n\n" for word in words]
    return sse(*words, "data: [DONE]\n\n", every=0.01)


@healthy
async def test_binary():
    return StreamingResponse(paced(*[bytes(range(256)) * 256] * 8, every=0.05))


@healthy
def test_a_write_a_line():
    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Type", SSE)
        self.send_header("Cache-Control", "no-cache")
        self.end_headers()
        for i in range(6):
            for line in ("event: log\n", "data: a\n", "data: b\n", f"data: {i}\n", "\n"):
                self.wfile.write(line.encode())
            time.sleep(0.2)
        self.wfile.write(DONE.encode())

    return handler(do_GET, version="HTTP/1.0")


@named("no-ping")
async def test_silence_after_two_seconds():
    """However late it begins, it is watched for long enough."""

    async def body():
        async for piece in paced(*[f"data: {i}\n\n" for i in range(20)], every=0.1):
            yield piece
        await asyncio.sleep(60)

    return StreamingResponse(body(), media_type=SSE, headers=UNCACHED)


@pytest.mark.parametrize(
    ("pieces", "every"), [(2, 0.2), (3, 0.2), (4, 0.2), (9, 0.2), (200, 0.01)]
)
def test_a_few_pieces_then_nothing(pieces, every):
    """However many came first, and whatever was the time to watch."""
    seen = observed(*LINES[:1] * pieces, type=TEXT, ending=Ending.SECONDS, every=every)
    seen.alone.seconds = seen.last + 6.0
    assert said_of(seen)["advice-stalled"].endswith(f"after gaps of at most {every:.3f} s")
    seen.alone.seconds = seen.last + 4.0
    assert "advice-stalled" not in said_of(seen)


def test_a_few_at_once_and_then_nothing_may_be_all_there_is():
    seen = observed(*LINES[:5], type=TEXT, ending=Ending.SECONDS, every=0.001)
    seen.alone.seconds = 20.0
    assert said_of(seen) == {}


def test_headers_and_then_nothing():
    seen = observed(type=TEXT, ending=Ending.SECONDS)
    seen.alone.headers_at, seen.alone.seconds = 0.1, 7.1
    assert said_of(seen) == {"advice-stalled": "headers at 0.100 s, then nothing for 7.0 s"}
    seen.alone.seconds = 4.0
    assert said_of(seen) == {}
