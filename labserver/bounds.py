"""What a stranger may send: bodies of a bounded size, and requests of the server's own pages."""

import asyncio

from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

BODY_BYTES = 16 * 2**20  # of a request to an app that a learner serves
ALL_BYTES = 4 * BODY_BYTES  # of the bodies of all requests that are being answered
BODY_SECONDS = 30.0  # that a body may pause
MESSAGE_BYTES = 2**20  # of a message over a WebSocket
SAFE_METHODS = {"GET", "HEAD", "OPTIONS", "TRACE"}  # RFC 9110, 9.2.1


class BoundedBody:
    """An ASGI layer that answers 413 to a body of more than `max_bytes` (RFC 9110, 15.5.14).

    It refuses a declared length at once, and a body without one as soon as too much has come. It
    answers 503 where the bodies of all requests under way have more than `all_bytes` (15.6.4), and
    408 where a body pauses for more than `seconds` (15.5.9).
    """

    def __init__(
        self,
        app: ASGIApp,
        max_bytes: int = BODY_BYTES,
        all_bytes: int = ALL_BYTES,
        seconds: float = BODY_SECONDS,
    ) -> None:
        self.app, self.max_bytes, self.all_bytes, self.seconds = app, max_bytes, all_bytes, seconds
        self.under_way = 0  # bytes of the bodies of all requests that are being answered

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Call the app, or answer in its place, as an ASGI server does."""
        if scope["type"] != "http" or not _has_body(scope):
            await self.app(scope, receive, send)
        elif self._declares_more(scope):
            await self._too_large(scope)(scope, receive, send)
        else:
            await self._count(scope, receive, send)

    def _declares_more(self, scope: Scope) -> bool:
        length = Headers(scope=scope).get("content-length", "")
        # int() refuses thousands of digits.
        return length.isdecimal() and (len(length) > 18 or int(length) > self.max_bytes)

    async def _count(self, scope: Scope, receive: Receive, send: Send) -> None:
        counted = _Counted(self, scope, receive, send)
        try:
            await self.app(scope, counted.receive, counted.send)
        except Exception:
            if counted.started or not counted.refusal:  # else of a client that seemed to leave
                raise
        finally:
            self.under_way -= counted.size

    def refusal_of(self, scope: Scope, size: int) -> ASGIApp | None:
        """What answers a request in whose body so many bytes came, if that is too much."""
        if size > self.max_bytes:
            return self._too_large(scope)
        if self.under_way > self.all_bytes:
            return _refusal(scope, 503, "The server reads too many bodies now. Try again later.")
        return None

    def _too_large(self, scope: Scope) -> ASGIApp:
        line = f"The body of a request has at most {self.max_bytes:,} bytes here."
        return _refusal(scope, 413, line)


class _Counted:
    """A request whose body is counted as the app receives it, and refused in the app's place."""

    def __init__(self, bounds: BoundedBody, scope: Scope, receive: Receive, send: Send) -> None:
        self._bounds, self._scope, self._receive, self._send = bounds, scope, receive, send
        self.size = 0  # bytes of its body that came
        self.started = False  # the app has begun to answer: it is too late for another answer
        self.refusal: ASGIApp | None = None
        self._whole = False  # all of its body came

    async def receive(self) -> Message:
        """Receive for the app; once refused, tell it that the client has left."""
        if self.refusal:
            return {"type": "http.disconnect"}
        if self._whole:
            return await self._receive()
        seconds = self._bounds.seconds
        try:
            async with asyncio.timeout(seconds):
                message = await self._receive()
        except TimeoutError:
            line = f"A body pauses {seconds:g} s at most here."
            return await self._refuse(_refusal(self._scope, 408, line))
        self._whole = not message.get("more_body", False)
        self.size += len(message.get("body", b""))
        self._bounds.under_way += len(message.get("body", b""))
        refusal = self._bounds.refusal_of(self._scope, self.size)
        return await self._refuse(refusal) if refusal else message

    async def send(self, message: Message) -> None:
        """Send for the app, unless the request was refused before it began."""
        if self.started or not self.refusal:
            self.started = True
            await self._send(message)

    async def _refuse(self, refusal: ASGIApp) -> Message:
        self.refusal = refusal
        if not self.started:
            await refusal(self._scope, self._receive, self._send)
        return {"type": "http.disconnect"}


def _has_body(scope: Scope) -> bool:
    # In HTTP/1.1, a request without either header has no body (RFC 9112, 6.3).
    headers = Headers(scope=scope)
    one = scope["http_version"].startswith("1")
    return "transfer-encoding" in headers or "content-length" in headers or not one


def _refusal(scope: Scope, status: int, line: str) -> ASGIApp:
    # To close is to read no further. HTTP/2 has no such header.
    headers = {"Connection": "close"} if scope["http_version"].startswith("1") else None
    return PlainTextResponse(line + "\n", status, headers)


class OwnPages:
    """An ASGI layer that answers 403 to what a page of another origin asks a browser to send.

    That page cannot read the answer, but its browser sends a form or a text without asking first.
    Safe methods pass. Clients that are no browser send neither of the two headers, and pass too.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Call the app, or answer in its place, as an ASGI server does."""
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
