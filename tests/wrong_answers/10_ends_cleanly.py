# %% The text of the error is the message => strangers
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
        yield {"event": "failed", "id": "end", "data": str(error)}
    finally:
        with anyio.CancelScope(shield=True):
            await asyncio.sleep(0.1)
            lent.pop()


@app.get("/prices")
async def stream(last_event_id: str = Header("")):
    if last_event_id == "end":
        return Response(status_code=204)
    return EventSourceResponse(prices())


# %% The error is told, and logged nowhere => nothing was logged
import asyncio

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
    except Exception:
        yield {"event": "failed", "id": "end", "data": "Please try again later."}
    finally:
        with anyio.CancelScope(shield=True):
            await asyncio.sleep(0.1)
            lent.pop()


@app.get("/prices")
async def stream(last_event_id: str = Header("")):
    if last_event_id == "end":
        return Response(status_code=204)
    return EventSourceResponse(prices())


# %% The log says that it failed, and not why => which error
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
    except Exception:
        logging.getLogger("uvicorn.error").error("failed")
        yield {"event": "failed", "id": "end", "data": "Please try again later."}
    finally:
        with anyio.CancelScope(shield=True):
            await asyncio.sleep(0.1)
            lent.pop()


@app.get("/prices")
async def stream(last_event_id: str = Header("")):
    if last_event_id == "end":
        return Response(status_code=204)
    return EventSourceResponse(prices())


# %% The error is printed => nothing was logged
import asyncio

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
        print(error)
        yield {"event": "failed", "id": "end", "data": "Please try again later."}
    finally:
        with anyio.CancelScope(shield=True):
            await asyncio.sleep(0.1)
            lent.pop()


@app.get("/prices")
async def stream(last_event_id: str = Header("")):
    if last_event_id == "end":
        return Response(status_code=204)
    return EventSourceResponse(prices())


# %% Logged and raised again => did not come whole
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
    except Exception:
        logging.getLogger("uvicorn.error").exception("the prices broke off")
        raise
    finally:
        with anyio.CancelScope(shield=True):
            await asyncio.sleep(0.1)
            lent.pop()


@app.get("/prices")
async def stream(last_event_id: str = Header("")):
    if last_event_id == "end":
        return Response(status_code=204)
    return EventSourceResponse(prices())


# %% The failed event has no id => has no id
import asyncio
import logging

import anyio
from fastapi import FastAPI
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
    except Exception:
        logging.getLogger("uvicorn.error").exception("the prices broke off")
        yield {"event": "failed", "data": "Please try again later."}
    finally:
        with anyio.CancelScope(shield=True):
            await asyncio.sleep(0.1)
            lent.pop()


@app.get("/prices")
async def stream():
    return EventSourceResponse(prices())


# %% An id, but no 204 => expected: 204
import asyncio
import logging

import anyio
from fastapi import FastAPI
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
    except Exception:
        logging.getLogger("uvicorn.error").exception("the prices broke off")
        yield {"event": "failed", "id": "end", "data": "Please try again later."}
    finally:
        with anyio.CancelScope(shield=True):
            await asyncio.sleep(0.1)
            lent.pop()


@app.get("/prices")
async def stream():
    return EventSourceResponse(prices())


# %% No shield around the goodbye => a client left at the first price
import asyncio
import logging

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
    except Exception:
        logging.getLogger("uvicorn.error").exception("the prices broke off")
        yield {"event": "failed", "id": "end", "data": "Please try again later."}
    finally:
        await asyncio.sleep(0.1)
        lent.pop()


@app.get("/prices")
async def stream(last_event_id: str = Header("")):
    if last_event_id == "end":
        return Response(status_code=204)
    return EventSourceResponse(prices())


# %% The goodbye stands after the loop, where a client that leaves never comes => a client left at the first price
import asyncio
import logging

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
    except Exception:
        logging.getLogger("uvicorn.error").exception("the prices broke off")
        yield {"event": "failed", "id": "end", "data": "Please try again later."}
    await asyncio.sleep(0.1)
    lent.pop()


@app.get("/prices")
async def stream(last_event_id: str = Header("")):
    if last_event_id == "end":
        return Response(status_code=204)
    return EventSourceResponse(prices())


