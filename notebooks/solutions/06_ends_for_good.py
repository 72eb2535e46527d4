import asyncio
from typing import Annotated

from fastapi import FastAPI, Header, Response
from sse_starlette import EventSourceResponse, ServerSentEvent

app = FastAPI()
STAGES = ["queued", "running", "saving", "done"]


@app.get("/job")
async def job(last_event_id: Annotated[str, Header()] = ""):
    if last_event_id == STAGES[-1]:
        return Response(status_code=204)

    async def stages():
        had = last_event_id in STAGES
        first = STAGES.index(last_event_id) + 1 if had else 0
        for stage in STAGES[first:]:
            name = "end" if stage == STAGES[-1] else None
            yield ServerSentEvent(stage, event=name, id=stage)
            await asyncio.sleep(0.05)

    return EventSourceResponse(stages())
