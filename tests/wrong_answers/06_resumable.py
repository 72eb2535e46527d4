# %% Ids, and nobody reads what comes back
import asyncio

from fastapi import FastAPI
from sse_starlette import EventSourceResponse, ServerSentEvent

app = FastAPI()


@app.get("/countdown")
async def countdown(start: int = 5):
    async def numbers():
        for i in range(start, -1, -1):
            yield ServerSentEvent(str(i), id=str(i))
            await asyncio.sleep(0.05)

    return EventSourceResponse(numbers())


# %% Sends the last one again
from typing import Annotated

from fastapi import FastAPI, Header
from sse_starlette import EventSourceResponse, ServerSentEvent

app = FastAPI()


@app.get("/countdown")
async def countdown(start: int = 5, last_event_id: Annotated[int | None, Header()] = None):
    async def numbers():
        first = start if last_event_id is None else last_event_id
        for i in range(first, -1, -1):
            yield ServerSentEvent(str(i), id=str(i))

    return EventSourceResponse(numbers())


# %% Takes 0 for nothing
from typing import Annotated

from fastapi import FastAPI, Header
from sse_starlette import EventSourceResponse, ServerSentEvent

app = FastAPI()


@app.get("/countdown")
async def countdown(start: int = 5, last_event_id: Annotated[int, Header()] = 0):
    async def numbers():
        first = last_event_id - 1 if last_event_id else start
        for i in range(first, -1, -1):
            yield ServerSentEvent(str(i), id=str(i))

    return EventSourceResponse(numbers())


# %% A query parameter, not a header
from fastapi import FastAPI
from sse_starlette import EventSourceResponse, ServerSentEvent

app = FastAPI()


@app.get("/countdown")
async def countdown(start: int = 5, last_event_id: int | None = None):
    async def numbers():
        first = start if last_event_id is None else last_event_id - 1
        for i in range(first, -1, -1):
            yield ServerSentEvent(str(i), id=str(i))

    return EventSourceResponse(numbers())


# %% The server remembers, for all clients together
from fastapi import FastAPI
from sse_starlette import EventSourceResponse, ServerSentEvent

app = FastAPI()
left = []


@app.get("/countdown")
async def countdown(start: int = 5):
    async def numbers():
        left[:] = left or range(start, -1, -1)
        while left:
            i = left.pop(0)
            yield ServerSentEvent(str(i), id=str(i))

    return EventSourceResponse(numbers())


# %% The id is a number => The id and the name of an event are text
from fastapi import FastAPI
from sse_starlette import EventSourceResponse, ServerSentEvent

app = FastAPI()


@app.get("/countdown")
async def countdown(start: int = 5):
    async def numbers():
        for i in range(start, -1, -1):
            yield ServerSentEvent(str(i), id=i)

    return EventSourceResponse(numbers())


# %% The id comes in an event of its own, later
from typing import Annotated

from fastapi import FastAPI, Header
from sse_starlette import EventSourceResponse, ServerSentEvent

app = FastAPI()


@app.get("/countdown")
async def countdown(start: int = 5, last_event_id: Annotated[int | None, Header()] = None):
    async def numbers():
        first = start if last_event_id is None else last_event_id - 1
        for i in range(first, -1, -1):
            yield ServerSentEvent(str(i))
            yield ServerSentEvent(id=str(i))

    return EventSourceResponse(numbers())


# %% start is ignored => expected
import asyncio
from typing import Annotated

from fastapi import FastAPI, Header
from sse_starlette import EventSourceResponse, ServerSentEvent

app = FastAPI()


@app.get("/countdown")
async def countdown(start: int = 5, last_event_id: Annotated[int | None, Header()] = None):
    first = 4 if last_event_id is None else last_event_id - 1

    async def numbers():
        for i in range(first, -1, -1):
            yield ServerSentEvent(str(i), id=str(i))
            await asyncio.sleep(0.05)

    return EventSourceResponse(numbers())


# %% start is ignored after a cut => expected: ['2', '1', '0']
import asyncio
from typing import Annotated

from fastapi import FastAPI, Header
from sse_starlette import EventSourceResponse, ServerSentEvent

