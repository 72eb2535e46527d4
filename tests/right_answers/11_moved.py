# %% a dependency of the route, JSON by hand
import json

from fastapi import Depends, FastAPI, HTTPException
from fastapi.sse import EventSourceResponse, ServerSentEvent

app = FastAPI()


def few(laps: int):
    if laps > 3:
        raise HTTPException(400, "three laps at most")
    return laps


@app.get("/race", response_class=EventSourceResponse, dependencies=[Depends(few)])
async def race(laps: int):
    yield ServerSentEvent(raw_data="Ready")
    for i in range(1, laps + 1):
        yield ServerSentEvent(event="lap", id=str(i), raw_data=json.dumps({"lap": i}))
    yield ServerSentEvent(event="end", raw_data="done")


# %% a plain route that yields
from fastapi import Depends, FastAPI, HTTPException
from fastapi.sse import EventSourceResponse, ServerSentEvent

app = FastAPI()


def few(laps: int):
    if laps > 3:
        raise HTTPException(400, "three laps at most")
    return laps


@app.get("/race", response_class=EventSourceResponse)
def race(laps: int = Depends(few)):
    yield ServerSentEvent(raw_data="Ready")
    for i in range(laps):
        yield ServerSentEvent(event="lap", id=str(i + 1), data={"lap": i + 1})
    yield ServerSentEvent(event="end", raw_data="done")


# %% a declared type, a model as data
from collections.abc import AsyncIterable
from typing import Annotated

from fastapi import Depends, FastAPI, HTTPException
from fastapi.sse import EventSourceResponse, ServerSentEvent
from pydantic import BaseModel

app = FastAPI()


class Lap(BaseModel):
    lap: int


def few(laps: int):
    if laps > 3:
        raise HTTPException(400, "three laps at most")
    return laps


@app.get("/race", response_class=EventSourceResponse)
async def race(laps: Annotated[int, Depends(few)]) -> AsyncIterable[ServerSentEvent]:
    print("a race of", laps)
    yield ServerSentEvent(event="message", raw_data="Ready")
    for i in range(1, laps + 1):
        yield ServerSentEvent(event="lap", id=str(i), data=Lap(lap=i))
    yield ServerSentEvent(event="end", raw_data="done")


# %% a comment, a wait, a router
import asyncio
from typing import Annotated

from fastapi import APIRouter, Depends, FastAPI, HTTPException
from fastapi.sse import EventSourceResponse, ServerSentEvent

app = FastAPI()

router = APIRouter()


def few(laps: int):
    if laps > 3:
        raise HTTPException(400, "three laps at most")
    return laps


@router.get("/race", response_class=EventSourceResponse)
async def race(laps: Annotated[int, Depends(few)]):
    yield ServerSentEvent(comment="on your marks")
    yield ServerSentEvent(raw_data="Ready")
    for i in range(1, laps + 1):
        await asyncio.sleep(0.05)
        yield ServerSentEvent(event="lap", id=f"{i}", data={"lap": i})
    yield ServerSentEvent(event="end", raw_data="done")


app.include_router(router)


# %% the error of a validation, turned into 400
from typing import Annotated

from fastapi import FastAPI, Query
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from fastapi.sse import EventSourceResponse, ServerSentEvent

app = FastAPI()


@app.exception_handler(RequestValidationError)
async def refuse(request, error):
    return JSONResponse({"detail": "three laps at most"}, 400)


@app.get("/race", response_class=EventSourceResponse)
async def race(laps: Annotated[int, Query(le=3)]):
    yield ServerSentEvent(raw_data="Ready")
    for i in range(1, laps + 1):
        yield ServerSentEvent(event="lap", id=str(i), data={"lap": i})
    yield ServerSentEvent(event="end", raw_data="done", id=str(laps))
