# %% The 403 is mended alone
import time

from fastapi import FastAPI, HTTPException
from fastapi.responses import StreamingResponse

app = FastAPI()


async def steps():
    for i in range(4):
        time.sleep(0.3)
        yield f"step {i}\n"


@app.get("/steps")
async def stream(key: str = ""):
    if key != "tea":
        raise HTTPException(403, "wrong key")
    return StreamingResponse(steps(), media_type="text/plain")


@app.get("/ping")
async def ping():
    return "pong"


# %% The blocking work is mended alone
import time

from fastapi import FastAPI, HTTPException
from fastapi.responses import StreamingResponse

app = FastAPI()


def steps(key):
    if key != "tea":
        raise HTTPException(403, "wrong key")
    for i in range(4):
        time.sleep(0.3)
        yield f"step {i}\n"


@app.get("/steps")
async def stream(key: str = ""):
    return StreamingResponse(steps(key), media_type="text/plain")


@app.get("/ping")
async def ping():
    return "pong"


# %% It lets others in between two steps, not during one
import asyncio
import time

from fastapi import FastAPI, HTTPException
from fastapi.responses import StreamingResponse

app = FastAPI()


async def steps():
    for i in range(4):
        time.sleep(0.3)
        yield f"step {i}\n"
        await asyncio.sleep(0)


@app.get("/steps")
async def stream(key: str = ""):
    if key != "tea":
        raise HTTPException(403, "wrong key")
    return StreamingResponse(steps(), media_type="text/plain")


@app.get("/ping")
async def ping():
    return "pong"


# %% The route is plain, the generator is not
import time

from fastapi import FastAPI, HTTPException
from fastapi.responses import StreamingResponse

app = FastAPI()


async def steps():
    for i in range(4):
        time.sleep(0.3)
        yield f"step {i}\n"


@app.get("/steps")
def stream(key: str = ""):
    if key != "tea":
        raise HTTPException(403, "wrong key")
    return StreamingResponse(steps(), media_type="text/plain")


@app.get("/ping")
def ping():
    return "pong"


# %% Nobody waits, but the steps come all at once
import time

from fastapi import FastAPI, HTTPException
from fastapi.responses import Response

app = FastAPI()


def steps():
    for i in range(4):
        time.sleep(0.3)
        yield f"step {i}\n"


@app.get("/steps")
def stream(key: str = ""):
    if key != "tea":
        raise HTTPException(403, "wrong key")
    return Response("".join(steps()), media_type="text/plain")


@app.get("/ping")
async def ping():
    return "pong"


# %% Refused without a status
import time

from fastapi import FastAPI
from fastapi.responses import StreamingResponse

app = FastAPI()


def steps(key):
    if key != "tea":
        yield "403: wrong key\n"
        return
    for i in range(4):
        time.sleep(0.3)
        yield f"step {i}\n"


@app.get("/steps")
def stream(key: str = ""):
    return StreamingResponse(steps(key), media_type="text/plain")


@app.get("/ping")
async def ping():
    return "pong"
