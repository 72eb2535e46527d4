import asyncio
import re
from typing import Annotated

from fastapi import FastAPI, Header
from sse_starlette import EventSourceResponse, ServerSentEvent

app = FastAPI()
LastId = Annotated[str, Header(alias="Last-Event-ID")]


@app.get("/countdown")
async def countdown(start: int = 5, last_id: LastId = ""):
    first = start
    if re.fullmatch(r"\d{1,9}", last_id) and int(last_id) <= start:
        first = int(last_id) - 1  # any other ID was never given here

    async def numbers():
        for i in range(first, -1, -1):
            yield ServerSentEvent(str(i), id=str(i))
            await asyncio.sleep(0.05)

    return EventSourceResponse(numbers())
