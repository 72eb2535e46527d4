# %% joined: one piece
from fastapi import FastAPI
from fastapi.responses import StreamingResponse

app = FastAPI()


@app.get("/countdown")
async def countdown():
    return StreamingResponse("3\n2\n1\nlift-off\n", media_type="text/plain")


# %% a generator that does not wait
from fastapi import FastAPI
from fastapi.responses import StreamingResponse

app = FastAPI()


async def lines():
    for line in ("3\n", "2\n", "1\n", "lift-off\n"):
        yield line


@app.get("/countdown")
async def countdown():
    return StreamingResponse(lines(), media_type="text/plain")


# %% waits, then returns all lines at once
import asyncio

from fastapi import FastAPI
from fastapi.responses import Response

app = FastAPI()


@app.get("/countdown")
async def countdown():
    await asyncio.sleep(0.8)
    return Response("3\n2\n1\nlift-off\n", media_type="text/plain")


# %% without line ends
import asyncio

from fastapi import FastAPI
from fastapi.responses import StreamingResponse

app = FastAPI()


async def lines():
    for line in ("3", "2", "1", "lift-off"):
        yield line
        await asyncio.sleep(0.2)


@app.get("/countdown")
async def countdown():
    return StreamingResponse(lines(), media_type="text/plain")


# %% numbers: neither str nor bytes => A chunk is text or bytes
import asyncio

from fastapi import FastAPI
from fastapi.responses import StreamingResponse

app = FastAPI()


async def lines():
    for number in (3, 2, 1):
        yield number
        await asyncio.sleep(0.2)
    yield "lift-off\n"


@app.get("/countdown")
async def countdown():
    return StreamingResponse(lines(), media_type="text/plain")


# %% says no type
import asyncio

from fastapi import FastAPI
from fastapi.responses import StreamingResponse

app = FastAPI()


async def lines():
    for line in ("3\n", "2\n", "1\n", "lift-off\n"):
        await asyncio.sleep(0.2)
        yield line


@app.get("/countdown")
async def countdown():
    return StreamingResponse(lines())


# %% hands over the function, not a generator
import asyncio

from fastapi import FastAPI
from fastapi.responses import StreamingResponse

app = FastAPI()


async def lines():
    for line in ("3\n", "2\n", "1\n", "lift-off\n"):
        await asyncio.sleep(0.2)
        yield line


@app.get("/countdown")
async def countdown():
    return StreamingResponse(lines, media_type="text/plain")


# %% time.sleep in async def => another request to this server waits
import time

from fastapi import FastAPI
from fastapi.responses import StreamingResponse

app = FastAPI()


async def lines():
    for line in ("3\n", "2\n", "1\n", "lift-off\n"):
        yield line
        time.sleep(0.2)


@app.get("/countdown")
async def countdown():
    return StreamingResponse(lines(), media_type="text/plain")


# %% 0.1 s apart => expected: 0.2 s
import asyncio

from fastapi import FastAPI
from fastapi.responses import StreamingResponse

app = FastAPI()


async def lines():
    for line in ("3\n", "2\n", "1\n", "lift-off\n"):
        yield line
        await asyncio.sleep(0.1)


@app.get("/countdown")
async def countdown():
    return StreamingResponse(lines(), media_type="text/plain")


# %% 0.5 s apart => expected: 0.2 s
import asyncio

from fastapi import FastAPI
from fastapi.responses import StreamingResponse

app = FastAPI()


async def lines():
    for line in ("3\n", "2\n", "1\n", "lift-off\n"):
        yield line
        await asyncio.sleep(0.5)


@app.get("/countdown")
async def countdown():
    return StreamingResponse(lines(), media_type="text/plain")


# %% the last two at once => expected: 0.2 s
import asyncio

from fastapi import FastAPI
from fastapi.responses import StreamingResponse

app = FastAPI()


async def lines():
    for line in ("3\n", "2\n", "1\nlift-off\n"):
        yield line
        await asyncio.sleep(0.2)


@app.get("/countdown")
async def countdown():
    return StreamingResponse(lines(), media_type="text/plain")


# %% a route that yields => JSON Lines
import asyncio

from fastapi import FastAPI

app = FastAPI()


@app.get("/countdown")
async def countdown():
    for line in ("3\n", "2\n", "1\n", "lift-off\n"):
        yield line
        await asyncio.sleep(0.2)


# %% events, not lines
import asyncio

from fastapi import FastAPI
from sse_starlette import EventSourceResponse

app = FastAPI()


async def lines():
    for line in ("3\n", "2\n", "1\n", "lift-off\n"):
        yield line
        await asyncio.sleep(0.2)


@app.get("/countdown")
async def countdown():
    return EventSourceResponse(lines())


# %% text/html => expected: 'text/plain'
import asyncio

from fastapi import FastAPI
from fastapi.responses import StreamingResponse

app = FastAPI()


async def lines():
    for line in ("3\n", "2\n", "1\n", "lift-off\n"):
        yield line
        await asyncio.sleep(0.2)


@app.get("/countdown")
async def countdown():
    return StreamingResponse(lines(), media_type="text/html")


# %% no such route => no such route
import asyncio

from fastapi import FastAPI
from fastapi.responses import StreamingResponse

app = FastAPI()


async def lines():
    yield "3\n"


@app.get("/count")
async def countdown():
    return StreamingResponse(lines(), media_type="text/plain")


# %% the route as a POST => status 405
import asyncio

from fastapi import FastAPI
from fastapi.responses import StreamingResponse

app = FastAPI()


async def lines():
    yield "3\n"


