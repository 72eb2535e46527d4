# %% JSON, but no name
import json

from fastapi import FastAPI
from sse_starlette import EventSourceResponse

app = FastAPI()


@app.get("/stock")
async def stock(item: str):
    async def events():
        for left in (2, 1, 0):
            yield {"data": json.dumps({"item": item, "left": left})}

    return EventSourceResponse(events())


# %% named, but the dict is still Python's
from fastapi import FastAPI
from sse_starlette import EventSourceResponse

app = FastAPI()


@app.get("/stock")
async def stock(item: str):
    async def events():
        for left in (2, 1, 0):
            yield {"event": "stock", "data": {"item": item, "left": left}}

    return EventSourceResponse(events())


# %% JSON by f-string
from fastapi import FastAPI
from sse_starlette import EventSourceResponse

app = FastAPI()


@app.get("/stock")
async def stock(item: str):
    async def events():
        for left in (2, 1, 0):
            data = f'{{"item": "{item}", "left": {left}}}'
            yield {"event": "stock", "data": data}

    return EventSourceResponse(events())


# %% the name inside the data, the fields as a dict of their own
from fastapi import FastAPI
from sse_starlette import EventSourceResponse

app = FastAPI()


@app.get("/stock")
async def stock(item: str):
    async def events():
        for left in (2, 1, 0):
            yield {"event": "stock", "item": item, "left": left}

    return EventSourceResponse(events())


# %% framed by hand, and then once more
import json

from fastapi import FastAPI
from sse_starlette import EventSourceResponse

app = FastAPI()


@app.get("/stock")
async def stock(item: str):
    async def events():
        for left in (2, 1, 0):
            data = json.dumps({"item": item, "left": left})
            yield f"event: stock\ndata: {data}\n\n"

    return EventSourceResponse(events())
