# %% what is left, decided before
import asyncio
from typing import Annotated

from fastapi import FastAPI, Header, Response
from sse_starlette import EventSourceResponse

app = FastAPI()
STAGES = ["queued", "running", "saving", "done"]


@app.get("/job")
async def job(last_event_id: Annotated[str, Header()] = ""):
    had = STAGES.index(last_event_id) if last_event_id in STAGES else -1
    left = STAGES[had + 1 :]
    if not left:
        return Response(status_code=204)

    async def stages():
        for stage in left:
            yield {"data": stage, "id": stage} | ({"event": "end"} if stage == "done" else {})
            await asyncio.sleep(0.05)

    return EventSourceResponse(stages())


# %% a status set by HTTPException
from typing import Annotated

from fastapi import FastAPI, Header, HTTPException
from sse_starlette import EventSourceResponse, ServerSentEvent

app = FastAPI()
STAGES = ["queued", "running", "saving", "done"]


@app.get("/job")
async def job(last_event_id: Annotated[str, Header()] = ""):
    if last_event_id == STAGES[-1]:
        raise HTTPException(204)

    async def stages():
        first = STAGES.index(last_event_id) + 1 if last_event_id in STAGES else 0
        for stage in STAGES[first:-1]:
            yield ServerSentEvent(stage, id=stage)
        yield ServerSentEvent(STAGES[-1], id=STAGES[-1], event="end")

    return EventSourceResponse(stages())


# %% an id of its own for the end, frames by hand
from fastapi import FastAPI, Request
from fastapi.responses import Response, StreamingResponse

app = FastAPI()
STAGES = ["queued", "running", "saving", "done"]


@app.get("/job")
def job(request: Request):
    had = request.headers.get("last-event-id", "")
    place = int(had) if had in ("1", "2", "3", "4") else 0
    if place == 4:
        return Response(status_code=204)
    frames = [f"id: {i}\ndata: {STAGES[i - 1]}\n\n" for i in range(place + 1, 4)]
    frames.append("id: 4\nevent: end\ndata: done\n\n")
    return StreamingResponse(frames, media_type="text/event-stream")


# %% a dependency answers 204
import asyncio
from typing import Annotated

from fastapi import Depends, FastAPI, Header, HTTPException
from sse_starlette import EventSourceResponse, ServerSentEvent

app = FastAPI()
STAGES = ["queued", "running", "saving", "done"]


def first_stage(last_event_id: Annotated[str, Header()] = ""):
    first = STAGES.index(last_event_id) + 1 if last_event_id in STAGES else 0
    if first == len(STAGES):
        raise HTTPException(status_code=204)
    return first


@app.get("/job")
async def job(first: Annotated[int, Depends(first_stage)]):
    async def stages():
        for stage in STAGES[first:]:
            print(stage)
            yield ServerSentEvent(stage, id=stage, event="end" if stage == "done" else None)
            await asyncio.sleep(0.05)

    return EventSourceResponse(stages())


# %% the others named message, as a browser does => an id that /job never gave
import asyncio
from typing import Annotated

from fastapi import FastAPI, Header, Response
from sse_starlette import EventSourceResponse, ServerSentEvent

app = FastAPI()
STAGES = ["queued", "running", "saving", "done"]


@app.get("/job")
async def job(last_event_id: Annotated[str, Header()] = ""):
    if last_event_id == "done":
        return Response(status_code=204)

    async def stages():
        first = STAGES.index(last_event_id) + 1 if last_event_id else 0
        for stage in STAGES[first:]:
            name = "end" if stage == "done" else "message"
            yield ServerSentEvent(stage, event=name, id=stage)
            await asyncio.sleep(0.05)

    return EventSourceResponse(stages())


# %% refuses an id never given
import asyncio
from typing import Annotated

from fastapi import FastAPI, Header, Response
from sse_starlette import EventSourceResponse, ServerSentEvent

app = FastAPI()
STAGES = ["queued", "running", "saving", "done"]


@app.get("/job")
async def job(last_event_id: Annotated[str, Header()] = ""):
    if last_event_id == "done":
        return Response(status_code=204)
    if last_event_id and last_event_id not in STAGES:
        return Response(status_code=400)

    async def stages():
        first = STAGES.index(last_event_id) + 1 if last_event_id else 0
        for stage in STAGES[first:]:
            name = "end" if stage == "done" else None
            yield ServerSentEvent(stage, event=name, id=stage)
            await asyncio.sleep(0.05)

    return EventSourceResponse(stages())


# %% a middleware answers 204, and a blocking wait in async def => another request
import time
from typing import Annotated

from fastapi import FastAPI, Header, Request, Response
from sse_starlette import EventSourceResponse, ServerSentEvent

app = FastAPI()
STAGES = ["queued", "running", "saving", "done"]


@app.middleware("http")
async def over(request: Request, call_next):
    if request.headers.get("last-event-id") == STAGES[-1]:
        return Response(status_code=204)
    return await call_next(request)


@app.get("/job")
async def job(last_event_id: Annotated[str, Header()] = ""):
    async def stages():
        first = STAGES.index(last_event_id) + 1 if last_event_id in STAGES else 0
        for stage in STAGES[first:]:
            yield ServerSentEvent(stage, event="end" if stage == "done" else None, id=stage)
            time.sleep(0.1)

    return EventSourceResponse(stages())
