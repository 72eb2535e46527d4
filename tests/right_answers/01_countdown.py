# %% waits before each line, not after
import asyncio

from fastapi import FastAPI
from fastapi.responses import StreamingResponse

app = FastAPI()


async def lines():
    for line in ("3\n", "2\n", "1\n", "lift-off\n"):
        await asyncio.sleep(0.2)
        yield line


@app.get("/countdown")
async def countdown():
    return StreamingResponse(lines(), media_type="text/plain")


# %% a plain generator, in a worker thread
import time

from fastapi import FastAPI
from fastapi.responses import StreamingResponse

app = FastAPI()


def lines():
    for number in range(3, 0, -1):
        yield f"{number}\n"
        time.sleep(0.2)
    yield "lift-off\n"


@app.get("/countdown")
async def countdown():
    return StreamingResponse(lines(), media_type="text/plain")


# %% bytes, and the charset said
import asyncio

from fastapi import FastAPI
from fastapi.responses import StreamingResponse

app = FastAPI()


async def lines():
    for number in (3, 2, 1):
        yield b"%d\n" % number
        await asyncio.sleep(0.2)
    yield b"lift-off\n"


@app.get("/countdown")
async def countdown():
    return StreamingResponse(lines(), headers={"Content-Type": "text/plain; charset=utf-8"})


# %% an iterator by hand, and prints
import asyncio

from fastapi import FastAPI
from fastapi.responses import StreamingResponse

app = FastAPI()


class Lines:
    def __init__(self):
        self.left = ["lift-off\n", "1\n", "2\n", "3\n"]

    def __aiter__(self):
        return self

    async def __anext__(self):
        if not self.left:
            raise StopAsyncIteration
        await asyncio.sleep(0.2)
        print("Not yet: a line of the answer's own")
        return self.left.pop()


@app.get("/countdown")
async def countdown():
    return StreamingResponse(Lines(), media_type="text/plain")


# %% a line in two pieces
import asyncio

from fastapi import FastAPI
from fastapi.responses import StreamingResponse

app = FastAPI()


async def lines():
    for word in ("3", "2", "1", "lift-off"):
        await asyncio.sleep(0.2)
        yield word
        yield "\n"


@app.get("/countdown")
async def countdown():
    return StreamingResponse(lines(), media_type="text/plain")


# %% a blocking wait, handed to a thread
import asyncio
import time

from fastapi import FastAPI
from fastapi.responses import StreamingResponse

app = FastAPI()


async def lines():
    for line in ("3\n", "2\n", "1\n", "lift-off\n"):
        yield line
        await asyncio.to_thread(time.sleep, 0.2)


@app.get("/countdown")
async def countdown():
    return StreamingResponse(lines(), media_type="text/plain")


# %% a plain route on a router, anyio for the wait
import anyio
from fastapi import APIRouter, FastAPI
from fastapi.responses import StreamingResponse

router = APIRouter()


async def lines():
    for line in ("3\n", "2\n", "1\n", "lift-off\n"):
        yield line
        await anyio.sleep(0.2)


@router.get("/countdown")
def countdown():
    return StreamingResponse(lines(), media_type="text/plain")


app = FastAPI()
app.include_router(router)


# %% no framework: ASGI by hand
import asyncio


async def app(scope, receive, send):
    if scope["type"] != "http":
        return
    await send(
        {
            "type": "http.response.start",
            "status": 200,
            "headers": [(b"content-type", b"text/plain")],
        }
    )
    for w in (b"3\n", b"2\n", b"1\n", b"lift-off\n"):
        await send({"type": "http.response.body", "body": w, "more_body": True})
        await asyncio.sleep(0.2)
    await send({"type": "http.response.body", "body": b""})


# %% a task fills a queue
import asyncio

from fastapi import FastAPI
from fastapi.responses import StreamingResponse

app = FastAPI()


async def produce(q):
    for w in "3 2 1 lift-off".split():
        await q.put(w + "\n")
        await asyncio.sleep(0.2)
    await q.put(None)


@app.get("/countdown")
async def countdown():
    q = asyncio.Queue()
    task = asyncio.create_task(produce(q))

    async def lines():
        while (w := await q.get()) is not None:
            yield w
        await task

    return StreamingResponse(lines(), media_type="text/plain")


# %% a middleware, and each line at its moment
import asyncio

from fastapi import FastAPI, Request
from fastapi.responses import StreamingResponse

app = FastAPI()


@app.middleware("http")
async def named(request: Request, call_next):
    response = await call_next(request)
    response.headers["X-Served-By"] = "tower"
    return response


async def at(moment, line):
    await asyncio.sleep(moment - asyncio.get_running_loop().time())
    return line


@app.get("/countdown")
async def countdown():
    start = asyncio.get_running_loop().time()
    words = enumerate(("3\n", "2\n", "1\n", "lift-off\n"))
    lines = (await at(start + 0.2 * i, word) for i, word in words)
    return StreamingResponse(lines, media_type="text/plain")
