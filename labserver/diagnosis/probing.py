"""The requests that a diagnosis makes, in the time that there is for all of them."""

import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from typing import Any

import httpx

from labserver import recorder
from labserver.diagnosis.enough import MOST_PIECES, Enough
from labserver.diagnosis.finding import quoted
from labserver.diagnosis.lateness import Lateness
from labserver.diagnosis.observation import IDLE, LATE, PAUSE, SEVERAL, Observation, Silence
from labserver.diagnosis.sockets import bytes_beyond, greeting
from labserver.printing import shown_url
from labserver.recording import Bounds, Ending, Recording

OTHER_PATH = "labserver-diagnose"  # below the stream's, where probably nothing is
AS_A_BROWSER = "gzip, deflate, br, zstd"
BODY_BYTES = 16 * 2**20  # enough of a body to tell what it is like
LOOK = 0.75  # of all the time: how long the first look may take
LOOK_SECONDS = 8.0  # what a stream of a good pace is looked at
OTHER_SECONDS = 6.0  # for another request, where the stream got no headers
MOST_REDIRECTS = 5
REPEAT_SECONDS = 4.0  # what it takes, at least, to measure a part once more
MOST_TIMES = 13  # that it sends the same request, if that is not a safe one
SAFE = ("GET", "HEAD")


