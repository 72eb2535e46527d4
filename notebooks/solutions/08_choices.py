import asyncio
from pathlib import Path

from fastapi.responses import FileResponse, StreamingResponse
from sse_starlette import EventSourceResponse

EPISODE = Path(asyncio.__file__)  # any file on disk will do


async def bids():
    for price in (10, 20, 30):
        await asyncio.sleep(0.2)
        yield str(price)


async def podcast():
    # Consumed, from disk, and in parts.
    return FileResponse(EPISODE)


async def archive():
    # Consumed: no bid means anything to the script by itself.
    lines = (f"{bid}\n" async for bid in bids())
    return StreamingResponse(lines, media_type="text/plain")


async def auction():
    # The page reacts to each.
    events = ({"event": "bid", "data": bid} async for bid in bids())
    return EventSourceResponse(events)


choices = {"podcast": podcast, "archive": archive, "auction": auction}
