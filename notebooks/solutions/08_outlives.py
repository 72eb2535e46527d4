import asyncio
from typing import Annotated

from fastapi import BackgroundTasks, FastAPI, Header
from sse_starlette import EventSourceResponse

app = FastAPI()
done = []  # what the job has reached, in per cent


async def job():
    for percent in range(20, 101, 20):
        await asyncio.sleep(0.2)  # the work
        done.append(percent)


@app.post("/job")
async def start(tasks: BackgroundTasks):
    done.clear()
    tasks.add_task(job)  # it runs when the answer is sent
    return "started"


@app.get("/progress")
async def progress(last_event_id: Annotated[int, Header(ge=0)] = 0):
    async def events():
        for percent in range(20, 101, 20):
            if percent > last_event_id:
                while percent not in done:
                    await asyncio.sleep(0.05)
                yield {"id": str(percent), "data": str(percent)}

    return EventSourceResponse(events())
