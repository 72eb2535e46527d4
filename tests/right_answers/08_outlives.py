# %% a task of the loop, a condition to wait for
import asyncio
from typing import Annotated

from fastapi import FastAPI, Header
from sse_starlette import EventSourceResponse

app = FastAPI()
reached = [0]
changed = asyncio.Condition()
running = set()


async def job():
    for percent in (20, 40, 60, 80, 100):
        await asyncio.sleep(0.2)
        async with changed:
            reached.append(percent)
            changed.notify_all()


@app.post("/job", status_code=202)
async def start():
    reached[:] = [0]
    running.add(asyncio.create_task(job()))
    return {"see": "/progress"}


@app.get("/progress")
async def progress(last_event_id: Annotated[int, Header()] = 0):
    async def events():
        last = last_event_id
        while last < 100:
            async with changed:
                await changed.wait_for(lambda: reached[-1] > last)
                later = [percent for percent in reached if percent > last]
            for last in later:
                yield {"id": str(last), "data": str(last)}

    return EventSourceResponse(events())


# %% several steps in one event
import asyncio
from typing import Annotated

from fastapi import BackgroundTasks, FastAPI, Header
from sse_starlette import EventSourceResponse

app = FastAPI()
done = 0


async def job():
    global done
    for _ in range(5):
        await asyncio.sleep(0.2)
        done += 20


@app.post("/job")
async def start(tasks: BackgroundTasks):
    global done
    done = 0
    tasks.add_task(job)
    return "started"


@app.get("/progress")
async def progress(last_event_id: Annotated[int, Header()] = 0):
    async def events():
        told = last_event_id
        while told < 100:
            if done > told:
                told = done
                yield {"id": str(told), "data": str(told)}
            else:
                await asyncio.sleep(0.02)

    return EventSourceResponse(events())


# %% a greeting, then 0 %, at the end an event of its own; POST redirects
import asyncio
from typing import Annotated

from fastapi import BackgroundTasks, FastAPI, Header
from fastapi.responses import RedirectResponse
from sse_starlette import EventSourceResponse

app = FastAPI()
done = [0]


async def job():
    for percent in range(20, 101, 20):
        await asyncio.sleep(0.2)
        done.append(percent)


@app.post("/job")
async def start(tasks: BackgroundTasks):
    done[:] = [0]
    tasks.add_task(job)
    return RedirectResponse("/progress", 303, background=tasks)


@app.get("/progress")
async def progress(last_event_id: Annotated[int, Header()] = -1):
    async def events():
        yield {"event": "hello", "data": "follow the job"}
        for percent in range(0, 101, 20):
            if percent > last_event_id:
                while percent not in done:
                    await asyncio.sleep(0.02)
                yield {"id": str(percent), "data": f"{percent} %"}
        yield {"event": "end", "data": "it is done"}

    return EventSourceResponse(events())


# %% several steps in one event, all of them named in it
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
    done.clear()
    tasks.add_task(job)


@app.get("/progress")
async def progress(last_event_id: Annotated[int, Header()] = 0):
    async def events():
        told = last_event_id
        while told < 100:
            if later := [percent for percent in done if percent > told]:
                told = later[-1]
                yield {"id": str(told), "data": "\n".join(map(str, later))}
            await asyncio.sleep(0.02)

    return EventSourceResponse(events())


# %% a thread that blocks, plain functions
import threading
import time

from fastapi import FastAPI, Request
from fastapi.responses import StreamingResponse

app = FastAPI()
done = []


def job():
    for percent in range(20, 101, 20):
        time.sleep(0.2)
        done.append(percent)


@app.post("/job")
def start():
    done.clear()
    threading.Thread(target=job).start()


@app.get("/progress")
def progress(request: Request):
    last = int(request.headers.get("last-event-id", "0"))

    def frames():
        for percent in range(last + 20, 101, 20):
            while percent not in done:
                time.sleep(0.02)
            yield f"id: {percent}\ndata: {percent}\n\n"

    return StreamingResponse(frames(), media_type="text/event-stream")


