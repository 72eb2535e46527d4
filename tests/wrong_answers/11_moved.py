# %% the import alone
import json

from fastapi import FastAPI, HTTPException
from fastapi.sse import EventSourceResponse

app = FastAPI()


@app.get("/race")
async def race(laps: int):
    if laps > 3:
        raise HTTPException(400, "three laps at most")

    async def events():
        yield "Ready"
        for i in range(1, laps + 1):
            lap = {"event": "lap", "id": str(i)}
            yield {**lap, "data": json.dumps({"lap": i})}
        yield {"event": "end", "data": "done"}

    return EventSourceResponse(events())


# %% a route that yields, and dicts of fields as before
import json

from fastapi import FastAPI, HTTPException
from fastapi.sse import EventSourceResponse

app = FastAPI()


@app.get("/race", response_class=EventSourceResponse)
async def race(laps: int):
    if laps > 3:
        raise HTTPException(400, "three laps at most")
    yield "Ready"
    for i in range(1, laps + 1):
        lap = {"event": "lap", "id": str(i)}
        yield {**lap, "data": json.dumps({"lap": i})}
    yield {"event": "end", "data": "done"}


# %% JSON made twice
import json
from typing import Annotated

from fastapi import Depends, FastAPI, HTTPException
from fastapi.sse import EventSourceResponse, ServerSentEvent

app = FastAPI()


def few(laps: int):
    if laps > 3:
        raise HTTPException(400, "three laps at most")
    return laps


@app.get("/race", response_class=EventSourceResponse)
async def race(laps: Annotated[int, Depends(few)]):
    yield ServerSentEvent(raw_data="Ready")
    for i in range(1, laps + 1):
        yield ServerSentEvent(event="lap", id=str(i), data=json.dumps({"lap": i}))
    yield ServerSentEvent(event="end", raw_data="done")


# %% text that has become JSON
from typing import Annotated

from fastapi import Depends, FastAPI, HTTPException
from fastapi.sse import EventSourceResponse, ServerSentEvent

app = FastAPI()


def few(laps: int):
    if laps > 3:
        raise HTTPException(400, "three laps at most")
    return laps


@app.get("/race", response_class=EventSourceResponse)
async def race(laps: Annotated[int, Depends(few)]):
    yield "Ready"
    for i in range(1, laps + 1):
        yield ServerSentEvent(event="lap", id=str(i), data={"lap": i})
    yield ServerSentEvent(event="end", data="done")


# %% all but the check, which is still in the route
from fastapi import FastAPI, HTTPException
from fastapi.sse import EventSourceResponse, ServerSentEvent

app = FastAPI()


@app.get("/race", response_class=EventSourceResponse)
async def race(laps: int):
    if laps > 3:
        raise HTTPException(400, "three laps at most")
    yield ServerSentEvent(raw_data="Ready")
    for i in range(1, laps + 1):
        yield ServerSentEvent(event="lap", id=str(i), data={"lap": i})
    yield ServerSentEvent(event="end", raw_data="done")


# %% sse-starlette with the other line end
import json

from fastapi import FastAPI, HTTPException
from sse_starlette import EventSourceResponse

app = FastAPI()


@app.get("/race")
async def race(laps: int):
    if laps > 3:
        raise HTTPException(400, "three laps at most")

    async def events():
        yield "Ready"
        for i in range(1, laps + 1):
            yield {"event": "lap", "id": str(i), "data": json.dumps({"lap": i})}
        yield {"event": "end", "data": "done"}

    return EventSourceResponse(events(), sep="\n")


# %% without response_class: JSON Lines
from typing import Annotated

from fastapi import Depends, FastAPI, HTTPException
from fastapi.sse import ServerSentEvent

app = FastAPI()


def few(laps: int):
    if laps > 3:
        raise HTTPException(400, "three laps at most")
    return laps


@app.get("/race")
async def race(laps: Annotated[int, Depends(few)]):
    yield ServerSentEvent(raw_data="Ready")
    for i in range(1, laps + 1):
        yield ServerSentEvent(event="lap", id=str(i), data={"lap": i})
    yield ServerSentEvent(event="end", raw_data="done")


# %% a limit by Query, which refuses with another status
from typing import Annotated

from fastapi import FastAPI, Query
from fastapi.sse import EventSourceResponse, ServerSentEvent

app = FastAPI()


@app.get("/race", response_class=EventSourceResponse)
async def race(laps: Annotated[int, Query(le=3)]):
    yield ServerSentEvent(raw_data="Ready")
    for i in range(1, laps + 1):
        yield ServerSentEvent(event="lap", id=str(i), data={"lap": i})
    yield ServerSentEvent(event="end", raw_data="done")


# %% the ids lost on the way
from typing import Annotated

