"""The exercises of the lesson "Stream a response"."""

import asyncio
import json
import time
from concurrent.futures import Future
from itertools import pairwise
from statistics import median
from typing import Any

import httpx
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from labserver.checks.calling import ended, started
from labserver.checks.exercise import (
    AWAITED,
    SECONDS,
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
    shown,
)
from labserver.checks.meanwhile import Held, remark_on, require_others_served
from labserver.recording import Chunk, Recording, Watcher, counted

LEAST, MOST = 0.15, 0.28  # seconds between two lines in the middle, where 0.2 are asked for
SHORTEST, LONGEST = 0.12, 0.45  # seconds between any two
LINES = b"3\n2\n1\nlift-off\n"
NOTE_SECONDS = 6.0  # for a background task, after its response
STAY_SECONDS = 1.0  # of a client that gets one letter: longer than the whole stream takes

TWICE = "asked for twice at once (make a generator for each request)"
SECOND = "asked for a second time (make a generator for each request)"


@exercise
def countdown(app: Any) -> None:
    """Counts down from 3 to lift-off: four lines of text, one after another."""
    held = Held()
    with held.told(), served(app, held.layer) as url:
        patiently(lambda: _judge_countdown(f"{url}/countdown", held))
        patiently(lambda: _judge_two(f"{url}/countdown"))


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
    even = min(gaps) > SHORTEST and LEAST < median(gaps) < MOST and max(gaps) < LONGEST
    require(even, f"{came}.", Late)
    require_equal(kind, "text/plain", "the media type of /countdown")


def _judge_two(url: str) -> None:
    beside = _Beside(url)
    try:
        both = [fetched(url, watcher=beside)]
        both += [ended(one, "/countdown", 2 * SECONDS) for one in beside.others]
    except NotYet as missing:
        raise NotYet(f"{TWICE}, {missing}") from None
    for one in both:
        require_equal(one.body, LINES, f"{TWICE}, the lines of /countdown")
        times = line_times(one)
        apart = times[-1] - times[0]
        require(apart > 0.05, f"{TWICE}, the lines of one /countdown came at once.", Late)
    first, other = both
    began, over = line_times(other)[0], line_times(first)[-1] - beside.asked_at
    waited = f"asked for twice at once, one /countdown began after {began:.1f} s"
    require(began < over, f"{waited}, when the other was over: let none wait.", Late)


class _Beside(Watcher):
    """Asks a second time when the first chunk came."""

    def __init__(self, url: str) -> None:
        self._url = url
        self.asked_at = 0.0
        self.others: list[Future[Recording]] = []

    def chunk(self, chunk: Chunk) -> bool:
        """Ask, and go on."""
        if not self.others:
            self.asked_at = chunk.at
            self.others.append(started(lambda: fetched(self._url)))
        return False


@exercise
def noted(app: Any) -> str | None:
    """Streams letters, says beforehand how many, and notes the time when the stream is over."""
    held, letters = Held(), _Letters()
    with held.told(), served(app, lambda app: held.layer(letters.layer(app))) as url:
        before = _ended(url)
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
        _judge_time(times[0], letters.ends[0], recording.seconds)
        left = _ended(url)
        again = ask(f"{url}/letters", watcher=letters).body
        require_equal(again[:1], b"a", f"the first letter, {SECOND}")
        left_none = "a client left after the first letter, and /ended has no new time"
        why = "A background task runs then too; the last line of a generator does not"
        times = _new_times(url, left)
        require(times, f"{left_none}. {why}.")
        both = [one for one in _ended(url) if one not in before]
        require_equal(len(both), 2, "the number of new times in /ended after two streams")
        early = letters.left_at - times[0]
        came = f"a client left, and the time had been noted {early:.2f} s before"
        over = "it does so when it is over, or its client has left"
        require(early <= 0, f"{came}. Let the response run the task (background=…): {over}.")
        return remark_on(f"{url}/letters", held, share)


def _judge_time(noted: Any, end: float, seconds: float) -> None:
    a_time = isinstance(noted, float) and abs(noted - end) < 3600
    require(a_time, f"/ended has {noted!r}, expected: what time.time() gives, as {end:.3f}.")
    early = end - noted
    hint = "let the task itself read the clock, when it runs"
    came = f"the time was noted {early:.2f} s before the stream's end"
    require(early < seconds / 2, f"{came}: {hint}.")
    hint = "let a background task note it, not the generator, and as time.time() gives it"
    require(early <= 0, f"the time in /ended is a moment before the stream's end: {hint}.")


def _new_times(url: str, before: list[Any]) -> list[Any]:
    """The times in /ended that were not there before; the task may take a moment."""
    end = time.perf_counter() + NOTE_SECONDS
    while (times := _ended(url)) == before and time.perf_counter() < end:
        time.sleep(0.05)
    kept = all(one in times for one in before)
    require(kept, f"/ended had {shown(before)}, yours: {shown(times)}: append to the list.")
    return [one for one in times if one not in before]


def _ended(url: str) -> list[Any]:
    got = fetched(f"{url}/ended").body
    try:
        times = json.loads(got)
    except ValueError:
        times = None
    if not isinstance(times, list):
        raise NotYet(f"/ended: yours: {got[:60]!r}, expected: a list.")
    return times


class _Letters(Watcher):
    """Notes when each stream of letters was over, and is a client that stays after the first one.

    While it stays, no second letter is sent. All times are those of `time.time()`.
    """

    def __init__(self) -> None:
        self.ends: list[float] = []
        self.left_at = 0.0
        self._stays = False

    def request(self, request: httpx.Request) -> None:
        """Stay, from now on: all letters may be sent before the first one is read."""
        self._stays = True

    def chunk(self, chunk: Chunk) -> bool:
        """Leave a while after the first chunk."""
        time.sleep(STAY_SECONDS)
        self.left_at = time.time()
        return True

    def end(self, recording: Recording) -> None:
        """It has left."""
        self._stays = False

    def layer(self, app: ASGIApp) -> ASGIApp:
        """An ASGI layer around an app."""

        async def watched(scope: Scope, receive: Receive, send: Send) -> None:
            sent = 0

            async def noting_send(message: Message) -> None:
                nonlocal sent
                while sent and self._stays:
                    await asyncio.sleep(0.02)
                await send(message)
                sent += len(message.get("body", b""))
                last = message["type"] == "http.response.body" and not message.get("more_body")
                if last and scope["path"] == "/letters":
                    self.ends.append(time.time())

            await app(scope, receive, noting_send)

        return watched
