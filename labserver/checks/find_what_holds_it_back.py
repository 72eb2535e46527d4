"""The exercise of the lesson "Find what holds it back"."""

import hashlib
import multiprocessing
import os
import time
from itertools import pairwise
from statistics import median
from typing import Any

from labserver.checks.exercise import (
    Late,
    ask,
    exercise,
    fetched,
    line_times,
    patiently,
    require,
    require_equal,
    served,
)
from labserver.checks.meanwhile import Held, require_others_served
from labserver.recording import Chunk, Watcher, counted

# What the work of the program's four steps makes. Nothing but that work does.
WORK = ("ca1cde46", "e0b8d85b", "7203a06e", "e2236568")

NO_KEYS = ("", "?key=coffee", "?key=teapot", "?key=te")

SECONDS = 30.0  # for the four steps, on a busy machine


@exercise
def keeps_answering(app: Any) -> None:
    """Refuses with a 403; streams step by step to a client with the key; answers all others."""
    held = Held()
    with held.told(), served(app, held.layer) as url:
        for query in NO_KEYS:
            path = f"/steps{query}"
            refused = ask(url + path)
            status, cut = refused.response.status_code, "" if refused.whole else " and was cut"
            require(status == 403, f"{path} answered with status {status}{cut}, expected: 403.")
        fetched(f"{url}/ping")
        patiently(lambda: _judge_steps(url, held))


def _judge_steps(url: str, held: Held) -> None:
    begin = _worked()
    pinging = _Pinging(f"{url}/ping")
    steps = fetched(f"{url}/steps", params={"key": "tea"}, seconds=SECONDS, watcher=pinging)
    worked = _worked() - begin
    lines = "".join(f"step {i}: {made}\n" for i, made in enumerate(WORK))
    what = "with the key, the lines of /steps (each ends with what its work made)"
    require_equal(steps.body, lines.encode(), what)
    require_others_served("/steps", held)
    begin, start = _worked(), time.perf_counter()
    hashlib.pbkdf2_hmac("sha256", b"tea", b"0", 500_000)
    one, alone = _worked() - begin, time.perf_counter() - start
    took = median(pinging.seconds[:-1] or [0.0])  # without the last one: the stream is over then
    slow = f"while /steps streams, /ping answers after {took:.2f} s, expected: at once"
    require(took < alone / 4, f"{slow}.", Late)
    gaps = [after - before for before, after in pairwise(line_times(steps))]
    apart = f"the four steps came in {counted(steps.chunks, 'chunk')}, {median(gaps):.2f} s apart"
    takes = f"{apart}, and the work of one takes {alone:.2f} s"
    made = "make them while the client waits, and send each as soon as it is made"
    require(median(gaps) > alone / 8, f"{takes}: {made}.", Late)
    computed = f"the processor worked for {worked:.2f} s for the four steps"
    itself = f"{computed}, and the work of one takes {one:.2f} s"
    # It may work in other processes; Windows tells the time of none, others of those that ended.
    elsewhere = os.name == "nt" or multiprocessing.active_children()
    leave = "leave the work (`pbkdf2_hmac`) as it is, and do it while the client waits"
    require(worked > 2.5 * one or elsewhere, f"{itself}: {leave}.")


class _Pinging(Watcher):
    """A client that asks for /ping after each chunk; `seconds` has how long each took."""

    def __init__(self, url: str) -> None:
        self._url = url
        self.seconds: list[float] = []

    def chunk(self, chunk: Chunk) -> bool:
        """Ask, and go on."""
        start = time.perf_counter()
        fetched(self._url)
        self.seconds.append(time.perf_counter() - start)
        return False


def _worked() -> float:
    """Seconds of the processor, for this process and the children that have ended."""
    return sum(os.times()[:4])
