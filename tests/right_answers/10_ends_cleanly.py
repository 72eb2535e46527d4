# %% The root logger, beside a record that is badly formed, and the request's own headers
import asyncio
import logging

import anyio
from fastapi import FastAPI, Request, Response
from sse_starlette import EventSourceResponse, ServerSentEvent

app = FastAPI()
lent = []
app.add_api_route("/lent", lambda: len(lent))


async def prices():
    lent.append("a connection")
    logging.warning("%d prices", "three")
    try:
        for price in ("3.20", "5.00", "see ann.xlsx"):
            await asyncio.sleep(0.1)
            yield ServerSentEvent(f"{float(price):.2f}")
    except ValueError as error:
        logging.error("a price is no number: %s", error)
        yield ServerSentEvent("Sorry.", event="failed", id="7")
    finally:
        with anyio.move_on_after(5, shield=True):
            await asyncio.sleep(0.1)
            lent.pop()


@app.get("/prices")
async def stream(request: Request):
    if request.headers.get("last-event-id"):
        return Response(status_code=204)
    return EventSourceResponse(prices())


# %% The connection is a context manager with a shield, the logger has a handler of its own
import asyncio
import logging
from contextlib import asynccontextmanager
from typing import Annotated

import anyio
from fastapi import FastAPI, Header, Response
from sse_starlette import EventSourceResponse

app = FastAPI()
lent = []
log = logging.getLogger("prices")
log.propagate = False
log.addHandler(logging.StreamHandler())
app.add_api_route("/lent", lambda: len(lent))


@asynccontextmanager
async def connection():
    lent.append("a connection")
    try:
        yield
    finally:
        with anyio.CancelScope(shield=True):
            await asyncio.sleep(0.1)
            lent.pop()


async def prices():
    async with connection():
        try:
            for price in ("3.20", "5.00", "see ann.xlsx"):
                await asyncio.sleep(0.1)
                yield {"data": f"{float(price):.2f}"}
        except Exception:
            log.exception("no price")
            yield {"event": "failed", "id": "end", "data": "No more prices today."}


@app.get("/prices")
async def stream(last_event_id: Annotated[str | None, Header()] = None):
    if last_event_id == "end":
        return Response(status_code=204)
    return EventSourceResponse(prices())


# %% The goodbye is a task of its own, which nobody cancels
import asyncio
import logging

from fastapi import FastAPI, Header, Response
from sse_starlette import EventSourceResponse

app = FastAPI()
lent = []
tasks = set()
app.add_api_route("/lent", lambda: len(lent))


async def goodbye():
    await asyncio.sleep(0.1)
    lent.pop()


async def prices():
    lent.append("a connection")
    try:
        for price in ("3.20", "5.00", "see ann.xlsx"):
            await asyncio.sleep(0.1)
            yield {"data": f"{float(price):.2f}"}
    except Exception:
        logging.getLogger("uvicorn.error").exception("the prices broke off")
        yield {"event": "failed", "id": "end", "data": "Please try again later."}
    finally:
        task = asyncio.create_task(goodbye())
        tasks.add(task)
        task.add_done_callback(tasks.discard)


@app.get("/prices")
async def stream(last_event_id: str = Header("")):
    if last_event_id == "end":
        return Response(status_code=204)
    return EventSourceResponse(prices())


# %% A background task says goodbye, since the error is caught
import asyncio
import logging

from fastapi import BackgroundTasks, FastAPI, Header, Response
from sse_starlette import EventSourceResponse

app = FastAPI()
lent = []
app.add_api_route("/lent", lambda: len(lent))


async def goodbye():
    await asyncio.sleep(0.1)
    lent.pop()


async def prices():
    lent.append("a connection")
    try:
        for price in ("3.20", "5.00", "see ann.xlsx"):
            await asyncio.sleep(0.1)
            yield {"data": f"{float(price):.2f}"}
    except Exception:
        logging.getLogger("uvicorn.error").exception("the prices broke off")
        yield {"event": "failed", "id": "end", "data": "Please try again later."}


@app.get("/prices")
async def stream(tasks: BackgroundTasks, last_event_id: str = Header("")):
    if last_event_id == "end":
        return Response(status_code=204)
    tasks.add_task(goodbye)
    return EventSourceResponse(prices())


