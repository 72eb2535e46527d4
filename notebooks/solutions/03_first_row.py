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
    yield buffer.getvalue()


@app.get("/report")
async def report(count: int = 100, pause: float = 0.02):
    return StreamingResponse(chunks(count, pause), media_type="text/csv")
