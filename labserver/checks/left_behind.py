"""Ends the threads that an answer leaves behind when its check is over.

A loop without an end would go on in its thread, and slow down whatever the kernel does afterwards:
the next checks too, which go by the clock.
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
            _end([thread for thread in threads if thread.is_alive()])


def _end(threads: list[threading.Thread]) -> None:
    """Raise SystemExit in threads, at the line of Python where each is. This is CPython's own."""
    for thread in threads:
        number, error = ctypes.c_ulong(thread.ident or 0), ctypes.py_object(SystemExit)
        ctypes.pythonapi.PyThreadState_SetAsyncExc(number, error)
    until = time.monotonic() + SECONDS
    for thread in threads:
        thread.join(max(0.0, until - time.monotonic()))
