"""One request of a diagnosis, within the time that there is for all of them."""

import time
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import httpx

from labserver import recorder
from labserver.address import resolve
from labserver.client import in_utf_8, method_of, text_that_can_be_sent
from labserver.diagnosis.observation import NOTABLE
from labserver.diagnosis.own_delay import OwnDelay
from labserver.diagnosis.stopping import StopAfter
from labserver.masking import shown_url
from labserver.recording import Bounds, Ending, Recording

OTHER_PATH = b"/labserver-diagnose"  # below the stream's, where probably nothing is
SAFE = ("GET", "HEAD")  # methods that may be repeated without a word
KEEPING = (307, 308)  # statuses of a redirect that keeps the method
BODY_BYTES = 16 * 2**20  # enough of a body to tell what it is like
SHARE = 0.95  # of the time, for the requests: to end takes a moment, too
LEAST_SECONDS = 0.05  # for a request


class Requests:
    """Makes one and the same request, with other headers and other ends."""

    def __init__(
        self,
        url: str | httpx.URL,
        method: str,
        seconds: float,
        headers: Any,
        options: Mapping[str, Any],
    ) -> None:
        self.method, self.options = method_of(method), dict(options)
        self.url = resolve(url)[0]
        if (params := self.options.pop("params", None)) is not None:
            with text_that_can_be_sent():
                self.url = httpx.URL(self.url, params=params)
        self.headers = in_utf_8(headers)
        self.own_delay = OwnDelay()
        self._end = time.perf_counter() + SHARE * seconds

    def __str__(self) -> str:
        return f"{self.method} {shown_url(self.url)}"

    def follow(self, response: httpx.Response) -> bool:
        """Go on at the target of a redirect; whether that is of this origin and by this method."""
        with suppress(httpx.InvalidURL):
            target = self.url.join(response.headers["location"])
            same = (target.scheme, target.netloc) == (self.url.scheme, self.url.netloc)
            if same and (self.method in SAFE or response.status_code in KEEPING):
                self.url = target
                return True
        return False

    def left(self) -> float:
        """Seconds that are left."""
        return self._end - time.perf_counter()

    def ask(self, seconds: float, stop: StopAfter, raw: bool = False, **headers: str) -> Recording:
        """The request once, within `seconds` and within what is left of them all.

        Raises what `record` raises where no headers come.
        """
        return self._send(self.method, self.url, seconds, stop, headers, raw=raw, **self.options)

    def attempt(
        self, seconds: float, stop: StopAfter, raw: bool = False, **headers: str
    ) -> Recording | None:
        """The same, or None where no headers came in time."""
        with suppress(OSError):
            if self.left() > NOTABLE:
                return self.ask(seconds, stop, raw, **headers)
        return None

    def wait(self, limit: float) -> float | None:
        """How long a plain GET of another path waits for its headers; `limit` if it gets none.

        What this machine is late by is not counted.
        """
        start, path = time.perf_counter(), self.url.raw_path.partition(b"?")[0].rstrip(b"/")
        other = self.url.copy_with(raw_path=path + OTHER_PATH)
        try:
            # A connection that the server closes lets go what a buffer on the way would keep.
            self._send("GET", other, limit, StopAfter(0), {"connection": "close"})
        except TimeoutError:
            return max(limit, time.perf_counter() - start)
        except OSError:
            return None  # nobody is there any more, or it is too busy to talk
        return max(0.0, time.perf_counter() - start - self.own_delay.since(start))

    def _send(
        self,
        method: str,
        url: httpx.URL,
        seconds: float,
        stop: StopAfter,
        headers: Mapping[str, str],
        **options: Any,
    ) -> Recording:
        """Ask, with the caller's headers and over them these; _ stands for - in their names."""
        # In UTF-8, since the id of an event need not be ASCII.
        asked = httpx.Headers({"accept-encoding": "identity"}, encoding="utf-8")
        asked.update(self.headers)
        for name, value in headers.items():
            asked[name.replace("_", "-")] = value
        limit = max(LEAST_SECONDS, min(seconds, self.left()))
        bounds = Bounds(seconds=limit, max_bytes=BODY_BYTES)
        done = recorder.record_watched(stop, url, method, bounds, headers=asked, **options)
        if done.ending is Ending.INTERRUPTED:
            raise KeyboardInterrupt
        return done