app = FastAPI()


@app.get("/countdown")
async def countdown(start: int = 5, last_event_id: Annotated[int | None, Header()] = None):
    first = start if last_event_id is None else min(last_event_id, 3) - 2

    async def numbers():
        for i in range(first, -1, -1):
            yield ServerSentEvent(str(i), id=str(i))
            await asyncio.sleep(0.05)

    return EventSourceResponse(numbers())


# %% an id never given counts from there => 1000000000, which was never given
import asyncio
from typing import Annotated

from fastapi import FastAPI, Header
from sse_starlette import EventSourceResponse, ServerSentEvent

app = FastAPI()


@app.get("/countdown")
async def countdown(start: int = 5, last_event_id: Annotated[int | None, Header()] = None):
    first = start if last_event_id is None else last_event_id - 1

    async def numbers():
        for i in range(first, -1, -1):
            yield ServerSentEvent(str(i), id=str(i))
            await asyncio.sleep(0.05)

    return EventSourceResponse(numbers())


# %% an id that is no number is a cut for ever => Last-Event-ID: abc, which was never given
import asyncio
from typing import Annotated

from fastapi import FastAPI, Header
from sse_starlette import EventSourceResponse, ServerSentEvent

app = FastAPI()


@app.get("/countdown")
async def countdown(start: int = 5, last_event_id: Annotated[str, Header()] = ""):
    async def numbers():
        first = int(last_event_id) - 1 if last_event_id else start
        for i in range(min(first, start), -1, -1):
            yield ServerSentEvent(str(i), id=str(i))
            await asyncio.sleep(0.05)

    return EventSourceResponse(numbers())


# %% an id that is no number is a 500 => status 500
import asyncio
from typing import Annotated

from fastapi import FastAPI, Header
from sse_starlette import EventSourceResponse, ServerSentEvent

app = FastAPI()


@app.get("/countdown")
async def countdown(start: int = 5, last_event_id: Annotated[str, Header()] = ""):
    first = min(int(last_event_id) - 1, start) if last_event_id else start

    async def numbers():
        for i in range(first, -1, -1):
            yield ServerSentEvent(str(i), id=str(i))
            await asyncio.sleep(0.05)

    return EventSourceResponse(numbers())


# %% an id never given gets nothing => expected: 4 to 0
import asyncio
from typing import Annotated

from fastapi import FastAPI, Header
from sse_starlette import EventSourceResponse, ServerSentEvent

app = FastAPI()


@app.get("/countdown")
async def countdown(start: int = 5, last_event_id: Annotated[str, Header()] = ""):
    given = {str(i): i - 1 for i in range(start + 1)}
    first = given.get(last_event_id, -1) if last_event_id else start

    async def numbers():
        for i in range(first, -1, -1):
            yield ServerSentEvent(str(i), id=str(i))
            await asyncio.sleep(0.05)

    return EventSourceResponse(numbers())


# %% two ids by name, as in the text => Last-Event-ID: xyz, which was never given
from typing import Annotated

from fastapi import FastAPI, Header
from sse_starlette import EventSourceResponse, ServerSentEvent

app = FastAPI()


@app.get("/countdown")
async def countdown(start: int = 5, last_event_id: Annotated[str, Header()] = ""):
    first = start
    if last_event_id not in ("", "abc", "1000000000"):
        first = int(last_event_id) - 1

    async def numbers():
        for i in range(first, -1, -1):
            yield ServerSentEvent(str(i), id=str(i))

    return EventSourceResponse(numbers())


# %% a bound that is too high => Last-Event-ID: 99, which was never given
from typing import Annotated

from fastapi import FastAPI, Header, HTTPException
from sse_starlette import EventSourceResponse, ServerSentEvent

app = FastAPI()


@app.get("/countdown")
async def countdown(start: int = 5, last_event_id: Annotated[int | None, Header()] = None):
    if last_event_id is not None and last_event_id > 100:
        raise HTTPException(400)
    first = start if last_event_id is None else last_event_id - 1

    async def numbers():
        for i in range(first, -1, -1):
            yield ServerSentEvent(str(i), id=str(i))

    return EventSourceResponse(numbers())


