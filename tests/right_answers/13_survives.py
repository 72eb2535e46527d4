# %% A newcomer begins at the newest line
import asyncio
import os

import valkey.asyncio as valkey
from fastapi import FastAPI, Header
from sse_starlette import EventSourceResponse

app = FastAPI()
STORE = os.environ.get("LABSERVER_STORE", "valkey://127.0.0.1")
store = valkey.from_url(STORE, decode_responses=True)


@app.post("/chat")
async def say(text: str):
    await store.xadd("chat", {"text": text}, maxlen=1000)


async def follow(last):
    while True:
        for _, entries in await store.xread({"chat": last}, block=5000):
            for last, line in entries:
                yield {"id": last, "data": line["text"]}


@app.get("/chat")
async def listen(last_event_id: str = Header("")):
    newest = await store.xrevrange("chat", count=1) or [("0", {})]
    return EventSourceResponse(follow(last_event_id or newest[0][0]))


# %% It looks often, and never blocks
import asyncio
import os

import valkey.asyncio as valkey
from fastapi import FastAPI, Header
from sse_starlette import EventSourceResponse

app = FastAPI()
STORE = os.environ.get("LABSERVER_STORE", "valkey://127.0.0.1")
store = valkey.from_url(STORE, decode_responses=True)


@app.post("/chat")
async def say(text: str):
    await store.xadd("chat", {"text": text}, maxlen=1000)


async def follow(last):
    while True:
        for last, line in await store.xrange("chat", f"({last}"):
            yield {"id": last, "data": line["text"]}
        await asyncio.sleep(0.05)


@app.get("/chat")
async def listen(last_event_id: str = Header("0")):
    return EventSourceResponse(follow(last_event_id))


# %% A router, the store as a dependency, events by a class, with a retry
import os
from typing import Annotated

import valkey.asyncio as valkey
from fastapi import APIRouter, Depends, FastAPI, Header
from sse_starlette import EventSourceResponse, ServerSentEvent

STORE = os.environ.get("LABSERVER_STORE", "valkey://127.0.0.1")
pool = valkey.from_url(STORE, decode_responses=True)
router = APIRouter()


async def store():
    return pool


Store = Annotated[valkey.Valkey, Depends(store)]


@router.post("/chat", status_code=202)
async def say(store: Store, text: str):
    return {"id": await store.xadd("chat", {"text": text}, maxlen=1000)}


async def lines(store, last):
    while True:
        for _, entries in await store.xread({"chat": last}, block=1000):
            for last, line in entries:
                yield ServerSentEvent(line["text"], id=last, retry=100)


@router.get("/chat")
async def listen(store: Store, last_event_id: str = Header("0")):
    return EventSourceResponse(lines(store, last_event_id))


app = FastAPI()
app.include_router(router)


# %% A list in the store, whose places are the ids
import asyncio
import os

import valkey.asyncio as valkey
from fastapi import FastAPI, Header
from sse_starlette import EventSourceResponse

app = FastAPI()
STORE = os.environ.get("LABSERVER_STORE", "valkey://127.0.0.1")
store = valkey.from_url(STORE, decode_responses=True)


@app.post("/chat")
async def say(text: str):
    await store.rpush("chat", text)


async def follow(start):
    while True:
        for line in await store.lrange("chat", start, -1):
            start += 1
            yield {"id": str(start), "data": line}
        await asyncio.sleep(0.05)


@app.get("/chat")
async def listen(last_event_id: int = Header(0, ge=0)):
    return EventSourceResponse(follow(last_event_id))


# %% One reader a process, and a queue each
import asyncio
import os

import valkey.asyncio as valkey
from fastapi import FastAPI, Header
from sse_starlette import EventSourceResponse

app = FastAPI()
STORE = os.environ.get("LABSERVER_STORE", "valkey://127.0.0.1")
store = valkey.from_url(STORE, decode_responses=True)

queues, tasks = set(), []


def place(id):
    return [int(number) for number in id.split("-")]


@app.post("/chat")
async def say(text: str):
    await store.xadd("chat", {"text": text})


async def read():
    last = "0-0"
    while True:
        for _, entries in await store.xread({"chat": last}, block=1000):
            for last, line in entries:
                for queue in queues:
                    queue.put_nowait((last, line["text"]))


async def follow(last):
    queue = asyncio.Queue()
    queues.add(queue)
    try:
        for last, line in await store.xrange("chat", f"({last}"):
            yield {"id": last, "data": line["text"]}
        while True:
            id, text = await queue.get()
            if place(id) > place(last):
                yield {"id": id, "data": text}
    finally:
        queues.discard(queue)


@app.get("/chat")
async def listen(last_event_id: str = Header("0-0")):
    if not tasks:
        tasks.append(asyncio.create_task(read()))
    return EventSourceResponse(follow(last_event_id))


# %% Threads, and the plain client
import os

import valkey
from fastapi import FastAPI, Header
from sse_starlette import EventSourceResponse

app = FastAPI()
STORE = os.environ.get("LABSERVER_STORE", "valkey://127.0.0.1")
store = valkey.from_url(STORE, decode_responses=True)


@app.post("/chat")
def say(text: str):
    store.xadd("chat", {"text": text})


def follow(last):
    while True:
        for _, entries in store.xread({"chat": last}, block=200):
            for last, line in entries:
                yield {"id": last, "data": line["text"]}


@app.get("/chat")
def listen(last_event_id: str = Header("0")):
    return EventSourceResponse(follow(last_event_id))


# %% FastAPI's own events, the line as JSON
import os

import valkey.asyncio as valkey
from fastapi import FastAPI, Header
from fastapi.sse import EventSourceResponse, ServerSentEvent

app = FastAPI()
STORE = os.environ.get("LABSERVER_STORE", "valkey://127.0.0.1")
store = valkey.from_url(STORE, decode_responses=True)


@app.post("/chat")
async def say(text: str):
    await store.xadd("chat", {"text": text})


@app.get("/chat", response_class=EventSourceResponse)
async def listen(last_event_id: str = Header("0")):
    last = last_event_id
    while True:
        for _, entries in await store.xread({"chat": last}, block=1000):
            for last, line in entries:
                yield ServerSentEvent(id=last, data=line)
