# %% only LF is a line end
from fastapi import FastAPI
from fastapi.responses import StreamingResponse

app = FastAPI()


@app.get("/say")
def say(text: str):
    data = text.replace("\n", "\ndata: ")
    frames = [f"event: chat\ndata: {data}\n\n"]
    return StreamingResponse(frames, media_type="text/event-stream")


# %% splitlines knows too many line ends, and drops the last
from fastapi import FastAPI
from fastapi.responses import StreamingResponse

app = FastAPI()


@app.get("/say")
def say(text: str):
    data = "".join(f"data: {line}\n" for line in text.splitlines())
    frames = [f"event: chat\n{data}\n"]
    return StreamingResponse(frames, media_type="text/event-stream")


# %% line ends taken out
from fastapi import FastAPI
from fastapi.responses import StreamingResponse

app = FastAPI()


@app.get("/say")
def say(text: str):
    data = " ".join(text.splitlines())
    frames = [f"event: chat\ndata: {data}\n\n"]
    return StreamingResponse(frames, media_type="text/event-stream")


# %% JSON is safe, but not what the page shows
import json

from fastapi import FastAPI
from fastapi.responses import StreamingResponse

app = FastAPI()


@app.get("/say")
def say(text: str):
    frames = [f"event: chat\ndata: {json.dumps(text)}\n\n"]
    return StreamingResponse(frames, media_type="text/event-stream")


# %% CR and LF each a line end, so that CR LF is two
import re

from fastapi import FastAPI
from fastapi.responses import StreamingResponse

app = FastAPI()


@app.get("/say")
def say(text: str):
    data = re.sub(r"[\r\n]", "\ndata: ", text)
    frames = [f"event: chat\ndata: {data}\n\n"]
    return StreamingResponse(frames, media_type="text/event-stream")


# %% no space after the colon
import re

from fastapi import FastAPI
from fastapi.responses import StreamingResponse

app = FastAPI()


@app.get("/say")
def say(text: str):
    data = re.sub(r"\r\n|\r|\n", "\ndata:", text)
    frames = [f"event: chat\ndata:{data}\n\n"]
    return StreamingResponse(frames, media_type="text/event-stream")
