"""The exercise of the lesson "Find what holds it back"."""

import hashlib
import secrets
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
    word = secrets.token_hex(4)  # no answer can have worked on it before it is asked
    lines, alone = _worked(word)
    pinging = _Pinging(f"{url}/ping")
    params = {"key": "tea", "word": word}
    seen = fetched(f"{url}/steps", params=params, seconds=SECONDS, watcher=pinging)
    what = f"the lines of /steps?key=tea&word={word} (each ends with what its work made)"
    require_equal(seen.body, lines.encode(), what)
    require_others_served("/steps", held)
    took = median(pinging.seconds[:-1] or [0.0])  # without the last one: the stream is over then
    slow = f"while /steps streams, /ping answers after {took:.2f} s, expected: at once"
    require(took < alone / 4, f"{slow}.", Late)
    gaps = [after - before for before, after in pairwise(line_times(seen))]
    apart = f"the four steps came in {counted(seen.chunks, 'chunk')}, {median(gaps):.2f} s apart"
    takes = f"{apart}, and the work of one takes {alone:.2f} s"
    made = "make them while the client waits, and send each as soon as it is made"
    require(median(gaps) > alone / 8, f"{takes}: {made}.", Late)


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


def _worked(word: str) -> tuple[str, float]:
    """What the program streams for a word, and seconds that the work of one step takes alone."""
    start = time.perf_counter()
    steps = [hashlib.pbkdf2_hmac("sha256", word.encode(), b"%d" % i, 500_000) for i in range(4)]
    alone = (time.perf_counter() - start) / len(steps)
    return "".join(f"step {i}: {made.hex()[:8]}\n" for i, made in enumerate(steps)), alone
