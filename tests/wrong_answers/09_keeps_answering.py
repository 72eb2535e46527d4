# %% The 403 is mended alone
import hashlib

from fastapi import FastAPI, HTTPException
from fastapi.responses import StreamingResponse

app = FastAPI()


async def steps(word):
    for i in range(4):
        made = hashlib.pbkdf2_hmac("sha256", word.encode(), b"%d" % i, 500_000)
        yield f"step {i}: {made.hex()[:8]}\n"


@app.get("/steps")
async def stream(key: str = "", word: str = ""):
    if key != "tea":
        raise HTTPException(403, "wrong key")
    return StreamingResponse(steps(word), media_type="text/plain")


@app.get("/ping")
async def ping():
    return "pong"


# %% The blocking work is mended alone
import hashlib

from fastapi import FastAPI, HTTPException
from fastapi.responses import StreamingResponse

app = FastAPI()


def steps(key, word):
    if key != "tea":
        raise HTTPException(403, "wrong key")
    for i in range(4):
        made = hashlib.pbkdf2_hmac("sha256", word.encode(), b"%d" % i, 500_000)
        yield f"step {i}: {made.hex()[:8]}\n"


@app.get("/steps")
async def stream(key: str = "", word: str = ""):
    return StreamingResponse(steps(key, word), media_type="text/plain")


@app.get("/ping")
async def ping():
    return "pong"


# %% It lets others in between two steps, not during one
import asyncio
import hashlib

from fastapi import FastAPI, HTTPException
from fastapi.responses import StreamingResponse

app = FastAPI()


async def steps(word):
    for i in range(4):
        made = hashlib.pbkdf2_hmac("sha256", word.encode(), b"%d" % i, 500_000)
        yield f"step {i}: {made.hex()[:8]}\n"
        await asyncio.sleep(0)


@app.get("/steps")
async def stream(key: str = "", word: str = ""):
    if key != "tea":
        raise HTTPException(403, "wrong key")
    return StreamingResponse(steps(word), media_type="text/plain")


@app.get("/ping")
async def ping():
    return "pong"


# %% The route is plain, the generator is not
import hashlib

from fastapi import FastAPI, HTTPException
from fastapi.responses import StreamingResponse

app = FastAPI()


async def steps(word):
    for i in range(4):
        made = hashlib.pbkdf2_hmac("sha256", word.encode(), b"%d" % i, 500_000)
        yield f"step {i}: {made.hex()[:8]}\n"


@app.get("/steps")
def stream(key: str = "", word: str = ""):
    if key != "tea":
        raise HTTPException(403, "wrong key")
    return StreamingResponse(steps(word), media_type="text/plain")


@app.get("/ping")
def ping():
    return "pong"


# %% Nobody waits, but the steps come all at once
import hashlib

from fastapi import FastAPI, HTTPException
from fastapi.responses import Response

app = FastAPI()


def steps(word):
    for i in range(4):
        made = hashlib.pbkdf2_hmac("sha256", word.encode(), b"%d" % i, 500_000)
        yield f"step {i}: {made.hex()[:8]}\n"


@app.get("/steps")
def stream(key: str = "", word: str = ""):
    if key != "tea":
        raise HTTPException(403, "wrong key")
    return Response("".join(steps(word)), media_type="text/plain")


@app.get("/ping")
async def ping():
    return "pong"


# %% Refused without a status
import hashlib

from fastapi import FastAPI
from fastapi.responses import StreamingResponse

app = FastAPI()


def steps(key, word):
    if key != "tea":
        yield "403: wrong key\n"
        return
    for i in range(4):
        made = hashlib.pbkdf2_hmac("sha256", word.encode(), b"%d" % i, 500_000)
        yield f"step {i}: {made.hex()[:8]}\n"


@app.get("/steps")
def stream(key: str = "", word: str = ""):
    return StreamingResponse(steps(key, word), media_type="text/plain")


@app.get("/ping")
async def ping():
    return "pong"


