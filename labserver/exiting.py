"""Where Python ends, in a script or a kernel: servers that have not stopped are stopped.

    the main thread ends --> `_stop_all` --> Python waits for all threads --> atexit --> gone

atexit is late for that: an app's shutdown may have to wait for threads, or to start some, and then
Python starts no more. (Until 3.12.3, Python 3.12 starts none here either.)

JupyterLab asks a kernel to end, also where it restarts it or ends itself. A signal such as SIGTERM
ends Python at once, without any of this.
"""

import atexit
import concurrent.futures.thread  # noqa: F401 - before us, so that its end comes after ours
import os
import threading
from contextlib import suppress
from typing import Protocol
from weakref import WeakSet


class Stoppable(Protocol):
    """What is stopped in two steps, so that several servers stop at the same time."""

    def begin_to_stop(self) -> None:
        """Begin, without a wait."""

    def stop(self) -> None:
        """Stop, and wait for it."""


_started: dict[int, WeakSet[Stoppable]] = {}  # by process, since a forked child has copies
_registered: list[object] = []  # what Python has made of `_stop_all`, last time


def stop_at_exit(server: Stoppable) -> None:
    """Stop it where Python ends, unless it is forgotten or gone by then."""
    global _registered
    _started.setdefault(os.getpid(), WeakSet()).add(server)
    at_exit: list[object] = getattr(threading, "_threading_atexits", [])
    if _registered and at_exit[-1:] == _registered:
        return  # it is the last one still
    # What is given last is called first: before the ends of executors that an app has imported.
    try:
        threading._register_atexit(_stop_all)  # type: ignore[attr-defined]
        _registered = at_exit[-1:]
    except (AttributeError, RuntimeError):  # it is private; Python ends already
        atexit.register(_stop_all)


def forget(server: Stoppable) -> None:
    """Leave it alone at the end: it is stopped now."""
    _started.get(os.getpid(), WeakSet[Stoppable]()).discard(server)


def _stop_all() -> None:
    servers = [*_started.get(os.getpid(), ())]
    for server in servers:
        server.begin_to_stop()
    for server in servers:
        with suppress(Exception):  # of its print: else Python would wait for no thread
            server.stop()
