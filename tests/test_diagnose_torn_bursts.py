"""diagnose: bursts that end in the middle of a line."""

import asyncio
import json
import random
import time
from contextlib import contextmanager

import pytest
from fastapi.responses import StreamingResponse
from services import (
    DONE,
    NOSNIFF,
    SSE,
    TEXT,
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

from labserver.recording import Ending


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


def at_once(size):
    """The same, of one that then passes on all that it has: no line is cut."""

    def forward(answer, send):
        held = b""
        for data in answer:
            held += data
            if len(held) >= size:
                send(held)
                held = b""
        send(held)

    return forward


@contextmanager
def behind(size, route, proxy=counting):
    with routed(route) as url, through(url, proxy(size)) as proxied:
        yield proxied


@named("bursts")
def test_a_buffer_of_4_kib_below_http():
    events = [f"data: {i} {'x' * (90 + i % 13)}\n\n" for i in range(300)]
    return behind(4096, lambda: sse(*events, DONE, every=0.01))


@named("bursts")
def test_a_buffer_of_4_kib_that_is_soon_full():
    events = [f"data: {i} {'x' * (190 + i % 13)}\n\n" for i in range(700)]
    return behind(4096, lambda: sse(*events, DONE, every=0.005))


@named("bursts")
def test_a_buffer_of_8_kib_below_http():
    rows = [f"{i} {'x' * (190 + i % 13)}\n" for i in range(400)]
    return behind(8192, lambda: text(*rows, every=0.01))


@named("bursts")
def test_a_threshold_below_http_in_front_of_events():
    events = [f"data: {i} {'x' * (90 + i % 13)}\n\n" for i in range(200)]
    return behind(2048, lambda: sse(*events, DONE, every=0.03), at_once)


@named("advice-bursts")
def test_a_threshold_below_http_in_front_of_rows():
    rows = [f"{i},{'x' * (90 + i % 13)}\n" for i in range(200)]
    return behind(2048, lambda: text(*rows, every=0.03, media_type="text/csv"), at_once)


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


@healthy
async def test_tokens_that_end_anywhere():
    """Pieces of lines, several at a time: it is the lines that are long, not a buffer."""

    async def body():
        for i in range(6):
            for word in f"it goes on and on, part {i}, word by word\n and ".split(" "):
                yield word + " "
            await asyncio.sleep(0.5)

    return StreamingResponse(body(), media_type=TEXT, headers=NOSNIFF)


@pytest.mark.parametrize(
    ("type", "pause", "code"),
    [
        (SSE, 8.0, "bursts"),
        ("application/x-ndjson", 8.0, "bursts"),
        ("text/csv", 8.0, "bursts"),
        (TEXT, 8.0, None),  # a line may wait for its end: "loading … done"
        (SSE, 0.5, None),  # a machine may be late by so much, once
    ],
)
def test_one_cut_is_enough_where_rows_are_never_written_in_parts(type, pause, code):
    """Of a slow buffer that was seen to fill up once: it is watched on, and nothing comes."""
    seen = observed(*["data: x\n\n"] * 20, "data: to be", type=type, every=0.0001)
    seen.alone.ending, seen.alone.seconds = Ending.SECONDS, seen.last + pause
    seen.alone.chunks = [chunk._replace(at=chunk.at + 1.0) for chunk in seen.alone.chunks]
    seen.alone.seconds += 1.0
    assert ("bursts" in said_of(seen)) == bool(code)


@pytest.mark.parametrize("together", [True, False])
def test_a_line_that_waits_for_its_end_is_no_buffers_doing(together):
    """A build log: "compiling 3 ... " and, when that is done, "ok"."""
    steps = [f"step {i}\ncheck {i}\nread {i}\ncompiling {i} ... " for i in range(6)]
    rest = [step.partition("\n")[2] for step in steps]
    if together:
        pieces, moments = [f"ok\n{step}" for step in steps], range(6)
    else:
        pieces = [line for step in rest for line in ("ok\n", *step.splitlines(keepends=True))]
        moments = [i // 4 + 0.001 * (i % 4) for i in range(24)]
    seen = observed(*pieces, "ok\n", type=TEXT)
    chunks = zip(seen.alone.chunks, [*moments, 6], strict=True)
    seen.alone.chunks = [chunk._replace(at=at) for chunk, at in chunks]
    assert "bursts" not in said_of(seen)
    # The same where a buffer cuts anywhere.
    whole = "".join(pieces)
    cut = observed(*[whole[i : i + 37] for i in range(0, len(whole), 37)], type=TEXT, every=1.0)
    assert "bursts" in said_of(cut)


@pytest.mark.parametrize("type", ["application/octet-stream", "audio/mpeg", "application/msgpack"])
def test_what_is_no_text_has_no_lines_to_cut(type):
    """Of a rate that is limited, by segments of one size, without a NUL."""
    block = bytes(random.Random(1).choices([10, 65, 200, 255], k=1448))
    assert "bursts" not in said_of(observed(*[block] * 9, type=type, every=0.3))
    rows = "".join(f"row {i} of a log\n" for i in range(60))
    pieces = [rows[i : i + 128] for i in range(0, len(rows), 128)]
    assert "bursts" in said_of(observed(*pieces, type=type, every=0.3))  # a text all the same
