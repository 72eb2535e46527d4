"""Two of the same request at once, and what other requests wait meanwhile."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

from labserver.diagnosis.observation import NOTABLE, Observation, Pair
from labserver.diagnosis.requests import Requests
from labserver.diagnosis.stopping import StopAfter
from labserver.recording import Recording

LONGEST = 5.0  # seconds that both are watched, at most
TIMES_AS_LONG, LATER = 2, 2.0  # two may take so many times as long as one, and seconds more
SHARE_LEFT = 1 / 3  # of the time that is left, at most
PIECES, SECONDS = 8, 2.0  # that each is watched, at least
SECOND_AFTER = 1 / 4  # of a short stream's time, so that it still runs when the second begins
WAITED = 1 / 2  # of the time that both have: who got no headers for longer was not refused
PAUSE = 0.1  # seconds between two other requests
MOST_CALM, CALM_SECONDS = 4, 1.0  # other requests with no stream open, and the time for them


def ask_two_at_once(requests: Requests, seen: Observation) -> None:
    """Measure `seen.pair`, which has a drawing of it. An interrupt leaves what was measured."""
    usual = seen.alone.seconds
    limit = min(TIMES_AS_LONG * usual + LATER, LONGEST, SHARE_LEFT * requests.left())
    pair = seen.pair = Pair(calm=[*_calm(requests, limit)])
    threads = ThreadPoolExecutor(2)
    try:
        _ask_both(requests, threads, pair, limit, min(NOTABLE, SECOND_AFTER * usual))
    finally:
        threads.shutdown(wait=False)  # an interrupt does not wait for them; they end in time
    pair.later += _calm(requests, limit)


def _ask_both(
    requests: Requests, threads: ThreadPoolExecutor, pair: Pair, limit: float, delay: float
) -> None:
    def asked(stop: StopAfter) -> tuple[Recording | None, float]:
        """The answer, and the seconds until its end, also where no headers came."""
        start = time.perf_counter()
        return requests.attempt(limit, stop), time.perf_counter() - start

    start, stop = time.perf_counter(), StopAfter(PIECES, SECONDS)
    both = [threads.submit(asked, stop)]
    stop.began.wait(WAITED * limit)  # the second is to be the second on a busy machine, too
    time.sleep(delay)
    pair.apart = time.perf_counter() - start
    both.append(threads.submit(asked, StopAfter(PIECES, SECONDS)))
    while not all(one.done() for one in both) and time.perf_counter() - start < limit:
        wait = requests.wait(limit)
        pair.waits += [] if wait is None else [wait]
        time.sleep(PAUSE)
    (first, waiting), (second, waited) = (one.result() for one in both)
    if second and not first and waiting > WAITED * limit:
        return  # it answers once it has something to say: there is nothing to compare
    pair.answers = [answer for answer in (first, second) if answer]
    # What waited to its end got no headers; what ended sooner was refused.
    if not second and waited > WAITED * limit:
        pair.unanswered = waited


def _calm(requests: Requests, limit: float) -> Iterator[float]:
    """How long other requests wait, one after another."""
    start = time.perf_counter()
    for _ in range(MOST_CALM):
        if (wait := requests.wait(limit)) is None:
            return
        yield wait
        if time.perf_counter() - start > CALM_SECONDS:
            return
