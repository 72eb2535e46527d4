# %% The lines live in the memory of each worker => two workers
import asyncio

from fastapi import FastAPI, Header
from sse_starlette import EventSourceResponse

app = FastAPI()
said = []


@app.post("/chat")
async def say(text: str):
    said.append(text)


async def follow(start):
    while True:
        for text in said[start:]:
            start += 1
            yield {"id": str(start), "data": text}
        await asyncio.sleep(0.05)


@app.get("/chat")
async def listen(last_event_id: int = Header(0, ge=0)):
    return EventSourceResponse(follow(last_event_id))


# %% Publish and subscribe, which keeps nothing => have no id
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
    await store.publish("chat", text)


async def follow():
    async with store.pubsub() as heard:
        await heard.subscribe("chat")
        async for message in heard.listen():
            if message["type"] == "message":
                yield {"data": message["data"]}


@app.get("/chat")
async def listen():
    return EventSourceResponse(follow())


# %% From $ at each read, and the id is not read => were not heard
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


async def follow():
    while True:
        for _, entries in await store.xread({"chat": "$"}, block=5000):
            for id, line in entries:
                yield {"id": id, "data": line["text"]}


@app.get("/chat")
async def listen():
    return EventSourceResponse(follow())


# %% What was missed is read again, and then from $ at each read => were not heard
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
    for id, line in await store.xrange("chat", f"({last}"):
        yield {"id": id, "data": line["text"]}
    while True:
        for _, entries in await store.xread({"chat": "$"}, block=5000):
            for id, line in entries:
                yield {"id": id, "data": line["text"]}


@app.get("/chat")
async def listen(last_event_id: str = Header("0")):
    return EventSourceResponse(follow(last_event_id))


# %% All listeners share one group, so each line goes to one of them => were not heard
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


async def follow(name):
    try:
        await store.xgroup_create("chat", "room", id="0", mkstream=True)
    except valkey.ValkeyError:
        pass  # it is there
    while True:
        news = await store.xreadgroup("room", name, {"chat": ">"}, block=1000)
        for _, entries in news:
            for id, line in entries:
                yield {"id": id, "data": line["text"]}


@app.get("/chat")
async def listen():
    return EventSourceResponse(follow(os.urandom(4).hex()))


# %% A text that was said before is not said again => the same text twice is two lines
import os

import valkey.asyncio as valkey
from fastapi import FastAPI, Header
from sse_starlette import EventSourceResponse

app = FastAPI()
STORE = os.environ.get("LABSERVER_STORE", "valkey://127.0.0.1")
store = valkey.from_url(STORE, decode_responses=True)


@app.post("/chat")
async def say(text: str):
    if await store.sadd("said", text):
        await store.xadd("chat", {"text": text}, maxlen=1000)


async def follow(last):
    while True:
        for _, entries in await store.xread({"chat": last}, block=5000):
            for last, line in entries:
                yield {"id": last, "data": line["text"]}


@app.get("/chat")
async def listen(last_event_id: str = Header("0")):
    return EventSourceResponse(follow(last_event_id))


# %% Ids are sent, and not read => heard twice
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
async def listen():
    return EventSourceResponse(follow("0"))


# %% Each worker counts the lines that it has read itself => killed
import asyncio
import os

import valkey.asyncio as valkey
from fastapi import FastAPI, Header
from sse_starlette import EventSourceResponse

app = FastAPI()
STORE = os.environ.get("LABSERVER_STORE", "valkey://127.0.0.1")
store = valkey.from_url(STORE, decode_responses=True)

lines, tasks = [], []


@app.post("/chat")
async def say(text: str):
    await store.xadd("chat", {"text": text})


async def read():
    newest = await store.xrevrange("chat", count=1) or [("0", {})]
    last = newest[0][0]
    while True:
        for _, entries in await store.xread({"chat": last}, block=1000):
            for last, line in entries:
                lines.append(line["text"])


async def follow(start):
    while True:
        for text in lines[start:]:
            start += 1
            yield {"id": str(start + os.getpid()), "data": text}
        await asyncio.sleep(0.05)


@app.get("/chat")
async def listen(last_event_id: int = Header(0, ge=0)):
    if not tasks:
        tasks.append(asyncio.create_task(read()))
    start = max(0, last_event_id - os.getpid())
    return EventSourceResponse(follow(start))


# %% A worker remembers its lines and hears of the others' => killed
import asyncio
import os

import valkey.asyncio as valkey
from fastapi import FastAPI, Header
from sse_starlette import EventSourceResponse

app = FastAPI()
STORE = os.environ.get("LABSERVER_STORE", "valkey://127.0.0.1")
store = valkey.from_url(STORE, decode_responses=True)

lines, tasks = [], []


@app.post("/chat")
async def say(text: str):
    await store.publish("chat", text)


async def read():
    async with store.pubsub() as heard:
        await heard.subscribe("chat")
        async for message in heard.listen():
            if message["type"] == "message":
                lines.append(message["data"])


async def follow(start):
    while True:
        for text in lines[start:]:
            start += 1
            yield {"id": str(start), "data": text}
        await asyncio.sleep(0.05)


@app.get("/chat")
async def listen():
    if not tasks:
        tasks.append(asyncio.create_task(read()))
        await asyncio.sleep(0.2)
    return EventSourceResponse(follow(len(lines)))


# %% The stream, and the header is a number, as at the beginning => status 422
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
async def listen(last_event_id: int = Header(0, ge=0)):
    return EventSourceResponse(follow(str(last_event_id)))
