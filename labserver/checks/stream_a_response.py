"""The exercises of the lesson "Stream a response"."""

import json
import time
from itertools import pairwise
from statistics import median
from typing import Any

from labserver.checks.exercise import body, exercise, fetched, require, served
from labserver.recording import counted


@exercise
def countdown(app: Any) -> None:
    """Counts down from 3 to lift-off: four lines of text, one after another."""
    with served(app) as url:
        recording = fetched(f"{url}/countdown")
    kind = recording.response.headers.get("content-type", "no content-type")
    own = "a route that yields itself sends JSON Lines. Yield in a function of its own."
    require(kind != "application/jsonl", own)
    got, wanted = body(recording), b"3\n2\n1\nlift-off\n"
    require(
        got == wanted, f"/countdown sent something else. Yours: {got!r}, expected: {wanted!r}."
    )
    came = f"four lines came as {counted(recording.chunks, 'chunk')}"
    require(len(recording.chunks) == 4, f"{came}: each item of the content is one chunk.")
    gap = median(after.at - before.at for before, after in pairwise(recording.chunks))
    require(gap > 0.1, f"the lines came {gap:.3f} s apart: wait 0.2 s between one and the next.")
    require(kind.startswith("text/plain"), f"/countdown has {kind}: declare it as text/plain.")


@exercise
def noted(app: Any) -> None:
    """Streams letters, says beforehand how many, and notes the time when the stream has ended."""
    with served(app) as url:
        before = len(_ended(url))
        start = time.time()
        recording = fetched(f"{url}/letters")
        got, came = body(recording), counted(recording.chunks, "chunk")
        right = got == b"abc" and len(recording.chunks) == 3
        require(
            right, f"/letters is wrong. Yours: {got!r} in {came}, expected: b'abc' in 3 chunks."
        )
        number = recording.response.headers.get("x-num-letters", "no such header")
        require(number == "3", f"X-Num-Letters is wrong. Yours: {number}, expected: 3.")
        for _ in range(20):  # the task runs when the response is over: a moment later
            if noted := _ended(url)[before:]:
                break
            time.sleep(0.05)
        unnoted = "the stream is over, and /ended has no new time: is there a task that notes it?"
        require(noted, unnoted)
    times = counted(noted, "new time")
    require(len(noted) == 1, f"one stream is over, and /ended has {times}.")
    require(isinstance(noted[0], float), f"/ended has {noted[0]!r}, which is no time.time().")
    late = noted[0] - start
    other = f"/ended has {noted[0]!r}, which is not the time of day in seconds: note time.time()."
    require(-1 < late < recording.seconds + 10, other)
    reads = "let the task itself read the clock, when it runs."
    require(late > recording.seconds / 2, f"noted {late:.3f} s after the request: {reads}")


def _ended(url: str) -> list[Any]:
    got = body(fetched(f"{url}/ended"))
    require(got.startswith(b"["), f"/ended is wrong. Yours: {got[:40]!r}, expected: a list.")
    times: list[Any] = json.loads(got)
    return times
