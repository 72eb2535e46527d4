# %% joined: one piece
from fastapi import FastAPI
from fastapi.responses import StreamingResponse

app = FastAPI()


@app.get("/countdown")
async def countdown():
    return StreamingResponse("3\n2\n1\nlift-off\n", media_type="text/plain")


# %% a generator that does not wait
from fastapi import FastAPI
from fastapi.responses import StreamingResponse

app = FastAPI()


async def lines():
    for line in ("3\n", "2\n", "1\n", "lift-off\n"):
        yield line


@app.get("/countdown")
async def countdown():
    return StreamingResponse(lines(), media_type="text/plain")


# %% waits, then returns all lines at once
import asyncio

from fastapi import FastAPI
from fastapi.responses import Response

app = FastAPI()


@app.get("/countdown")
async def countdown():
    await asyncio.sleep(0.8)
    return Response("3\n2\n1\nlift-off\n", media_type="text/plain")


# %% without line ends
import asyncio

from fastapi import FastAPI
from fastapi.responses import StreamingResponse

app = FastAPI()


async def lines():
    for line in ("3", "2", "1", "lift-off"):
        yield line
        await asyncio.sleep(0.2)


@app.get("/countdown")
async def countdown():
    return StreamingResponse(lines(), media_type="text/plain")


# %% numbers: neither str nor bytes
import asyncio

from fastapi import FastAPI
from fastapi.responses import StreamingResponse

app = FastAPI()


async def lines():
    for number in (3, 2, 1):
        yield number
        await asyncio.sleep(0.2)
    yield "lift-off\n"


@app.get("/countdown")
async def countdown():
    return StreamingResponse(lines(), media_type="text/plain")


# %% says no type
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
    return StreamingResponse(lines())


# %% hands over the function, not a generator
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
    return StreamingResponse(lines, media_type="text/plain")