# %% asyncio.sleep in place of the work => each ends with what its work made
import asyncio

from fastapi import FastAPI, HTTPException
from fastapi.responses import StreamingResponse

app = FastAPI()


async def steps(word):
    for i in range(4):
        await asyncio.sleep(0.3)
        yield f"step {i}\n"


@app.get("/steps")
async def stream(key: str = "", word: str = ""):
    if key != "tea":
        raise HTTPException(403, "wrong key")
    return StreamingResponse(steps(word), media_type="text/plain")


@app.get("/ping")
async def ping():
    return "pong"


# %% asyncio.sleep in place of the work, a text in place of what it makes => each ends with
import asyncio
import hashlib

from fastapi import FastAPI, HTTPException
from fastapi.responses import StreamingResponse

app = FastAPI()


async def steps(word):
    for i in range(4):
        await asyncio.sleep(0.3)
        yield f"step {i}: {hashlib.sha256(b'%d' % i).hexdigest()[:8]}\n"


@app.get("/steps")
async def stream(key: str = "", word: str = ""):
    if key != "tea":
        raise HTTPException(403, "wrong key")
    return StreamingResponse(steps(word), media_type="text/plain")


@app.get("/ping")
async def ping():
    return "pong"


# %% less work => each ends with
import hashlib

from fastapi import FastAPI, HTTPException
from fastapi.responses import StreamingResponse

app = FastAPI()


def steps(word):
    for i in range(4):
        made = hashlib.pbkdf2_hmac("sha256", word.encode(), b"%d" % i, 1_000)
        yield f"step {i}: {made.hex()[:8]}\n"


@app.get("/steps")
async def stream(key: str = "", word: str = ""):
    if key != "tea":
        raise HTTPException(403, "wrong key")
    return StreamingResponse(steps(word), media_type="text/plain")


@app.get("/ping")
async def ping():
    return "pong"


# %% all the work before the first step
import hashlib

from fastapi import FastAPI, HTTPException
from fastapi.responses import StreamingResponse

app = FastAPI()


async def steps(word):
    all_made = []
    for i in range(4):
        all_made.append(hashlib.pbkdf2_hmac("sha256", word.encode(), b"%d" % i, 500_000))
    for i, made in enumerate(all_made):
        yield f"step {i}: {made.hex()[:8]}\n"


@app.get("/steps")
async def stream(key: str = "", word: str = ""):
    if key != "tea":
        raise HTTPException(403, "wrong key")
    return StreamingResponse(steps(word), media_type="text/plain")


@app.get("/ping")
async def ping():
    return "pong"


# %% no ping any more => /ping answered with status 404
import hashlib

from fastapi import FastAPI, HTTPException
from fastapi.responses import StreamingResponse

app = FastAPI()


def steps(word):
    for i in range(4):
        made = hashlib.pbkdf2_hmac("sha256", word.encode(), b"%d" % i, 500_000)
        yield f"step {i}: {made.hex()[:8]}\n"


@app.get("/steps")
async def stream(key: str = "", word: str = ""):
    if key != "tea":
        raise HTTPException(403, "wrong key")
    return StreamingResponse(steps(word), media_type="text/plain")


# %% 401 => expected: 403
import hashlib

from fastapi import FastAPI, HTTPException
from fastapi.responses import StreamingResponse

app = FastAPI()


def steps(word):
    for i in range(4):
        made = hashlib.pbkdf2_hmac("sha256", word.encode(), b"%d" % i, 500_000)
        yield f"step {i}: {made.hex()[:8]}\n"


@app.get("/steps")
async def stream(key: str = "", word: str = ""):
    if key != "tea":
        raise HTTPException(401, "wrong key")
    return StreamingResponse(steps(word), media_type="text/plain")


@app.get("/ping")
async def ping():
    return "pong"


# %% 422 by a declared key => expected: 403
import hashlib
from typing import Literal

from fastapi import FastAPI
from fastapi.responses import StreamingResponse

