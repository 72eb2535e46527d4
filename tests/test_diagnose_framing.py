"""diagnose: framing."""

import asyncio
import json

from services import named
from sse_starlette import EventSourceResponse


@named("framed-twice")
async def test_formatted_and_then_framed():
    async def events():
        for i in range(4):
            yield f"data: {i}\n\n"
            await asyncio.sleep(0.1)

    return EventSourceResponse(events())


@named("framed-twice")
async def test_keep_alive_framed_again():
    async def events():
        for i in range(6):
            yield ": keep-alive\n\n" if i % 3 == 1 else {"data": json.dumps({"n": i})}
            await asyncio.sleep(0.1)

    return EventSourceResponse(events())
