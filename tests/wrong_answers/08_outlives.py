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


# %% POST waits for the job, and blocks => return at once. While /job is answered, another request
import time
from typing import Annotated

from fastapi import FastAPI, Header
from sse_starlette import EventSourceResponse

app = FastAPI()
done = []


@app.post("/job")
async def start():
    for percent in range(20, 101, 20):
        time.sleep(0.2)
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


# %% no job at all => expected: 1 s
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
            yield {"id": str(percent), "data": str(percent)}

    return EventSourceResponse(events())


# %% POST starts nothing: the first listener does => does the work wait for a listener
import asyncio
from typing import Annotated

from fastapi import FastAPI, Header
from sse_starlette import EventSourceResponse

app = FastAPI()
done = []


async def job():
    for percent in range(20, 101, 20):
        await asyncio.sleep(0.2)
        done.append(percent)


@app.post("/job")
async def start():
    done.clear()
    started.clear()


started = []


@app.get("/progress")
async def progress(last_event_id: Annotated[int, Header()] = 0):
    if not started:
        started.append(asyncio.create_task(job()))

    async def events():
        for percent in range(20, 101, 20):
            if percent > last_event_id:
                while percent not in done:
                    await asyncio.sleep(0.02)
                yield {"id": str(percent), "data": str(percent)}

    return EventSourceResponse(events())


# %% POST starts nothing: the job begins with the server => expected: 1 s
import asyncio
import contextlib
from typing import Annotated

from fastapi import FastAPI, Header
from sse_starlette import EventSourceResponse

done = []


async def job():
    for percent in range(20, 101, 20):
        await asyncio.sleep(0.2)
        done.append(percent)


@contextlib.asynccontextmanager
async def lifespan(app):
    task = asyncio.create_task(job())
    yield
    task.cancel()


app = FastAPI(lifespan=lifespan)


@app.post("/job")
async def start():
    return "started"


@app.get("/progress")
async def progress(last_event_id: Annotated[int, Header()] = 0):
    async def events():
        for percent in range(20, 101, 20):
            if percent > last_event_id:
                while percent not in done:
                    await asyncio.sleep(0.02)
                yield {"id": str(percent), "data": str(percent)}

    return EventSourceResponse(events())


# %% a job that freezes the loop => another request waits
import asyncio
import time
from typing import Annotated

from fastapi import BackgroundTasks, FastAPI, Header
from sse_starlette import EventSourceResponse

app = FastAPI()
done = []


async def job():
    for percent in range(20, 101, 20):
        time.sleep(0.2)
        done.append(percent)


@app.post("/job")
async def start(tasks: BackgroundTasks):
    done.clear()
    tasks.add_task(job)


@app.get("/progress")
async def progress(last_event_id: Annotated[int, Header()] = 0):
    async def events():
        for percent in range(20, 101, 20):
            if percent > last_event_id:
                while percent not in done:
                    await asyncio.sleep(0.02)
                yield {"id": str(percent), "data": str(percent)}

    return EventSourceResponse(events())


# %% a job that freezes the loop, step by step => another request waits
import asyncio
import time
from typing import Annotated

from fastapi import BackgroundTasks, FastAPI, Header
from sse_starlette import EventSourceResponse

app = FastAPI()
done = []


async def job():
    for percent in range(20, 101, 20):
        time.sleep(0.2)
        await asyncio.sleep(0)
        done.append(percent)


@app.post("/job")
async def start(tasks: BackgroundTasks):
    done.clear()
    tasks.add_task(job)


@app.get("/progress")
async def progress(last_event_id: Annotated[int, Header()] = 0):
    async def events():
        for percent in range(20, 101, 20):
            if percent > last_event_id:
                while percent not in done:
                    await asyncio.sleep(0.02)
                yield {"id": str(percent), "data": str(percent)}

    return EventSourceResponse(events())


# %% one queue for all listeners
import asyncio
from typing import Annotated

