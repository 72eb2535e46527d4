"""How a test waits: for what is to happen, and never for a time in which it should have."""

import asyncio
import threading
import time
from contextlib import contextmanager
from types import SimpleNamespace

LONG = 60.0  # seconds, which no machine needs: then the test fails
PATIENT = {"trust_env": False, "timeout": LONG}  # options of an httpx request to this machine


def wait_until(happened):
    """Wait until `happened()` is true."""
    deadline = time.monotonic() + LONG
    while not happened():
        assert time.monotonic() < deadline, f"not within {LONG:.0f} s"
        time.sleep(0.01)


class Requests:
    """An ASGI layer that notes when an app begins to answer each request, and when it has ended.

    A client may be gone long before the server knows it, on a busy machine.
    """

    def __init__(self, app):
        self.app = app
        self.history = []  # (what, path), in the order in which it happened

    async def __call__(self, scope, receive, send):
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        self.history.append(("began", scope["path"]))
        try:
            await self.app(scope, receive, send)
        finally:
            self.history.append(("ended", scope["path"]))

    def wait(self, count):
        """Wait until so many have ended."""
        wait_until(lambda: self._count("ended") >= count)

    def wait_for_all(self):
        """Wait until all that began have ended."""
        wait_until(lambda: self._count("ended") == self._count("began"))

    def _count(self, what):
        return [happened for happened, _ in self.history].count(what)


class Each:
    """Watches a recording: calls a function with each chunk, or event; True means enough."""

    def __init__(self, function):
        self.chunk = self.event = function

    def request(self, request):
        pass

    def headers(self, recording):
        pass

    def end(self, recording):
        pass


class Turns:
    """The sleeps of a program, each of which lasts until the test says `go()`."""

    def __init__(self):
        self._left = threading.Semaphore(0)

    def go(self, count=1):
        """Let so many sleeps end."""
        self._left.release(count)

    def _block(self, seconds):
        assert self._left.acquire(timeout=LONG)

    async def _sleep(self, seconds, result=None):
        while not self._left.acquire(blocking=False):
            await asyncio.sleep(0.005)
        return result

    def _instead_of(self, module):
        sleep = self._sleep if module is asyncio else self._block
        return SimpleNamespace(**vars(module) | {"sleep": sleep})


@contextmanager
def turns(program):
    """Decide when the sleeps of a program, given by its names, end; all of them do at last."""
    made = Turns()
    modules = {name: program[name] for name in ("asyncio", "time") if name in program}
    program.update({name: made._instead_of(module) for name, module in modules.items()})
    try:
        yield made
    finally:
        made.go(10_000)
