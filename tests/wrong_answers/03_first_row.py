# %% a fixed count
import asyncio
import csv
import io

from fastapi import FastAPI
from fastapi.responses import StreamingResponse

app = FastAPI()


async def chunks(count, pause):
    buffer = io.StringIO()
    for i in range(count):
        await asyncio.sleep(pause)  # the database
        csv.writer(buffer).writerow([i, f"User {i}"])
        if i % 10 == 9:
            yield buffer.getvalue()
            buffer = io.StringIO()
    yield buffer.getvalue()


@app.get("/report")
async def report(count: int = 100, pause: float = 0.02):
    return StreamingResponse(chunks(count, pause), media_type="text/csv")


# %% a row a chunk
import asyncio
import csv
import io

from fastapi import FastAPI
from fastapi.responses import StreamingResponse

app = FastAPI()


async def chunks(count, pause):
    buffer = io.StringIO()
    for i in range(count):
        await asyncio.sleep(pause)  # the database
        csv.writer(buffer).writerow([i, f"User {i}"])
        yield buffer.getvalue()
        buffer = io.StringIO()


@app.get("/report")
async def report(count: int = 100, pause: float = 0.02):
    return StreamingResponse(chunks(count, pause), media_type="text/csv")


# %% what is left after the loop never goes
import asyncio
import csv
import io
import time

from fastapi import FastAPI
from fastapi.responses import StreamingResponse

app = FastAPI()


async def chunks(count, pause):
    buffer = io.StringIO()
    due = time.monotonic() + 0.2
    for i in range(count):
        await asyncio.sleep(pause)  # the database
        csv.writer(buffer).writerow([i, f"User {i}"])
        if time.monotonic() >= due:
            yield buffer.getvalue()
            buffer = io.StringIO()
            due = time.monotonic() + 0.2


@app.get("/report")
async def report(count: int = 100, pause: float = 0.02):
    return StreamingResponse(chunks(count, pause), media_type="text/csv")


# %% a buffer that is never emptied
import asyncio
import csv
import io
import time

from fastapi import FastAPI
from fastapi.responses import StreamingResponse

app = FastAPI()


async def chunks(count, pause):
    buffer = io.StringIO()
    due = time.monotonic() + 0.2
    for i in range(count):
        await asyncio.sleep(pause)  # the database
        csv.writer(buffer).writerow([i, f"User {i}"])
        if time.monotonic() >= due:
            yield buffer.getvalue()
            due = time.monotonic() + 0.2
    yield buffer.getvalue()


@app.get("/report")
async def report(count: int = 100, pause: float = 0.02):
    return StreamingResponse(chunks(count, pause), media_type="text/csv")


# %% due once, and then at every row
import asyncio
import csv
import io
import time

from fastapi import FastAPI
from fastapi.responses import StreamingResponse

app = FastAPI()


async def chunks(count, pause):
    buffer = io.StringIO()
    due = time.monotonic() + 0.2
    for i in range(count):
        await asyncio.sleep(pause)  # the database
        csv.writer(buffer).writerow([i, f"User {i}"])
        if time.monotonic() >= due:
            yield buffer.getvalue()
            buffer = io.StringIO()
    yield buffer.getvalue()


@app.get("/report")
async def report(count: int = 100, pause: float = 0.02):
    return StreamingResponse(chunks(count, pause), media_type="text/csv")


# %% the first row, then all others
import asyncio
import csv
import io

from fastapi import FastAPI
from fastapi.responses import StreamingResponse

app = FastAPI()


async def chunks(count, pause):
    buffer = io.StringIO()
    for i in range(count):
        await asyncio.sleep(pause)  # the database
        csv.writer(buffer).writerow([i, f"User {i}"])
        if i == 0:
            yield buffer.getvalue()
            buffer = io.StringIO()
    yield buffer.getvalue()


@app.get("/report")
async def report(count: int = 100, pause: float = 0.02):
    return StreamingResponse(chunks(count, pause), media_type="text/csv")
