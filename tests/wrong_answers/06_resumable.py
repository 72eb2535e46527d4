# Ids, and nobody reads what comes back
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


# %% The id is a number
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