# %% Frames written by hand, of a plain generator with a task that closes it
import logging
import time

from fastapi import BackgroundTasks, FastAPI, Header, Response
from fastapi.responses import StreamingResponse

app = FastAPI()
lent = []
app.add_api_route("/lent", lambda: len(lent))


def prices():
    lent.append("a connection")
    try:
        for price in ("3.20", "5.00", "see ann.xlsx"):
            time.sleep(0.1)
            yield f"data: {float(price):.2f}\n\n"
    except ValueError:
        logging.getLogger("uvicorn.error").exception("the prices broke off")
        yield "event: failed\nid: end\ndata: Please try again later.\n\n"
    finally:
        time.sleep(0.1)
        lent.pop()


@app.get("/prices")
async def stream(tasks: BackgroundTasks, last_event_id: str = Header("")):
    if last_event_id == "end":
        return Response(status_code=204)
    made = prices()
    tasks.add_task(made.close)
    return StreamingResponse(made, media_type="text/event-stream")


# %% FastAPI's own events; a dependency refuses who has had the end
import asyncio
import logging

import anyio
from fastapi import Depends, FastAPI, Header, HTTPException
from fastapi.sse import EventSourceResponse, ServerSentEvent

app = FastAPI()
lent = []
app.add_api_route("/lent", lambda: len(lent))


def not_at_its_end(last_event_id: str = Header("")):
    if last_event_id == "end":
        raise HTTPException(204)


@app.get(
    "/prices",
    response_class=EventSourceResponse,
    dependencies=[Depends(not_at_its_end)],
)
async def prices():
    lent.append("a connection")
    try:
        for price in ("3.20", "5.00", "see ann.xlsx"):
            await asyncio.sleep(0.1)
            yield ServerSentEvent(raw_data=f"{float(price):.2f}")
    except ValueError:
        logging.getLogger("uvicorn.error").exception("the prices broke off")
        yield ServerSentEvent(event="failed", id="end", raw_data="Try again later.")
    finally:
        with anyio.CancelScope(shield=True):
            await asyncio.sleep(0.1)
            lent.pop()


# %% The goodbye comes before the failed event, and blocks => another request
import asyncio
import logging
import time
from contextlib import aclosing

from fastapi import FastAPI, Header, Response
from sse_starlette import EventSourceResponse

app = FastAPI()
lent = []
app.add_api_route("/lent", lambda: len(lent))


async def texts():
    lent.append("a connection")
    try:
        for price in ("3.20", "5.00", "see ann.xlsx"):
            await asyncio.sleep(0.1)
            yield f"{float(price):.2f}"
    finally:
        time.sleep(0.1)
        lent.pop()


async def prices():
    try:
        async with aclosing(texts()) as closing:
            async for text in closing:
                yield {"data": text}
    except ValueError as error:
        logging.warning("the prices broke off: %r", error)
        yield {"event": "failed", "id": "9", "data": "Try again tomorrow."}


@app.get("/prices")
async def stream(last_event_id: str = Header("")):
    if last_event_id == "9":
        return Response(status_code=204)
    return EventSourceResponse(prices())


# %% The text of the error in a comment line => beside the data of its events
import asyncio
import logging

import anyio
from fastapi import FastAPI, Header, Response
from sse_starlette import EventSourceResponse

app = FastAPI()
lent = []
app.add_api_route("/lent", lambda: len(lent))


async def prices():
    lent.append("a connection")
    try:
        for price in ("3.20", "5.00", "see ann.xlsx"):
            await asyncio.sleep(0.1)
            yield {"data": f"{float(price):.2f}"}
    except Exception as error:
        logging.getLogger("uvicorn.error").exception("the prices broke off")
        failed = {"event": "failed", "id": "end", "data": "Sorry."}
        yield failed | {"comment": str(error)}
    finally:
        with anyio.CancelScope(shield=True):
            await asyncio.sleep(0.1)  # the goodbye
            lent.pop()


@app.get("/prices")
async def stream(last_event_id: str = Header("")):
    if last_event_id == "end":
        return Response(status_code=204)
    return EventSourceResponse(prices())
