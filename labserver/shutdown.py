"""How the server stops: the one file that touches uvicorn's inside.

uvicorn, asked to stop, waits for open streams, and an endless one never ends. This server does it
in steps, each with an end:

    accept no more           what is accepted already gets its protocol
    wait                     0.05 s, for short requests to end by themselves
    cancel the requests      0.2 s: generators of streams run their `finally`
    abort the connections
    end the app's lifespan   1 s
    cancel what is left      0.1 s: tasks of the app on the loop (`cancel_rest`)
"""

import asyncio
import socket
import threading
from collections.abc import Iterable
from contextlib import suppress
from typing import Any

import uvicorn

REQUEST_SECONDS = 0.05  # for short requests, to come to their own end
CANCEL_SECONDS = 0.2  # for cancelled streams, to clean up
LIFESPAN_SECONDS = 1.0  # for the app's own shutdown
REST_SECONDS = 0.1  # for what the app left running
TICKS = 3  # of the loop, until a connection that was accepted, or has ended, is known as such
LOOK_SECONDS = 0.002  # between two looks at the requests that are being finished


class StoppableServer(uvicorn.Server):
    """uvicorn's server with a start to wait for and a stop that does not wait for streams."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.settled = threading.Event()  # started, or ended without having started
        self._waiting = False  # in main_loop, where a cancellation ends nothing but the wait

    def leave(self, task: asyncio.Task[None]) -> None:
        """Cancel a start that hangs, or the wait for the next tick; never the shutdown."""
        if self._waiting or not self.started:
            task.cancel()

    def idle(self) -> list[int]:
        """The file descriptors of connections on which no request is being answered."""
        return [one.transport.get_extra_info("socket").fileno() for one in self._idle()]

    def tell_answered(self, told: threading.Event, looks: int = TICKS) -> None:
        """Set `told` once each app call at work has a client that waits for more of its response.

        To be called in the loop. It looks again until then, or until another one has set `told`.
        """
        awaited = sum(map(_is_awaited, self.server_state.connections))
        if looks <= 1 and len(self.server_state.tasks) <= awaited:
            told.set()
        elif not told.is_set():
            loop = asyncio.get_running_loop()
            loop.call_later(LOOK_SECONDS, self.tell_answered, told, max(1, looks - 1))

    def _idle(self) -> list[Any]:
        # A cycle is a request and its response. The connection of a WebSocket has none.
        http = [one for one in self.server_state.connections if hasattr(one, "cycle")]
        return [one for one in http if one.cycle is None or one.cycle.response_complete]

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, and tell who waits in `settled`."""
        await super().startup(sockets=sockets)
        self.config.lifespan = "on"  # "auto" would take an error in the shutdown for no lifespan
        self.settled.set()

    async def main_loop(self) -> None:
        """Run until `should_exit` is set, or until `leave` ends the wait sooner."""
        self._waiting = True
        with suppress(asyncio.CancelledError):
            await super().main_loop()
        self._waiting = False

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Accept no more, end what is open, run the app's shutdown."""
        await self._stop_accepting(sockets or [])
        tasks = self.server_state.tasks
        if tasks:
            await asyncio.wait(set(tasks), timeout=REQUEST_SECONDS)
        # Cancelled before the connections go, since a cancellation reaches a task only where it
        # waits. An async generator that awaits nothing of its own waits in send() alone, and that
        # returns at once when the client has left.
        await _cancel(set(tasks), CANCEL_SECONDS)
        for connection in list(self.server_state.connections):
            # abort: with a client that does not read, close() would wait until it does.
            connection.transport.abort()
        with suppress(TimeoutError):
            await asyncio.wait_for(self.lifespan.shutdown(), LIFESPAN_SECONDS)

    async def _stop_accepting(self, sockets: list[socket.socket]) -> None:
        # asyncio loses a connection that it has accepted, but not yet given to a protocol, when
        # its server closes: accept no more, and let those get their protocol first.
        for listener in sockets:
            with suppress(NotImplementedError, ValueError):  # on Windows; closed already
                asyncio.get_running_loop().remove_reader(listener)
        for _ in range(TICKS):
            await asyncio.sleep(0)
        for listener in sockets:
            with suppress(OSError):  # a forked child, which holds a copy, would keep the port
                listener.shutdown(socket.SHUT_RDWR)
        for server in self.servers:
            with suppress(ValueError):  # closed already
                server.close()


def _is_awaited(connection: Any) -> bool:
    """Whether the client of a connection waits for more of a response, or for a message."""
    if connection.transport.is_closing():  # no more can come but what is sent already
        return False
    if not hasattr(connection, "cycle"):  # a WebSocket
        return not getattr(connection, "close_sent", False)  # not every library says so
    # What is left of a body with a length. A response to HEAD has none, whatever the app sends.
    writer = getattr(getattr(connection, "conn", None), "_writer", None)  # h11's own
    left = getattr(writer, "_length", None)
    return connection.cycle is not None and not connection.cycle.response_complete and left != 0


async def cancel_rest() -> None:
    """Cancel what the app left running on the loop, and close what it left half iterated."""
    await _cancel(asyncio.all_tasks() - {asyncio.current_task()}, REST_SECONDS)
    closing = asyncio.create_task(asyncio.get_running_loop().shutdown_asyncgens())
    await asyncio.wait([closing], timeout=CANCEL_SECONDS)
    await _cancel([closing], REST_SECONDS)


async def _cancel(tasks: Iterable[asyncio.Task[Any] | None], seconds: float) -> None:
    """Cancel tasks and wait for them; a synchronous step in a worker thread is not waited for."""
    cancelled = [task for task in tasks if task]
    for task in cancelled:
        task.cancel()
    if cancelled:
        await asyncio.wait(cancelled, timeout=seconds)
