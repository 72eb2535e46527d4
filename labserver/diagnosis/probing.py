"""The requests that a diagnosis makes, in the time that there is for all of them."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from labserver.diagnosis.enough import MOST_PIECES, Enough
from labserver.diagnosis.finding import quoted
from labserver.diagnosis.observation import (
    IDLE,
    LATE,
    MOST_REDIRECTS,
    PAUSE,
    SEVERAL,
    Observation,
    Silence,
)
from labserver.diagnosis.requests import SAFE, Requests
from labserver.diagnosis.sockets import bytes_beyond, greeting
from labserver.recording import Ending, Recording

AS_A_BROWSER = "gzip, deflate, br, zstd"
LOOK = 0.7  # of all the time: how long the first look may take
LOOK_SECONDS = 8.0  # what a stream of a good pace is looked at
OTHER_SECONDS = 6.0  # for another request, where the stream got no headers
REPEAT_SECONDS = 2.0  # what it takes, at least, to measure a part once more
MOST_TIMES = 13  # that it sends the same request, if that is not a safe one


class Prober:
    """Sends one request several times, with one thing changed each time."""

    def __init__(self, requests: Requests, seconds: float) -> None:
        self.requests, self.seconds = requests, seconds
        self.seen: Observation | Silence | None = None
        self.second: Observation | None = None

    def ask(self, to_repeat: Callable[[Observation], set[str]]) -> None:
        """Ask, and ask again for the parts of what was seen that are to be repeated."""
        with self.requests.lateness:
            self._look()
            if isinstance(self.seen, Observation):
                self._look_again(to_repeat(self.seen))

    def _look(self) -> None:
        """Ask, one question after another, as far as the answers leave one."""
        self.requests.wait(1.0)
        before = self.requests.wait(1.0)  # the first request of all may be a slow one
        if (before is None or before > 1.0) and (data := greeting(self.requests.url)):
            told = f"what answers there is not HTTP: it sent {quoted(data)}"
            raise ConnectionError(f"{self.requests}: {told}.")
        try:
            seen = self._follow(before or 0.0)
        except TimeoutError as error:
            other = self.requests.wait(OTHER_SECONDS)
            if other is None or other > 0.95 * OTHER_SECONDS:
                raise  # it answers nobody
            self.seen = Silence(str(error), other)
            return
        self.seen = seen
        if not seen.alone.response.is_success:
            return
        limit = _patience(seen)
        seen.after = self.requests.wait(limit) or 0.0
        if seen.after >= limit:
            return  # it answers nobody any more
        self._two_at_once(seen)
        self._as_a_browser(seen)
        self._further(seen)

    def _look_again(self, parts: set[str]) -> None:
        """Measure these parts once more, since a busy machine may have been the reason.

        Where there is no time for it, they show nothing the second time.
        """
        if not parts or not isinstance(self.seen, Observation):
            return
        second = self.second = replace(self.seen)
        if "encoded" in parts:
            second.encoded, second.no_encoded = None, 0.0
            if self.requests.left() > REPEAT_SECONDS:
                self._as_a_browser(second)
        if "pair" in parts:
            second.pair, second.waits, second.after = [], [], 0.0
            if self.requests.left() > REPEAT_SECONDS:
                self._leave(second)
            if second.after < _patience(second) and self.requests.left() > REPEAT_SECONDS:
                self._two_at_once(second)

    def _follow(self, before: float) -> Observation:
        """The first answer, at the end of redirects, at most five, to the same origin."""
        redirects: list[str] = []
        while True:
            enough = Enough(10, LOOK_SECONDS, SEVERAL)
            alone = self.requests.ask(LOOK * self.seconds, enough)
            seen = Observation(alone, before=before, redirects=redirects)
            if not alone.response.has_redirect_location or len(redirects) == MOST_REDIRECTS:
                return seen
            redirects.append(alone.response.headers["location"])
            if not self.requests.follow(alone.response):
                return seen

    def _calm(self, limit: float) -> Iterator[float]:
        """How long other requests wait, one after another: up to four, in little time."""
        start = time.perf_counter()
        for _ in range(4):
            if (wait := self.requests.wait(limit)) is None:
                return
            yield wait
            if time.perf_counter() - start > 1.0:
                return

    def _leave(self, seen: Observation) -> None:
        """Open the stream once more, leave it, and see how long another request waits."""
        self.requests.attempt(2.0, Enough(8))
        seen.after = self.requests.wait(_patience(seen)) or 0.0

    def _two_at_once(self, seen: Observation) -> None:
        """The same request twice at once, and others before, meanwhile and afterwards."""
        limit = min(2 * seen.alone.seconds + 2.0, 5.0, self.requests.left() / 3)
        seen.calm, seen.waits = [*self._calm(limit)], []
        threads, start, first = ThreadPoolExecutor(2), time.perf_counter(), Enough(8, 2.0)
        try:
            both = [threads.submit(self.requests.attempt, limit, first)]
            first.began.wait(limit / 2)  # the second is to be the second on a busy machine, too
            time.sleep(min(LATE, seen.alone.seconds / 4))
            began = time.perf_counter()
            seen.apart = began - start
            both.append(threads.submit(self.requests.attempt, limit, Enough(8, 2.0)))
            ended: list[float] = []
            both[1].add_done_callback(lambda _: ended.append(time.perf_counter()))
            while not all(one.done() for one in both) and time.perf_counter() - start < limit:
                wait = self.requests.wait(limit)
                seen.waits += [] if wait is None else [wait]
                time.sleep(PAUSE)
            answers = [one.result() for one in both]
            seen.pair = [answer for answer in answers if answer]
            # What waited to its end got no headers; what ended sooner was refused.
            waited = ended[0] - began
            unanswered = answers[0] and not answers[1] and waited > limit / 2
            seen.unanswered = waited if unanswered else 0.0
        finally:
            threads.shutdown(wait=False)  # an interrupt does not wait for them; they end in time
        seen.calm += self._calm(limit)

    def _as_a_browser(self, seen: Observation) -> None:
        """Ask with what browsers accept; no decoder is needed to time the bytes."""
        limit = min(seen.alone.seconds + 1.0, 4.0, self.requests.left() / 3)
        start, accept = time.perf_counter(), {"accept_encoding": AS_A_BROWSER}
        seen.encoded = self.requests.attempt(limit, Enough(8), raw=True, **accept)
        seen.no_encoded = 0.0 if seen.encoded else time.perf_counter() - start

    def _further(self, seen: Observation) -> None:
        """What is asked only where the answers so far give a reason."""
        limit = min(2 * seen.alone.seconds + 1.0, 5.0)
        failed = [one for one in seen.others if one.ending is Ending.CUT]
        failed += [one for one in seen.others if one.response.status_code >= 500]
        quiet = seen.silence_at_the_end > IDLE and seen.sse and seen.alone.whole
        if seen.alone.ending is Ending.CUT or quiet:
            seen.again = self.requests.attempt(seen.alone.seconds + 2.0, Enough(MOST_PIECES))
        elif failed:
            seen.again = self._once_left()
        if seen.length and seen.alone.whole and self.requests.method == "GET":
            seen.beyond = bytes_beyond(self.requests.url, self.requests.headers, seen.alone.size)
        if seen.sse and len(seen.ids) > 2 and self.requests.method in SAFE:
            self._resume(seen, min(seen.first + 1.5, 4.0))
        if seen.came_at_once:
            seen.accepted = self.requests.attempt(limit, Enough(10), accept="text/event-stream")

    def _once_left(self) -> Recording | None:
        """Ask again, a second later each time, until it is answered well; four times at most."""
        again = None
        for pause in (0.0, 1.0, 1.0, 1.0):
            time.sleep(max(0.0, min(pause, self.requests.left())))
            again = self.requests.attempt(2.0, Enough(1))
            failed = again and (again.response.status_code >= 500 or again.ending is Ending.CUT)
            if not failed:
                break
        return again

    def _resume(self, seen: Observation, limit: float) -> None:
        """Ask for what comes after an event in the middle, and after the last one."""
        ids = [seen.ids[len(seen.ids) // 2]] + seen.ids[-1:] * seen.alone.whole
        for id in ids:
            if answer := self.requests.attempt(limit, Enough(1), last_event_id=id):
                seen.resumed[id] = answer


def _patience(seen: Observation) -> float:
    return max(3.0, 2 * seen.alone.headers_at + 1.0)  # seconds
