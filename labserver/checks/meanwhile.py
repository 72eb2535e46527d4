"""Whether others are answered while an answer streams.

A blocking call in `async def` does not slow its own stream down; it holds up all other requests.

    stream   |----c--------c--------c----|     c: a chunk, at which another request is made
    others   ....→ ........→ ........→         waits, one at a time

`waited` is the share of the stream's time in which such a request waited longer than usual.
"""

import threading
import time
from contextlib import suppress
from itertools import zip_longest
from statistics import median
from typing import Any
from urllib.parse import urlsplit

import httpx

from labserver.checks.exercise import SECONDS, TRIES, Late, fetched, require
from labserver.guard import LIVENESS_PATH
from labserver.recorder import record_watched
from labserver.recording import Bounds, Chunk, RecordedEvent, Recording, Watcher

MOST = 100  # other requests beside one stream
USUAL = 4  # times what another request takes alone: what it may take beside a stream
SHARE = 0.6  # of a stream's time: who waits that long each time is held up by the stream
ALONE = 3  # other requests before it, which show what is usual
AFTER = 0.05  # seconds after the request, for a route that blocks before its first chunk
SHORT = 0.2  # seconds: a stream over sooner holds nobody up

HELD_UP = (
    "while {path} streams, another request to this server waits for it ({share:.0%} of the time). "
    "In `async def`, await what takes time, such as asyncio.sleep(…); put what blocks, such as "
    "time.sleep(…), in a plain def."
)


class Others(Watcher):
    """A watcher of a recording that makes another request at each piece, one at a time.

    By default the server itself answers that request, before the app: only a held event loop
    can keep it waiting.
    """

    def __init__(self, path: str = LIVENESS_PATH) -> None:
        self._path = path
        self._url = ""  # of the stream
        self._free = threading.Lock()  # held while another request is under way
        self._asked: list[float] = []
        self._answered: list[float] = []
        self._usual = self._start = self._end = 0.0

    def request(self, request: httpx.Request) -> None:
        """Ask as the request is made, and a moment later, should the route itself block.

        Before that, see how long another request takes alone: much, on a busy machine.
        """
        self._url = str(request.url)
        alone = [seconds_of_another(self._url, self._path) for _ in range(ALONE)]
        self._usual = USUAL * median(alone)
        self._start = time.perf_counter()
        self._ask()
        later = threading.Timer(AFTER, self._ask)
        later.daemon = True
        later.start()

    def chunk(self, chunk: Chunk) -> bool:
        """Ask, and go on."""
        self._ask()
        return False

    def event(self, event: RecordedEvent) -> bool:
        """Ask, and go on."""
        self._ask()
        return False

    def end(self, recording: Recording) -> None:
        """Wait until the last other request is answered."""
        self._end = time.perf_counter()
        if self._free.acquire(timeout=SECONDS):
            self._free.release()

    @property
    def waited(self) -> float:
        """The share of the stream's time during which another request waited, 0 to 1."""
        if self._end - self._start < SHORT:
            return 0.0
        answered = zip_longest(self._asked, self._answered, fillvalue=self._end)
        waits = (min(until, self._end) - asked for asked, until in answered)
        late = sum(wait for wait in waits if wait > self._usual)
        return late / (self._end - self._start)

    def _ask(self) -> None:
        if len(self._asked) < MOST and not self._end and self._free.acquire(blocking=False):
            self._asked.append(time.perf_counter())
            threading.Thread(target=self._wait, daemon=True).start()

    def _wait(self) -> None:
        seconds_of_another(self._url, self._path)
        self._answered.append(time.perf_counter())
        self._free.release()


def seconds_of_another(url: str, path: str = LIVENESS_PATH) -> float:
    """How long another request to the same server takes, 10 s at most."""
    server = urlsplit(url)
    start = time.perf_counter()
    with suppress(OSError):  # it has waited as long as it could
        address = f"{server.scheme}://{server.netloc}{path}"
        record_watched(None, address, "GET", Bounds(seconds=SECONDS))
    return time.perf_counter() - start


def fetched_beside(url: str, method: str = "GET", **options: Any) -> tuple[Recording, float]:
    """What `fetched` records, and the share of its time during which another request waited."""
    others = Others()
    return fetched(url, method, watcher=others, **options), others.waited


def require_others_served(path: str, waited: float) -> None:
    """Raise Late where others waited for the stream of `path`."""
    require(waited < SHARE, HELD_UP.format(path=path, share=waited), Late)


def remark_on(url: str, waited: float, **options: Any) -> str | None:
    """The remark, where others waited for a stream, and wait each time that it is asked for."""
    for _ in range(TRIES - 1):
        if waited < SHARE:
            return None
        _, waited = fetched_beside(url, **options)
    path = urlsplit(url).path
    return HELD_UP.format(path=path, share=waited) if waited >= SHARE else None
