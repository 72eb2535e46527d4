"""The requests that a diagnosis makes, one question after another.

who is there?      two requests to another path
what comes?        the request itself, alone, watched the longest: `alone`
and directly?      the same at another address, where one is given: `direct`
who waits for it?  another path, after it was left: `after`
who shares it?     the request twice at once, others beside it: `pair` (together.py)
compressed?        the request as a browser makes it: `encoded`
and what else?     only what the answers so far give a reason for (further.py)
by chance?         where a rule asks for it, `encoded` or `pair` once more: `second`
"""

import time
from collections.abc import Callable
from dataclasses import replace

from labserver.client import hint
from labserver.diagnosis.finding import quoted
from labserver.diagnosis.further import ask_further
from labserver.diagnosis.observation import (
    MOST_REDIRECTS,
    NOTABLE,
    SEVERAL,
    Observation,
    Pair,
    Silence,
)
from labserver.diagnosis.requests import Requests
from labserver.diagnosis.sockets import greeting
from labserver.diagnosis.stopping import StopAfter
from labserver.diagnosis.together import ask_two_at_once
from labserver.recording import Recording

AS_A_BROWSER = "gzip, deflate, br, zstd"
LATER = 1.0  # seconds that another answer may take longer than the first
REST_SECONDS = 1.0  # for a request to another path, with nothing under way
LOOK_SHARE = 0.7  # of all the time, for the first look
LOOK_PIECES, LOOK_SECONDS = 10, 8.0  # what a stream of a good pace is looked at
OTHER_SECONDS = 6.0  # for another request, where the stream got no headers
NOBODY = (
    "nor to a request for another path. The server is busy or stuck, or something on the way "
    "waits for more bytes."
)
REPEAT_SECONDS = 2.0  # what it takes, at least, to measure a part once more
PIECES = 8  # of an answer that is compared
BROWSER_SECONDS = 4.0  # for the request as a browser makes it, at most
BROWSER_SHARE = 1 / 3  # of the time that is left, for the same
PATIENCE = 3.0  # seconds for another request after the stream was left, at least
SHORT_SECONDS = 2.0  # for a request that shows what it has to show at once
MOST_TIMES = 14  # that it sends the same request to an address, if that is not a safe one


