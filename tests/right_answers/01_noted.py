# %% an async note, a BackgroundTask alone
import time

from fastapi import FastAPI
from fastapi.responses import StreamingResponse
from starlette.background import BackgroundTask

app = FastAPI()
ended = []


def letters():
    for letter in "abc":
        time.sleep(0.2)
        yield letter


async def note():
    ended.append(time.time())


@app.get("/letters")
def stream_letters():
    headers = {"X-Num-Letters": "3"}
    task = BackgroundTask(note)
    return StreamingResponse(letters(), headers=headers, background=task)


@app.get("/ended")
def read_ended():
    return ended


# %% tasks that FastAPI hands in
import asyncio
import time

from fastapi import BackgroundTasks, FastAPI
from fastapi.responses import StreamingResponse

app = FastAPI()
ended = []


async def letters():
    for letter in "abc":
        await asyncio.sleep(0.2)
        yield letter


def note():
    ended.append(time.time())


@app.get("/letters")
async def stream_letters(tasks: BackgroundTasks):
    tasks.add_task(note)
    return StreamingResponse(letters(), headers={"X-Num-Letters": "3"})


@app.get("/ended")
def read_ended():
    return ended


# %% a lambda, the header set on the response
import time

from fastapi import BackgroundTasks, FastAPI
from fastapi.responses import StreamingResponse

app = FastAPI()
ended = []


def letters():
    for letter in "abc":
        time.sleep(0.2)
        yield letter


@app.get("/letters")
def stream_letters(tasks: BackgroundTasks):
    tasks.add_task(lambda: ended.append(time.time()))
    response = StreamingResponse(letters())
    response.headers["x-num-letters"] = str(len("abc"))
    return response


@app.get("/ended")
def read_ended():
    return ended


# %% two tasks, of which one prints
import time

from fastapi import BackgroundTasks, FastAPI
from fastapi.responses import StreamingResponse

app = FastAPI()
ended = []


def letters():
    for letter in "abc":
        time.sleep(0.2)
        yield letter


def note():
    ended.append(time.time())


@app.get("/letters")
def stream_letters():
    tasks = BackgroundTasks()
    tasks.add_task(print, "over")
    tasks.add_task(note)
    headers = {"X-Num-Letters": "3"}
    return StreamingResponse(letters(), headers=headers, background=tasks)


@app.get("/ended")
def read_ended():
    return ended


# %% a note that takes a moment
import asyncio
import time

from fastapi import BackgroundTasks, FastAPI
from fastapi.responses import StreamingResponse

app = FastAPI()
ended = []


async def letters():
    for letter in "abc":
        await asyncio.sleep(0.2)
        yield letter


async def note():
    await asyncio.sleep(0.3)
    ended.append(time.time())


@app.get("/letters")
def stream_letters():
    tasks = BackgroundTasks()
    tasks.add_task(note)
    headers = {"X-Num-Letters": "3"}
    return StreamingResponse(letters(), headers=headers, background=tasks)


@app.get("/ended")
def read_ended():
    return ended


# %% a blocking wait in async def => another request
import time

from fastapi import BackgroundTasks, FastAPI
from fastapi.responses import StreamingResponse

app = FastAPI()
ended = []


async def letters():
    for letter in "abc":
        time.sleep(0.2)
        yield letter


def note():
    ended.append(time.time())


@app.get("/letters")
def stream_letters():
    tasks = BackgroundTasks()
    tasks.add_task(note)
    headers = {"X-Num-Letters": "3"}
    return StreamingResponse(letters(), headers=headers, background=tasks)


@app.get("/ended")
def read_ended():
    return ended


# %% a response class of its own, and a generator expression
import time

from fastapi import FastAPI
from fastapi.responses import JSONResponse, StreamingResponse
from starlette.background import BackgroundTask

app = FastAPI()
ended = []


class Noting(StreamingResponse):
    def __init__(self, content, **k):
        super().__init__(content, background=BackgroundTask(self.note), **k)

    def note(self):
        ended.append(time.time())


@app.get("/letters")
def stream_letters():
    r = Noting((c for c in "abc"))
    r.headers["X-Num-Letters"] = "3"
    return r


@app.get("/ended")
def read_ended():
    return JSONResponse(ended)


# %% the header by a middleware
import time

from fastapi import BackgroundTasks, FastAPI
from fastapi.responses import StreamingResponse

app = FastAPI()
ended = []


def letters():
    for letter in "abc":
        time.sleep(0.2)
        yield letter


def note():
    ended.append(time.time())


@app.middleware("http")
async def counted(request, call_next):
    response = await call_next(request)
    response.headers["X-Num-Letters"] = "3"
    return response


@app.get("/letters")
def stream_letters(tasks: BackgroundTasks):
    tasks.add_task(note)
    return StreamingResponse(letters())


@app.get("/ended")
def read_ended():
    return ended
