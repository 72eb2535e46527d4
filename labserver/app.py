"""The finished server: every endpoint of the lessons, as one would ship it.

Any ASGI server runs it: `uvicorn labserver.app:app`. Every stream is bounded, and every count and
time in a query has an upper limit, since a stranger may send any number.
"""

import asyncio
import csv
import io
import json
import os
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated, Any

from fastapi import Body, Depends, FastAPI, Header, HTTPException, Query, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import FileResponse, JSONResponse, Response, StreamingResponse
from sse_starlette import EventSourceResponse, ServerSentEvent

from labserver import front_page, relay, stores
from labserver.bounds import BoundedBody, OwnPages
from labserver.connections import SPARE_DESCRIPTORS, descriptors
from labserver.stores import Store, StoreAway

ROWS_A_CHUNK = 500
LISTENERS = 100  # at a time, unless LABSERVER_LISTENERS says another number
AWAY_SECONDS = 10.0  # that a listener waits for a store
BODY_BYTES = 2**14  # a notification, however its characters are written
RETRY = 1000  # milliseconds after which a browser asks again
# A browser that guesses the type of a plain text shows nothing until it has seen enough of it.
AS_TEXT = {"X-Content-Type-Options": "nosniff"}

Rows = Annotated[int, Query(ge=0, le=1_000_000)]
Count = Annotated[int, Query(ge=0, le=1000)]
Every = Annotated[float, Query(ge=0, le=10, description="seconds between two")]
LastEventId = Annotated[str, Header(alias="Last-Event-ID")]
Name = Annotated[str, Query(max_length=40, description="of the client's choice, for /cut")]


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[dict[str, Any]]:
    """Make what requests find in `request.state`, and clean up at the end."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "data.bin")
        file.write_bytes(bytes(range(256)) * 2**15)  # 8 MiB
        most = most_listeners()
        async with stores.opened() as store:
            yield {
                "file": file,  # of /download
                "named": {},  # the tasks that answer now, with the names that /cut takes
                "store": store,  # of /notifications, with its listeners and their bound
                "listeners": [],
                "most": most,
            }


def most_listeners() -> int:
    """How many may listen at a time: a setting, but no more than there are descriptors for."""
    wanted = os.environ.get("LABSERVER_LISTENERS", str(LISTENERS))
    if not wanted.isdecimal():
        raise ValueError(f"LABSERVER_LISTENERS is a whole number, not {wanted!r}.")
    return min(int(wanted), descriptors() - SPARE_DESCRIPTORS)


# FastAPI's /docs and /redoc load their scripts from elsewhere; /openapi.json has the same facts.
app = FastAPI(title="Streaming lab", lifespan=lifespan, docs_url=None, redoc_url=None)
app.add_middleware(OwnPages)
app.add_middleware(BoundedBody, max_bytes=BODY_BYTES)
app.include_router(front_page.router)
app.include_router(relay.router)  # for the page, where something holds responses back


@app.exception_handler(RequestValidationError)
async def refuse(request: Request, error: RequestValidationError) -> JSONResponse:
    """Answer 422 as FastAPI does, but without the input, which may be long or secret."""
    told = [{key: fault[key] for key in ("type", "loc", "msg")} for fault in error.errors()]
    return JSONResponse({"detail": told}, 422)


async def cuttable(request: Request, name: Name = "") -> AsyncIterator[None]:
    """Keep the task that answers this request under its name, for as long as it answers.

    It is async on purpose: FastAPI runs a plain def in a thread, where no task is current.
    """
    task = asyncio.current_task()
    request.state.named[task] = name
    try:
        yield
    finally:
        del request.state.named[task]


@app.post("/cut")
async def cut(request: Request, name: Annotated[Name, Query(min_length=1)]) -> dict[str, int]:
    """Drop the connections of that name in the middle of a response, as a bad line would."""
    tasks = [task for task, its_name in request.state.named.items() if its_name == name]
    for task in tasks:
        task.cancel()
    return {"cut": len(tasks)}


def rest_of(ids: range, last_event_id: str) -> range:
    """The event ids that a client has not seen; all of them for an id that was never given.

    A browser stops for good at every status but 200 (HTML standard, 9.2.3). So an unknown id is no
    error, and where nothing is left, this raises HTTPException with the status 204.
    """
    given = [str(id) for id in ids]  # as text: int() would also read "+1", "01" and "1_0"
    rest = ids[given.index(last_event_id) + 1 :] if last_event_id in given else ids
    if not rest:
        raise HTTPException(204)
    return rest


@app.get("/plain-stream", dependencies=[Depends(cuttable)])
async def plain_stream(count: Count = 5, every: Every = 0.2) -> StreamingResponse:
    """Text, a line at a time. The client has to find out where a line ends."""

    async def lines() -> AsyncIterator[str]:
        for i in range(count):
            yield f"Chunk {i}\n"
            await asyncio.sleep(every)

    return StreamingResponse(lines(), media_type="text/plain", headers=AS_TEXT)


@app.get("/stream")
async def stream(count: Count = 5, every: Every = 0.2) -> StreamingResponse:
    """Numbers, a line at a time."""

    async def numbers() -> AsyncIterator[str]:
        for i in range(count):
            yield f"Number: {i}\n"
            await asyncio.sleep(every)

    return StreamingResponse(numbers(), media_type="text/plain", headers=AS_TEXT)


@app.get("/sse", dependencies=[Depends(cuttable)])
async def sse(
    count: Count = 5, every: Every = 0.2, end: bool = False, last_event_id: LastEventId = ""
) -> EventSourceResponse:
    """The same as server-sent events: a client gets each one whole.

    A browser asks again whenever a stream ends, and then gets a 204, which stops it. With `end`,
    one more event of that name lets a page close the stream before that.
    """
    rest = rest_of(range(count), last_event_id)

    async def events() -> AsyncIterator[ServerSentEvent]:
        for i in rest:
            yield ServerSentEvent(f"Event {i}", id=str(i), retry=RETRY)
            await asyncio.sleep(every)
        if end:
            yield ServerSentEvent("all sent", event="end")

    return EventSourceResponse(events())


@app.get("/download")
def download(request: Request) -> FileResponse:
    """A file on disk: its size is known, and a part can be asked for with Range."""
    return FileResponse(request.state.file, filename="data.bin")


@app.get("/export", dependencies=[Depends(cuttable)])
def export(rows: Rows = 10_000) -> StreamingResponse:
    """A CSV, made while it is sent. With a chunk for each row it would take 100 times longer."""

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


@app.get("/export.jsonl", dependencies=[Depends(cuttable)])
def export_jsonl(rows: Rows = 10_000) -> StreamingResponse:
    """The same as JSON Lines: a row is one line, whatever its text is, and keeps its types."""

    def line(i: int) -> str:
        row = {"id": i, "name": f"User {i}", "note": 'says "hi", then leaves'}
        return json.dumps(row) + "\n"

    def chunks() -> Iterator[str]:
        for start in range(1, rows + 1, ROWS_A_CHUNK):
            yield "".join(map(line, range(start, min(start + ROWS_A_CHUNK, rows + 1))))

    headers = {"Content-Disposition": 'attachment; filename="export.jsonl"'}
    return StreamingResponse(chunks(), media_type="application/jsonl", headers=headers)


@app.get("/events")
async def events(
    count: Count = 10, every: Every = 0.2, last_event_id: LastEventId = ""
) -> EventSourceResponse:
    """Numbered events. A client can resume after any of them; after the last it gets a 204."""
    rest = rest_of(range(1, count + 1), last_event_id)

    async def numbered() -> AsyncIterator[ServerSentEvent]:
        for i in rest:
            yield ServerSentEvent(json.dumps({"n": i}), event="count", id=str(i), retry=RETRY)
            await asyncio.sleep(every)

    return EventSourceResponse(numbered())


@app.get("/progress", dependencies=[Depends(cuttable)])
async def progress(every: Every = 0.2, last_event_id: LastEventId = "") -> EventSourceResponse:
    """A job's progress in per cent, which is also the event ID. The last event is named `done`."""
    rest = rest_of(range(20, 101, 20), last_event_id)

    async def steps() -> AsyncIterator[ServerSentEvent]:
        for percent in rest:
            await asyncio.sleep(every)
            name = "done" if percent == 100 else "progress"
            data = json.dumps({"percent": percent})
            yield ServerSentEvent(data, event=name, id=str(percent), retry=RETRY)

    return EventSourceResponse(steps())


