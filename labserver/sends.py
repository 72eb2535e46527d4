"""When the app handed each body message to the server: what a timeline draws as *made*."""

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from starlette.types import ASGIApp, Message, Receive, Scope, Send

Address = tuple[str, int]  # of a client: its host and port


class Sends:
    """An ASGI layer that notes the time of each body message that is not empty.

    It changes nothing about a response, and notes only while somebody is `watching`.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        self.lifespan_error: BaseException | None = None
        self._watchers = 0
        self._moments: dict[Address, list[float]] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Call the app, as ASGI has it."""
        if scope["type"] == "lifespan":
            await self._lifespan(scope, receive, send)
        elif scope["type"] == "http" and self._watchers and scope["client"]:
            await self.app(scope, receive, self._noting(tuple(scope["client"]), send))
        else:
            await self.app(scope, receive, send)

    @contextmanager
    def watching(self) -> Iterator[Mapping[Address, Sequence[float]]]:
        """Note the times, in seconds of `time.perf_counter()`, by the address of the client."""
        self._watchers += 1
        try:
            yield self._moments
        finally:
            self._watchers -= 1
            if not self._watchers:
                self._moments.clear()

    def _noting(self, client: Address, send: Send) -> Send:
        self._moments[client] = []

        async def noting_send(message: Message) -> None:
            if message.get("body") and client in self._moments:
                self._moments[client].append(time.perf_counter())
            await send(message)

        return noting_send

    async def _lifespan(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await self.app(scope, receive, send)
        except BaseException as error:
            self.lifespan_error = error  # uvicorn keeps only the text of its traceback
            raise
