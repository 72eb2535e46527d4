import json

from fastapi import FastAPI
from sse_starlette import EventSourceResponse

app = FastAPI()


@app.get("/stock")
async def stock(item: str):
    async def events():
        for left in (2, 1, 0):
            data = json.dumps({"item": item, "left": left})
            yield {"event": "stock", "data": data}

    return EventSourceResponse(events())
