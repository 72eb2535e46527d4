"""Ends what an answer leaves running when its check is over.

A loop without an end would go on in its thread, and slow down whatever the kernel does afterwards:
the next checks too, which go by the clock. So threads of the check itself and of its server are
ended; a thread that an answer starts by itself, also by `asyncio.to_thread`, goes on.
"""

import ctypes
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

TIMES = 3  # since an answer may catch what ends it
SECONDS = 0.1  # for each; what blocks, such as time.sleep, ends when it returns

# Of one check: checks in two threads end their own.
_noted: ContextVar[list[Callable[[], list[threading.Thread]]]] = ContextVar("noted")


def note(threads: Callable[[], list[threading.Thread]]) -> None:
    """Let the check that runs now end the threads that this returns, as far as they are alive."""
    _noted.get([]).append(threads)


@contextmanager
def ended_afterwards() -> Iterator[None]:
    """Run a check: what was noted meanwhile is ended after it."""
    token = _noted.set([])
    try:
        yield
    finally:
        threads = [thread for noted in _noted.get() for thread in noted()]
        _noted.reset(token)
        for _ in range(TIMES):
            _end(threads)


def _end(threads: list[threading.Thread]) -> None:
    """Raise SystemExit in threads, at the line of Python where each is. This is CPython's own."""
    for thread in threads:
        number, error = ctypes.c_ulong(thread.ident or 0), ctypes.py_object(SystemExit)
        if thread.is_alive():  # asked here, since a new thread may get the number of an ended one
            ctypes.pythonapi.PyThreadState_SetAsyncExc(number, error)
    until = time.monotonic() + SECONDS
    for thread in filter(threading.Thread.is_alive, threads):
        thread.join(max(0.0, until - time.monotonic()))