@app.get("/logs", dependencies=[Depends(cuttable)])
async def logs(
    count: Count = 10, every: Every = 0.2, last_event_id: LastEventId = ""
) -> EventSourceResponse:
    """A log: an entry is one event, however many lines it has, and its level names the event.

    No level is called `error`: a browser uses that name for a connection that was cut.
    """
    rest = rest_of(range(1, count + 1), last_event_id)

    async def entries() -> AsyncIterator[ServerSentEvent]:
        for i in rest:
            level, text = "info", f"Row {i} is done."
            if i % 4 == 0:
                level, text = "warning", f"Row {i} is left out:\n  it has no name."
            yield ServerSentEvent(text, event=level, id=str(i), retry=RETRY)
            await asyncio.sleep(every)

    return EventSourceResponse(entries())


async def listening(request: Request) -> AsyncIterator[None]:
    """Count a listener, for as long as its response lasts."""
    request.state.listeners.append(request)
    try:
        yield
    finally:
        request.state.listeners.remove(request)


def come_later(request: Request) -> Response:
    """Send one listener too many away for ten seconds.

    A browser would never come back after a 503, so it gets an event stream that says when to.
    """
    if "text/event-stream" in request.headers.get("accept", ""):
        headers = {"Cache-Control": "no-store"}
        return Response("retry: 10000\n\n", media_type="text/event-stream", headers=headers)
    raise HTTPException(503, "Too many clients listen now.", headers={"Retry-After": "10"})


