"""The exercises of the lesson "Stream a response"."""

import json
import time
from itertools import pairwise
from statistics import median
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from labserver.checks.exercise import (
    AWAITED,
    Late,
    NotYet,
    ask,
    exercise,
    fetched,
    line_times,
    patiently,
    require,
    require_equal,
    served,
)
from labserver.checks.meanwhile import Held, remark_on, require_others_served
from labserver.recording import counted

LEAST, MOST = 0.15, 0.28  # seconds between two lines in the middle, where 0.2 are asked for
LONGEST = 0.45  # seconds between any two
LINES = b"3\n2\n1\nlift-off\n"
NOTE_SECONDS = 6.0  # for a background task, after its response

SECOND = "asked for a second time (make a generator for each request)"


@exercise
def countdown(app: Any) -> None:
    """Counts down from 3 to lift-off: four lines of text, one after another."""
    held = Held()
    with served(app, held.layer) as url:
        patiently(lambda: _judge_countdown(f"{url}/countdown", held))
        again = fetched(f"{url}/countdown").body
        require_equal(again, LINES, f"the lines of /countdown, {SECOND}")


def _judge_countdown(url: str, held: Held) -> None:
    recording = fetched(url)
    kind = recording.media_type
    own = "a route that yields itself sends JSON Lines. Yield in a function of its own."
    require(kind != "application/jsonl", own)
    require_equal(recording.body, LINES, "the lines of /countdown")
    gaps = [after - before for before, after in pairwise(line_times(recording))]
    apart = f"{', '.join(f'{gap:.2f}' for gap in gaps)} s apart"
    came = f"the lines came in {counted(recording.chunks, 'chunk')}, {apart}, expected: 0.2 s"
    pieces = AWAITED if len(recording.chunks) == 4 else "Each item that it yields is one chunk."
    require(max(gaps) > 0.05, f"{came}. A generator can wait between two lines. {pieces}", Late)
    require_others_served("/countdown", held)  # before the pace, which a busy machine upsets
    even = min(gaps) > LEAST / 2 and LEAST < median(gaps) < MOST and max(gaps) < LONGEST
    require(even, f"{came}.", Late)
    require_equal(kind, "text/plain", "the media type of /countdown")


@exercise
def noted(app: Any) -> str | None:
    """Streams letters, says beforehand how many, and notes the time when the stream is over."""
    ends: list[float] = []
    held = Held()
    with served(app, lambda app: held.layer(_Ends(app, ends))) as url:
        before = len(_ended(url))
        recording = fetched(f"{url}/letters")
        share = held.share("/letters")
        require_equal(recording.body, b"abc", "the letters")
        require_equal(len(recording.chunks), 3, "the number of chunks, a letter each")
        number = recording.response.headers.get("x-num-letters")
        require_equal(number, "3", "the header X-Num-Letters")
        times = _new_times(url, before)
        none = "the stream is over, and /ended has no new time: is there a task that notes it?"
        require(times, none)
        require_equal(len(times), 1, "the number of new times in /ended after one stream")
        _judge_time(times[0], ends[0], recording.seconds)
        left = len(_ended(url))
        again = ask(f"{url}/letters", max_rows=1).body
        require_equal(again[:1], b"a", f"the first letter, {SECOND}")
        left_none = "a client left after the first letter, and /ended has no new time"
        why = "A background task runs then too; the last line of a generator does not"
        times = _new_times(url, left)
        require(times, f"{left_none}. {why}.")
        require_equal(len(times), 1, "the number of new times in /ended after that client")
        return remark_on(f"{url}/letters", held, share)


def _judge_time(noted: Any, end: float, seconds: float) -> None:
    a_time = isinstance(noted, int | float) and abs(noted - end) < 3600
    require(a_time, f"/ended has {noted!r}, expected: what time.time() gives, as {end:.3f}.")
    early = end - noted
    hint = "let the task itself read the clock, when it runs"
    came = f"the time was noted {early:.2f} s before the stream's end"
    require(early < seconds / 2, f"{came}: {hint}.")
    hint = "let a background task note it, not the generator, and as time.time() gives it"
    require(early <= 0, f"the time in /ended is a moment before the stream's end: {hint}.")


def _new_times(url: str, before: int) -> list[Any]:
    """The times in /ended after the first so many; the task may take a moment."""
    end = time.perf_counter() + NOTE_SECONDS
    while not (times := _ended(url)[before:]) and time.perf_counter() < end:
        time.sleep(0.05)
    return times


def _ended(url: str) -> list[Any]:
    got = fetched(f"{url}/ended").body
    try:
        times = json.loads(got)
    except ValueError:
        times = None
    if not isinstance(times, list):
        raise NotYet(f"/ended: yours: {got[:60]!r}, expected: a list.")
    return times


class _Ends:
    """An ASGI layer that notes when each stream of letters was over, as `time.time()`."""

    def __init__(self, app: ASGIApp, ends: list[float]) -> None:
        self.app, self.ends = app, ends

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Call the app, as an ASGI server does."""

        async def noting_send(message: Message) -> None:
            await send(message)
            last = message["type"] == "http.response.body" and not message.get("more_body")
            if last and scope["path"] == "/letters":
                self.ends.append(time.time())

        await self.app(scope, receive, noting_send)
