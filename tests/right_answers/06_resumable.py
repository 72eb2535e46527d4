# %% FastAPI refuses what is no number, a bound what is too high
import asyncio
from typing import Annotated

from fastapi import FastAPI, Header, HTTPException
from sse_starlette import EventSourceResponse, ServerSentEvent

app = FastAPI()


@app.get("/countdown")
async def countdown(start: int = 5, last_event_id: Annotated[int | None, Header()] = None):
    if last_event_id is not None and not 0 <= last_event_id <= start:
        raise HTTPException(400, "never given")
    first = start if last_event_id is None else last_event_id - 1

    async def numbers():
        for i in range(first, -1, -1):
            yield ServerSentEvent(str(i), id=str(i))
            await asyncio.sleep(0.05)

    return EventSourceResponse(numbers())


# %% 410 after 0
import asyncio
from typing import Annotated

from fastapi import FastAPI, Header, Response
from sse_starlette import EventSourceResponse, ServerSentEvent

app = FastAPI()


@app.get("/countdown")
async def countdown(start: int = 5, last_event_id: Annotated[str, Header()] = ""):
    if last_event_id == "0":
        return Response(status_code=410)
    given = [str(i) for i in range(start + 1)]
    first = int(last_event_id) - 1 if last_event_id in given else start

    async def numbers():
        for i in range(first, -1, -1):
            yield ServerSentEvent(str(i), id=str(i))
            await asyncio.sleep(0.05)

    return EventSourceResponse(numbers())


# %% ids of its own, looked up
import asyncio
from typing import Annotated

from fastapi import FastAPI, Header
from sse_starlette import EventSourceResponse

app = FastAPI()


@app.get("/countdown")
async def countdown(start: int = 5, last_event_id: Annotated[str, Header()] = ""):
    ids = {f"n{i}": i for i in range(start, -1, -1)}
    first = ids.get(last_event_id, start + 1) - 1

    async def numbers():
        for i in range(first, -1, -1):
            yield {"data": i, "id": f"n{i}"}
            await asyncio.sleep(0.05)

    return EventSourceResponse(numbers())


# %% frames by hand, plain, an end event => Last-Event-ID: -1, which was never given
from fastapi import FastAPI, Request
from fastapi.responses import StreamingResponse

app = FastAPI()


@app.get("/countdown")
async def countdown(request: Request, start: int = 5):
    try:
        first = min(int(request.headers["last-event-id"]), start + 1) - 1
    except (KeyError, ValueError):
        first = start

    def frames():
        for i in range(first, -1, -1):
            yield f"id: {i}\ndata: {i}\n\n"
        yield "event: end\ndata: over\n\n"

    return StreamingResponse(frames(), media_type="text/event-stream")


# %% starts over and says so, an iterator of its own
from typing import Annotated

from fastapi import APIRouter, FastAPI, Header
from sse_starlette import EventSourceResponse

app, router = FastAPI(), APIRouter()


class Countdown:
    def __init__(self, left, lost):
        self.left, self.lost = left, lost

    def __aiter__(self):
        return self

    async def __anext__(self):
        if self.lost:
            self.lost = False
            return {"event": "reset", "data": "from the start"}
        if not self.left:
            raise StopAsyncIteration
        return dict.fromkeys(("data", "id"), str(self.left.pop()))


@router.get("/countdown")
async def countdown(start: int = 5, last_event_id: Annotated[str, Header()] = ""):
    numbers = [str(i) for i in range(start + 1)]
    known = last_event_id in numbers
    left = numbers[: numbers.index(last_event_id)] if known else numbers
    return EventSourceResponse(Countdown(left, bool(last_event_id) and not known))


app.include_router(router)


# %% 204 after 0, and prints
from typing import Annotated

from fastapi import FastAPI, Header, Response
from sse_starlette import EventSourceResponse, ServerSentEvent

app = FastAPI()


@app.get("/countdown")
async def countdown(start: int = 5, last_event_id: Annotated[str, Header()] = ""):
    numbers = list(map(str, range(start, -1, -1)))
    left = numbers[numbers.index(last_event_id) + 1 :] if last_event_id in numbers else numbers
    print("goes on with", left)
    if not left:
        return Response(status_code=204)

    async def events():
        for number in left:
            yield ServerSentEvent(number, id=number)

    return EventSourceResponse(events())


# %% fastapi.sse
from typing import Annotated

from fastapi import FastAPI, Header
from fastapi.sse import EventSourceResponse, ServerSentEvent

app = FastAPI()


@app.get("/countdown", response_class=EventSourceResponse)
async def countdown(start: int = 5, last_event_id: Annotated[str, Header()] = ""):
    had = int(last_event_id) if last_event_id.isdecimal() else start + 1
    for i in range(min(had - 1, start), -1, -1):
        yield ServerSentEvent(raw_data=str(i), id=str(i))


# %% a blocking wait in async def => another request
import time
from typing import Annotated

from fastapi import FastAPI, Header
from sse_starlette import EventSourceResponse, ServerSentEvent

app = FastAPI()


@app.get("/countdown")
async def countdown(start: int = 5, last_event_id: Annotated[str, Header()] = ""):
    first = start
    if last_event_id in map(str, range(start + 1)):
        first = int(last_event_id) - 1

    async def numbers():
        for i in range(first, -1, -1):
            yield ServerSentEvent(str(i), id=str(i))
            time.sleep(0.05)

    return EventSourceResponse(numbers())


# %% random ids, which the server remembers
import secrets

from fastapi import FastAPI, Request
from sse_starlette import EventSourceResponse

app = FastAPI()
given = {}


@app.get("/countdown")
async def countdown(request: Request, start: int = 5):
    left = given.get(request.headers.get("Last-Event-ID"), start + 1)

    async def numbers():
        for i in reversed(range(left)):
            given[token := secrets.token_urlsafe(6)] = i
            yield {"data": i, "id": token, "retry": 300}

    return EventSourceResponse(numbers())
