"""When the app handed each body message to the server: what a timeline draws as *made*."""

import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from starlette.types import ASGIApp, Message, Receive, Scope, Send

Address = tuple[str, int]  # of a client: its host and port
MOST_NOTED = 2**20  # requests and moments, of all clients together: 40 MiB or so


class Sends:
    """An ASGI layer that notes the time of each body message that is not empty.

    It changes nothing about a response, and notes only while somebody is `watching`, a million
    times at most.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        self.lifespan_error: BaseException | None = None
        self.startup_failed = ""  # the message of an app that says so
        self._watchers = 0
        self._lock = threading.Lock()  # several threads may record at once
        self._moments: dict[Address, list[float]] = {}
        self._noted = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Call the app, as an ASGI server does."""
        if scope["type"] == "http":
            await self._http(scope, receive, send)
        elif scope["type"] == "lifespan":
            await self._lifespan(scope, receive, send)
        else:
            await self.app(scope, receive, send)

    @contextmanager
    def watching(self) -> Iterator[Mapping[Address, Sequence[float]]]:
        """Note the times, in seconds of `time.perf_counter()`, by the address of the client."""
        with self._lock:
            self._watchers += 1
        try:
            yield self._moments
        finally:
            with self._lock:
                self._watchers -= 1
                if not self._watchers:
                    self._moments.clear()
                    self._noted = 0

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        if not (self._watchers and scope["client"] and self._has_room()):
            await self.app(scope, receive, send)
            return
        moments = self._moments[tuple(scope["client"])] = []

        async def noting_send(message: Message) -> None:
            if message.get("body") and self._has_room():
                moments.append(time.perf_counter())
            await send(message)

        await self.app(scope, receive, noting_send)

    def _has_room(self) -> bool:
        self._noted += 1
        return self._noted <= MOST_NOTED

    async def _lifespan(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def noting_send(message: Message) -> None:
            if message["type"] == "lifespan.startup.failed":
                self.startup_failed = message.get("message", "")
            await send(message)

        try:
            await self.app(scope, receive, noting_send)
        except BaseException as error:
            self.lifespan_error = error  # uvicorn keeps only the text of its traceback
            raise
