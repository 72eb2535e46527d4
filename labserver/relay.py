"""For a page whose responses are held back on their way: a probe that shows it, a relay around it.

Some proxies collect an HTTP response until it is whole, but pass the messages of a WebSocket on.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from ssl import PROTOCOL_TLS_CLIENT, SSLContext
from typing import Annotated, Any, Literal
from urllib.parse import unquote, urlsplit

import anyio
import httpx
from fastapi import APIRouter, Query, WebSocket, WebSocketDisconnect
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, Field, ValidationError, field_validator
from starlette.applications import Starlette

from labserver.bounds import is_of_own_page

RELAYS = 8  # at a time
REQUEST_CHARACTERS = 16_384
ASK_SECONDS = 10.0  # for a page to send its request
TAKE_SECONDS = 60.0  # for a page to take a piece of the response
# The headers that a page may set. Host, Cookie and the like are not its own to choose.
HEADERS = {"accept", "cache-control", "content-type", "last-event-id", "range"}

router = APIRouter(include_in_schema=False)


@router.get("/probe")
async def probe(
    n: Annotated[int, Query(ge=1, le=20)] = 5, every: Annotated[float, Query(ge=0, le=1)] = 0.1
) -> StreamingResponse:
    """A few short pieces. They arrive one by one, unless something on the way collects them."""

    async def pieces() -> AsyncIterator[str]:
        for i in range(n):
            yield f"{i}\n"
            await asyncio.sleep(every)

    headers = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
    return StreamingResponse(pieces(), media_type="text/plain", headers=headers)


class RelayedRequest(BaseModel, extra="forbid"):
    """A request that a page asks the relay to make."""

    method: Literal["GET", "POST"] = "GET"
    path: str = Field(pattern="^/([!-.0-~][!-~]*)?$")  # never "//host/", which names a server
    headers: dict[str, str] = {}
    body: str = ""

    @field_validator("headers")
    @classmethod
    def _are_allowed(cls, headers: dict[str, str]) -> dict[str, str]:
        if {name.lower() for name in headers} - HEADERS:
            raise ValueError(f"the relay passes on {', '.join(sorted(HEADERS))}, no other header")
        return headers


@router.websocket("/relay")
async def relay(websocket: WebSocket) -> None:
    """Make one request to this same server, for a page whose responses are held back.

    The page sends a `RelayedRequest` as JSON. It gets {"status", "headers"}, then each piece of
    the body when it comes, content encoding and all, and at last {"end": "whole"} or
    {"end": "cut", "reason"}. The request ends early when the page leaves or sends more.
    """
    # A page may open a WebSocket to any server. Its browser says which page (RFC 6455, 10.2).
    if not is_of_own_page(websocket.headers):
        await websocket.close()
        return
    await websocket.accept()
    relays = _relays_of(websocket.app)
    if len(relays) >= RELAYS:
        reason = f"{RELAYS} relays are open already, and no more are allowed."
        # As a message too: Jupyter's proxy passes on that a WebSocket closes, but not why.
        await websocket.send_json({"end": "cut", "reason": reason})
        await websocket.close(1013, reason)
        return
    relays.add(websocket)
    try:
        with suppress(WebSocketDisconnect):
            await _serve(websocket)
    finally:
        relays.discard(websocket)


def _relays_of(app: Starlette) -> set[WebSocket]:
    """The relays of an app that are open; those of another app in this process do not count."""
    if not hasattr(app.state, "relays"):
        app.state.relays = set()
    relays: set[WebSocket] = app.state.relays
    return relays


async def _serve(websocket: WebSocket) -> None:
    try:
        message = await asyncio.wait_for(websocket.receive(), ASK_SECONDS)
    except TimeoutError:
        await websocket.close(1008, f"No request came within {ASK_SECONDS:g} s.")
        return
    if message["type"] == "websocket.disconnect":
        return
    async with anyio.create_task_group() as group:  # unlike asyncio's, it can be cancelled

        async def watch() -> None:
            await websocket.receive()  # the page left, or sent a second request
            group.cancel_scope.cancel()

        group.start_soon(watch)
        with suppress(WebSocketDisconnect, TimeoutError):
            ending = await _pass_on(websocket, message.get("text") or "")
            await asyncio.wait_for(websocket.send_json(ending), TAKE_SECONDS)
            await websocket.close()
        group.cancel_scope.cancel()


async def _pass_on(websocket: WebSocket, text: str) -> dict[str, str]:
    """Make the request, pass on what comes, and return how it ended."""
    try:
        asked = _asked(text, websocket.url.path)
        url = _own_url(websocket, asked.path)
        headers = httpx.Headers(asked.headers, encoding="utf-8")  # as browsers send Last-Event-ID
        async with (
            _client() as client,
            client.stream(asked.method, url, headers=headers, content=asked.body) as response,
        ):
            await asyncio.wait_for(websocket.send_json(_head(response)), TAKE_SECONDS)
            async for piece in response.aiter_raw():
                await asyncio.wait_for(websocket.send_bytes(piece), TAKE_SECONDS)
    except ValidationError as error:
        reason = "; ".join(f"{wrong['loc']} {wrong['msg']}" for wrong in error.errors())
        return {"end": "cut", "reason": reason}
    except (ValueError, httpx.HTTPError, httpx.InvalidURL) as error:
        return {"end": "cut", "reason": str(error) or type(error).__name__}
    return {"end": "whole"}


def _asked(text: str, relay_path: str) -> RelayedRequest:
    if len(text) > REQUEST_CHARACTERS:
        raise ValueError(f"A request has at most {REQUEST_CHARACTERS:,} characters.")
    asked = RelayedRequest.model_validate_json(text)
    if unquote(urlsplit(asked.path).path) == relay_path:
        raise ValueError("The relay does not relay itself.")
    return asked


def _own_url(websocket: WebSocket, path: str) -> httpx.URL:
    host, port = websocket.scope["server"]
    return httpx.URL(scheme="http", host=host, port=port, raw_path=path.encode())


def _head(response: httpx.Response) -> dict[str, Any]:
    response.headers.encoding = "latin-1"  # as a browser reads them
    headers = {k: v for k, v in response.headers.items() if k != "set-cookie"}
    return {"status": response.status_code, "headers": headers}


def _client() -> httpx.AsyncClient:
    # No proxies from the environment, no certificates, no encoding that a page would have to undo.
    return httpx.AsyncClient(
        trust_env=False,
        verify=SSLContext(PROTOCOL_TLS_CLIENT),
        headers={"Accept-Encoding": "identity"},
        timeout=httpx.Timeout(10, read=None),
    )
