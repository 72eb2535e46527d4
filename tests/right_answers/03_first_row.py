# %% a plain generator
import csv
import io
import time

from fastapi import FastAPI
from fastapi.responses import StreamingResponse

app = FastAPI()


def chunks(count, pause):
    buffer, due = io.StringIO(), time.monotonic() + 0.2
    for i in range(count):
        time.sleep(pause)  # the database
        csv.writer(buffer).writerow([i, f"User {i}"])
        if time.monotonic() >= due:
            yield buffer.getvalue()
            buffer, due = io.StringIO(), time.monotonic() + 0.2
    yield buffer.getvalue()


@app.get("/report")
def report(count: int = 100, pause: float = 0.02):
    return StreamingResponse(chunks(count, pause), media_type="text/csv")


# %% the first row at once
import asyncio
import csv
import io
import time

from fastapi import FastAPI
from fastapi.responses import StreamingResponse

app = FastAPI()


async def chunks(count, pause):
    buffer = io.StringIO()
    due = 0.0
    for i in range(count):
        await asyncio.sleep(pause)  # the database
        csv.writer(buffer).writerow([i, f"User {i}"])
        if time.monotonic() >= due:
            yield buffer.getvalue()
            buffer.seek(0)
            buffer.truncate()
            due = time.monotonic() + 0.2
    yield buffer.getvalue()


@app.get("/report")
async def report(count: int = 100, pause: float = 0.02):
    return StreamingResponse(chunks(count, pause), media_type="text/csv")


# %% the due time moves on by 0.2 s
import asyncio
import time

from fastapi import FastAPI
from fastapi.responses import StreamingResponse

app = FastAPI()


async def chunks(count, pause):
    lines = []
    due = time.perf_counter() + 0.2
    for i in range(count):
        await asyncio.sleep(pause)  # the database
        lines.append(f"{i},User {i}\r\n")
        if time.perf_counter() > due:
            yield "".join(lines)
            lines.clear()
            due += 0.2
    yield "".join(lines)


@app.get("/report")
async def report(count: int = 100, pause: float = 0.02):
    return StreamingResponse(chunks(count, pause), media_type="text/csv")


# %% a task makes rows, the generator wakes up every 0.2 s
import asyncio

from fastapi import FastAPI
from fastapi.responses import StreamingResponse

app = FastAPI()


async def chunks(count, pause):
    rows = []

    async def make():
        for i in range(count):
            await asyncio.sleep(pause)  # the database
            rows.append(f"{i},User {i}\n")

    task = asyncio.create_task(make())
    while not task.done():
        await asyncio.wait([task], timeout=0.2)
        yield "".join(rows)
        rows.clear()


@app.get("/report")
async def report(count: int = 100, pause: float = 0.02):
    return StreamingResponse(chunks(count, pause), media_type="text/csv")


# %% the loop's own clock, and prints
import asyncio
import csv
import io

from fastapi import FastAPI
from fastapi.responses import StreamingResponse

app = FastAPI()


async def chunks(count, pause):
    clock = asyncio.get_running_loop().time
    buffer, last = io.StringIO(), clock()
    for i in range(count):
        await asyncio.sleep(pause)  # the database
        csv.writer(buffer).writerow([i, f"User {i}"])
        if clock() - last >= 0.2:
            print("sent at row", i)
            yield buffer.getvalue()
            buffer, last = io.StringIO(), clock()
    if buffer.getvalue():
        yield buffer.getvalue()


@app.get("/report")
async def report(count: int = 100, pause: float = 0.02):
    return StreamingResponse(chunks(count, pause), media_type="text/csv")


# %% a thread makes rows, a queue hands them over
import queue
import threading
import time

from fastapi import FastAPI
from fastapi.responses import StreamingResponse

app = FastAPI()


def make(q, count, pause):
    for i in range(count):
        time.sleep(pause)
        q.put(f"{i},User {i}\n")
    q.put(None)


def chunks(count, pause):
    q = queue.SimpleQueue()
    threading.Thread(target=make, args=(q, count, pause), daemon=True).start()
    over = False
    while not over:
        batch = []
        end = time.monotonic() + 0.2
        while (left := end - time.monotonic()) > 0:
            try:
                row = q.get(timeout=left)
            except queue.Empty:
                break
            if row is None:
                over = True
                break
            batch.append(row)
        if batch:
            yield "".join(batch)


@app.get("/report")
def report(count: int = 100, pause: float = 0.02):
    return StreamingResponse(chunks(count, pause), media_type="text/csv")


# %% a stream of rows in memory, of any length: large chunks
import anyio
from fastapi import FastAPI
from fastapi.responses import StreamingResponse

app = FastAPI()


async def chunks(count, pause):
    send, receive = anyio.create_memory_object_stream(count)

    async def make():
        with send:
            for i in range(count):
                await anyio.sleep(pause)
                await send.send(f"{i},User {i}\n")

    async with anyio.create_task_group() as group:
        group.start_soon(make)
        more = True
        while more:
            rows = []
            with anyio.move_on_after(0.2):
                async for row in receive:
                    rows.append(row)
                more = False
            yield "".join(rows)


@app.get("/report")
async def report(count: int = 100, pause: float = 0.02):
    return StreamingResponse(chunks(count, pause), media_type="text/csv")