# %% a background task that blocks in a worker thread, 204 at the end
import asyncio
import time
from typing import Annotated

from fastapi import BackgroundTasks, FastAPI, Header, Response
from sse_starlette import EventSourceResponse

app = FastAPI()
done = []


def job():
    for percent in range(20, 101, 20):
        time.sleep(0.2)
        done.append(percent)
        print(percent)


@app.post("/job")
async def start(tasks: BackgroundTasks):
    done.clear()
    tasks.add_task(job)


@app.get("/progress")
async def progress(last_event_id: Annotated[int, Header()] = 0):
    if last_event_id == 100:
        return Response(status_code=204)

    async def events():
        for percent in range(last_event_id + 20, 101, 20):
            while percent not in done:
                await asyncio.sleep(0.02)
            yield {"id": percent and str(percent), "data": percent, "event": "progress"}

    return EventSourceResponse(events())


# %% a queue for each listener, and what came before it
import asyncio
from typing import Annotated

from fastapi import BackgroundTasks, FastAPI, Header
from sse_starlette import EventSourceResponse

app = FastAPI()
done, listeners = [], set()


async def job():
    for percent in range(20, 101, 20):
        await asyncio.sleep(0.2)
        done.append(percent)
        for queue in listeners:
            queue.put_nowait(percent)


@app.post("/job")
async def start(tasks: BackgroundTasks):
    done.clear()
    tasks.add_task(job)


@app.get("/progress")
async def progress(last_event_id: Annotated[int, Header()] = 0):
    async def events():
        queue = asyncio.Queue()
        for percent in done:
            queue.put_nowait(percent)
        listeners.add(queue)
        try:
            last = last_event_id
            while last < 100:
                last = max(percent := await queue.get(), last)
                if percent == last and percent > last_event_id:
                    yield {"id": str(percent), "data": str(percent)}
        finally:
            listeners.discard(queue)

    return EventSourceResponse(events())


# %% fastapi.sse, and a client that had 100 waits => waits for ever
import asyncio
from typing import Annotated

from fastapi import BackgroundTasks, FastAPI, Header
from fastapi.sse import EventSourceResponse, ServerSentEvent

app = FastAPI()
done = []


async def job():
    for percent in range(20, 101, 20):
        await asyncio.sleep(0.2)
        done.append(percent)


@app.post("/job")
async def start(tasks: BackgroundTasks):
    done.clear()
    tasks.add_task(job)


@app.get("/progress", response_class=EventSourceResponse)
async def progress(last_event_id: Annotated[int, Header()] = 0):
    last = last_event_id
    while True:
        for percent in list(done):
            if percent > last:
                last = percent
                yield ServerSentEvent(data=percent, id=str(percent))
        if last == 100 and last_event_id < 100:
            return
        await asyncio.sleep(0.02)


# %% a condition, a dataclass, steps as JSON
import asyncio
import json
from dataclasses import dataclass, field

from fastapi import FastAPI, Request
from sse_starlette import EventSourceResponse


@dataclass
class Job:
    percent: int = 0
    told: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def run(self):
        while self.percent < 100:
            await asyncio.sleep(0.2)
            async with self.told:
                self.percent += 20
                self.told.notify_all()


app = FastAPI()
jobs, tasks = [], set()


@app.post("/job", status_code=202)
async def start():
    jobs.append(job := Job())
    tasks.add(asyncio.create_task(job.run()))
    return {"follow": "/progress"}


@app.get("/progress")
async def progress(request: Request):
    sent, job = int(request.headers.get("last-event-id", 0)), jobs[-1]

    async def events():
        nonlocal sent
        while sent < 100:
            async with job.told:
                await job.told.wait_for(lambda: job.percent > sent)
            sent = job.percent
            yield {"id": str(sent), "data": json.dumps({"percent": sent, "of": 100})}

    return EventSourceResponse(events(), headers={"Cache-Control": "no-store"})
