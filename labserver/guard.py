"""Answer only at the server's own address, so that no page from elsewhere can read what it serves.

A page from elsewhere can let its own name resolve to 127.0.0.1 (DNS rebinding). Its browser then
takes this server for that page's own, and shows the page every answer. But the browser still sends
the page's name in the Host header (RFC 9110, 7.2), and no script can set that header.
"""

import os
import re
from collections.abc import Iterable
from secrets import compare_digest, token_urlsafe

from starlette.datastructures import Headers, QueryParams
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send
from starlette.websockets import WebSocketClose

LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})  # names of a host, without a port
SECRET = token_urlsafe(16)  # lets a foreign Host in: what a proxy hands on is the public one
SECRET_NAME = "lab_token"  # in a query; Jupyter's logs hide the values of names with "token"
# A client that knows this path learns that the server is here.
LIVENESS_PATH = "/" + token_urlsafe(16)


class Guard:
    """An ASGI layer that answers 421 to a foreign Host and passes on every other request."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Call the app, or answer in its place, as an ASGI server does."""
        await self._answering(scope)(scope, receive, send)

    def _answering(self, scope: Scope) -> ASGIApp:
        if scope["type"] == "lifespan":
            return self.app
        if scope["type"] == "http" and _is_one_of(scope["path"], [LIVENESS_PATH]):
            # The one answer that a page of another origin, Jupyter's, may read.
            headers = {"Access-Control-Allow-Origin": "*", "Cache-Control": "no-store"}
            return Response(status_code=204, headers=headers)
        if _is_own_address(scope) or hub_prefix() or _has_secret(scope):
            return self.app
        return WebSocketClose() if scope["type"] == "websocket" else _refusal(scope)


def hub_prefix() -> str:
    """The path under which a JupyterHub serves this user, such as "/user/ann/"; "" without one."""
    # From the environment, since a client can forge X-Forwarded-*. A hub asks who it is, but on
    # this user's own path alone: on one shared machine, another user reaches the port by a path
    # of their own, or without any. Nothing tells them apart that could not be forged.
    return os.environ.get("JUPYTERHUB_SERVICE_PREFIX", "")


def _refusal(scope: Scope) -> Response:
    host, port = scope["server"]
    line = f"This server answers only as http://{host}:{port}\n"
    return PlainTextResponse(line, 421, headers={"Cache-Control": "no-store"})


def _is_own_address(scope: Scope) -> bool:
    hosts = Headers(scope=scope).getlist("host")
    # The port may be that of a relay or a tunnel on this machine. A name that is made to resolve
    # to 127.0.0.1 is never one of these three.
    return len(hosts) == 1 and re.sub(r":\d+$", "", hosts[0].lower()).strip("[]") in LOOPBACK


def _has_secret(scope: Scope) -> bool:
    return _is_one_of(SECRET, QueryParams(scope["query_string"]).getlist(SECRET_NAME))


def _is_one_of(text: str, given: Iterable[str]) -> bool:
    """Compare in a time that does not tell how much of a guess was right."""
    return any(compare_digest(text.encode(), one.encode()) for one in given)