from fastapi import BackgroundTasks, FastAPI, Header
from sse_starlette import EventSourceResponse

app = FastAPI()
steps = asyncio.Queue()


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
        percent = 0
        while percent < 100:
            percent = await steps.get()
            if percent > last_event_id:
                yield {"id": str(percent), "data": str(percent)}

    return EventSourceResponse(events())


# %% Last-Event-ID is ignored: the server remembers what was told
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
    done.clear()
    told.clear()
    tasks.add_task(job)


told = []


@app.get("/progress")
async def progress():
    async def events():
        while 100 not in told:
            for percent in done:
                if percent not in told:
                    told.append(percent)
                    yield {"id": str(percent), "data": str(percent)}
            await asyncio.sleep(0.02)

    return EventSourceResponse(events())


# %% Last-Event-ID is ignored, after the end too => it had some of these already
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
    done.clear()
    tasks.add_task(job)


@app.get("/progress")
async def progress():
    async def events():
        for percent in range(20, 101, 20):
            while percent not in done:
                await asyncio.sleep(0.02)
            yield {"id": str(percent), "data": str(percent)}

    return EventSourceResponse(events())


# %% POST starts nothing at all => never
import asyncio
from typing import Annotated

from fastapi import FastAPI, Header
from sse_starlette import EventSourceResponse

app = FastAPI()
done = []


async def job():
    for percent in range(20, 101, 20):
        await asyncio.sleep(0.2)
        done.append(percent)


@app.post("/job")
async def start():
    return "no job"


@app.get("/progress")
async def progress(last_event_id: Annotated[int, Header()] = 0):
    async def events():
        for percent in range(20, 101, 20):
            if percent > last_event_id:
                while percent not in done:
                    await asyncio.sleep(0.02)
                yield {"id": str(percent), "data": str(percent)}

    return EventSourceResponse(events())


# %% the job ends with its first listener
import asyncio
from typing import Annotated

from fastapi import FastAPI, Header
from sse_starlette import EventSourceResponse

app = FastAPI()
done, running = [], []


async def job():
    for percent in range(20, 101, 20):
        await asyncio.sleep(0.2)
        done.append(percent)


@app.post("/job")
async def start():
    done.clear()
    running[:] = [asyncio.create_task(job())]


@app.get("/progress")
async def progress(last_event_id: Annotated[int, Header()] = 0):
    async def events():
        try:
            for percent in range(last_event_id + 20, 101, 20):
                while percent not in done:
                    await asyncio.sleep(0.02)
                yield {"id": str(percent), "data": str(percent)}
        finally:
            running[0].cancel()

    return EventSourceResponse(events())


# %% steps counted, not percentages => expected: 20 to 100
import asyncio
from typing import Annotated

from fastapi import BackgroundTasks, FastAPI, Header
from sse_starlette import EventSourceResponse

app = FastAPI()
done = []


async def job():
    for percent in range(1, 6):
        await asyncio.sleep(0.2)
        done.append(percent)


@app.post("/job")
async def start(tasks: BackgroundTasks):
    done.clear()
    tasks.add_task(job)


@app.get("/progress")
async def progress(last_event_id: Annotated[int, Header()] = 0):
    async def events():
        for percent in range(1, 6):
            if percent > last_event_id:
                while percent not in done:
                    await asyncio.sleep(0.02)
                yield {"id": str(percent), "data": str(percent)}

    return EventSourceResponse(events())


# %% what the first job reached is never forgotten => a second job
import asyncio
from typing import Annotated

from fastapi import BackgroundTasks, FastAPI, Header
from sse_starlette import EventSourceResponse

app = FastAPI()
done = []  # what the job has reached, in per cent


async def job():
    for percent in range(20, 101, 20):
        await asyncio.sleep(0.2)  # the work
        done.append(percent)


@app.post("/job")
async def start(tasks: BackgroundTasks):
    tasks.add_task(job)  # it runs when the answer is sent
    return "started"


