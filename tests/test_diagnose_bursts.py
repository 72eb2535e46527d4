"""diagnose: bursts."""

import asyncio
import json
import time

from fastapi.responses import StreamingResponse
from services import DONE, SSE, TEXT, UNCACHED, healthy, named, paced, text


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
    pieces = paced(*[f"data: {i}\n\n" for i in range(23)], every=0.1)
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


@named("bursts")
async def test_released_by_a_clock():
    async def body():
        start, left = time.monotonic(), []
        async for piece in paced(*[f"data: {i}\n\n" for i in range(22)], every=0.17, first=0.17):
            left.append(piece)
            if time.monotonic() - start > 0.6:
                yield "".join(left)
                left.clear()
                start = time.monotonic()
        yield "".join(left)

    return StreamingResponse(body(), media_type=SSE)


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
