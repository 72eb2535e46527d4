"""No more connections than the process has file descriptors for."""

import socket
import sys
import time
from collections.abc import Callable, Collection
from contextlib import suppress
from typing import Any

if sys.platform != "win32":
    import resource

DESCRIPTORS = 10_000  # of the process, if the system allows more: a connection takes 6 KiB
SPARE_DESCRIPTORS = 64  # of these, for files and processes of the notebook
IDLE_SECONDS = 1.0  # the age at which a connection that asks nothing may lose its place


class Listener(socket.socket):
    """A listening socket whose connections leave some file descriptors to the process.

    At the bound, a new connection takes the place of the oldest one that asks nothing, be it
    silent or in the middle of a request's headers. Where all of them wait for the rest of a
    response, the new one is closed at once.
    """

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.idle: Callable[[], Collection[int]] = (
            list  # the descriptors of those that ask nothing
        )
        self._open: set[_Connection] = set()

    def accept(self) -> tuple[socket.socket, Any]:
        """Accept a connection. Raises ConnectionAbortedError, which event loops pass over."""
        accepted, address = super().accept()
        # Each connection may have a file opened for it, too.
        spare = _spare_descriptors(accepted) - len(self._open)
        # An ended connection gives its descriptor back a moment later: half of the spare ones.
        if spare < SPARE_DESCRIPTORS and not (
            spare >= SPARE_DESCRIPTORS // 2 and self._made_room()
        ):
            accepted.close()
            raise ConnectionAbortedError
        return _Connection(accepted, self._open), address

    def _made_room(self) -> bool:
        idle, latest = {*self.idle()}, time.monotonic() - IDLE_SECONDS
        old = [c for c in self._open if c.at < latest and not c.ended and c.fileno() in idle]
        if old:
            min(old, key=lambda connection: connection.at).end()
        return bool(old)


class _Connection(socket.socket):
    def __init__(self, accepted: socket.socket, still_open: "set[_Connection]") -> None:
        kind = (accepted.family, accepted.type, accepted.proto)
        super().__init__(*kind, fileno=accepted.detach())
        self.at = time.monotonic()  # when it was accepted, in seconds
        self.ended = False
        self._still_open = still_open
        still_open.add(self)

    def close(self) -> None:
        """Close it; it is counted no more."""
        super().close()
        self._still_open.discard(self)

    def end(self) -> None:
        """Let the event loop, which closes it, read its end."""
        self.ended = True
        with suppress(OSError):  # its client has left
            self.shutdown(socket.SHUT_RDWR)


def descriptors() -> int:
    """How many file descriptors this process may have open, at most 10,000."""
    if sys.platform != "win32":
        allowed, _ = resource.getrlimit(resource.RLIMIT_NOFILE)  # each time: it can be changed
        return DESCRIPTORS if allowed == resource.RLIM_INFINITY else min(allowed, DESCRIPTORS)
    return DESCRIPTORS  # no such limit is known there


def _spare_descriptors(newest: socket.socket) -> int:
    """How many file descriptors the process may still open, after this newest one."""
    # POSIX gives out the lowest number that is free: all below it are taken, by whatever. Windows
    # numbers them otherwise, and asyncio accepts there by other means.
    return descriptors() - newest.fileno() - 1 if sys.platform != "win32" else DESCRIPTORS