app = FastAPI()


def steps(word):
    for i in range(4):
        made = hashlib.pbkdf2_hmac("sha256", word.encode(), b"%d" % i, 500_000)
        yield f"step {i}: {made.hex()[:8]}\n"


@app.get("/steps")
async def stream(key: Literal["tea"], word: str = ""):
    return StreamingResponse(steps(word), media_type="text/plain")


@app.get("/ping")
async def ping():
    return "pong"


# %% an async helper that still blocks => another request to this server waits
import hashlib

from fastapi import FastAPI, HTTPException
from fastapi.responses import StreamingResponse

app = FastAPI()


async def work(word, i):
    return hashlib.pbkdf2_hmac("sha256", word.encode(), b"%d" % i, 500_000).hex()[:8]


async def steps(word):
    for i in range(4):
        yield f"step {i}: {await work(word, i)}\n"


@app.get("/steps")
async def stream(key: str = "", word: str = ""):
    if key != "tea":
        raise HTTPException(403, "wrong key")
    return StreamingResponse(steps(word), media_type="text/plain")


@app.get("/ping")
async def ping():
    return "pong"


# %% the work is done before anybody asks => each ends with what its work made
import hashlib

from fastapi import FastAPI, HTTPException
from fastapi.responses import StreamingResponse

app = FastAPI()


def steps(word):
    for i in range(4):
        made = hashlib.pbkdf2_hmac("sha256", word.encode(), b"%d" % i, 500_000)
        yield f"step {i}: {made.hex()[:8]}\n"


lines = list(steps("tea"))


@app.get("/steps")
async def stream(key: str = "", word: str = ""):
    if key != "tea":
        raise HTTPException(403, "wrong key")
    return StreamingResponse((line for line in lines), media_type="text/plain")


@app.get("/ping")
async def ping():
    return "pong"


# %% What the work makes is written out => each ends with what its work made
import asyncio

from fastapi import FastAPI, HTTPException
from fastapi.responses import StreamingResponse

app = FastAPI()
MADE = ("ca1cde46", "e0b8d85b", "7203a06e", "e2236568")


async def steps(word):
    for i, made in enumerate(MADE):
        await asyncio.sleep(0.3)
        yield f"step {i}: {made}\n"


@app.get("/steps")
async def stream(key: str = "", word: str = ""):
    if key != "tea":
        raise HTTPException(403, "wrong key")
    return StreamingResponse(steps(word), media_type="text/plain")


@app.get("/ping")
async def ping():
    return "pong"


# %% Any key that begins with the key => /steps?key=teapot answered with status 200
import hashlib

from fastapi import FastAPI, HTTPException
from fastapi.responses import StreamingResponse

app = FastAPI()


def steps(word):
    for i in range(4):
        made = hashlib.pbkdf2_hmac("sha256", word.encode(), b"%d" % i, 500_000)
        yield f"step {i}: {made.hex()[:8]}\n"


@app.get("/steps")
def stream(key: str = "", word: str = ""):
    if not key.startswith("tea"):
        raise HTTPException(403, "wrong key")
    return StreamingResponse(steps(word), media_type="text/plain")


@app.get("/ping")
async def ping():
    return "pong"


# %% A ping that waits for the step under way => while /steps streams, /ping answers after
import hashlib
from threading import Lock

from fastapi import FastAPI, HTTPException
from fastapi.responses import StreamingResponse

app = FastAPI()
lock = Lock()


def steps(word):
    for i in range(4):
        with lock:
            made = hashlib.pbkdf2_hmac("sha256", word.encode(), b"%d" % i, 500_000)
        yield f"step {i}: {made.hex()[:8]}\n"


@app.get("/steps")
async def stream(key: str = "", word: str = ""):
    if key != "tea":
        raise HTTPException(403, "wrong key")
    return StreamingResponse(steps(word), media_type="text/plain")


@app.get("/ping")
def ping():
    with lock:
        return "pong"
