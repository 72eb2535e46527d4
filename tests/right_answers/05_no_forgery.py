# %% line ends made one, then split
from fastapi import FastAPI
from fastapi.responses import StreamingResponse

app = FastAPI()


@app.get("/say")
def say(text: str):
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    data = text.replace("\n", "\ndata: ")
    frames = [f"event: chat\ndata: {data}\n\n"]

    return StreamingResponse(frames, media_type="text/event-stream")


# %% one substitution
import re

from fastapi import FastAPI
from fastapi.responses import StreamingResponse

app = FastAPI()


@app.get("/say")
def say(text: str):
    data = re.sub("\r\n?|\n", "\ndata: ", text)
    frames = (f"event: chat\ndata: {data}\n\n",)

    return StreamingResponse(frames, media_type="text/event-stream")


# %% a piece a line, the name last
import re

from fastapi import FastAPI
from fastapi.responses import StreamingResponse

app = FastAPI()


@app.get("/say")
def say(text: str):
    def frames():
        for line in re.split("\r\n|\n|\r", text):
            yield f"data: {line}\n"
        yield "event: chat\n\n"

    return StreamingResponse(frames(), media_type="text/event-stream")


# %% CR LF between the fields, and an id
import io

from fastapi import FastAPI
from fastapi.responses import StreamingResponse

app = FastAPI()


@app.get("/say")
def say(text: str):
    lines = io.StringIO(text, newline=None).read().split("\n")
    data = "".join(f"data: {line}\r\n" for line in lines)
    frames = [f"id: 1\r\nevent: chat\r\n{data}\r\n".encode()]

    return StreamingResponse(frames, media_type="text/event-stream")


# %% a character at a time
from fastapi import FastAPI
from fastapi.responses import StreamingResponse

app = FastAPI()


@app.get("/say")
def say(text: str):
    data, last = "data: ", ""
    for letter in text:
        if letter in "\r\n":
            data += "" if last + letter == "\r\n" else "\ndata: "
        else:
            data += letter
        last = letter
    frames = [f"event: chat\n{data}\n\n"]

    return StreamingResponse(frames, media_type="text/event-stream")


# %% sse-starlette splits it
from fastapi import FastAPI
from sse_starlette import EventSourceResponse

app = FastAPI()


@app.get("/say")
async def say(text: str):
    async def events():
        yield {"event": "chat", "data": text}

    return EventSourceResponse(events())


# %% bytes.splitlines: of bytes, it knows these three line ends alone
from fastapi import FastAPI
from fastapi.responses import StreamingResponse

app = FastAPI()


@app.get("/say")
def say(text: str):
    lines = (text + "\n").encode().splitlines()
    if text.endswith("\r"):
        lines.append(b"")
    return StreamingResponse(
        [b"event: chat\n", *(b"data: " + l + b"\n" for l in lines), b"\n"],
        media_type="text/event-stream",
    )


# %% io.StringIO makes the line ends one
import io

from fastapi import FastAPI
from fastapi.responses import StreamingResponse

app = FastAPI()


@app.get("/say")
def say(text: str):
    t = io.StringIO(text, newline=None).read()
    frames = "event: chat\n" + "".join(f"data: {l}\n" for l in t.split("\n")) + "\n"
    return StreamingResponse(iter([frames]), media_type="text/event-stream")
