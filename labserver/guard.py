"""Answer only at the server's own address, so that no page from elsewhere gets in.

A page from elsewhere whose name is made to resolve to 127.0.0.1 (DNS rebinding) counts as the same
origin and may read all that comes; but its browser names that page's host in the Host header
(RFC 9110, 7.2), which no script can set.
"""

import os
import re
from secrets import compare_digest, token_urlsafe
from typing import Any
from urllib.parse import parse_qs

SECRET = token_urlsafe(16)  # lets a foreign Host in: what a proxy hands on is the public one
LOOPBACK = {"127.0.0.1", "localhost", "::1"}  # as names of a host, without a port
KNOCK = "/" + token_urlsafe(16)  # answered to whoever knows it: "that server is here"


class Guard:
    """An ASGI layer that answers 421 to a foreign Host. It changes nothing about the others."""

    def __init__(self, app: Any) -> None:
        self.app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
        elif scope["type"] == "http" and compare_digest(scope["path"].encode(), KNOCK.encode()):
            # The one answer that a page of another origin, Jupyter's, may read.
            await _answer(send, 204, (b"access-control-allow-origin", b"*"))
        elif _is_own_address(scope) or _behind_a_hub() or _has_secret(scope):
            await self.app(scope, receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close"})  # before it is accepted: a 403
        else:
            line = f"This server answers only as http://127.0.0.1:{scope['server'][1]}\n"
            await _answer(send, 421, (b"content-type", b"text/plain"), line.encode())


async def _answer(send: Any, status: int, header: tuple[bytes, bytes], body: bytes = b"") -> None:
    headers = [header, (b"cache-control", b"no-store")]
    if body:
        headers.append((b"content-length", str(len(body)).encode()))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def _is_own_address(scope: Any) -> bool:
    hosts = [value.decode("latin-1") for name, value in scope["headers"] if name == b"host"]
    # The port may be that of a relay or a tunnel on this machine. A name that is made to resolve
    # to 127.0.0.1 is never one of these three.
    return len(hosts) == 1 and re.sub(r":\d+$", "", hosts[0].lower()).strip("[]") in LOOPBACK


def _behind_a_hub() -> bool:
    # From the environment, since X-Forwarded-* can be forged. A hub asks who it is before us.
    return "JUPYTERHUB_SERVICE_PREFIX" in os.environ


def _has_secret(scope: Any) -> bool:
    given = parse_qs(scope["query_string"].decode("latin-1")).get("secret", [])
    return any(compare_digest(secret.encode(), SECRET.encode()) for secret in given)
