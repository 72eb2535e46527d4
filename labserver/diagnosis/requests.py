"""One request of a diagnosis, within the time that there is for all of them."""

import time
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import httpx

from labserver import recorder
from labserver.diagnosis.enough import Enough
from labserver.diagnosis.lateness import Lateness
from labserver.diagnosis.observation import LATE
from labserver.printing import shown_url
from labserver.recording import Bounds, Ending, Recording

OTHER_PATH = "labserver-diagnose"  # below the stream's, where probably nothing is
SAFE = ("GET", "HEAD")  # methods that may be repeated without a word
KEEPING = (307, 308)  # statuses of a redirect that keeps the method
BODY_BYTES = 16 * 2**20  # enough of a body to tell what it is like


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
        self.method, self.options = method.upper(), dict(options)
        self.url = recorder.resolve(url)[0]
        if params := self.options.pop("params", None):
            self.url = httpx.URL(self.url, params=params)
        self.headers = httpx.Headers(headers, encoding="utf-8")
        self.lateness = Lateness()
        self._end = time.perf_counter() + 0.95 * seconds  # to end takes a moment, too

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

    def ask(
        self,
        seconds: float,
        enough: Enough,
        url: httpx.URL | None = None,
        raw: bool = False,
        **headers: str,
    ) -> Recording:
        """One request within `seconds`, and within what is left of them all."""
        asked = httpx.Headers({"accept-encoding": "identity"})
        asked.update(self.headers)
        for name, value in headers.items():
            asked[name.replace("_", "-")] = value
        bounds = Bounds(seconds=max(0.05, min(seconds, self.left())), max_bytes=BODY_BYTES)
        method, options = ("GET", {}) if url else (self.method, self.options)
        done = recorder.record_watched(
            enough, url or self.url, method, bounds, raw=raw, headers=asked, **options
        )
        if done.ending is Ending.INTERRUPTED:
            raise KeyboardInterrupt
        return done

    def attempt(self, seconds: float, enough: Enough, **more: Any) -> Recording | None:
        """The same, or None where no answer came in time."""
        with suppress(OSError):
            if self.left() > LATE:
                return self.ask(seconds, enough, **more)
        return None

    def wait(self, limit: float) -> float | None:
        """How long a request to another path waits for its headers; `limit` if it gets none.

        What this machine is late by is not counted.
        """
        start, path = time.perf_counter(), self.url.raw_path.partition(b"?")[0].rstrip(b"/")
        other = self.url.copy_with(raw_path=path + b"/" + OTHER_PATH.encode())
        try:
            # A connection that the server closes lets go what a buffer on the way would keep.
            self.ask(limit, Enough(0), other, connection="close")
        except TimeoutError:
            return max(limit, time.perf_counter() - start)
        except OSError:
            return None  # nobody is there any more, or it is too busy to talk
        return max(0.0, time.perf_counter() - start - self.lateness.since(start))