class Prober:
    """Asks a service the same again and again, each time in another way."""

    def __init__(
        self,
        url: str | httpx.URL,
        method: str,
        seconds: float,
        headers: Any,
        options: Mapping[str, Any],
    ) -> None:
        self.method, self.seconds, self.options = method.upper(), seconds, dict(options)
        self.url = recorder.resolve(url)[0]
        if params := self.options.pop("params", None):
            self.url = httpx.URL(self.url, params=params)
        self.headers = httpx.Headers(headers, encoding="utf-8")
        self._end = time.perf_counter() + 0.95 * seconds  # to end takes a moment, too
        self._lateness = Lateness()
        self.seen: Observation | Silence | None = None
        self.second: Observation | None = None

    def ask(self, to_repeat: Callable[[Observation], set[str]]) -> None:
        """Ask, and ask again for the parts of what was seen that are to be repeated."""
        with self._lateness:
            self._look()
            if isinstance(self.seen, Observation):
                self._look_again(to_repeat(self.seen))

    def _look(self) -> None:
        """Ask, one question after another, as far as the answers leave one."""
        self._wait(1.0)
        before = self._wait(1.0)  # the first request of all may be a slow one
        if (before is None or before > 1.0) and (data := greeting(self.url)):
            told = f"what answers there is not HTTP: it sent {quoted(data)}"
            raise ConnectionError(f"{self.method} {shown_url(self.url)}: {told}.")
        try:
            seen = self._follow(before or 0.0)
        except TimeoutError as error:
            other = self._wait(OTHER_SECONDS)
            if other is None or other > 0.95 * OTHER_SECONDS:
                raise  # it answers nobody
            self.seen = Silence(str(error), other)
            return
        self.seen = seen
        if not seen.alone.response.is_success:
            return
        limit = _patience(seen)
        seen.after = self._wait(limit) or 0.0
        if seen.after >= limit:
            return  # it answers nobody any more
        self._two_at_once(seen)
        self._as_a_browser(seen)
        self._further(seen)

    def _look_again(self, parts: set[str]) -> None:
        """Measure these parts once more, since a busy machine may have been the reason."""
        if not isinstance(self.seen, Observation) or self._left() < REPEAT_SECONDS:
            return
        second = replace(self.seen)
        if "encoded" in parts:
            self._as_a_browser(second)
        if "pair" in parts:
            self._leave(second)
            if second.after < _patience(second):
                self._two_at_once(second)
        self.second = second

    def _left(self) -> float:
        return self._end - time.perf_counter()

    def _ask(
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
        bounds = Bounds(seconds=max(0.05, min(seconds, self._left())), max_bytes=BODY_BYTES)
        method, options = ("GET", {}) if url else (self.method, self.options)
        done = recorder.record_watched(
            enough, url or self.url, method, bounds, raw=raw, headers=asked, **options
        )
        if done.ending is Ending.INTERRUPTED:
            raise KeyboardInterrupt
        return done

    def _attempt(self, seconds: float, enough: Enough, **more: Any) -> Recording | None:
        """The same, or None where no answer came in time."""
        with suppress(OSError):
            if self._left() > LATE:
                return self._ask(seconds, enough, **more)
        return None

    def _wait(self, limit: float) -> float | None:
        """How long a request to another path waits for its headers; `limit` if it gets none.

        What this machine is late by is not counted.
        """
        start, path = time.perf_counter(), self.url.raw_path.partition(b"?")[0].rstrip(b"/")
        other = self.url.copy_with(raw_path=path + b"/" + OTHER_PATH.encode())
        try:
            # A connection that the server closes lets go what a buffer on the way would keep.
            self._ask(limit, Enough(0), other, connection="close")
        except TimeoutError:
            return max(limit, time.perf_counter() - start)
        except OSError:
            return None  # nobody is there any more, or it is too busy to talk
        return max(0.0, time.perf_counter() - start - self._lateness.since(start))

    def _follow(self, before: float) -> Observation:
        """The first answer, at the end of redirects, at most five, to the same origin."""
        redirects: list[str] = []
        while True:
            enough = Enough(10, LOOK_SECONDS, SEVERAL)
            alone = self._ask(LOOK * self.seconds, enough)
            seen = Observation(alone, before=before, redirects=redirects)
            if not alone.response.has_redirect_location or len(redirects) == MOST_REDIRECTS:
                return seen
            redirects.append(alone.response.headers["location"])
            with suppress(httpx.InvalidURL):
                target = self.url.join(redirects[-1])
                same = (target.scheme, target.netloc) == (self.url.scheme, self.url.netloc)
                if same and (self.method in SAFE or alone.response.status_code in (307, 308)):
                    self.url = target
                    continue
            return seen

    def _calm(self, limit: float) -> Iterator[float]:
        """How long other requests wait, one after another: up to four, in little time."""
        start = time.perf_counter()
        for _ in range(4):
            if (wait := self._wait(limit)) is None:
                return
            yield wait
            if time.perf_counter() - start > 1.0:
                return

    def _leave(self, seen: Observation) -> None:
        """Open the stream once more, leave it, and see how long another request waits."""
        self._attempt(2.0, Enough(8))
        seen.after = self._wait(_patience(seen)) or 0.0

    def _two_at_once(self, seen: Observation) -> None:
        """The same request twice at once, and others before, meanwhile and afterwards."""
        limit = min(2 * seen.alone.seconds + 2.0, 5.0, self._left() / 2)
        seen.calm, seen.waits = [*self._calm(limit)], []
        threads, start, first = ThreadPoolExecutor(2), time.perf_counter(), Enough(8, 2.0)
        try:
            both = [threads.submit(self._attempt, limit, first)]
            first.began.wait(limit / 2)  # the second is to be the second on a busy machine, too
            time.sleep(min(LATE, seen.alone.seconds / 4))
            began = time.perf_counter()
            seen.apart = began - start
            both.append(threads.submit(self._attempt, limit, Enough(8, 2.0)))
            while not all(one.done() for one in both) and time.perf_counter() - start < limit:
                wait = self._wait(limit)
                seen.waits += [] if wait is None else [wait]
                time.sleep(PAUSE)
            seen.pair = _results(both)
            seen.unanswered = time.perf_counter() - began if len(seen.pair) == 1 else 0.0
        finally:
            threads.shutdown(wait=False)  # an interrupt does not wait for them; they end in time
        seen.calm += self._calm(limit)

    def _as_a_browser(self, seen: Observation) -> None:
        """Ask with what browsers accept; no decoder is needed to time the bytes."""
        limit = min(seen.alone.seconds + 1.0, 4.0, self._left() / 2)
        start, accept = time.perf_counter(), {"accept_encoding": AS_A_BROWSER}
        seen.encoded = self._attempt(limit, Enough(8), raw=True, **accept)
        seen.no_encoded = 0.0 if seen.encoded else time.perf_counter() - start

    def _further(self, seen: Observation) -> None:
        """What is asked only where the answers so far give a reason."""
        limit = min(2 * seen.alone.seconds + 1.0, 5.0)
        failed = [one for one in seen.others if one.ending is Ending.CUT]
        failed += [one for one in seen.others if one.response.status_code >= 500]
        quiet = seen.silence_at_the_end > IDLE and seen.sse and seen.alone.whole
        if seen.alone.ending is Ending.CUT or quiet:
            seen.again = self._attempt(seen.alone.seconds + 2.0, Enough(MOST_PIECES))
        elif failed:
            seen.again = self._once_left()
        if seen.length and seen.alone.whole and self.method == "GET":
            seen.beyond = bytes_beyond(self.url, self.headers, seen.alone.size)
        if seen.sse and len(seen.ids) > 2 and self.method in SAFE:
            self._resume(seen, min(seen.first + 1.5, 4.0))
        if seen.came_at_once:
            seen.accepted = self._attempt(limit, Enough(10), accept="text/event-stream")

    def _once_left(self) -> Recording | None:
        """Ask again, a second later each time, until it is answered well; four times at most."""
        again = None
        for pause in (0.0, 1.0, 1.0, 1.0):
            time.sleep(max(0.0, min(pause, self._left())))
            again = self._attempt(2.0, Enough(1))
            failed = again and (again.response.status_code >= 500 or again.ending is Ending.CUT)
            if not failed:
                break
        return again

    def _resume(self, seen: Observation, limit: float) -> None:
        """Ask for what comes after an event in the middle, and after the last one."""
        ids = [seen.ids[len(seen.ids) // 2]] + seen.ids[-1:] * seen.alone.whole
        for id in ids:
            if answer := self._attempt(limit, Enough(1), last_event_id=id):
                seen.resumed[id] = answer


def _results(both: list[Future[Recording | None]]) -> list[Recording]:
    return [answer for one in both if (answer := one.result())]


def _patience(seen: Observation) -> float:
    return max(3.0, 2 * seen.alone.headers_at + 1.0)  # seconds