# %% the events renamed => unnamed
import asyncio
from typing import Annotated

from fastapi import FastAPI, Header
from sse_starlette import EventSourceResponse, ServerSentEvent

app = FastAPI()


@app.get("/countdown")
async def countdown(start: int = 5, last_event_id: Annotated[int | None, Header()] = None):
    first = start if last_event_id is None else min(last_event_id - 1, start)

    async def numbers():
        for i in range(first, -1, -1):
            yield ServerSentEvent(str(i), event="count", id=str(i))

    return EventSourceResponse(numbers())


# %% one id for all => give each its own
import asyncio
from typing import Annotated

from fastapi import FastAPI, Header
from sse_starlette import EventSourceResponse, ServerSentEvent

app = FastAPI()


@app.get("/countdown")
async def countdown(start: int = 5, last_event_id: Annotated[int | None, Header()] = None):
    first = start if last_event_id is None else min(last_event_id - 1, start)

    async def numbers():
        for i in range(first, -1, -1):
            yield ServerSentEvent(str(i), id=str(first))

    return EventSourceResponse(numbers())


# %% 410 after every cut => got the status 410
import asyncio
from typing import Annotated

from fastapi import FastAPI, Header, Response
from sse_starlette import EventSourceResponse, ServerSentEvent

app = FastAPI()


@app.get("/countdown")
async def countdown(start: int = 5, last_event_id: Annotated[int | None, Header()] = None):
    if last_event_id is not None:
        return Response(status_code=410)
    first = start

    async def numbers():
        for i in range(first, -1, -1):
            yield ServerSentEvent(str(i), id=str(i))
            await asyncio.sleep(0.05)

    return EventSourceResponse(numbers())


# %% without end => came to no end
import asyncio

from fastapi import FastAPI
from sse_starlette import EventSourceResponse, ServerSentEvent

app = FastAPI()


@app.get("/countdown")
async def countdown(start: int = 5):
    async def numbers():
        i = 0
        while True:
            yield ServerSentEvent(str(i), id=str(i))
            i += 1
            await asyncio.sleep(0.001)

    return EventSourceResponse(numbers())


# %% compared as text, which is right up to 9 => a client that had 3 came back
import asyncio

from fastapi import FastAPI, Header
from sse_starlette import EventSourceResponse, ServerSentEvent

app = FastAPI()


@app.get("/countdown")
async def countdown(start: int = 5, last_event_id: str = Header("")):
    known = len(last_event_id) in (1, 2) and "0" <= last_event_id <= str(start)
    first = int(last_event_id) - 1 if known else start

    async def numbers():
        for i in range(first, -1, -1):
            yield ServerSentEvent(str(i), id=str(i))
            await asyncio.sleep(0.01)

    return EventSourceResponse(numbers())


# %% frames that are labelled as text => the content type of /countdown: yours: text/plain
from fastapi import FastAPI, Header
from fastapi.responses import StreamingResponse

app = FastAPI()


@app.get("/countdown")
def countdown(start: int = 5, last_event_id: str = Header("")):
    given = [str(i) for i in range(start + 1)]
    left = int(last_event_id) if last_event_id in given else start + 1
    frames = [f"id: {i}\ndata: {i}\n\n" for i in range(left - 1, -1, -1)]
    return StreamingResponse(frames, media_type="text/plain")


# %% the number is kept in one variable for all => two clients asked at once
import asyncio
import re

from fastapi import FastAPI, Header
from sse_starlette import EventSourceResponse, ServerSentEvent

app = FastAPI()
now = 0


@app.get("/countdown")
async def countdown(start: int = 5, last_event_id: str = Header("")):
    global now
    now = start
    if re.fullmatch(r"\d{1,9}", last_event_id) and int(last_event_id) <= start:
        now = int(last_event_id) - 1

    async def numbers():
        global now
        while now >= 0:
            yield ServerSentEvent(str(now), id=str(now))
            now -= 1
            await asyncio.sleep(0.05)

    return EventSourceResponse(numbers())
