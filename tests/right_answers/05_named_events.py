# %% ServerSentEvent, ids beside, keys in another order
import json

from fastapi import FastAPI
from sse_starlette import EventSourceResponse, ServerSentEvent

app = FastAPI()


@app.get("/stock")
async def stock(item: str):
    async def events():
        for left in (2, 1, 0):
            data = json.dumps({"left": left, "item": item}, indent=1)
            yield ServerSentEvent(data, event="stock", id=str(left))

    return EventSourceResponse(events())


# %% JSONServerSentEvent
from fastapi import FastAPI
from sse_starlette import EventSourceResponse, JSONServerSentEvent

app = FastAPI()


@app.get("/stock")
async def stock(item: str):
    async def events():
        for left in (2, 1, 0):
            yield JSONServerSentEvent({"item": item, "left": left}, event="stock")

    return EventSourceResponse(events())


# %% framed by hand
import json

from fastapi import FastAPI
from fastapi.responses import StreamingResponse

app = FastAPI()


@app.get("/stock")
async def stock(item: str):
    frames = []
    for left in range(2, -1, -1):
        data = json.dumps({"item": item, "left": left}, ensure_ascii=False)
        frames.append(f"event: stock\ndata: {data}\n\n")

    return StreamingResponse(frames, media_type="text/event-stream")


# %% fastapi.sse
from fastapi import FastAPI
from fastapi.sse import EventSourceResponse, ServerSentEvent

app = FastAPI()


@app.get("/stock", response_class=EventSourceResponse)
async def stock(item: str):
    for left in (2, 1, 0):
        yield ServerSentEvent(event="stock", data={"item": item, "left": left})


# %% a plain generator that waits, and a comment
import json
import time

from fastapi import FastAPI
from sse_starlette import EventSourceResponse

app = FastAPI()


@app.get("/stock")
async def stock(item: str):
    def events():
        yield {"comment": "three follow"}
        for left in (2, 1, 0):
            time.sleep(0.1)
            yield {"event": "stock", "data": json.dumps({"item": item, "left": left})}

    return EventSourceResponse(events())


# %% JSON by a model of pydantic
from fastapi import FastAPI
from pydantic import BaseModel
from sse_starlette import EventSourceResponse


class Stock(BaseModel):
    item: str
    left: int


app = FastAPI()


@app.get("/stock")
async def stock(item: str):
    async def events():
        for left in (2, 1, 0):
            yield {"event": "stock", "data": Stock(item=item, left=left).model_dump_json()}

    return EventSourceResponse(events())


# %% a blocking wait in async def => another request
import json
import time

from fastapi import FastAPI
from sse_starlette import EventSourceResponse

app = FastAPI()


@app.get("/stock")
async def stock(item: str):
    async def events():
        for left in (2, 1, 0):
            time.sleep(0.2)
            yield {"event": "stock", "data": json.dumps({"item": item, "left": left})}

    return EventSourceResponse(events())


# %% a task fills a queue, sse-starlette starts it
import json

import anyio
from fastapi import FastAPI
from sse_starlette import EventSourceResponse

app = FastAPI()


@app.get("/stock")
async def stock(item: str):
    send, receive = anyio.create_memory_object_stream(10)

    async def produce():
        async with send:
            for n in (2, 1, 0):
                await send.send({"event": "stock", "data": json.dumps({"item": item, "left": n})})

    return EventSourceResponse(receive, data_sender_callable=produce)
