"""The finished server: every endpoint of the lessons, as one would ship it.

Any ASGI server runs it: `uvicorn labserver.app:app`. Every stream is bounded. Every number that
says how much is bounded too, since a stranger may ask for any.
"""

import asyncio
import csv
import io
import json
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated

from fastapi import FastAPI, Header, Query, Request, Response
from fastapi.responses import FileResponse, StreamingResponse
from sse_starlette import EventSourceResponse, ServerSentEvent

ROWS_A_CHUNK = 500

Count = Annotated[int, Query(ge=0, le=1000)]
Every = Annotated[float, Query(ge=0, le=10, description="seconds between two")]
LastEventId = Annotated[int, Header(alias="Last-Event-ID", ge=0)]


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[dict[str, Path]]:
    """Make the file that /download sends, and remove it at the end."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "data.bin")
        file.write_bytes(bytes(range(256)) * 2**15)  # 8 MiB
        yield {"file": file}


app = FastAPI(title="Streaming lab", lifespan=lifespan)


@app.get("/plain-stream")
async def plain_stream(count: Count = 5, every: Every = 0.2) -> StreamingResponse:
    """Text, a line at a time. Where a line ends is the client's to find out."""

    async def lines() -> AsyncIterator[str]:
        for i in range(count):
            yield f"Chunk {i}\n"
            await asyncio.sleep(every)

    # A browser that sniffs the type of a plain text shows nothing until it has seen enough.
    headers = {"X-Content-Type-Options": "nosniff"}
    return StreamingResponse(lines(), media_type="text/plain", headers=headers)


@app.get("/sse")
async def sse(count: Count = 5, every: Every = 0.2) -> EventSourceResponse:
    """The same as server-sent events: each is whole when it is dispatched."""

    async def events() -> AsyncIterator[dict[str, str]]:
        for i in range(count):
            yield {"data": f"Event {i}"}
            await asyncio.sleep(every)

    return EventSourceResponse(events())


@app.get("/download")
def download(request: Request) -> FileResponse:
    """A file on disk: its size is known, and a part can be asked for with Range."""
    return FileResponse(request.state.file, filename="data.bin")


@app.get("/export")
def export(rows: Annotated[int, Query(ge=0, le=1_000_000)] = 10_000) -> StreamingResponse:
    """A CSV, made as it is sent. A chunk for each single row would take a hundred times longer."""

    def chunks() -> Iterator[str]:
        buffer = io.StringIO(newline="")
        writer = csv.writer(buffer)
        writer.writerow(["id", "name", "note"])
        for i in range(1, rows + 1):
            writer.writerow([i, f"User {i}", 'says "hi", then leaves'])
            if i % ROWS_A_CHUNK == 0:
                yield buffer.getvalue()
                buffer.seek(0)
                buffer.truncate()
        yield buffer.getvalue()

    headers = {"Content-Disposition": 'attachment; filename="export.csv"'}
    return StreamingResponse(chunks(), media_type="text/csv", headers=headers)


@app.get("/events")
async def events(
    count: Count = 10, every: Every = 0.2, last_event_id: LastEventId = 0
) -> Response:
    """Numbered events, to be resumed after any of them; after the last: do not come back."""
    if last_event_id >= count:
        return Response(status_code=204)

    async def numbered() -> AsyncIterator[ServerSentEvent]:
        for i in range(last_event_id + 1, count + 1):
            yield ServerSentEvent(json.dumps({"n": i}), event="count", id=str(i), retry=500)
            await asyncio.sleep(every)

    return EventSourceResponse(numbered())


@app.get("/progress")
async def progress(every: Every = 0.2, last_event_id: LastEventId = 0) -> Response:
    """A job's progress in per cent, which is the event ID too; the last event is named `done`."""
    if last_event_id >= 100:
        return Response(status_code=204)

    async def steps() -> AsyncIterator[ServerSentEvent]:
        for percent in range(last_event_id // 20 * 20 + 20, 101, 20):
            await asyncio.sleep(every)
            name = "done" if percent == 100 else "progress"
            yield ServerSentEvent(json.dumps({"percent": percent}), event=name, id=str(percent))

    return EventSourceResponse(steps())
