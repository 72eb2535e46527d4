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


# %% another name => name it 'stock'
import json

from fastapi import FastAPI
from sse_starlette import EventSourceResponse

app = FastAPI()


@app.get("/stock")
async def stock(item: str):
    async def events():
        for left in (2, 1, 0):
            yield {"event": "tea", "data": json.dumps({"item": item, "left": left})}

    return EventSourceResponse(events())


# %% JSON in JSON => the data, read as JSON
import json

from fastapi import FastAPI
from sse_starlette import EventSourceResponse

app = FastAPI()


@app.get("/stock")
async def stock(item: str):
    async def events():
        for left in (2, 1, 0):
            data = json.dumps({"item": item, "left": left})
            yield {"event": "stock", "data": json.dumps(data)}

    return EventSourceResponse(events())


# %% always tea => the data, read as JSON
import json

from fastapi import FastAPI
from sse_starlette import EventSourceResponse

app = FastAPI()


@app.get("/stock")
async def stock(item: str):
    async def events():
        for left in (2, 1, 0):
            yield {"event": "stock", "data": json.dumps({"item": "tea", "left": left})}

    return EventSourceResponse(events())


# %% quotes by replace => is not JSON
from fastapi import FastAPI
from sse_starlette import EventSourceResponse

app = FastAPI()


@app.get("/stock")
async def stock(item: str):
    async def events():
        for left in (2, 1, 0):
            data = str({"item": item, "left": left}).replace("'", '"')
            yield {"event": "stock", "data": data}

    return EventSourceResponse(events())


# %% counts up => the data, read as JSON
import json

from fastapi import FastAPI
from sse_starlette import EventSourceResponse

app = FastAPI()


@app.get("/stock")
async def stock(item: str):
    async def events():
        for left in (0, 1, 2):
            yield {"event": "stock", "data": json.dumps({"item": item, "left": left})}

    return EventSourceResponse(events())


# %% a fourth event => expected: 3 events
import json

from fastapi import FastAPI
from sse_starlette import EventSourceResponse

app = FastAPI()


@app.get("/stock")
async def stock(item: str):
    async def events():
        for left in (3, 2, 1, 0):
            yield {"event": "stock", "data": json.dumps({"item": item, "left": left})}

    return EventSourceResponse(events())


# %% no event stream => sent no event
import json

from fastapi import FastAPI
from fastapi.responses import StreamingResponse

app = FastAPI()


@app.get("/stock")
async def stock(item: str):
    frames = []
    for left in range(2, -1, -1):
        data = json.dumps({"item": item, "left": left})
        frames.append(f"event: stock\ndata: {data}\n\n")

    return StreamingResponse(frames, media_type="text/plain")


# %% events without end => came to no end
import json

from fastapi import FastAPI
from sse_starlette import EventSourceResponse

app = FastAPI()


@app.get("/stock")
async def stock(item: str):
    async def events():
        while True:
            yield {"event": "stock", "data": json.dumps({"item": item, "left": 2})}

    return EventSourceResponse(events())


# %% one counter for all requests => sent no event
import json

from fastapi import FastAPI
from sse_starlette import EventSourceResponse

app = FastAPI()
left = 3


@app.get("/stock")
async def stock(item: str):
    async def events():
        global left
        while left:
            left -= 1
            yield {"event": "stock", "data": json.dumps({"item": item, "left": left})}

    return EventSourceResponse(events())


# %% framed by hand, the last event without its empty line => expected: 3 events
import json

from fastapi import FastAPI
from fastapi.responses import StreamingResponse

app = FastAPI()


@app.get("/stock")
async def stock(item: str):
    frames = [f"event: stock\ndata: {json.dumps({'item': item, 'left': n})}" for n in (2, 1, 0)]
    return StreamingResponse(["\n\n".join(frames)], media_type="text/event-stream")


# %% quotes, backslashes and line feeds escaped by hand => is not JSON
from fastapi import FastAPI
from sse_starlette import EventSourceResponse

app = FastAPI()


def escaped(text):
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


@app.get("/stock")
async def stock(item: str):
    async def events():
        for left in (2, 1, 0):
            data = '{"item": "%s", "left": %d}' % (escaped(item), left)
            yield {"event": "stock", "data": data}

    return EventSourceResponse(events())


# %% framed by hand, JSON of several lines cut by splitlines => is not JSON
import json

from fastapi import FastAPI
from fastapi.responses import StreamingResponse

app = FastAPI()


@app.get("/stock")
def stock(item: str):
    def frames():
        for left in (2, 1, 0):
            data = json.dumps({"item": item, "left": left}, indent=2, ensure_ascii=False)
            lines = "".join(f"data: {line}\n" for line in data.splitlines())
            yield f"event: stock\n{lines}\n"

    return StreamingResponse(frames(), media_type="text/event-stream")


# %% allows letters alone => (item: String should match
import json

from fastapi import FastAPI, Query
from sse_starlette import EventSourceResponse

app = FastAPI()


@app.get("/stock")
async def stock(item: str = Query(pattern="^[a-z]+$")):
    async def events():
        for left in (2, 1, 0):
            yield {"event": "stock", "data": json.dumps({"item": item, "left": left})}

    return EventSourceResponse(events())
