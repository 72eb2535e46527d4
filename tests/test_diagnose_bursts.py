"""diagnose: what is held back until stop has come."""

import asyncio
import json
import time
from contextlib import contextmanager

import pytest
from fastapi.responses import StreamingResponse
from services import (
    DONE,
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
    through,
)

from labserver.diagnosis.stopping import StopAfter
from labserver.recording import Chunk, RecordedEvent


async def by_fives(pieces):
    collected = []
    async for piece in pieces:
        collected.append(piece)
        if len(collected) == 5:
            yield "".join(collected)
            collected.clear()
    yield "".join(collected)


@named("bursts")
async def test_proxy_that_lets_fives_through():
    pieces = paced(*[f"data: {i}\n\n" for i in range(23)], every=0.3)
    return StreamingResponse(by_fives(pieces), media_type=SSE)


@named("advice-bursts")
async def test_buffer_of_five_lines():
    pieces = paced(*[f"Chunk {i}\n" for i in range(18)], every=0.1)
    return StreamingResponse(by_fives(pieces), media_type=TEXT)


@named("bursts")
async def test_buffer_of_a_size():
    async def body():
        left = ""
        async for piece in paced(*[f"line {i} of a log\n" for i in range(60)], every=0.05):
            left += piece
            while len(left) >= 128:
                yield left[:128]
                left = left[128:]
        yield left

    return StreamingResponse(body(), media_type=TEXT)


@healthy
async def test_batches_of_json_lines():
    rows = [json.dumps({"n": n}) for n in range(24)]
    batches = ["\n".join(rows[i : i + 4]) for i in range(0, 24, 4)]
    pieces = [batches[0], *[f"\n{batch}" for batch in batches[1:]]]
    return text(*pieces, media_type="application/x-ndjson", every=0.4)


@healthy
async def test_batches():
    rows = ["".join(f"{i},{j}\n" for j in range(40)) for i in range(6)]
    return text(*rows, every=0.5, media_type="text/csv")


@healthy
async def test_batches_after_a_wait():
    async def body():
        for i in range(6):
            await asyncio.sleep(0.5)
            yield "".join(json.dumps({"n": j}) + "\n" for j in range(40 if i < 5 else 13))

    return StreamingResponse(body(), media_type="application/x-ndjson")


@healthy
async def test_events_in_rows():
    async def body():
        for i in range(4):
            await asyncio.sleep(0.5)
            for j in range(5):
                yield f"data: {i} {j}\n\n"
        yield DONE

    return StreamingResponse(body(), media_type=SSE, headers=UNCACHED)


def counting(size):
    """What a proxy does that passes bytes on once there are so many."""

    def forward(answer, send):
        held = b""
        for data in answer:
            held += data
            while len(held) >= size:
                send(held[:size])
                held = held[size:]
        send(held)

    return forward


@contextmanager
def behind(size, route):
    with routed(route) as url, through(url, counting(size)) as proxied:
        yield proxied


@named("bursts")
def test_a_buffer_of_4_kib_below_http():
    events = [f"data: {i} {'x' * (90 + i % 13)}\n\n" for i in range(300)]
    return behind(4096, lambda: sse(*events, DONE, every=0.01))


@named("bursts")
def test_a_buffer_of_8_kib_below_http():
    rows = [f"{i} {'x' * (190 + i % 13)}\n" for i in range(400)]
    return behind(8192, lambda: text(*rows, every=0.01))


@named("bursts")
def test_a_slow_buffer_is_watched_for_two_periods():
    events = [f"data: {i} {'x' * (200 + i % 7)}\n\n" for i in range(1000)]
    return behind(8192, lambda: sse(*events, every=0.1))


@named("bursts")
def test_a_buffer_of_4_kib_without_chunks():
    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Type", "application/x-ndjson")
        self.end_headers()
        for i in range(300):
            self.wfile.write(json.dumps({"n": i, "x": "x" * (90 + i % 13)}).encode() + b"\n")
            time.sleep(0.01)

    @contextmanager
    def make():
        with (
            handler(do_GET, version="HTTP/1.0") as url,
            through(url, counting(4096)) as proxied,
        ):
            yield proxied

    return make()


