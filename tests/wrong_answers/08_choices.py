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


# %% a part, but with 200 => answered with status 200, expected: 206
import asyncio
import re
from pathlib import Path

from fastapi import Request, Response
from fastapi.responses import StreamingResponse
from sse_starlette import EventSourceResponse

EPISODE = Path(asyncio.__file__)


async def bids():
    for price in (10, 20, 30):
        await asyncio.sleep(0.2)
        yield str(price)


async def podcast(request: Request):
    whole = EPISODE.read_bytes()
    asked = re.match(r"bytes=(\d+)-(\d*)", request.headers.get("range", ""))
    if asked:
        whole = whole[int(asked[1]) : int(asked[2] or len(whole)) + 1]
    return Response(whole)


async def archive():
    return StreamingResponse(f"{bid}\n" async for bid in bids())


async def auction():
    return EventSourceResponse({"event": "bid", "data": bid} async for bid in bids())


choices = {"podcast": podcast, "archive": archive, "auction": auction}


# %% 206, but no Content-Range => Content-Range: none
import asyncio
import re
from pathlib import Path

from fastapi import Request, Response
from fastapi.responses import StreamingResponse
from sse_starlette import EventSourceResponse

EPISODE = Path(asyncio.__file__)


async def bids():
    for price in (10, 20, 30):
        await asyncio.sleep(0.2)
        yield str(price)


async def podcast(request: Request):
    whole = EPISODE.read_bytes()
    asked = re.match(r"bytes=(\d+)-(\d*)", request.headers.get("range", ""))
    if not asked:
        return Response(whole)
    return Response(whole[int(asked[1]) : int(asked[2] or len(whole)) + 1], 206)


async def archive():
    return StreamingResponse(f"{bid}\n" async for bid in bids())


async def auction():
    return EventSourceResponse({"event": "bid", "data": bid} async for bid in bids())


choices = {"podcast": podcast, "archive": archive, "auction": auction}


# %% a part of one byte less => Content-Range
import asyncio
import re
from pathlib import Path

from fastapi import Request, Response
from fastapi.responses import StreamingResponse
from sse_starlette import EventSourceResponse

EPISODE = Path(asyncio.__file__)


async def bids():
    for price in (10, 20, 30):
        await asyncio.sleep(0.2)
        yield str(price)


async def podcast(request: Request):
    whole = EPISODE.read_bytes()
    asked = re.match(r"bytes=(\d+)-(\d*)", request.headers.get("range", ""))
    if not asked:
        return Response(whole)
    start, end = int(asked[1]), int(asked[2] or len(whole) - 1)
    headers = {"Content-Range": f"bytes {start}-{end}/{len(whole)}"}
    return Response(whole[start:end], 206, headers)


async def archive():
    return StreamingResponse(f"{bid}\n" async for bid in bids())


async def auction():
    return EventSourceResponse({"event": "bid", "data": bid} async for bid in bids())


choices = {"podcast": podcast, "archive": archive, "auction": auction}


# %% the archive is labelled as events => /archive sends events
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
    return StreamingResponse((f"{bid}\n" async for bid in bids()), media_type="text/event-stream")


async def auction():
    return EventSourceResponse({"event": "bid", "data": bid} async for bid in bids())


choices = {"podcast": podcast, "archive": archive, "auction": auction}


# %% the archive holds frames => /archive sends events
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
    return StreamingResponse(f"data: {bid}\n\n" async for bid in bids())


async def auction():
    return EventSourceResponse({"event": "bid", "data": bid} async for bid in bids())


choices = {"podcast": podcast, "archive": archive, "auction": auction}


# %% the archive is one line => a line a bid
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
    return StreamingResponse(bid async for bid in bids())


async def auction():
    return EventSourceResponse({"event": "bid", "data": bid} async for bid in bids())


choices = {"podcast": podcast, "archive": archive, "auction": auction}


# %% an empty line after each bid => a line a bid
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
    return StreamingResponse(f"{bid}\n\n" async for bid in bids())


