# %% bids as JSON, in lines and in events
import asyncio
import json
from pathlib import Path

from fastapi.responses import FileResponse, StreamingResponse
from sse_starlette import EventSourceResponse

EPISODE = Path(asyncio.__file__)


async def bids():
    for price in (10, 20, 30):
        await asyncio.sleep(0.2)
        yield str(price)


async def podcast():
    return FileResponse(EPISODE)


async def archive():
    lines = (json.dumps({"price": int(bid)}) + "\n" async for bid in bids())
    return StreamingResponse(lines, media_type="application/jsonl")


async def auction():
    async def events():
        async for bid in bids():
            yield {"event": "bid", "data": json.dumps({"price": int(bid)})}

    return EventSourceResponse(events())


choices = {"podcast": podcast, "archive": archive, "auction": auction}


# %% CR LF, an end event, and a large file
import asyncio
import tempfile
from pathlib import Path

from fastapi.responses import FileResponse, StreamingResponse
from sse_starlette import EventSourceResponse, ServerSentEvent

folder = tempfile.TemporaryDirectory()
EPISODE = Path(folder.name, "episode.mp3")
EPISODE.write_bytes(bytes(range(256)) * 20_000)


async def bids():
    for price in (10, 20, 30):
        await asyncio.sleep(0.2)
        yield str(price)


async def podcast():
    return FileResponse(EPISODE)


async def archive():
    lines = (f"{bid}\r\n" async for bid in bids())
    return StreamingResponse(lines, media_type="text/plain")


async def auction():
    async def events():
        async for bid in bids():
            yield ServerSentEvent(bid, event="bid", id=bid)
        yield ServerSentEvent("over", event="end")

    return EventSourceResponse(events())


choices = {"podcast": podcast, "archive": archive, "auction": auction}


# %% parts of a small file by hand, twenty bytes at most
import asyncio
import re
import tempfile
from pathlib import Path

from fastapi import Request, Response
from fastapi.responses import StreamingResponse
from sse_starlette import EventSourceResponse

folder = tempfile.TemporaryDirectory()
EPISODE = Path(folder.name, "episode.txt")
EPISODE.write_text("a talk about streams, in one short line\n")


async def bids():
    for price in (10, 20, 30):
        await asyncio.sleep(0.2)
        yield str(price)


async def podcast(request: Request):
    whole = EPISODE.read_bytes()
    asked = re.match(r"bytes=(\d+)-(\d*)", request.headers.get("range", ""))
    if not asked:
        return Response(whole, headers={"Accept-Ranges": "bytes"})
    start, end = int(asked[1]), int(asked[2] or len(whole) - 1)
    end = min(end, start + 19)
    headers = {"Content-Range": f"bytes {start}-{end}/{len(whole)}"}
    return Response(whole[start : end + 1], 206, headers)


async def archive():
    return StreamingResponse(f"{bid}\n" async for bid in bids())


async def auction():
    return EventSourceResponse({"event": "bid", "data": bid} async for bid in bids())


choices = {"podcast": podcast, "archive": archive, "auction": auction}


# %% frames by hand, and plain functions
import asyncio
from pathlib import Path

from fastapi.responses import FileResponse, StreamingResponse

EPISODE = Path(asyncio.__file__)


async def bids():
    for price in (10, 20, 30):
        await asyncio.sleep(0.2)
        yield str(price)


def podcast():
    return FileResponse(str(EPISODE), media_type="audio/mpeg", filename="episode.mp3")


def archive():
    async def lines():
        async for bid in bids():
            yield f"a bid of {bid} EUR\n".encode()

    return StreamingResponse(lines())


def auction():
    async def frames():
        async for bid in bids():
            yield f"event: bid\ndata: {bid}\n\n"

    return StreamingResponse(frames(), media_type="text/event-stream")


choices = {"podcast": podcast, "archive": archive, "auction": auction}


# %% the archive is a route that yields, and prints
import asyncio
from pathlib import Path

from fastapi.responses import FileResponse, StreamingResponse
from sse_starlette import EventSourceResponse

EPISODE = Path(asyncio.__file__)


async def bids():
    for price in (10, 20, 30):
        await asyncio.sleep(0.2)
        yield str(price)


async def podcast():
    return FileResponse(EPISODE)


async def archive():
    async for bid in bids():
        print(bid)
        yield bid


async def auction():
    return EventSourceResponse({"event": "bid", "data": bid} async for bid in bids())


choices = {"podcast": podcast, "archive": archive, "auction": auction}


# %% a greeting event before the bids, in a comment and with a name
import asyncio
from pathlib import Path

from fastapi.responses import FileResponse, StreamingResponse
from sse_starlette import EventSourceResponse

EPISODE = Path(asyncio.__file__)


async def bids():
    for price in (10, 20, 30):
        await asyncio.sleep(0.2)
        yield str(price)


async def podcast():
    return FileResponse(EPISODE)


async def archive():
    return StreamingResponse(f"{bid}\n" async for bid in bids())


async def auction():
    async def events():
        yield {"comment": "welcome"}
        yield {"event": "hello", "data": "three bids"}
        async for bid in bids():
            yield {"event": "bid", "data": f"{bid}.00"}

    return EventSourceResponse(events())


choices = {"podcast": podcast, "archive": archive, "auction": auction}


# %% a blocking wait in async def => another request
import asyncio
import time
from pathlib import Path

from fastapi.responses import FileResponse, StreamingResponse
from sse_starlette import EventSourceResponse

EPISODE = Path(asyncio.__file__)


async def bids():
    for price in (10, 20, 30):
        await asyncio.sleep(0.2)
        yield str(price)


async def podcast():
    return FileResponse(EPISODE)


async def archive():
    return StreamingResponse(f"{bid}\n" async for bid in bids())


async def auction():
    async def events():
        for price in (10, 20, 30):
            time.sleep(0.2)
            yield {"event": "bid", "data": str(price)}

    return EventSourceResponse(events())


choices = {"podcast": podcast, "archive": archive, "auction": auction}