@app.get("/progress")
async def progress(last_event_id: Annotated[int, Header(ge=0)] = 0):
    async def events():
        for percent in range(20, 101, 20):
            if percent > last_event_id:
                while percent not in done:
                    await asyncio.sleep(0.05)
                yield {"id": str(percent), "data": str(percent)}

    return EventSourceResponse(events())


# %% all steps are told when the job is done => tell of each step when it is done
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
        while 100 not in done:
            await asyncio.sleep(0.02)
        for percent in range(last_event_id + 20, 101, 20):
            yield {"id": str(percent), "data": str(percent)}

    return EventSourceResponse(events())


# %% POST takes the first step itself => start the job, and return at once
import asyncio
from typing import Annotated

from fastapi import BackgroundTasks, FastAPI, Header
from sse_starlette import EventSourceResponse

app = FastAPI()
done = []


async def job():
    for percent in range(40, 101, 20):
        await asyncio.sleep(0.2)
        done.append(percent)


@app.post("/job")
async def start(tasks: BackgroundTasks):
    done.clear()
    await asyncio.sleep(0.2)
    done.append(20)
    tasks.add_task(job)
    return "started"


@app.get("/progress")
async def progress(last_event_id: Annotated[int, Header(ge=0)] = 0):
    async def events():
        for percent in range(20, 101, 20):
            if percent > last_event_id:
                while percent not in done:
                    await asyncio.sleep(0.05)
                yield {"id": str(percent), "data": str(percent)}

    return EventSourceResponse(events())


# %% a listener that blocks while it waits => let none wait. While /progress is answered, another request
import time
from threading import Thread
from typing import Annotated

from fastapi import FastAPI, Header
from sse_starlette import EventSourceResponse

app = FastAPI()
done = []


def job():
    for percent in range(20, 101, 20):
        time.sleep(0.2)
        done.append(percent)


@app.post("/job", status_code=202)
async def start():
    done.clear()
    Thread(target=job).start()


@app.get("/progress")
async def progress(last_event_id: Annotated[int, Header(ge=0)] = 0):
    async def events():
        for percent in range(last_event_id + 20, 101, 20):
            while percent not in done:
                time.sleep(0.01)
            yield {"id": str(percent), "data": f"{percent} %"}

    return EventSourceResponse(events())


# %% one listener at a time => let none wait
import asyncio
from typing import Annotated

from fastapi import BackgroundTasks, FastAPI, Header
from sse_starlette import EventSourceResponse

app = FastAPI()
done = []
turn = asyncio.Lock()


async def job():
    for percent in range(20, 101, 20):
        await asyncio.sleep(0.2)
        done.append(percent)


@app.post("/job")
async def start(tasks: BackgroundTasks):
    done.clear()
    tasks.add_task(job)
    return "started"


@app.get("/progress")
async def progress(last_event_id: Annotated[int, Header(ge=0)] = 0):
    async def events():
        async with turn:
            for percent in range(last_event_id + 20, 101, 20):
                while percent not in done:
                    await asyncio.sleep(0.05)
                yield {"id": str(percent), "data": str(percent)}

    return EventSourceResponse(events())


# %% Last-Event-ID is looked at only when the job is done => the job works, and a client
import asyncio
from typing import Annotated

from fastapi import BackgroundTasks, FastAPI, Header
from sse_starlette import EventSourceResponse

app = FastAPI()
done = []


async def job():
    for percent in range(20, 101, 20):
        await asyncio.sleep(0.2)  # the work
        done.append(percent)


@app.post("/job")
async def start(tasks: BackgroundTasks):
    done.clear()
    tasks.add_task(job)
    return "started"


@app.get("/progress")
async def progress(last_event_id: Annotated[int, Header(ge=0)] = 0):
    had = last_event_id if 100 in done else 0

    async def events():
        for percent in range(had + 20, 101, 20):
            while percent not in done:
                await asyncio.sleep(0.05)
            yield {"id": str(percent), "data": str(percent)}

    return EventSourceResponse(events())