@app.post("/countdown")
async def countdown():
    return StreamingResponse(lines(), media_type="text/plain")


# %% the generator function in place of the app => a function is not
async def app():
    yield "3\n"


# %% exit() in the middle
import asyncio

from fastapi import FastAPI
from fastapi.responses import StreamingResponse

app = FastAPI()


async def lines():
    yield "3\n"
    exit()


@app.get("/countdown")
async def countdown():
    return StreamingResponse(lines(), media_type="text/plain")


# %% never answers => no response within 10 s
import asyncio

from fastapi import FastAPI

app = FastAPI()


@app.get("/countdown")
async def countdown():
    await asyncio.Event().wait()


# %% cancels its own task => did not come whole
import asyncio

from fastapi import FastAPI
from fastapi.responses import StreamingResponse

app = FastAPI()


async def lines():
    yield "3\n"
    asyncio.current_task().cancel()
    await asyncio.sleep(0.2)
    yield "2\n"


@app.get("/countdown")
async def countdown():
    return StreamingResponse(lines(), media_type="text/plain")


# %% half of each wait blocks => another request to this server waits
import asyncio
import time

from fastapi import FastAPI
from fastapi.responses import StreamingResponse

app = FastAPI()


async def lines():
    for w in ["3\n", "2\n", "1\n", "lift-off\n"]:
        yield w
        await asyncio.sleep(0.1)
        time.sleep(0.1)


@app.get("/countdown")
async def countdown():
    return StreamingResponse(lines(), media_type="text/plain")


# %% waits for a program, in async def => another request to this server waits
import subprocess
import sys

from fastapi import FastAPI
from fastapi.responses import StreamingResponse

app = FastAPI()


async def lines():
    for w in ["3\n", "2\n", "1\n", "lift-off\n"]:
        yield w
        subprocess.run([sys.executable, "-c", "import time; time.sleep(0.2)"], capture_output=True)


@app.get("/countdown")
async def countdown():
    return StreamingResponse(lines(), media_type="text/plain")


# %% one generator for all requests => twice at once
import asyncio

from fastapi import FastAPI
from fastapi.responses import StreamingResponse

app = FastAPI()


async def make():
    for w in ["3\n", "2\n", "1\n", "lift-off\n"]:
        yield w
        await asyncio.sleep(0.2)


lines = make()


@app.get("/countdown")
async def countdown():
    return StreamingResponse(lines, media_type="text/plain")


# %% the last line half a second late => expected: 0.2 s
import asyncio

from fastapi import FastAPI
from fastapi.responses import StreamingResponse

app = FastAPI()


async def lines():
    for n in (3, 2, 1):
        yield f"{n}\n"
        await asyncio.sleep(0.2)
    await asyncio.sleep(0.5)
    yield "lift-off\n"


@app.get("/countdown")
async def countdown():
    return StreamingResponse(lines(), media_type="text/plain")


# %% ever slower => expected: 0.2 s
import asyncio

from fastapi import FastAPI
from fastapi.responses import StreamingResponse

app = FastAPI()


async def lines():
    for n, line in enumerate(("3\n", "2\n", "1\n", "lift-off\n")):
        await asyncio.sleep(0.1 * n)
        yield line


@app.get("/countdown")
async def countdown():
    return StreamingResponse(lines(), media_type="text/plain")


# %% a lock: one stream at a time => when the other was over
import asyncio

from fastapi import FastAPI
from fastapi.responses import StreamingResponse

app = FastAPI()
lock = asyncio.Lock()


async def lines():
    async with lock:
        for line in ("3\n", "2\n", "1\n", "lift-off\n"):
            yield line
            await asyncio.sleep(0.2)


@app.get("/countdown")
async def countdown():
    return StreamingResponse(lines(), media_type="text/plain")


# %% 503 for who asks while another is answered => twice at once
import asyncio

from fastapi import FastAPI, Response
from fastapi.responses import StreamingResponse

app = FastAPI()
busy = []


async def lines():
    busy.append("one")
    for line in ("3\n", "2\n", "1\n", "lift-off\n"):
        yield line
        await asyncio.sleep(0.2)
    busy.clear()


@app.get("/countdown")
async def countdown():
    if busy:
        return Response(status_code=503)
    return StreamingResponse(lines(), media_type="text/plain")


# %% the lines that are left are the program's => twice at once
import asyncio

from fastapi import FastAPI
from fastapi.responses import StreamingResponse

app = FastAPI()
left = []


async def lines():
    left[:] = ["3\n", "2\n", "1\n", "lift-off\n"]
    while left:
        yield left.pop(0)
        await asyncio.sleep(0.2)


@app.get("/countdown")
async def countdown():
    return StreamingResponse(lines(), media_type="text/plain")


# %% a slash at the end of the path => redirect to http
import asyncio

from fastapi import FastAPI
from fastapi.responses import StreamingResponse

app = FastAPI()


async def lines():
    for line in ("3\n", "2\n", "1\n", "lift-off\n"):
        yield line
        await asyncio.sleep(0.2)


@app.get("/countdown/")
async def countdown():
    return StreamingResponse(lines(), media_type="text/plain")


# %% all lines at once, when asked again
import asyncio

from fastapi import FastAPI
from fastapi.responses import PlainTextResponse, StreamingResponse

app = FastAPI()
kept = []


async def lines():
    for line in ("3\n", "2\n", "1\n", "lift-off\n"):
        kept.append(line)
        yield line
        await asyncio.sleep(0.2)


@app.get("/countdown")
async def countdown():
    if len(kept) >= 4:
        return PlainTextResponse("".join(kept[:4]))
    return StreamingResponse(lines(), media_type="text/plain")
