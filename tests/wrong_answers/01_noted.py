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


# %% calls the function instead of adding it => Hand over the function itself
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


# %% a number as a header => a header's value is text
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


# %% no task: appended at the generator's end => background task
import time

from fastapi import FastAPI
from fastapi.responses import StreamingResponse

app = FastAPI()
ended = []


def letters():
    for letter in "abc":
        time.sleep(0.2)
        yield letter
    ended.append(time.time())


@app.get("/letters")
def stream_letters():
    return StreamingResponse(letters(), headers={"X-Num-Letters": "3"})


@app.get("/ended")
def read_ended():
    return ended


# %% no task: in the generator's finally => background task
import asyncio
import time

from fastapi import FastAPI
from fastapi.responses import StreamingResponse

app = FastAPI()
ended = []


async def letters():
    try:
        for letter in "abc":
            await asyncio.sleep(0.2)
            yield letter
    finally:
        ended.append(time.time())


@app.get("/letters")
def stream_letters():
    return StreamingResponse(letters(), headers={"X-Num-Letters": "3"})


@app.get("/ended")
def read_ended():
    return ended


# %% another clock => expected: what time.time() gives
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
    ended.append(time.monotonic())


@app.get("/letters")
def stream_letters():
    tasks = BackgroundTasks()
    tasks.add_task(note)
    headers = {"X-Num-Letters": "3"}
    return StreamingResponse(letters(), headers=headers, background=tasks)


@app.get("/ended")
def read_ended():
    return ended


# %% a date as text => expected: what time.time() gives
import time
from datetime import datetime

from fastapi import BackgroundTasks, FastAPI
from fastapi.responses import StreamingResponse

app = FastAPI()
ended = []


def letters():
    for letter in "abc":
        time.sleep(0.2)
        yield letter


def note():
    ended.append(datetime.now().isoformat())


@app.get("/letters")
def stream_letters():
    tasks = BackgroundTasks()
    tasks.add_task(note)
    headers = {"X-Num-Letters": "3"}
    return StreamingResponse(letters(), headers=headers, background=tasks)


@app.get("/ended")
def read_ended():
    return ended


# %% a dict of ended streams => expected: a list
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
    return StreamingResponse(letters(), headers=headers, background=tasks)


@app.get("/ended")
def read_ended():
    return {"ended": ended}


# %% the wrong number => X-Num-Letters: yours: '26'
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
    headers = {"X-Num-Letters": "26"}
    return StreamingResponse(letters(), headers=headers, background=tasks)


@app.get("/ended")
def read_ended():
    return ended


# %% noted twice => yours: 2, expected: 1
import time

from fastapi import BackgroundTasks, FastAPI
from fastapi.responses import StreamingResponse

app = FastAPI()
ended = []


def letters():
    for letter in "abc":
        time.sleep(0.2)
        yield letter
    ended.append(time.time())


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


# %% letters in one piece => yours: 1, expected: 3
import time

from fastapi import BackgroundTasks, FastAPI
from fastapi.responses import StreamingResponse

app = FastAPI()
ended = []


def letters():
    time.sleep(0.6)
    yield "abc"


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


# %% one generator for all requests => a second time
import time

from fastapi import BackgroundTasks, FastAPI
from fastapi.responses import StreamingResponse

app = FastAPI()
ended = []


def letters():
    for letter in "abc":
        time.sleep(0.1)
        yield letter


gen = letters()


def note():
    ended.append(time.time())


@app.get("/letters")
def stream_letters():
    tasks = BackgroundTasks()
    tasks.add_task(note)
    return StreamingResponse(gen, headers={"X-Num-Letters": "3"}, background=tasks)


@app.get("/ended")
def read_ended():
    return ended


# %% one list of tasks for all requests => yours: 3, expected: 2
import time

from fastapi import BackgroundTasks, FastAPI
from fastapi.responses import StreamingResponse

app = FastAPI()
ended = []
tasks = BackgroundTasks()


def letters():
    for letter in "abc":
        time.sleep(0.1)
        yield letter


def note():
    ended.append(time.time())


@app.get("/letters")
def stream_letters():
    tasks.add_task(note)
    return StreamingResponse(letters(), headers={"X-Num-Letters": "3"}, background=tasks)


@app.get("/ended")
def read_ended():
    return ended


# %% a task that waits as long as the stream takes => the time had been noted
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
    await asyncio.sleep(0.7)
    ended.append(time.time())


@app.get("/letters")
async def stream_letters():
    asyncio.create_task(note())
    return StreamingResponse(letters(), headers={"X-Num-Letters": "3"})


@app.get("/ended")
def read_ended():
    return ended


# %% whole seconds => expected: what time.time() gives
import time

from fastapi import BackgroundTasks, FastAPI
from fastapi.responses import StreamingResponse

app = FastAPI()
ended = []


def letters():
    for letter in "abc":
        time.sleep(0.1)
        yield letter


def note():
    ended.append(round(time.time()))


@app.get("/letters")
def stream_letters(tasks: BackgroundTasks):
    tasks.add_task(note)
    return StreamingResponse(letters(), headers={"X-Num-Letters": "3"})


@app.get("/ended")
def read_ended():
    return ended


# %% keeps the last time alone => append to the list
import time

from fastapi import BackgroundTasks, FastAPI
from fastapi.responses import StreamingResponse

app = FastAPI()
ended = []


def letters():
    for letter in "abc":
        time.sleep(0.1)
        yield letter


def note():
    ended[:] = [time.time()]


@app.get("/letters")
def stream_letters(tasks: BackgroundTasks):
    tasks.add_task(note)
    return StreamingResponse(letters(), headers={"X-Num-Letters": "3"})


@app.get("/ended")
def read_ended():
    return ended


# %% the task is added twice => in /ended after
import time

from fastapi import BackgroundTasks, FastAPI
from fastapi.responses import StreamingResponse

app = FastAPI()
ended = []


def letters():
    for letter in "abc":
        time.sleep(0.1)
        yield letter


def note():
    ended.append(time.time())


@app.get("/letters")
def stream_letters():
    tasks = BackgroundTasks()
    tasks.add_task(note)
    tasks.add_task(note)
    return StreamingResponse(letters(), headers={"X-Num-Letters": "3"}, background=tasks)


@app.get("/ended")
def read_ended():
    return ended


# %% the clock itself, not what it says => A function in place of its result
import time

from fastapi import BackgroundTasks, FastAPI
from fastapi.responses import StreamingResponse

app = FastAPI()
ended = []


@app.get("/letters")
def stream_letters():
    tasks = BackgroundTasks()
    tasks.add_task(ended.append, time.time)
    return StreamingResponse("abc", headers={"X-Num-Letters": "3"}, background=tasks)


@app.get("/ended")
def read_ended():
    return ended
