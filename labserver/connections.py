"""The listening socket: no more connections than the process has file descriptors for."""

import random
import socket
import sys
import time
from collections.abc import Callable, Collection
from contextlib import suppress
from typing import Any

if sys.platform != "win32":
    import resource

HOST = "127.0.0.1"  # no other machine reaches it
# Of the process, if the system allows more: a connection takes 6 KiB, and up to 130 KiB where its
# client asks, but reads nothing.
DESCRIPTORS = 4096
SPARE_DESCRIPTORS = 64  # of these, for files and processes of the notebook
BACKLOG = 2048  # connections that may wait to be accepted
PORTS = range(20_000, 30_000)  # for programs that take no open socket
READ_BYTES = 2**14  # at once: while a request is answered, what its client sends meanwhile is kept
IDLE_SECONDS = 1.0  # the age at which a connection that asks nothing may lose its place


class Listener(socket.socket):
    """A listening socket whose connections leave some file descriptors to the process.

    At the bound, a new connection takes the place of the oldest one that asks nothing, be it
    silent or in the middle of a request's headers. Where all of them wait for the rest of a
    response, the new one is closed at once.
    """

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        # The server sets it: the descriptors of those that ask nothing.
        self.idle: Callable[[], Collection[int]] = list
        self._open: set[_Connection] = set()

    def accept(self) -> tuple[socket.socket, Any]:
        """Accept a connection. Raises ConnectionAbortedError, which event loops pass over."""
        accepted, address = super().accept()
        # Each connection may have a file opened for it, too.
        spare = _spare_descriptors(accepted) - len(self._open)
        if not self._has_room(spare):
            accepted.close()
            raise ConnectionAbortedError
        return _Connection(accepted, self._open), address

    def _has_room(self, spare: int) -> bool:
        if spare >= SPARE_DESCRIPTORS:
            return True
        # Half of the spare ones may be used until an ended connection gives its descriptor back.
        return spare >= SPARE_DESCRIPTORS // 2 and self._make_room()

    def _make_room(self) -> bool:
        """End the oldest connection that asks nothing; whether there was one."""
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

    def recv(self, size: int, flags: int = 0) -> bytes:
        """Receive some bytes: fewer than the 256 KiB that asyncio's event loop asks for."""
        return super().recv(min(size, READ_BYTES), flags)

    def close(self) -> None:
        """Close it; it is counted no more."""
        super().close()
        self._still_open.discard(self)

    def end(self) -> None:
        """Let the event loop, which closes it, read its end."""
        self.ended = True
        with suppress(OSError):  # its client has left
            self.shutdown(socket.SHUT_RDWR)


def listen(port: int) -> Listener:
    """Listen on 127.0.0.1; port 0 is any that is free. Raises OSError, with the reason."""
    # The protocol by name: asyncio sends small pieces at once (TCP_NODELAY) only where it is told.
    listener = Listener(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        if sys.platform != "win32":  # there it would let two servers share a port
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((HOST, port))
        listener.listen(BACKLOG)  # at once: a taken port may show only here
    except OSError as error:
        listener.close()
        reason = error.strerror or error
        raise OSError(error.errno, f"Port {port} on {HOST} cannot be used: {reason}") from None
    return listener


def free_port() -> int:
    """A port of 127.0.0.1 that nothing listens on now, for a program that is to start.

    It is below those that systems give to whatever asks for any port (from 32,768 on on Linux,
    49,152 by RFC 6335, section 6): one of these could be given away before the program has it.
    Raises OSError where none of a hundred is free.
    """
    for port in random.sample(PORTS, 100):
        with suppress(OSError), listen(port):
            return port
    raise OSError(f"No free port was found on {HOST}.")


def descriptors() -> int:
    """How many file descriptors this process may have open, at most 4,096."""
    if sys.platform != "win32":
        allowed, _ = resource.getrlimit(resource.RLIMIT_NOFILE)  # each time: it can be changed
        return DESCRIPTORS if allowed == resource.RLIM_INFINITY else min(allowed, DESCRIPTORS)
    return DESCRIPTORS  # no such limit is known there


def _spare_descriptors(newest: socket.socket) -> int:
    """How many file descriptors the process may still open, after this newest one."""
    # POSIX gives out the lowest number that is free: all below it are taken, by whatever. Windows
    # numbers them otherwise, and asyncio accepts there by other means.
    return descriptors() - newest.fileno() - 1 if sys.platform != "win32" else DESCRIPTORS
