"""diagnose: what comes several at a time."""

import asyncio
import json
import random

import pytest
from fastapi.responses import StreamingResponse
from services import (
    DONE,
    SSE,
    TEXT,
    UNCACHED,
    healthy,
    named,
    observed,
    paced,
    said_of,
    text,
)

from labserver.diagnosis.observation import Pair
from labserver.diagnosis.rules.bursts import bursts
from labserver.recording import RecordedEvent


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


@named("advice-bursts")
async def test_bursts_of_more_than_1_kib():
    async def body():
        for i in range(5):
            await asyncio.sleep(0.5)
            yield "".join(f"line {j} of part {i} {'x' * 40}\n" for j in range(60))

    return StreamingResponse(body(), media_type=TEXT)


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
        ([(1.7, 5), (3.6, 5), (9.1, 1)], "advice-bursts"),  # the rest as the connection ended
        ([(4.0, 16), (6.0, 8)], "bursts"),  # one full, and half of one at the end
        ([(4.0, 16), (5.0, 8)], "advice-bursts"),
        ([(0.0, 5), (0.5, 5), (1.0, 5), (1.5, 5), (2.0, 5)], None),  # at once, so not collected
        ([(0.4, 2), (0.9, 2), (1.4, 2), (1.9, 2), (2.2, 1)], None),
    ],
)
def test_what_is_collected_comes_sooner_where_it_is_less(bursts, code, late):
    first, *rest = bursts
    found = {*said_of(in_bursts(first, *[(at + late, number) for at, number in rest]))}
    assert found & {"bursts", "advice-bursts"} == ({code} if code else set())


def test_random_batches_are_no_fault():
    """Fewer sometimes come sooner by chance; so may a first batch, but not at each request."""
    pick = random.Random(1)
    for _ in range(200):
        feed = batches(pick)
        seen = in_bursts(*feed)
        seen.pair = Pair([in_bursts(*later(feed, pick)).alone for _ in range(2)])
        seen.encoded = in_bursts(*later(feed, pick)).alone
        assert not bursts.evidence(seen), feed


def batches(pick):
    """A feed that sends what it finds: as it comes, or at a clock's pace."""
    mean, period = pick.choice([3, 4, 6, 9, 15]), pick.choice([0.5, 1.0, 2.0])
    at, feed, steady = period * pick.random(), [], pick.random() < 0.5
    while len(feed) < 9:
        feed.append((at, pick.choice([pick.randint(1, 2 * mean), pick.randint(mean, mean + 1)])))
        at += period if steady else pick.expovariate(1 / period)
    return feed


def later(feed, pick):
    """The same feed, asked at another moment."""
    start = pick.uniform(0, feed[4][0])
    return [(at - start, number) for at, number in feed if at > start][:3]


def test_what_a_buffer_of_four_collects_begins_so_at_each_request():
    feed = [(0.75 + i, 4) for i in range(6)]
    seen = in_bursts(*feed)
    for starts, fault in (([0.75, 0.7], True), ([0.75, 0.1], False), ([0.2, 1.0], False)):
        seen.pair = Pair([in_bursts((at, 4), (at + 1, 4)).alone for at in starts])
        assert ("bursts" in said_of(seen)) == fault
