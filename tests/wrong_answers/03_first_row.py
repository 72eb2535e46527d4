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


# %% a batch from the pause, no clock => Let the clock decide
import asyncio
import csv
import io

from fastapi import FastAPI
from fastapi.responses import StreamingResponse

app = FastAPI()


async def chunks(count, pause):
    batch = max(1, round(0.2 / pause)) if pause else 100_000
    buffer = io.StringIO()
    for i in range(count):
        await asyncio.sleep(pause)  # the database
        csv.writer(buffer).writerow([i, f"User {i}"])
        if (i + 1) % batch == 0:
            yield buffer.getvalue()
            buffer = io.StringIO()
    yield buffer.getvalue()


@app.get("/report")
async def report(count: int = 100, pause: float = 0.02):
    return StreamingResponse(chunks(count, pause), media_type="text/csv")


# %% adds the pauses up, no clock => Let the clock decide
import asyncio
import csv
import io

from fastapi import FastAPI
from fastapi.responses import StreamingResponse

app = FastAPI()


async def chunks(count, pause):
    buffer, waited = io.StringIO(), 0.0
    for i in range(count):
        await asyncio.sleep(pause)  # the database
        waited += pause
        csv.writer(buffer).writerow([i, f"User {i}"])
        if waited >= 0.19:
            yield buffer.getvalue()
            buffer, waited = io.StringIO(), 0.0
    yield buffer.getvalue()


@app.get("/report")
async def report(count: int = 100, pause: float = 0.02):
    return StreamingResponse(chunks(count, pause), media_type="text/csv")


# %% time.sleep in async def => another request to this server waits
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
        time.sleep(pause)  # the database
        csv.writer(buffer).writerow([i, f"User {i}"])
        if time.monotonic() >= due:
            yield buffer.getvalue()
            buffer = io.StringIO()
            due = time.monotonic() + 0.2
    yield buffer.getvalue()


@app.get("/report")
async def report(count: int = 100, pause: float = 0.02):
    return StreamingResponse(chunks(count, pause), media_type="text/csv")


# %% every 0.1 s => expected: 0.2 s
import asyncio
import csv
import io
import time

from fastapi import FastAPI
from fastapi.responses import StreamingResponse

app = FastAPI()


async def chunks(count, pause):
    buffer = io.StringIO()
    due = time.monotonic() + 0.1
    for i in range(count):
        await asyncio.sleep(pause)  # the database
        csv.writer(buffer).writerow([i, f"User {i}"])
        if time.monotonic() >= due:
            yield buffer.getvalue()
            buffer = io.StringIO()
            due = time.monotonic() + 0.1
    yield buffer.getvalue()


@app.get("/report")
async def report(count: int = 100, pause: float = 0.02):
    return StreamingResponse(chunks(count, pause), media_type="text/csv")


# %% every 0.3 s => expected: 0.2 s
import asyncio
import csv
import io
import time

from fastapi import FastAPI
from fastapi.responses import StreamingResponse

app = FastAPI()


async def chunks(count, pause):
    buffer = io.StringIO()
    due = time.monotonic() + 0.3
    for i in range(count):
        await asyncio.sleep(pause)  # the database
        csv.writer(buffer).writerow([i, f"User {i}"])
        if time.monotonic() >= due:
            yield buffer.getvalue()
            buffer = io.StringIO()
            due = time.monotonic() + 0.3
    yield buffer.getvalue()


@app.get("/report")
async def report(count: int = 100, pause: float = 0.02):
    return StreamingResponse(chunks(count, pause), media_type="text/csv")


# %% one row too many => expected: 2,000
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
    for i in range(count + 1):
        await asyncio.sleep(pause)  # the database
        csv.writer(buffer).writerow([i, f"User {i}"])
        if time.monotonic() >= due:
            yield buffer.getvalue()
            buffer = io.StringIO()
            due = time.monotonic() + 0.2
    yield buffer.getvalue()


@app.get("/report")
async def report(count: int = 100, pause: float = 0.02):
    return StreamingResponse(chunks(count, pause), media_type="text/csv")


# %% counts from 1 => yours: '1', expected: '0'
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
    for i in range(1, count + 1):
        await asyncio.sleep(pause)  # the database
        csv.writer(buffer).writerow([i, f"User {i}"])
        if time.monotonic() >= due:
            yield buffer.getvalue()
            buffer = io.StringIO()
            due = time.monotonic() + 0.2
    yield buffer.getvalue()


@app.get("/report")
async def report(count: int = 100, pause: float = 0.02):
    return StreamingResponse(chunks(count, pause), media_type="text/csv")


# %% sends for ever => came to no end
import asyncio

from fastapi import FastAPI
from fastapi.responses import StreamingResponse

app = FastAPI()


async def chunks(count, pause):
    while True:
        await asyncio.sleep(0.2)
        yield "0\n"


@app.get("/report")
async def report(count: int = 100, pause: float = 0.02):
    return StreamingResponse(chunks(count, pause), media_type="text/csv")


# %% rows made beforehand, released at the pace of the pause => made beforehand
import asyncio

from fastapi import FastAPI
from fastapi.responses import StreamingResponse

app = FastAPI()


async def chunks(count, pause):
    rows = [f"{i},User {i}\n" for i in range(count)]
    size = max(1, round(0.2 / pause)) if pause else count
    for i in range(0, count, size):
        await asyncio.sleep(0.2)
        yield "".join(rows[i : i + size])


@app.get("/report")
async def report(count: int = 100, pause: float = 0.02):
    return StreamingResponse(chunks(count, pause), media_type="text/csv")


# %% by the clock, but in batches of 1,000 where rows cost no time => Let the clock alone decide
import asyncio
import csv
import io
import time

from fastapi import FastAPI
from fastapi.responses import StreamingResponse

app = FastAPI()


async def chunks(count, pause):
    buffer, due = io.StringIO(), time.monotonic() + 0.2
    for i in range(1, count + 1):
        await asyncio.sleep(pause)  # the database
        csv.writer(buffer).writerow([i - 1, f"User {i - 1}"])
        if time.monotonic() >= due if pause else i % 1000 == 0:
            yield buffer.getvalue()
            buffer, due = io.StringIO(), time.monotonic() + 0.2
    yield buffer.getvalue()


@app.get("/report")
async def report(count: int = 100, pause: float = 0.02):
    return StreamingResponse(chunks(count, pause), media_type="text/csv")