async def auction():
    return EventSourceResponse({"event": "bid", "data": bid} async for bid in bids())


choices = {"podcast": podcast, "archive": archive, "auction": auction}


# %% the page hears of bids at the end => /auction waits for the last bid
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
    events = [{"event": "bid", "data": bid} async for bid in bids()]
    return EventSourceResponse(iter(events))


choices = {"podcast": podcast, "archive": archive, "auction": auction}


# %% the last bid alone => expected: three events named bid
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
        async for bid in bids():
            pass
        yield {"event": "bid", "data": bid}

    return EventSourceResponse(events())


choices = {"podcast": podcast, "archive": archive, "auction": auction}


# %% the page gets each bid with the next one => two bids at once
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
        last = None
        async for bid in bids():
            if last:
                yield {"event": "bid", "data": last}
            last = bid
        yield {"event": "bid", "data": last}

    return EventSourceResponse(events())


choices = {"podcast": podcast, "archive": archive, "auction": auction}


# %% called, not named => names no function
import asyncio
from pathlib import Path

from fastapi.responses import FileResponse, StreamingResponse
from sse_starlette import EventSourceResponse

EPISODE = Path(asyncio.__file__)


async def bids():
    for price in (10, 20, 30):
        await asyncio.sleep(0.2)
        yield str(price)


def podcast():
    return FileResponse(EPISODE)


async def archive():
    return StreamingResponse(f"{bid}\n" async for bid in bids())


async def auction():
    return EventSourceResponse({"event": "bid", "data": bid} async for bid in bids())


choices = {"podcast": podcast(), "archive": archive, "auction": auction}


# %% an error on the way => The server says: RuntimeError: no bids today
import asyncio
from pathlib import Path

from fastapi.responses import FileResponse, StreamingResponse
from sse_starlette import EventSourceResponse

EPISODE = Path(asyncio.__file__)


async def bids():
    yield "10"
    raise RuntimeError("no bids today")


async def podcast():
    return FileResponse(EPISODE)


async def archive():
    return StreamingResponse(f"{bid}\n" async for bid in bids())


async def auction():
    return EventSourceResponse({"event": "bid", "data": bid} async for bid in bids())


choices = {"podcast": podcast, "archive": archive, "auction": auction}
# %% asyncio.sleep is not awaited => Without `await`
import asyncio
from pathlib import Path

from fastapi.responses import FileResponse, StreamingResponse
from sse_starlette import EventSourceResponse

EPISODE = Path(asyncio.__file__)


async def bids():
    for price in (10, 20, 30):
        asyncio.sleep(0.2)
        yield str(price)


async def podcast():
    return FileResponse(EPISODE)


async def archive():
    return StreamingResponse(lines())


async def auction():
    return EventSourceResponse({"event": "bid", "data": bid} async for bid in bids())


choices = {"podcast": podcast, "archive": archive, "auction": auction}


async def lines():
    async for bid in bids():
        yield f"{bid}\n"


# %% a plain loop over an async generator => Loop over it by `async for`
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
    return StreamingResponse(lines())


async def auction():
    return EventSourceResponse({"event": "bid", "data": bid} async for bid in bids())


choices = {"podcast": podcast, "archive": archive, "auction": auction}


async def lines():
    for bid in bids():
        yield f"{bid}\n"


# %% one generator for all clients, made once => two clients asked at once
import asyncio
from pathlib import Path

from fastapi.responses import FileResponse, StreamingResponse
from sse_starlette import EventSourceResponse

EPISODE = Path(asyncio.__file__)  # any file on disk will do


async def bids():
    for price in (10, 20, 30):
        await asyncio.sleep(0.2)
        yield str(price)


LINES = (f"{bid}\n" async for bid in bids())
EVENTS = ({"event": "bid", "data": bid} async for bid in bids())


async def podcast():
    return FileResponse(EPISODE)


async def archive():
    return StreamingResponse(LINES, media_type="text/plain")


async def auction():
    return EventSourceResponse(EVENTS)


choices = {"podcast": podcast, "archive": archive, "auction": auction}
