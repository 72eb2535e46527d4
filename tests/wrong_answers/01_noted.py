# %% the header alone
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
def stream_letters():
    tasks = BackgroundTasks()
    return StreamingResponse(letters(), headers={"X-Num-Letters": "3"}, background=tasks)


@app.get("/ended")
def read_ended():
    return ended


# %% reads the clock when the task is added
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
def stream_letters():
    tasks = BackgroundTasks()
    tasks.add_task(ended.append, time.time())
    headers = {"X-Num-Letters": "3"}
    return StreamingResponse(letters(), headers=headers, background=tasks)


@app.get("/ended")
def read_ended():
    return ended


# %% calls the function instead of adding it
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
    tasks.add_task(note())
    headers = {"X-Num-Letters": "3"}
    return StreamingResponse(letters(), headers=headers, background=tasks)


@app.get("/ended")
def read_ended():
    return ended


# %% the task alone, no header
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
    tasks.add_task(note)
    return StreamingResponse(letters(), background=tasks)


@app.get("/ended")
def read_ended():
    return ended


# %% a number as a header
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
    tasks.add_task(note)
    headers = {"X-Num-Letters": 3}
    return StreamingResponse(letters(), headers=headers, background=tasks)


@app.get("/ended")
def read_ended():
    return ended


# %% tasks that nobody is handed
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
    tasks.add_task(note)
    headers = {"X-Num-Letters": "3"}
    return StreamingResponse(letters(), headers=headers)


@app.get("/ended")
def read_ended():
    return ended


# %% notes a word, not the time
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
def stream_letters():
    tasks = BackgroundTasks()
    tasks.add_task(ended.append, "ended")
    headers = {"X-Num-Letters": "3"}
    return StreamingResponse(letters(), headers=headers, background=tasks)


@app.get("/ended")
def read_ended():
    return ended