class Prober:
    """Sends one request several times, with one thing changed each time."""

    def __init__(self, requests: Requests, seconds: float, direct: Requests | None = None) -> None:
        self.requests, self.seconds, self.direct = requests, seconds, direct
        self.seen: Observation | Silence | None = None
        self.second: Observation | None = None

    def ask(self, to_repeat: Callable[[Observation], set[str]]) -> None:
        """Ask, and ask again for the parts of what was seen that are to be repeated."""
        with self.requests.own_delay:
            self._look()
            if isinstance(self.seen, Observation):
                self._look_again(self.seen, to_repeat(self.seen))

    def _look(self) -> None:
        """Ask, one question after another, as far as the answers leave one."""
        before = self._at_rest()
        try:
            seen = self.seen = self._follow(before)
        except TimeoutError as error:
            self.seen = self._silence(error)
            return
        if not seen.alone.response.is_success:
            return
        if self.direct:
            seen.direct = self._ask_directly(self.direct)
        # None is no wait: where no connection can be made, the next requests tell.
        seen.after = self.requests.wait(_patience(seen)) or 0.0
        if seen.after >= _patience(seen):
            return  # it answers nobody any more
        ask_two_at_once(self.requests, seen)
        self._as_a_browser(seen)
        ask_further(self.requests, seen)

    def _silence(self, error: TimeoutError) -> Silence:
        """What was seen of a request without headers. Raises TimeoutError if nobody gets any."""
        other = self.requests.wait(OTHER_SECONDS)
        if other is None or other >= OTHER_SECONDS:
            told = f"{self.requests}: no response within {self.seconds:g} s, {NOBODY}"
            raise TimeoutError(told + hint(self.requests.url)) from error
        told, direct = str(error), None
        if self.direct:
            try:
                direct = self._ask_directly(self.direct).headers_at
            except TimeoutError as silence:
                told = f"{told} Asked directly: {silence}"
        return Silence(told, other, direct)

    def _ask_directly(self, direct: Requests) -> Recording:
        """The same request at the direct address. Raises where nothing answers there."""
        return direct.ask(LOOK_SHARE * self.requests.left(), StopAfter(LOOK_PIECES, 0.0, SEVERAL))

    def _look_again(self, seen: Observation, parts: set[str]) -> None:
        """Measure these parts once more, since a busy machine may have been the reason.

        Where there is no time for it, they show nothing the second time.
        """
        if not parts:
            return
        second = self.second = replace(seen, repeated=True)
        if "encoded" in parts:
            second.encoded, second.no_encoded = None, 0.0
            if self._time_to_repeat():
                self._as_a_browser(second)
                self._plainly(second)
        if "pair" in parts:
            second.pair, second.after = Pair(), 0.0
            if self._time_to_repeat():
                self._leave(second)
            if second.after < _patience(second) and self._time_to_repeat():
                ask_two_at_once(self.requests, second)

    def _time_to_repeat(self) -> bool:
        return self.requests.left() > REPEAT_SECONDS

    def _at_rest(self) -> float:
        """How long a request waits with nothing under way. Raises where it is not HTTP."""
        self.requests.wait(REST_SECONDS)
        wait = self.requests.wait(REST_SECONDS)  # the first request of all may be a slow one
        late = wait is None or wait >= REST_SECONDS
        if late and (data := greeting(self.requests.url, self.requests.left())):
            told = f"what answers there is not HTTP: it sent {quoted(data)}"
            raise ConnectionError(f"{self.requests}: {told}.")
        return wait or 0.0

    def _follow(self, before: float) -> Observation:
        """The first answer, at the end of redirects, at most five, to the same origin."""
        redirects: list[str] = []
        while True:
            stop = StopAfter(LOOK_PIECES, LOOK_SECONDS, SEVERAL)
            alone = self.requests.ask(LOOK_SHARE * self.seconds, stop)
            seen = Observation(alone, redirects, before)
            if not alone.response.has_redirect_location or len(redirects) == MOST_REDIRECTS:
                return seen
            redirects.append(alone.response.headers["location"])
            if not self.requests.follow(alone.response):
                return seen

    def _leave(self, seen: Observation) -> None:
        """Open the stream once more, leave it, and see how long another request waits."""
        self.requests.attempt(SHORT_SECONDS, StopAfter(PIECES))
        seen.after = self.requests.wait(_patience(seen)) or 0.0

    def _as_a_browser(self, seen: Observation) -> None:
        """Ask with what browsers accept; no decoder is needed to time the bytes."""
        share = BROWSER_SHARE * self.requests.left()
        limit = min(seen.alone.seconds + LATER, BROWSER_SECONDS, share)
        start, stop = time.perf_counter(), StopAfter(PIECES)
        seen.encoded = self.requests.attempt(limit, stop, True, accept_encoding=AS_A_BROWSER)
        seen.no_encoded = 0.0 if seen.encoded else time.perf_counter() - start

    def _plainly(self, seen: Observation) -> None:
        """Ask as the first time: by now it may refuse everybody, or have nothing to send."""
        until = seen.encoded.seconds if seen.encoded else seen.no_encoded
        seen.plain = self.requests.attempt(until + NOTABLE, StopAfter(PIECES, until))
        if not seen.plain or not seen.plain.response.is_success:
            seen.encoded, seen.no_encoded = None, 0.0


def _patience(seen: Observation) -> float:
    """Seconds for another request, after the stream was left."""
    return max(PATIENCE, 2 * seen.alone.headers_at + LATER)