from fastapi import Depends, FastAPI, HTTPException
from fastapi.sse import EventSourceResponse, ServerSentEvent

app = FastAPI()


def few(laps: int):
    if laps > 3:
        raise HTTPException(400, "three laps at most")
    return laps


@app.get("/race", response_class=EventSourceResponse)
async def race(laps: Annotated[int, Depends(few)]):
    yield ServerSentEvent(raw_data="Ready")
    for i in range(1, laps + 1):
        yield ServerSentEvent(event="lap", data={"lap": i})
    yield ServerSentEvent(event="end", raw_data="done")


# %% two laps written out => /race?laps=3
from typing import Annotated

from fastapi import Depends, FastAPI, HTTPException
from fastapi.sse import EventSourceResponse, ServerSentEvent

app = FastAPI()


def few(laps: int):
    if laps > 3:
        raise HTTPException(400, "three laps at most")
    return laps


@app.get("/race", response_class=EventSourceResponse)
async def race(laps: Annotated[int, Depends(few)]):
    yield ServerSentEvent(raw_data="Ready")
    yield ServerSentEvent(event="lap", id="1", data={"lap": 1})
    yield ServerSentEvent(event="lap", id="2", data={"lap": 2})
    yield ServerSentEvent(event="end", raw_data="done")


# %% always three laps => expected: 4 events
from typing import Annotated

from fastapi import Depends, FastAPI, HTTPException
from fastapi.sse import EventSourceResponse, ServerSentEvent

app = FastAPI()


def few(laps: int):
    if laps > 3:
        raise HTTPException(400, "three laps at most")
    return laps


@app.get("/race", response_class=EventSourceResponse)
async def race(laps: Annotated[int, Depends(few)]):
    yield ServerSentEvent(raw_data="Ready")
    for i in range(1, 4):
        yield ServerSentEvent(event="lap", id=str(i), data={"lap": i})
    yield ServerSentEvent(event="end", raw_data="done")


# %% the number of the lap without its name => expected
from typing import Annotated

from fastapi import Depends, FastAPI, HTTPException
from fastapi.sse import EventSourceResponse, ServerSentEvent

app = FastAPI()


def few(laps: int):
    if laps > 3:
        raise HTTPException(400, "three laps at most")
    return laps


@app.get("/race", response_class=EventSourceResponse)
async def race(laps: Annotated[int, Depends(few)]):
    yield ServerSentEvent(raw_data="Ready")
    for i in range(1, laps + 1):
        yield ServerSentEvent(event="lap", id=str(i), data=i)
    yield ServerSentEvent(event="end", raw_data="done")


# %% no end event => expected: 4 events
from typing import Annotated

from fastapi import Depends, FastAPI, HTTPException
from fastapi.sse import EventSourceResponse, ServerSentEvent

app = FastAPI()


def few(laps: int):
    if laps > 3:
        raise HTTPException(400, "three laps at most")
    return laps


@app.get("/race", response_class=EventSourceResponse)
async def race(laps: Annotated[int, Depends(few)]):
    yield ServerSentEvent(raw_data="Ready")
    for i in range(1, laps + 1):
        yield ServerSentEvent(event="lap", id=str(i), data={"lap": i})


# %% frames by hand => no schema of an event
import json

from fastapi import FastAPI, HTTPException
from fastapi.responses import StreamingResponse

app = FastAPI()


@app.get("/race")
async def race(laps: int):
    if laps > 3:
        raise HTTPException(400, "three laps at most")
    frames = ["data: Ready\n\n"]
    for i in range(1, laps + 1):
        frames.append(f"event: lap\nid: {i}\ndata: {json.dumps({'lap': i})}\n\n")
    frames.append("event: end\ndata: done\n\n")
    return StreamingResponse(frames, media_type="text/event-stream")


# %% three laps are too many => status 400
from typing import Annotated

from fastapi import Depends, FastAPI, HTTPException
from fastapi.sse import EventSourceResponse, ServerSentEvent

app = FastAPI()


def few(laps: int):
    if laps >= 3:
        raise HTTPException(400, "three laps at most")
    return laps


@app.get("/race", response_class=EventSourceResponse)
async def race(laps: Annotated[int, Depends(few)]):
    yield ServerSentEvent(raw_data="Ready")
    for i in range(1, laps + 1):
        yield ServerSentEvent(event="lap", id=str(i), data={"lap": i})
    yield ServerSentEvent(event="end", raw_data="done")


# %% the app fails while starting => The app failed while starting
import contextlib

from fastapi import FastAPI


@contextlib.asynccontextmanager
async def lifespan(app):
    raise RuntimeError("no track")
    yield


app = FastAPI(lifespan=lifespan)
