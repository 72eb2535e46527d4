# %% the work in a thread, the generator stays async
import asyncio
import hashlib

from fastapi import FastAPI, HTTPException
from fastapi.responses import StreamingResponse

app = FastAPI()


def work(word, i):
    return hashlib.pbkdf2_hmac("sha256", word.encode(), b"%d" % i, 500_000).hex()[:8]


async def steps(word):
    for i in range(4):
        made = await asyncio.to_thread(work, word, i)
        yield f"step {i}: {made}\n"


@app.get("/steps")
async def stream(key: str = "", word: str = ""):
    if key != "tea":
        raise HTTPException(403, "wrong key")
    return StreamingResponse(steps(word), media_type="text/plain")


@app.get("/ping")
async def ping():
    return "pong"


# %% an executor of its own
import asyncio
import hashlib
from concurrent.futures import ThreadPoolExecutor

from fastapi import FastAPI, HTTPException
from fastapi.responses import StreamingResponse

app = FastAPI()


executor = ThreadPoolExecutor(1)


def work(word, i):
    return hashlib.pbkdf2_hmac("sha256", word.encode(), b"%d" % i, 500_000).hex()[:8]


async def steps(word):
    loop = asyncio.get_running_loop()
    for i in range(4):
        made = await loop.run_in_executor(executor, work, word, i)
        yield f"step {i}: {made}\n"


@app.get("/steps")
async def stream(key: str = "", word: str = ""):
    if key != "tea":
        raise HTTPException(403, "wrong key")
    return StreamingResponse(steps(word), media_type="text/plain")


@app.get("/ping")
async def ping():
    return "pong"


# %% a dependency that refuses, plain routes
import hashlib

from fastapi import Depends, FastAPI, HTTPException
from fastapi.responses import StreamingResponse

app = FastAPI()


def steps(word):
    for i in range(4):
        made = hashlib.pbkdf2_hmac("sha256", word.encode(), b"%d" % i, 500_000)
        yield f"step {i}: {made.hex()[:8]}\n"


def with_key(key: str = ""):
    if key != "tea":
        raise HTTPException(status_code=403)


@app.get("/steps", dependencies=[Depends(with_key)])
def stream(word: str = ""):
    return StreamingResponse(steps(word), media_type="text/plain")


@app.get("/ping")
def ping():
    return {"ping": "pong"}


# %% a response with 403, not an exception
import hashlib

from fastapi import FastAPI
from fastapi.responses import PlainTextResponse, StreamingResponse

app = FastAPI()


def steps(word):
    for i in range(4):
        made = hashlib.pbkdf2_hmac("sha256", word.encode(), b"%d" % i, 500_000)
        yield f"step {i}: {made.hex()[:8]}\n"


@app.get("/steps")
async def stream(key: str | None = None, word: str = ""):
    if key == "tea":
        return StreamingResponse(steps(word), media_type="text/plain")
    return PlainTextResponse("the key is wrong", 403)


@app.get("/ping")
async def ping():
    return "pong"


# %% a worker thread by FastAPI, bytes, prints
import hashlib

from fastapi import FastAPI, HTTPException
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import StreamingResponse

app = FastAPI()


def work(word, i):
    return hashlib.pbkdf2_hmac("sha256", word.encode(), b"%d" % i, 500_000).hex()[:8]


async def steps(word):
    for i in range(4):
        print("step", i)
        yield f"step {i}: {await run_in_threadpool(work, word, i)}\n".encode()


@app.get("/steps")
async def stream(key: str = "", word: str = ""):
    if key != "tea":
        raise HTTPException(403, "wrong key")
    return StreamingResponse(steps(word), media_type="text/plain")


@app.get("/ping")
async def ping():
    return "pong"


# %% the work begins at once, in threads
import asyncio
import hashlib

from fastapi import FastAPI, HTTPException
from fastapi.responses import StreamingResponse

app = FastAPI()


def work(word, i):
    return hashlib.pbkdf2_hmac("sha256", word.encode(), b"%d" % i, 500_000).hex()[:8]


async def steps(word):
    tasks = []
    for i in range(4):
        tasks.append(asyncio.to_thread(work, word, i))
    for i, task in enumerate(tasks):
        made = await task
        yield f"step {i}: {made}\n"


@app.get("/steps")
async def stream(key: str = "", word: str = ""):
    if key != "tea":
        raise HTTPException(403, "wrong key")
    return StreamingResponse(steps(word), media_type="text/plain")


@app.get("/ping")
async def ping():
    return "pong"


# %% the work in another process
import asyncio
import sys

from fastapi import FastAPI, HTTPException
from fastapi.responses import StreamingResponse

app = FastAPI()
WORK = "import hashlib; print(hashlib.pbkdf2_hmac('sha256', %r, b'%d', 500_000).hex())"


async def steps(word):
    for i in range(4):
        work = WORK % (word.encode(), i)
        made = await asyncio.create_subprocess_exec(sys.executable, "-c", work, stdout=-1)
        yield f"step {i}: {(await made.communicate())[0].decode()[:8]}\n"


@app.get("/steps")
async def stream(key: str = "", word: str = ""):
    if key != "tea":
        raise HTTPException(403, "wrong key")
    return StreamingResponse(steps(word), media_type="text/plain")


@app.get("/ping")
async def ping():
    return "pong"
