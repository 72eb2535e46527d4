"""The first exercise of the lesson "Read a stream"; `cutting.py` has the second."""

import asyncio
import inspect
import math
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import httpx

from labserver.checks.calling import awaited, ended, require_function, started
from labserver.checks.exercise import (
    Late,
    NotYet,
    exercise,
    in_words,
    patiently,
    require,
    shown,
)
from labserver.checks.meanwhile import LoopWatch
from labserver.server import Server

SILENCE = 5.4  # seconds: longer than httpx's own read timeout of 5
HELD = 0.6  # of the time: to make a client, which nobody can await, takes 0.3 on a busy machine
ANY_THREAD = "Let read_for work in any thread: bound its time without signals."
SLOWEST = 8  # times slower than on a quiet machine


@exercise
def deadline(read_for: Any) -> str | None:
    """Returns in time what came, from a stream that falls silent and from one without end."""
    require_function(read_for)
    with Server(_unending()) as server:
        reader = _Reader(read_for, server.url, _pace(server.url))
        reader.judged(_judge_end)
        long = started(lambda: reader.read("pauses", 30))  # beside the others: it takes longest
        reader.judged(_judge_silence)
        reader.judged(_judge_endless)
        reader.judged(_judge_no_answer)
        got, took = ended(long, "with seconds=30, read_for", 33)
        if got != b"abc":  # perhaps the answer keeps what came in one place for all its calls
            got, took = reader.read_within("pauses", 30)
        came = f"b'ab' came, b'c' after {SILENCE:g} s; with seconds=30, yours: {shown(got)}"
        hint = "httpx has a timeout of its own, of 5 s"
        require(got == b"abc", f"{came} after {took:.1f} s, expected: b'abc'. {hint}.")
    if reader.held < HELD:
        return None
    held = f"while read_for waits, nothing else on its event loop runs ({reader.held:.0%})"
    return f"{held}: in `async def`, await what waits."


def _pace(url: str) -> int:
    """How many times slower than on a quiet machine all is to go, by what one request takes."""
    start = time.perf_counter()
    httpx.get(f"{url}/ends/1", trust_env=False, timeout=None)  # a new client takes most of it
    return min(math.ceil(4 * (time.perf_counter() - start)), SLOWEST)


def _judge_end(reader: "_Reader") -> None:
    seconds = 3 * reader.pace
    got, took = reader.read_within("ends", seconds)
    late = Late if got == b"" else NotYet
    require(got == b"abc", f"for a stream that ends, yours: {shown(got)}, expected: b'abc'.", late)
    came = f"the stream ended at once; with seconds={seconds} it took {took:.1f} s"
    require(took < 0.9 * seconds, f"{came}.", Late)


def _judge_silence(reader: "_Reader") -> None:
    seconds = reader.pace
    got, took = reader.read_within("silent", seconds)
    came = f"b'ab' came after {0.4 * seconds:g} s, b'c' after {0.6 * seconds:g} s, then nothing"
    yours = f"{came}; with seconds={seconds:g}, yours: {shown(got)} after {took:.1f} s"
    in_time = got == b"abc" or (got == b"ab" and took > seconds)
    require(in_time, f"{yours}, expected: b'abc'.", Late)
    # A client made before the time begins takes a quarter of it, at most: see `_pace`.
    require(took < 1.3 * seconds, f"{yours}: did one of them start the time again?", Late)


def _judge_endless(reader: "_Reader") -> None:
    seconds = reader.pace / 2
    got, took = reader.read_within("endless", seconds)
    right = isinstance(got, bytes | bytearray) and got and not got.strip(b"x")
    came = f"for an endless stream of b'x' and seconds={seconds:g}, yours: {shown(got)}"
    require(right, f"{came}, expected: b'xxx…'.", Late)
    require(took < 3 * seconds, f"{came} after {took:.1f} s.", Late)


def _judge_no_answer(reader: "_Reader") -> None:
    seconds = reader.pace / 2
    got, took = reader.read_within("late", seconds)
    came = f"no response came; with seconds={seconds:g}, yours: {shown(got)} after {took:.1f} s"
    require(got == b"", f"{came}, expected: b''.", Late)
    require(took < 3 * seconds, f"{came}, expected: {seconds:g} s.", Late)


class _Reader:
    """Calls an answer and measures it: how long it takes, how long it holds its event loop."""

    def __init__(self, read_for: Any, url: str, pace: int) -> None:
        self._read_for, self._url = read_for, url
        self.pace = pace  # how much slower than on a quiet machine all is to go
        self.held = 0.0  # the share of the time, while the stream is silent

    def judged(self, judge: Callable[[Any], None]) -> None:
        """Judge patiently, and as slowly as the machine is by then."""

        def tried() -> None:
            try:
                judge(self)
            except Late:
                self.pace = max(self.pace, _pace(self._url))
                raise

        patiently(tried)

    def read_within(self, name: str, seconds: float) -> tuple[Any, float]:
        """What it returns and after how many seconds; NotYet for 3 s too many."""
        call = started(lambda: self.read(name, seconds))
        return ended(call, f"with seconds={seconds:g}, read_for", seconds + 3 * self.pace)

    def read(self, name: str, seconds: float) -> tuple[Any, float]:
        """The same, without an end."""
        start = time.perf_counter()
        try:
            got = self._read_for(f"{self._url}/{name}/{self.pace}", seconds)
            if inspect.isawaitable(got):
                got = awaited(self._watched(got) if name == "silent" else got)
        except (httpx.TimeoutException, TimeoutError) as error:
            took = time.perf_counter() - start
            out = f"with seconds={seconds:g}, {type(error).__name__} came out after {took:.1f} s"
            early = "httpx's own timeout of 5 s is still there"
            hint = "catch it around the whole, return what came"
            raise NotYet(f"{out}: {early if took < seconds - 0.5 else hint}.") from None
        except ValueError as error:
            if "main thread" not in str(error):
                raise
            raise NotYet(f"{in_words(error)} {ANY_THREAD}") from None
        return got, time.perf_counter() - start

    async def _watched(self, answer: Awaitable[Any]) -> Any:
        watch = LoopWatch()
        try:
            return await answer
        finally:
            self.held = watch.held_share()
            watch.end()


def _unending() -> Any:
    """An app whose streams end, fall silent for a while or for good, go on, or begin late."""
    from fastapi import FastAPI
    from fastapi.responses import StreamingResponse

    app = FastAPI()

    async def pieces(name: str, pace: int) -> AsyncIterator[bytes]:
        yield b"x" if name == "endless" else b"ab"
        while name == "endless":
            await asyncio.sleep(0.05)
            yield b"x"
        await asyncio.sleep({"silent": 0.2 * pace, "pauses": SILENCE}.get(name, 0))
        yield b"c"
        await asyncio.sleep(3600 if name == "silent" else 0)

    @app.get("/{name}/{pace}")
    async def stream(name: str, pace: int) -> StreamingResponse:
        await asyncio.sleep({"silent": 0.4 * pace, "late": 3 * pace}.get(name, 0))
        return StreamingResponse(pieces(name, pace))

    return app