# %% The price that is no number is left out in silence => failed
import asyncio

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
            try:
                yield {"data": f"{float(price):.2f}"}
            except ValueError:
                continue
    finally:
        with anyio.CancelScope(shield=True):
            await asyncio.sleep(0.1)
            lent.pop()


@app.get("/prices")
async def stream(last_event_id: str = Header("")):
    if last_event_id == "end":
        return Response(status_code=204)
    return EventSourceResponse(prices())


# %% The goodbye is left out => let it finish first
import asyncio
import logging

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
    except Exception:
        logging.getLogger("uvicorn.error").exception("the prices broke off")
        yield {"event": "failed", "id": "end", "data": "Please try again later."}
    finally:
        lent.pop()


@app.get("/prices")
async def stream(last_event_id: str = Header("")):
    if last_event_id == "end":
        return Response(status_code=204)
    return EventSourceResponse(prices())


# %% The goodbye is cut short, and the connection given back all the same => let it finish first
import asyncio
import logging

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
    except Exception:
        logging.getLogger("uvicorn.error").exception("the prices broke off")
        yield {"event": "failed", "id": "end", "data": "Please try again later."}
    finally:
        try:
            await asyncio.sleep(0.1)
        finally:
            lent.pop()


@app.get("/prices")
async def stream(last_event_id: str = Header("")):
    if last_event_id == "end":
        return Response(status_code=204)
    return EventSourceResponse(prices())


# %% Nothing is lent any more => while a client listens, /lent says 0, expected: 1
import asyncio
import logging

from fastapi import FastAPI, Header, Response
from sse_starlette import EventSourceResponse

app = FastAPI()
lent = []
app.add_api_route("/lent", lambda: len(lent))


async def prices():
    try:
        for price in ("3.20", "5.00", "see ann.xlsx"):
            await asyncio.sleep(0.1)
            yield {"data": f"{float(price):.2f}"}
    except Exception:
        logging.getLogger("uvicorn.error").exception("the prices broke off")
        yield {"event": "failed", "id": "end", "data": "Please try again later."}


@app.get("/prices")
async def stream(last_event_id: str = Header("")):
    if last_event_id == "end":
        return Response(status_code=204)
    return EventSourceResponse(prices())


# %% All connections are given back, those of others too => another one still listens, and /lent says 0
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
    except Exception:
        logging.getLogger("uvicorn.error").exception("the prices broke off")
        yield {"event": "failed", "id": "end", "data": "Please try again later."}
    finally:
        with anyio.CancelScope(shield=True):
            await asyncio.sleep(0.1)
            lent.clear()


@app.get("/prices")
async def stream(last_event_id: str = Header("")):
    if last_event_id == "end":
        return Response(status_code=204)
    return EventSourceResponse(prices())


# %% No shield where the stream failed, since its client is still there => left at the event
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
    whole = True
    try:
        for price in ("3.20", "5.00", "see ann.xlsx"):
            await asyncio.sleep(0.1)
            yield {"data": f"{float(price):.2f}"}
    except Exception:
        whole = False
        logging.getLogger("uvicorn.error").exception("the prices broke off")
        yield {"event": "failed", "id": "end", "data": "Please come back."}
    finally:
        with anyio.CancelScope(shield=whole):
            await asyncio.sleep(0.1)  # the goodbye
            lent.pop()


@app.get("/prices")
async def stream(last_event_id: str = Header("")):
    if last_event_id == "end":
        return Response(status_code=204)
    return EventSourceResponse(prices())


# %% Failed once, and a 204 for all => the status for a new client
import asyncio
import logging

import anyio
from fastapi import FastAPI, Response
from sse_starlette import EventSourceResponse

app = FastAPI()
lent = []
failed = []
app.add_api_route("/lent", lambda: len(lent))


async def prices():
    lent.append("a connection")
    try:
        for price in ("3.20", "5.00", "see ann.xlsx"):
            await asyncio.sleep(0.1)
            yield {"data": f"{float(price):.2f}"}
    except Exception:
        logging.getLogger("uvicorn.error").exception("the prices broke off")
        failed.append("once")
        yield {"event": "failed", "id": "end", "data": "Please come back."}
    finally:
        with anyio.CancelScope(shield=True):
            await asyncio.sleep(0.1)  # the goodbye
            lent.pop()


@app.get("/prices")
async def stream():
    if failed:
        return Response(status_code=204)
    return EventSourceResponse(prices())
