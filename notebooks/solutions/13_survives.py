import os

import valkey.asyncio as valkey
from fastapi import FastAPI, Header
from sse_starlette import EventSourceResponse

app = FastAPI()
STORE = os.environ.get("LABSERVER_STORE", "valkey://127.0.0.1")
store = valkey.from_url(STORE, decode_responses=True)


@app.post("/chat")
async def say(text: str):
    await store.xadd("chat", {"text": text}, maxlen=1000)


async def follow(last):
    while True:
        for _, entries in await store.xread({"chat": last}, block=5000):
            for last, line in entries:
                yield {"id": last, "data": line["text"]}


@app.get("/chat")
async def listen(last_event_id: str = Header("0")):
    return EventSourceResponse(follow(last_event_id))