@app.post("/notifications", status_code=202)
async def notify(request: Request, text: Annotated[str, Body(max_length=1000)]) -> dict[str, int]:
    """Tell all who listen. Once this is a 202, each of them gets it, from whatever process."""
    try:
        await request.state.store.publish(text)
    except StoreAway as why:
        stores.log.warning("A notification was refused, since the store does not answer: %s", why)
        raise HTTPException(503, "The store does not answer.", {"Retry-After": "1"}) from None
    return {"listeners": len(request.state.listeners)}


@app.get("/notifications", dependencies=[Depends(listening)])
async def notifications(
    request: Request,
    seconds: Annotated[float, Query(gt=0, le=600)] = 60,
    last_event_id: LastEventId = "",
) -> Response:
    """The notifications of the next `seconds`. Then a browser comes back by itself.

    A client that sends an id gets those after it. Where that id is no longer known, an event
    `reset` says that notifications are missing, and those that are kept follow.
    """
    if len(request.state.listeners) > request.state.most:
        return come_later(request)
    return EventSourceResponse(told(request.state.store, last_event_id, seconds))


async def told(store: Store, last_event_id: str, seconds: float) -> AsyncIterator[ServerSentEvent]:
    """What a listener hears. Where the store is away, wait for it, ten seconds at most.

    A newcomer first gets the id of the newest notification, so that it can come back with it.
    """
    clock = asyncio.get_running_loop().time
    end, answered = clock() + seconds, clock()
    place = last_event_id or None
    yield ServerSentEvent(retry=RETRY)
    while clock() < min(end, answered + AWAY_SECONDS):
        try:
            if place is None:
                place = await store.last()
                yield ServerSentEvent(id=place)
            for note in await store.after(place, end - clock()):
                place = note.id
                name = None if note.text is None else "notification"
                yield ServerSentEvent(note.text, event=name, id=note.id)
            answered = clock()
        except StoreAway:
            yield ServerSentEvent(comment="waiting for the store")
            await asyncio.sleep(stores.AGAIN_SECONDS)  # it may have refused at once
        except LookupError:
            place = ""  # before all that are kept
            yield ServerSentEvent("Notifications are missing before the next.", event="reset")
