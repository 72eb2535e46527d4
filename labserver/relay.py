"""For a page whose HTTP is held back on its way: a probe that shows it, a relay around it."""

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

RELAYS = 8  # at a time
REQUEST_CHARACTERS = 16_384
# What a page may ask for by a header; Host, Cookie and the like are not its own to set.
HEADERS = {"accept", "cache-control", "content-type", "last-event-id", "range"}

router = APIRouter(include_in_schema=False)
_relays: set[WebSocket] = set()


@router.get("/probe")
async def probe(
    n: Annotated[int, Query(ge=1, le=20)] = 5, every: Annotated[float, Query(ge=0, le=1)] = 0.1
) -> StreamingResponse:
    """A few pieces, slowly: they come one by one unless something in between holds them back."""

    async def pieces() -> AsyncIterator[str]:
        for i in range(n):
            yield f"{i}\n"
            await asyncio.sleep(every)

    headers = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
    return StreamingResponse(pieces(), media_type="text/plain", headers=headers)


class Asked(BaseModel, extra="forbid"):
    """A request that a page hands to the relay."""

    method: Literal["GET", "POST"] = "GET"
    path: str = Field(pattern="^/([!-.0-~][!-~]*)?$")  # one slash: no host can follow it
    headers: dict[str, str] = {}
    body: str = ""

    @field_validator("headers")
    @classmethod
    def _are_allowed(cls, headers: dict[str, str]) -> dict[str, str]:
        if refused := {name.lower() for name in headers} - HEADERS:
            raise ValueError(f"not relayed: {', '.join(sorted(refused))}")
        return headers


@router.websocket("/relay")
async def relay(websocket: WebSocket) -> None:
    """Make one request of this very server for a page whose HTTP is held back on its way.

    A page sends what `Asked` holds, as JSON, and gets {"status", "headers"}, the body's pieces as
    they come, then {"end": "whole"} or {"end": "cut", "reason"}. If it leaves, the request ends.
    """
    # Any page may open a WebSocket to anywhere; its browser says from where (RFC 6455, 10.2).
    origin = urlsplit(websocket.headers.get("origin", ""))
    if origin.netloc != websocket.headers.get("host"):
        await websocket.close()
        return
    await websocket.accept()
    if len(_relays) >= RELAYS:
        await websocket.close(1013, "Too many at a time.")
        return
    _relays.add(websocket)
    try:
        with suppress(TimeoutError, WebSocketDisconnect):
            message = await asyncio.wait_for(websocket.receive(), 10)
            await _answer_until_it_leaves(websocket, message.get("text") or "")
    finally:
        _relays.discard(websocket)


async def _answer_until_it_leaves(websocket: WebSocket, asked: str) -> None:
    async with anyio.create_task_group() as group:

        async def watch() -> None:
            await websocket.receive()  # it left, or asks for a second request
            group.cancel_scope.cancel()

        group.start_soon(watch)
        with suppress(WebSocketDisconnect):
            await websocket.send_json(await _answer(websocket, asked))
            await websocket.close()
        group.cancel_scope.cancel()


async def _answer(websocket: WebSocket, asked: str) -> dict[str, str]:
    """Make the request, hand on what comes, and return how it ended."""
    try:
        async with _client() as client, client.stream(**_request(websocket, asked)) as response:
            headers = {k: v for k, v in response.headers.items() if k != "set-cookie"}
            await websocket.send_json({"status": response.status_code, "headers": headers})
            async for piece in response.aiter_raw():
                await websocket.send_bytes(piece)
    except ValidationError as error:
        reason = "; ".join(f"{wrong['loc']} {wrong['msg']}" for wrong in error.errors())
        return {"end": "cut", "reason": reason}
    except (ValueError, httpx.HTTPError, httpx.InvalidURL) as error:
        return {"end": "cut", "reason": str(error) or type(error).__name__}
    return {"end": "whole"}


def _request(websocket: WebSocket, text: str) -> dict[str, Any]:
    if len(text) > REQUEST_CHARACTERS:
        raise ValueError(f"A request has at most {REQUEST_CHARACTERS:,} characters.")
    asked = Asked.model_validate_json(text)
    if unquote(urlsplit(asked.path).path) == websocket.url.path:
        raise ValueError("The relay does not relay itself.")
    host, port = websocket.scope["server"]
    url = httpx.URL(scheme="http", host=host, port=port, raw_path=asked.path.encode())
    return {"method": asked.method, "url": url, "headers": asked.headers, "content": asked.body}


def _client() -> httpx.AsyncClient:
    # No proxies from the environment, no certificates, no encoding that a page would have to undo.
    return httpx.AsyncClient(
        trust_env=False,
        verify=SSLContext(PROTOCOL_TLS_CLIENT),
        headers={"Accept-Encoding": "identity"},
        timeout=httpx.Timeout(10, read=None),
    )
