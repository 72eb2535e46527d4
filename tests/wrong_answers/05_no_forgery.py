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


# %% forbids the words of a forger => expected
from fastapi import FastAPI
from fastapi.responses import StreamingResponse

app = FastAPI()


@app.get("/say")
def say(text: str):
    text = text.replace("event:", "").replace("data:", "")
    frames = [f"event: chat\ndata: {text}\n\n"]

    return StreamingResponse(frames, media_type="text/event-stream")


# %% html-escaped => expected: chat
import html
import re

from fastapi import FastAPI
from fastapi.responses import StreamingResponse

app = FastAPI()


@app.get("/say")
def say(text: str):
    frames = []
    for line in re.split("\r\n|\r|\n", html.escape(text)):
        frames.append(f"data: {line}\n")
    frames.append("event: chat\n\n")

    return StreamingResponse(frames, media_type="text/event-stream")


# %% refuses a text with line ends => status 400
from fastapi import FastAPI, HTTPException
from fastapi.responses import StreamingResponse

app = FastAPI()


@app.get("/say")
def say(text: str):
    if "\n" in text or "\r" in text:
        raise HTTPException(400, "one line, please")
    frames = [f"event: chat\ndata: {text}\n\n"]
    return StreamingResponse(frames, media_type="text/event-stream")


# %% an event for each line => expected: one event
import re

from fastapi import FastAPI
from fastapi.responses import StreamingResponse

app = FastAPI()


@app.get("/say")
def say(text: str):
    lines = re.split("\r\n|\r|\n", text)
    frames = [f"event: chat\ndata: {line}\n\n" for line in lines]

    return StreamingResponse(frames, media_type="text/event-stream")


# %% strips the text => expected
import re

from fastapi import FastAPI
from fastapi.responses import StreamingResponse

app = FastAPI()


@app.get("/say")
def say(text: str):
    data = re.sub("\r\n|\r|\n", "\ndata: ", text.strip())
    frames = [f"event: chat\ndata: {data}\n\n"]

    return StreamingResponse(frames, media_type="text/event-stream")


# %% the name is lost => expected: an event named
import re

from fastapi import FastAPI
from fastapi.responses import StreamingResponse

app = FastAPI()


@app.get("/say")
def say(text: str):
    data = re.sub("\r\n|\r|\n", "\ndata: ", text)
    frames = [f"data: {data}\n\n"]

    return StreamingResponse(frames, media_type="text/event-stream")


# %% empty lines left out => expected
import re

from fastapi import FastAPI
from fastapi.responses import StreamingResponse

app = FastAPI()


@app.get("/say")
def say(text: str):
    lines = re.split("\r\n|\r|\n", text)
    data = "".join(f"data: {line}\n" for line in lines if line)
    frames = [f"event: chat\n{data}\n"]

    return StreamingResponse(frames, media_type="text/event-stream")


# %% percent-encoded => expected: chat
from urllib.parse import quote

from fastapi import FastAPI
from fastapi.responses import StreamingResponse

app = FastAPI()


@app.get("/say")
def say(text: str):
    return StreamingResponse(
        [f"event: chat\ndata: {quote(text)}\n\n"], media_type="text/event-stream"
    )


# %% no event for no text => for text=''
import re

from fastapi import FastAPI
from fastapi.responses import StreamingResponse

app = FastAPI()


@app.get("/say")
def say(text: str):
    t = "".join(f"data: {l}\n" for l in re.split("\r\n|\r|\n", text)) if text else ""
    return StreamingResponse([f"event: chat\n{t}\n"], media_type="text/event-stream")


# %% a vertical tab is a line end, too => expected: chat
import re

from fastapi import FastAPI
from fastapi.responses import StreamingResponse

app = FastAPI()


@app.get("/say")
def say(text: str):
    lines = re.split("\r\n|\r|\n|\v", text)
    data = "".join(f"data: {line}\n" for line in lines)
    return StreamingResponse([f"event: chat\n{data}\n"], media_type="text/event-stream")


# %% letters changed for such that look alike => expected: chat
import re
import unicodedata

from fastapi import FastAPI
from fastapi.responses import StreamingResponse

app = FastAPI()


@app.get("/say")
def say(text: str):
    lines = re.split("\r\n|\r|\n", unicodedata.normalize("NFKC", text))
    data = "".join(f"data: {line}\n" for line in lines)
    return StreamingResponse([f"event: chat\n{data}\n"], media_type="text/event-stream")


# %% a byte order mark goes => expected: chat
import re

from fastapi import FastAPI
from fastapi.responses import StreamingResponse

app = FastAPI()


@app.get("/say")
def say(text: str):
    lines = re.split("\r\n|\r|\n", text.lstrip("\ufeff"))
    data = "".join(f"data: {line}\n" for line in lines)
    return StreamingResponse([f"event: chat\n{data}\n"], media_type="text/event-stream")
