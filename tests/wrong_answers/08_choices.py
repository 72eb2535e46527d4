# %% The usual advice: a file by StreamingResponse
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
    return StreamingResponse(iter([EPISODE.read_bytes()]))


async def archive():
    return StreamingResponse(f"{bid}\n" async for bid in bids())


async def auction():
    return EventSourceResponse({"event": "bid", "data": bid} async for bid in bids())


choices = {"podcast": podcast, "archive": archive, "auction": auction}
# %% Everything by events
import asyncio
from pathlib import Path

from fastapi.responses import FileResponse
from sse_starlette import EventSourceResponse

EPISODE = Path(asyncio.__file__)


async def bids():
    for price in (10, 20, 30):
        await asyncio.sleep(0.2)
        yield str(price)


async def podcast():
    return FileResponse(EPISODE)


async def archive():
    return EventSourceResponse(bids())


async def auction():
    return EventSourceResponse({"event": "bid", "data": bid} async for bid in bids())


choices = {"podcast": podcast, "archive": archive, "auction": auction}
# %% The archive collects first
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
    return StreamingResponse([f"{bid}\n" async for bid in bids()])


async def auction():
    return EventSourceResponse({"event": "bid", "data": bid} async for bid in bids())


choices = {"podcast": podcast, "archive": archive, "auction": auction}
# %% The page gets lines
import asyncio
from pathlib import Path

from fastapi.responses import FileResponse, StreamingResponse

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
    return StreamingResponse(f"bid {bid}\n" async for bid in bids())


choices = {"podcast": podcast, "archive": archive, "auction": auction}
# %% The page gets events without a name
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
    return EventSourceResponse(bids())


choices = {"podcast": podcast, "archive": archive, "auction": auction}
# %% The names of classes
from fastapi.responses import FileResponse, StreamingResponse
from sse_starlette import EventSourceResponse

choices = {
    "podcast": FileResponse,
    "archive": StreamingResponse,
    "auction": EventSourceResponse,
}
