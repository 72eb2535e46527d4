"""What a stranger may send: bodies of a bounded size, requests of the server's own pages, and no
more connections than the process has file descriptors for.
"""

import socket
import sys
import time
from contextlib import suppress
from typing import Any
from weakref import WeakSet

from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

if sys.platform != "win32":
    import resource

BODY_BYTES = 16 * 2**20  # of a request to an app that a learner serves
MESSAGE_BYTES = 2**20  # of a message over a WebSocket
DESCRIPTORS = 10_000  # of the process, if the system allows more: a connection takes 6 KiB
SPARE_DESCRIPTORS = 64  # of these, for files and processes of the notebook
SILENT_SECONDS = 1.0  # after which a connection that has sent nothing may lose its place
SAFE_METHODS = {"GET", "HEAD", "OPTIONS", "TRACE"}  # RFC 9110, 9.2.1


class BoundedBody:
    """An ASGI layer that answers 413 to a body of more than `max_bytes` (RFC 9110, 15.5.14).

    It refuses a declared length at once, and a body without one as soon as too much has come.
    """

    def __init__(self, app: ASGIApp, max_bytes: int = BODY_BYTES) -> None:
        self.app, self.max_bytes = app, max_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Call the app, or answer in its place, as ASGI has it."""
        if scope["type"] == "http" and self._declares_more(scope):
            await self._refuse(scope, receive, send)
        elif scope["type"] == "http" and _declares_no_length(scope):
            await self._count(scope, receive, send)
        else:
            await self.app(scope, receive, send)

    def _declares_more(self, scope: Scope) -> bool:
        length = Headers(scope=scope).get("content-length", "")
        # int() refuses thousands of digits.
        return length.isdecimal() and (len(length) > 18 or int(length) > self.max_bytes)

    async def _count(self, scope: Scope, receive: Receive, send: Send) -> None:
        left, started, refused = self.max_bytes, False, False

        async def counting_receive() -> Message:
            nonlocal left, refused
            message: Message = await receive() if left >= 0 else {"type": "http.disconnect"}
            left -= len(message.get("body", b""))
            if left >= 0:
                return message
            if not (started or refused):
                refused = True
                await self._refuse(scope, receive, send)
            return {"type": "http.disconnect"}

        async def passing_send(message: Message) -> None:
            nonlocal started
            started = True
            if not refused:
                await send(message)

        try:
            await self.app(scope, counting_receive, passing_send)
        except Exception:
            if not refused:  # else it is about the client that seemed to leave
                raise

    async def _refuse(self, scope: Scope, receive: Receive, send: Send) -> None:
        line = f"The body of a request has at most {self.max_bytes:,} bytes here.\n"
        # To close is to read no further. HTTP/2 has no such header.
        headers = {"Connection": "close"} if scope["http_version"].startswith("1") else None
        await PlainTextResponse(line, 413, headers)(scope, receive, send)


def _declares_no_length(scope: Scope) -> bool:
    # In HTTP/1.1, a request without either header has no body (RFC 9112, 6.3).
    headers = Headers(scope=scope)
    one = scope["http_version"].startswith("1")
    return "transfer-encoding" in headers or not (one or "content-length" in headers)


class OwnPages:
    """An ASGI layer that answers 403 to what a page of another origin asks a browser to send.

    That page cannot read the answer, but its browser sends a form or a text without asking first.
    Safe methods pass. Clients that are no browser send neither of the two headers, and pass too.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Call the app, or answer in its place, as ASGI has it."""
        if scope["type"] == "http" and scope["method"] not in SAFE_METHODS and _is_foreign(scope):
            line = "Only a page of this server may send this.\n"
            await PlainTextResponse(line, 403)(scope, receive, send)
        else:
            await self.app(scope, receive, send)


def _is_foreign(scope: Scope) -> bool:
    # The rule of CrossOriginProtection in Go's net/http. Browsers that know Fetch Metadata (W3C,
    # 2.3) say what they know; the others name the page's origin in every POST (Fetch, 3.2).
    headers = Headers(scope=scope)
    if site := headers.get("sec-fetch-site"):
        return site not in ("same-origin", "none")  # none: the user did it, in the address bar
    return "origin" in headers and not is_of_own_page(headers)


def is_of_own_page(headers: Headers) -> bool:
    """Whether the Origin of a request is there, and is the server that the request is for."""
    # An origin is scheme://host:port (RFC 6454, 6.2). The Host has no scheme.
    return headers.get("origin", "").partition("://")[2] == headers.get("host")


class Listener(socket.socket):
    """A listening socket whose connections leave some file descriptors to the process.

    At the bound, a new connection takes the place of the one that has been silent longest, where
    one has sent nothing for over a second. Else the new one is closed at once.
    """

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._accepted: WeakSet[_Connection] = WeakSet()

    def accept(self) -> tuple[socket.socket, Any]:
        """Accept a connection. Raises ConnectionAbortedError, which event loops pass over."""
        accepted, address = super().accept()
        # Each connection may have a file opened for it, too.
        spare = _spare_descriptors(accepted) - len(self._accepted)
        # An ended connection gives its descriptor back a moment later: half of the spare ones.
        if spare < SPARE_DESCRIPTORS and not (
            spare >= SPARE_DESCRIPTORS // 2 and self._made_room()
        ):
            accepted.close()
            raise ConnectionAbortedError
        kind = (accepted.family, accepted.type, accepted.proto)
        connection = _Connection(*kind, fileno=accepted.detach())
        self._accepted.add(connection)
        return connection, address

    def _made_room(self) -> bool:
        latest = time.monotonic() - SILENT_SECONDS
        silent = [c for c in self._accepted if c.silent and c.fileno() != -1 and c.at < latest]
        if silent:
            min(silent, key=lambda connection: connection.at).end()
        return bool(silent)


class _Connection(socket.socket):
    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.at = time.monotonic()  # when it was accepted, in seconds
        self.silent = True  # until its first byte

    def recv(self, *args: Any) -> bytes:
        self.silent = False
        return super().recv(*args)

    def end(self) -> None:
        """Let the event loop, which closes it, read its end."""
        self.silent = False
        with suppress(OSError):  # its client has left
            self.shutdown(socket.SHUT_RDWR)


def descriptors() -> int:
    """How many file descriptors this process may have open, at most 10,000."""
    if sys.platform != "win32":
        allowed, _ = resource.getrlimit(resource.RLIMIT_NOFILE)  # each time: it can be changed
        if allowed != resource.RLIM_INFINITY:
            return min(allowed, DESCRIPTORS)
    return DESCRIPTORS  # on Windows, no such limit is known


def _spare_descriptors(newest: socket.socket) -> int:
    """How many file descriptors the process may still open, after this newest one."""
    if sys.platform == "win32":
        return SPARE_DESCRIPTORS
    # POSIX gives out the lowest number that is free: all below it are taken, by whatever.
    return descriptors() - newest.fileno() - 1