@named("advice-bursts")
async def test_bursts_of_more_than_1_kib():
    async def body():
        for i in range(5):
            await asyncio.sleep(0.5)
            yield "".join(f"line {j} of part {i} {'x' * 40}\n" for j in range(60))

    return StreamingResponse(body(), media_type=TEXT)


@healthy
async def test_tokens_that_end_anywhere():
    """Pieces of lines, several at a time: it is the lines that are long, not a buffer."""

    async def body():
        for i in range(6):
            for word in f"it goes on and on, part {i}, word by word\n and ".split(" "):
                yield word + " "
            await asyncio.sleep(0.5)

    return StreamingResponse(body(), media_type=TEXT, headers=NOSNIFF)


def test_what_comes_in_bursts_is_watched_for_two_periods():
    stop = StopAfter(10, seconds=8.0, pauses=3)
    moments = [9.0] * 12 + [18.0] * 12 + [27.0]
    assert [stop.chunk(Chunk(at, 1, b"x")) for at in moments] == [False] * 24 + [True]


def test_a_pause_that_does_not_come_again_is_waited_for_twice_as_long():
    stop = StopAfter(10, seconds=8.0, pauses=3)
    moments = [i / 10 for i in range(70)] + [8.0 + i / 10 for i in range(30)]
    said = [stop.chunk(Chunk(at, 1, b"x")) for at in moments]
    assert moments[said.index(True)] == pytest.approx(8.0 + 2 * 1.1)


def test_a_steady_stream_is_left_after_eight_seconds():
    stop = StopAfter(10, seconds=8.0, pauses=3)
    moments = [i / 10 for i in range(200)]
    said = [stop.chunk(Chunk(at, 1, b"x")) for at in moments]
    assert moments[said.index(True)] == 8.0


def in_bursts(*bursts):
    """Events that came so many at a time: pairs of a moment and a number."""
    pieces = ["data: x\n\n" * number for _, number in bursts]
    seen = observed(*pieces)
    moments = [moment for moment, _ in bursts]
    chunks = zip(seen.alone.chunks, moments, strict=True)
    seen.alone.chunks = [chunk._replace(at=at) for chunk, at in chunks]
    seen.alone.events = []
    for chunk, (at, number) in zip(seen.alone.chunks, bursts, strict=True):
        assert chunk.at == at
        seen.alone.events += [RecordedEvent(at, "message", "x", "")] * number
    seen.alone.headers_at, seen.alone.seconds = 0.0, moments[-1]
    return seen


@pytest.mark.parametrize("late", [0.0, 0.03, -0.03])
@pytest.mark.parametrize(
    ("bursts", "code"),
    [
        ([(0.4, 5), (0.9, 5), (1.4, 5), (1.9, 5), (2.2, 3)], "bursts"),  # by number
        ([(0.68, 4), (1.36, 4), (2.04, 4), (2.72, 4), (3.06, 2)], "bursts"),  # by a clock
        ([(0.5, 5), (1.0, 5), (1.5, 5), (2.0, 5), (2.5, 5)], "advice-bursts"),  # made so?
        ([(0.5, 5), (1.0, 5), (1.5, 5), (2.0, 5), (2.5, 2)], "advice-bursts"),
        ([(0.0, 5), (0.5, 5), (1.0, 5), (1.5, 5), (2.0, 5)], None),  # at once, so not collected
        ([(0.4, 2), (0.9, 2), (1.4, 2), (1.9, 2), (2.2, 1)], None),
    ],
)
def test_what_is_collected_comes_sooner_where_it_is_less(bursts, code, late):
    first, *rest = bursts
    found = {*said_of(in_bursts(first, *[(at + late, number) for at, number in rest]))}
    assert found & {"bursts", "advice-bursts"} == ({code} if code else set())
