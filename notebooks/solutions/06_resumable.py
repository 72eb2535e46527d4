import asyncio
from typing import Annotated

from fastapi import FastAPI, Header
from sse_starlette import EventSourceResponse, ServerSentEvent

app = FastAPI()
LastId = Annotated[int | None, Header(alias="Last-Event-ID")]


@app.get("/countdown")
async def countdown(start: int = 5, last_id: LastId = None):
    async def numbers():
        first = start if last_id is None else last_id - 1
        for i in range(first, -1, -1):
            yield ServerSentEvent(str(i), id=str(i))
            await asyncio.sleep(0.05)

    return EventSourceResponse(numbers())
