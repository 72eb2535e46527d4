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
    return ended
