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
    yield ServerSentEvent(event="end", raw_data="done")
