# %% It starts after the last event, but the stream still does the work
import asyncio
from typing import Annotated

from fastapi import FastAPI, Header
from sse_starlette import EventSourceResponse

app = FastAPI()


@app.post("/job")
async def start():
    return "started"


@app.get("/progress")
async def progress(last_event_id: Annotated[int, Header(ge=0)] = 0):
    async def events():
        for percent in range(last_event_id + 20, 101, 20):
            await asyncio.sleep(0.2)
            yield {"id": str(percent), "data": str(percent)}

    return EventSourceResponse(events())


# %% POST waits for the job
import asyncio
from typing import Annotated

from fastapi import FastAPI, Header
from sse_starlette import EventSourceResponse

app = FastAPI()
done = []


@app.post("/job")
async def start():
    for percent in range(20, 101, 20):
        await asyncio.sleep(0.2)
        done.append(percent)


@app.get("/progress")
async def progress(last_event_id: Annotated[int, Header(ge=0)] = 0):
    async def events():
        for percent in done:
            if percent > last_event_id:
                yield {"id": str(percent), "data": str(percent)}

    return EventSourceResponse(events())


# %% The job is apart, and everyone is told from the start
import asyncio

from fastapi import BackgroundTasks, FastAPI
from sse_starlette import EventSourceResponse

app = FastAPI()
done = []


async def job():
    for percent in range(20, 101, 20):
        await asyncio.sleep(0.2)
        done.append(percent)


@app.post("/job")
async def start(tasks: BackgroundTasks):
    tasks.add_task(job)


@app.get("/progress")
async def progress():
    async def events():
        for percent in range(20, 101, 20):
            while percent not in done:
                await asyncio.sleep(0.05)
            yield {"id": str(percent), "data": str(percent)}

    return EventSourceResponse(events())


# %% A queue: what is taken out of it for one client is gone for the next
import asyncio
from typing import Annotated

from fastapi import BackgroundTasks, FastAPI, Header
from sse_starlette import EventSourceResponse

app = FastAPI()
steps = asyncio.Queue(1)


async def job():
    for percent in range(20, 101, 20):
        await asyncio.sleep(0.2)
        await steps.put(percent)


@app.post("/job")
async def start(tasks: BackgroundTasks):
    tasks.add_task(job)


@app.get("/progress")
async def progress(last_event_id: Annotated[int, Header(ge=0)] = 0):
    async def events():
        while True:
            percent = await steps.get()
            yield {"id": str(percent), "data": str(percent)}

    return EventSourceResponse(events())


# %% No ids
import asyncio

from fastapi import BackgroundTasks, FastAPI
from sse_starlette import EventSourceResponse

app = FastAPI()
done = []


async def job():
    for percent in range(20, 101, 20):
        await asyncio.sleep(0.2)
        done.append(percent)


@app.post("/job")
async def start(tasks: BackgroundTasks):
    tasks.add_task(job)


@app.get("/progress")
async def progress():
    async def events():
        for i in range(5):
            while len(done) <= i:
                await asyncio.sleep(0.05)
            yield {"data": str(done[i])}

    return EventSourceResponse(events())


# %% Nothing tells that it is over
import asyncio
from typing import Annotated

from fastapi import BackgroundTasks, FastAPI, Header
from sse_starlette import EventSourceResponse

app = FastAPI()
done = []


async def job():
    for percent in range(20, 101, 20):
        await asyncio.sleep(0.2)
        done.append(percent)


@app.post("/job")
async def start(tasks: BackgroundTasks):
    tasks.add_task(job)


@app.get("/progress")
async def progress(last_event_id: Annotated[int, Header(ge=0)] = 0):
    async def events():
        seen = last_event_id // 20
        while True:
            for percent in done[seen:]:
                yield {"id": str(percent), "data": str(percent)}
            seen = len(done)
            await asyncio.sleep(0.05)

    return EventSourceResponse(events())
