"""The frame of a check: how an answer is tried, and how the verdict on it is given."""

import asyncio
import inspect
import re
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, wait
from contextlib import contextmanager
from functools import wraps
from typing import Any

from labserver.recorder import record_watched
from labserver.recording import Bounds, Ending, RecordedEvent, Recording, counted
from labserver.server import Server

SECONDS = 10.0  # that an answer has for one request, or for one call
MAX_BYTES = 4 * 2**20  # of an answer's response, so that one without an end does not fill memory
LONGEST = 300  # characters of an error's text in a verdict

MEANS = {  # what a beginner's slip looks like in the server's log
    "'coroutine' object is not iterable": "An async function without yield is no generator.",
    "'function' object is not iterable": "Call the generator function.",
}


class NotYet(Exception):
    """What is still missing, in words that help the learner on."""


def exercise(judge: Callable[[Any], None]) -> Callable[[Any], bool]:
    """Make a check of a function that raises NotYet for an answer that is not right yet.

    The check prints "Solved." or "Not yet: …" in one line, and returns whether it is solved. It
    raises nothing, whatever the answer raises; only the stop button ends it by KeyboardInterrupt.
    """

    @wraps(judge)
    def check(answer: Any) -> bool:
        try:
            judge(answer)
        except NotYet as missing:
            print(f"Not yet: {missing}")
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # also CancelledError, or the SystemExit of exit()
            print(f"Not yet: {_in_one_line(error)}")
        else:
            print("Solved.")
            return True
        return False

    return check


def require(condition: object, missing: str) -> None:
    """Raise NotYet with what is missing, unless the condition holds."""
    if not condition:
        raise NotYet(missing)


def require_equal(yours: object, expected: object, what: str) -> None:
    """Raise NotYet with both values, unless they are equal; `what` says what they are of."""
    require(yours == expected, f"{what}: yours: {shown(yours)}, expected: {shown(expected)}.")


def shown(value: object) -> str:
    """A value as Python spells it, without the middle of a long one."""
    text = repr(value)
    return text if len(text) <= LONGEST else f"{text[:200]} … {text[-60:]}"


@contextmanager
def served(app: Any) -> Iterator[str]:
    """Serve an answer on a server of its own, and give its URL.

    A NotYet raised inside also tells the last line of what the server logged.
    """
    try:
        server = Server(app)
        server.start()
    except (TypeError, RuntimeError, OSError) as error:
        raise NotYet(str(error)) from None
    try:
        yield server.url
    except NotYet as missing:
        server.stop()  # an error is logged only after its status 500 was sent
        raise NotYet(f"{missing}{_said_by(server.log)}") from None
    finally:
        server.stop()


def ask(
    url: str,
    method: str = "GET",
    *,
    max_rows: int | None = None,
    seconds: float = SECONDS,
    **httpx_options: Any,
) -> Recording:
    """Make a request and record the answer, whatever it is, without printing a row.

    Raises NotYet where no response came.
    """
    bounds = Bounds(max_rows, seconds, MAX_BYTES)
    try:
        return record_watched(None, url, method, bounds, **httpx_options)
    except (ConnectionError, TimeoutError) as error:
        raise NotYet(f"{error}.".replace("..", ".")) from None


def fetched(url: str, method: str = "GET", **httpx_options: Any) -> Recording:
    """Record an answer's response, and insist on a whole one with status 200."""
    recording = ask(url, method, **httpx_options)
    path, status = recording.response.url.path, recording.response.status_code
    require(status != 404, f"{path} answered with status 404: no such route. Has your cell run?")
    require(status == 200, f"{path} answered with status {status}, expected: 200.")
    require_whole(recording, path)
    return recording


def require_whole(recording: Recording, what: str) -> None:
    """Raise NotYet unless the response came to its end; `what` names it."""
    came = f"{counted(recording.size, 'byte')} came in {recording.seconds:.1f} s"
    bounded = recording.ending in (Ending.SECONDS, Ending.MAX_BYTES)
    require(not bounded, f"{what} came to no end: {came}.")
    require(recording.whole, f"{what} did not come whole: {recording.ended}")


def body(recording: Recording) -> bytes:
    """All bytes of a response."""
    return b"".join(chunk.data for chunk in recording.chunks)


def in_words(events: list[RecordedEvent]) -> str:
    """Name and data of each event."""
    return " and ".join(f"{event} {data!r}" for _, event, data, _ in events) or "no event"


def require_function(answer: Any) -> None:
    """Raise NotYet unless the answer is a function."""
    require(inspect.isfunction(answer), "hand the check the function that you wrote.")


def returned(function: Callable[[Any], Any], given: Any, seconds: float = SECONDS) -> Any:
    """What a learner's function returns, awaited if need be.

    Raises NotYet for one that does not end within `seconds`; it is left behind in its thread.
    """
    future: Future[Any] = Future()

    def call() -> None:
        try:
            future.set_result(awaited(function(given)))
        except KeyboardInterrupt as error:  # the answer's own: the stop button ends `wait`
            future.set_exception(NotYet(f"{function.__name__} raised {error!r}."))
        except BaseException as error:
            future.set_exception(error)

    threading.Thread(target=call, daemon=True).start()
    wait([future], seconds)
    require(future.done(), f"{function.__name__}({given!r}) did not end within {seconds:.0f} s.")
    return future.result()


def awaited(result: Any) -> Any:
    """What a function returned; for one of `async def`, what comes of it."""
    if not inspect.isawaitable(result):
        return result
    loop = asyncio.new_event_loop()  # not asyncio.run, which nest_asyncio replaces
    try:
        return loop.run_until_complete(result)
    finally:
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.close()


def _said_by(log: str) -> str:
    """The last line of a log that says something (a group of exceptions ends in a ruler)."""
    lines = [line.strip(" |") for line in log.splitlines() if re.search(r"\w", line)]
    if not lines:
        return ""
    means = "".join(f". {words}" for slip, words in MEANS.items() if slip in lines[-1])
    return f" The server says: {lines[-1][:LONGEST]}{means}"


def _in_one_line(error: BaseException) -> str:
    words = " ".join(str(error).split())[:LONGEST]
    return f"{type(error).__name__}{': ' if words else ''}{words}."
