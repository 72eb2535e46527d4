# %% An end event, and no 204
from typing import Annotated

from fastapi import FastAPI, Header
from sse_starlette import EventSourceResponse, ServerSentEvent

app = FastAPI()
STAGES = ["queued", "running", "saving", "done"]


@app.get("/job")
async def job(last_event_id: Annotated[str, Header()] = ""):
    async def stages():
        first = STAGES.index(last_event_id) + 1 if last_event_id else 0
        for stage in STAGES[first:]:
            name = "end" if stage == "done" else None
            yield ServerSentEvent(stage, event=name, id=stage)

    return EventSourceResponse(stages())


# %% 204 to all who come back
from typing import Annotated

from fastapi import FastAPI, Header, Response
from sse_starlette import EventSourceResponse, ServerSentEvent

app = FastAPI()
STAGES = ["queued", "running", "saving", "done"]


@app.get("/job")
async def job(last_event_id: Annotated[str, Header()] = ""):
    if last_event_id:
        return Response(status_code=204)

    async def stages():
        for stage in STAGES:
            name = "end" if stage == "done" else None
            yield ServerSentEvent(stage, event=name, id=stage)

    return EventSourceResponse(stages())


# %% An end event without data, which no client sees
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
            yield ServerSentEvent(stage, id=stage)
        yield ServerSentEvent(event="end")

    return EventSourceResponse(stages())


# %% An error instead of 204
from typing import Annotated

from fastapi import FastAPI, Header, HTTPException
from sse_starlette import EventSourceResponse, ServerSentEvent

app = FastAPI()
STAGES = ["queued", "running", "saving", "done"]


@app.get("/job")
async def job(last_event_id: Annotated[str, Header()] = ""):
    if last_event_id == "done":
        raise HTTPException(404)

    async def stages():
        first = STAGES.index(last_event_id) + 1 if last_event_id else 0
        for stage in STAGES[first:]:
            name = "end" if stage == "done" else None
            yield ServerSentEvent(stage, event=name, id=stage)

    return EventSourceResponse(stages())


# %% 204 from inside the generator
from typing import Annotated

from fastapi import FastAPI, Header, Response
from sse_starlette import EventSourceResponse, ServerSentEvent

app = FastAPI()
STAGES = ["queued", "running", "saving", "done"]


@app.get("/job")
async def job(last_event_id: Annotated[str, Header()] = ""):
    async def stages():
        first = STAGES.index(last_event_id) + 1 if last_event_id else 0
        if first == len(STAGES):
            yield Response(status_code=204)
        for stage in STAGES[first:]:
            name = "end" if stage == "done" else None
            yield ServerSentEvent(stage, event=name, id=stage)

    return EventSourceResponse(stages())


# %% Done once, done for all
from typing import Annotated

from fastapi import FastAPI, Header, Response
from sse_starlette import EventSourceResponse, ServerSentEvent

app = FastAPI()
STAGES = ["queued", "running", "saving", "done"]
sent = []


@app.get("/job")
async def job(last_event_id: Annotated[str, Header()] = ""):
    if "done" in sent and last_event_id in ("", "done"):
        return Response(status_code=204)

    async def stages():
        first = STAGES.index(last_event_id) + 1 if last_event_id else 0
        for stage in STAGES[first:]:
            name = "end" if stage == "done" else None
            yield ServerSentEvent(stage, event=name, id=stage)
            sent.append(stage)

    return EventSourceResponse(stages())


# %% Every event is named end
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
            yield ServerSentEvent(stage, event="end", id=stage)

    return EventSourceResponse(stages())


# %% the others renamed => expected: the others unnamed
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
        first = STAGES.index(last_event_id) + 1 if last_event_id in STAGES else 0
        for stage in STAGES[first:]:
            yield ServerSentEvent(stage, event="end" if stage == "done" else "stage", id=stage)
            await asyncio.sleep(0.05)

    return EventSourceResponse(stages())


# %% named by their data => expected: the others unnamed
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
        first = STAGES.index(last_event_id) + 1 if last_event_id in STAGES else 0
        for stage in STAGES[first:]:
            yield ServerSentEvent(stage, event="end" if stage == "done" else stage, id=stage)
            await asyncio.sleep(0.05)

    return EventSourceResponse(stages())


# %% an end event beside done => the stages of /job
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
        first = STAGES.index(last_event_id) + 1 if last_event_id in STAGES else 0
        for stage in STAGES[first:]:
            yield ServerSentEvent(stage, event=None, id=stage)
            await asyncio.sleep(0.05)
        yield ServerSentEvent("over", event="end", id="done")

    return EventSourceResponse(stages())


# %% 410, as an end => Answer 204
import asyncio
from typing import Annotated

from fastapi import FastAPI, Header, Response
from sse_starlette import EventSourceResponse, ServerSentEvent

app = FastAPI()
STAGES = ["queued", "running", "saving", "done"]


@app.get("/job")
async def job(last_event_id: Annotated[str, Header()] = ""):
    if last_event_id == "done":
        return Response(status_code=410)

    async def stages():
        first = STAGES.index(last_event_id) + 1 if last_event_id in STAGES else 0
        for stage in STAGES[first:]:
            yield ServerSentEvent(stage, event="end" if stage == "done" else None, id=stage)
            await asyncio.sleep(0.05)

    return EventSourceResponse(stages())


# %% the end has no id => came back
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
        first = STAGES.index(last_event_id) + 1 if last_event_id in STAGES else 0
        for stage in STAGES[first:]:
            yield ServerSentEvent(
                stage,
                event="end" if stage == "done" else None,
                id=stage if stage != "done" else None,
            )
            await asyncio.sleep(0.05)

    return EventSourceResponse(stages())


# %% 204 with the end in sight => expected: 200
import asyncio
from typing import Annotated

from fastapi import FastAPI, Header, Response
from sse_starlette import EventSourceResponse, ServerSentEvent

app = FastAPI()
STAGES = ["queued", "running", "saving", "done"]


@app.get("/job")
async def job(last_event_id: Annotated[str, Header()] = ""):
    if last_event_id in ("saving", "done"):
        return Response(status_code=204)

    async def stages():
        first = STAGES.index(last_event_id) + 1 if last_event_id in STAGES else 0
        for stage in STAGES[first:]:
            yield ServerSentEvent(stage, event="end" if stage == "done" else None, id=stage)
            await asyncio.sleep(0.05)

    return EventSourceResponse(stages())


# %% the wrong name => no event named end
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
        first = STAGES.index(last_event_id) + 1 if last_event_id in STAGES else 0
        for stage in STAGES[first:]:
            yield ServerSentEvent(stage, event="done" if stage == "done" else None, id=stage)
            await asyncio.sleep(0.05)

    return EventSourceResponse(stages())


# %% the place is kept in one variable for all => two clients asked at once
import asyncio

from fastapi import FastAPI, Header, Response
from sse_starlette import EventSourceResponse, ServerSentEvent

app = FastAPI()
STAGES = ["queued", "running", "saving", "done"]
place = 0


@app.get("/job")
async def job(last_event_id: str = Header("")):
    global place
    if last_event_id == "done":
        return Response(status_code=204)
    had = last_event_id in STAGES
    place = STAGES.index(last_event_id) + 1 if had else 0

    async def stages():
        global place
        while place < len(STAGES):
            stage = STAGES[place]
            name = "end" if stage == "done" else None
            yield ServerSentEvent(stage, event=name, id=stage)
            place += 1
            await asyncio.sleep(0.05)

    return EventSourceResponse(stages())
