"""Whether others are answered while an answer streams.

A blocking call in `async def` does not slow its own stream down. It holds the server's event loop,
so that all other requests wait. Beside each request, a task beats on that loop, and a thread looks
at both:

    others are answered   |-b-b-b-b-b-b-b-b-b-|     b: a beat, every 10 ms
    others wait           |-b---------b-b-----|     no beat, and the loop's thread is in a call

On a busy machine, too, beats are late, but the loop's thread waits for the next event then.
"""

import asyncio
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from traceback import walk_stack
from types import FrameType
from typing import Any
from urllib.parse import urlsplit

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from labserver.checks.exercise import SECONDS, TRIES, Late, NotYet, fetched, require
from labserver.guard import LIVENESS_PATH
from labserver.recorder import record_watched
from labserver.recording import Bounds

BEAT = 0.01  # seconds
LONG = 0.02  # seconds without a beat
SHARE = 0.15  # of a request's time: others that wait as long are held up
SHORT = 0.2  # seconds: a request over sooner holds nobody up
MOSTLY = 0.5  # of all requests' time: only a call that blocks holds the loop for so much of it
FEW_SECONDS = 0.5  # in all: a request that is over sooner holds nobody up for long
WAITING = {"selectors", "asyncio.windows_events"}  # modules in which a loop waits for an event
IMPORTING = "importlib._bootstrap"  # a module on the stack of what is imported
LOOPS = {"asyncio", "nest_asyncio"}  # packages that call them for it

HELD_UP = (
    "while {path} is answered, another request to this server waits ({share:.0%} of the time). "
    "In `async def`, await what takes time, such as asyncio.sleep(…); put what blocks, such as "
    "time.sleep(…), in a plain def."
)


class Held:
    """How long an app holds its event loop, from a request until its last body message is sent."""

    def __init__(self) -> None:
        self._shares: dict[str, float] = {}
        self._watches: list[tuple[str, LoopWatch]] = []

    def share(self, path: str) -> float:
        """The share of the time of the last request for a path that was answered whole, 0 to 1."""
        return self._shares.get(path, 0.0)

    def up(self) -> str:
        """What to say of all requests so far, by the one of the greatest share; "" for nothing."""
        times = [watch.times() for _, watch in self._watches]
        held, took = sum(one[0] for one in times), sum(one[1] for one in times)
        if held < FEW_SECONDS or (share := held / took) < MOSTLY:
            return ""
        path = max((watch.held_share(), path) for path, watch in self._watches)[1]
        return HELD_UP.format(path=path, share=share)

    @contextmanager
    def told(self) -> Iterator[None]:
        """Let a NotYet tell of it, too: it is why something was late, or never came."""
        try:
            yield
        except NotYet as missing:
            up = self.up()
            if not up or "another request" in str(missing):
                raise
            raise NotYet(f"{missing} {up[0].upper()}{up[1:]}") from None

    def layer(self, app: ASGIApp) -> ASGIApp:
        """An ASGI layer around an app, which measures each request."""

        async def watched(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["type"] != "http":
                await app(scope, receive, send)
                return
            watch = LoopWatch()
            self._watches.append((scope["path"], watch))

            async def noting_send(message: Message) -> None:
                if message["type"] == "http.response.body" and not message.get("more_body"):
                    share = watch.held_share()  # before the client has it all
                    self._shares[scope["path"]] = share
                await send(message)

            try:
                await app(scope, receive, noting_send)
            finally:
                watch.end()

        return watched


class LoopWatch:
    """Measures how long the event loop of this thread is held, until `end()`."""

    def __init__(self) -> None:
        self._start = self._beat = time.perf_counter()
        self._held = self._end = 0.0
        self._thread = threading.get_ident()
        self._over = threading.Event()
        self._beating = asyncio.create_task(self._beats())
        threading.Thread(target=self._watch, daemon=True).start()

    def times(self) -> tuple[float, float]:
        """Seconds in which the loop was held, and seconds in all."""
        return self._held, (self._end or time.perf_counter()) - self._start

    def held_share(self) -> float:
        """The share of the time so far in which the loop was held."""
        held, took = self.times()
        return held / took if took > SHORT else 0.0

    def end(self) -> None:
        """Watch no more."""
        self._beating.cancel()
        self._end = time.perf_counter()
        self._over.set()

    async def _beats(self) -> None:
        while True:
            self._beat = time.perf_counter()
            await asyncio.sleep(BEAT)

    def _watch(self) -> None:
        looked = self._start
        while not self._over.wait(BEAT):
            now = time.perf_counter()
            if now - self._beat > LONG and not self._waits():
                self._held += now - looked
            looked = now

    def _waits(self) -> bool:
        # CPython's own: where it is missing, nobody is held up.
        frames: dict[int, FrameType] = getattr(sys, "_current_frames", dict)()
        frame = frames.get(self._thread)
        if frame is None or frame.f_back is None:
            return True
        callers = [one.f_globals.get("__name__", "") for one, _ in walk_stack(frame)]
        # By its caller, too: subprocess waits for a pipe in the same module.
        waits = callers[0] in WAITING and callers[1].partition(".")[0] in LOOPS
        return waits or IMPORTING in callers  # a first request imports, and no other one does


def seconds_of_another(url: str, seconds: float = SECONDS) -> float:
    """How long another request to the same server takes, so many seconds at most.

    The server itself answers it, before the app: only a held event loop can keep it waiting.
    """
    server = urlsplit(url)
    start = time.perf_counter()
    with suppress(OSError):  # it has waited as long as it could
        address = f"{server.scheme}://{server.netloc}{LIVENESS_PATH}"
        record_watched(None, address, "GET", Bounds(seconds=seconds))
    return time.perf_counter() - start


def require_others_served(path: str, held: Held) -> None:
    """Raise Late where the stream of `path` held up others."""
    share = held.share(path)
    require(share < SHARE, HELD_UP.format(path=path, share=share), Late)


def remark_on(url: str, held: Held, share: float, **options: Any) -> str | None:
    """The remark, where a stream held up others, and does each time that it is asked for."""
    path = urlsplit(url).path
    for _ in range(TRIES - 1):
        if share < SHARE:
            return None
        fetched(url, **options)
        share = held.share(path)
    return HELD_UP.format(path=path, share=share) if share >= SHARE else None
