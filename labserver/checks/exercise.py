"""The frame of a check: how an answer is tried, and how the verdict on it is given."""

import json
import re
import textwrap
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import wraps
from typing import Any, TypeVar

from starlette.types import ASGIApp

from labserver.checks.left_behind import ended_afterwards, note
from labserver.log import Log
from labserver.masking import masked
from labserver.printing import printable, tell
from labserver.recorder import record_watched
from labserver.recording import Bounds, Ending, RecordedEvent, Recording, Watcher, counted
from labserver.server import Server

SECONDS = 10.0  # that an answer has for one request, or for one call
MAX_BYTES = 2**24  # of an answer's response, so that one without an end does not fill memory
TRIES = 3  # for what is judged by the clock
LONGEST = 300  # characters of a value or of an error's text in a verdict
WIDTH = 80  # characters of a line of a verdict, as of the code in a cell

AWAITED = "Without `await`, asyncio.sleep(…) does not wait."  # for what comes too soon

MEANS = {  # what a beginner's slip looks like in the server's log
    "'coroutine' object is not iterable": "An async function without yield is no generator.",
    "'function' object is not iterable": "Call the generator function.",
    "'builtin_function_or_method' object": "A function in place of its result: call it.",
    "'async_generator' object is not iterable": "Loop over it by `async for`.",
    "ServerSentEvent.__init__() got an unexpected": "A dict holds fields, such as `data`.",
    "sse_starlette: TypeError: expected string": "The id and the name of an event are text.",
    "object has no attribute 'encode'": "A chunk is text or bytes; a header's value is text.",
    "the first argument must be callable": "Hand over the function itself, without calling it.",
}

T = TypeVar("T")


class NotYet(Exception):
    """What is still missing, in words that help the learner on."""


class Late(NotYet):
    """What is missing by the clock. A busy machine may be the reason, so it is tried again."""


def exercise(judge: Callable[[Any], str | None]) -> Callable[[Any], bool]:
    """Make a check of a function that raises NotYet for an answer that is not right yet.

    What the function returns is a remark: something unwise that the exercise does not ask about.
    The check prints "Solved.", and below it the remark, or "Not yet: …" and what is missing; it
    returns whether the exercise is solved. It raises nothing, whatever the answer raises; only the
    stop button ends it, by KeyboardInterrupt.
    """

    @wraps(judge)
    def check(answer: Any) -> bool:
        try:
            with ended_afterwards():
                remark = judge(answer)
        except NotYet as missing:
            tell(_wrapped(f"Not yet: {missing}"))
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # also CancelledError, or the SystemExit of exit()
            tell(_wrapped(f"Not yet: {in_words(error)}"))
        else:
            tell("Solved." + ("\n" + _wrapped(f"A remark: {remark}") if remark else ""))
            return True
        return False

    return check


def require(condition: object, missing: str, kind: type[NotYet] = NotYet) -> None:
    """Raise NotYet, or a kind of it, with what is missing, unless the condition holds."""
    if not condition:
        raise kind(missing)


def require_equal(yours: object, expected: object, what: str) -> None:
    """Raise NotYet with both values, unless they are equal; `what` says what they are of."""
    require(yours == expected, f"{what}: yours: {shown(yours)}, expected: {shown(expected)}.")


def patiently(judge: Callable[[], T]) -> T:
    """What `judge` returns; where it raises Late, it is called again, three times in all.

    After 10 seconds, it is not called again.
    """
    start = time.monotonic()
    for _ in range(TRIES - 1):
        try:
            return judge()
        except Late:
            if time.monotonic() - start > SECONDS:
                raise
    return judge()


@contextmanager
def served(app: Any, layer: Callable[[ASGIApp], ASGIApp] | None = None) -> Iterator[str]:
    """Serve an answer on a server of its own, and give its URL; `layer` is put around the app.

    A NotYet raised inside also tells the last line of what the server logged.
    """
    try:
        server = Server(app)  # also where a layer is put around it: it says what is no app
        server = Server(layer(app)) if layer else server
        note(server.threads)
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
    watcher: Watcher | None = None,
    **httpx_options: Any,
) -> Recording:
    """Make a request and record the answer, whatever it is, without printing a row.

    Raises NotYet where no response came.
    """
    bounds = Bounds(max_rows, seconds, MAX_BYTES)
    try:
        return record_watched(watcher, url, method, bounds, **httpx_options)
    except (ConnectionError, TimeoutError) as error:
        raise NotYet(f"{str(error).rstrip('.')}.") from None


def fetched(url: str, method: str = "GET", **options: Any) -> Recording:
    """What `ask` records, if it is whole and has status 200; NotYet otherwise."""
    recording = ask(url, method, **options)
    path, status = recording.response.url.path, recording.response.status_code
    require(status != 404, f"{path} answered with status 404: no such route. Has your cell run?")
    place = f" (redirect to {masked(recording.location)})" if recording.location else ""
    why = f" to {method}" if status == 405 else place
    why = f" ({_refused(recording)})" if status == 422 else why
    require(status == 200, f"{path} answered with status {status}{why}, expected: 200.")
    require_whole(recording, path)
    return recording


def _refused(answer: Recording) -> str:
    """Which parameters a 422 of FastAPI refused, and why."""
    with suppress(ValueError, LookupError, TypeError):
        errors = json.loads(answer.body)["detail"]
        return "; ".join(f"{error['loc'][-1]}: {error['msg']}" for error in errors)[:LONGEST]
    return answer.text[:LONGEST]


def require_whole(recording: Recording, what: str) -> None:
    """Raise NotYet unless the response came to its end; `what` names it."""
    came = f"{counted(recording.size, 'byte')} came in {recording.seconds:.1f} s"
    unended = recording.ending in (Ending.SECONDS, Ending.MAX_BYTES, Ending.MAX_CHUNKS)
    require(not unended, f"{what} came to no end: {came}.")
    require(recording.whole, f"{what} did not come whole: {recording.ended}")


def require_events(recording: Recording, path: str) -> None:
    """Raise NotYet for a response that a client does not read as events."""
    kind = recording.media_type or "none"
    expected = "expected: text/event-stream"
    require(recording.has_events, f"the content type of {path}: yours: {kind}, {expected}.")


def line_times(recording: Recording) -> list[float]:
    """When the end of each line was there, in seconds since the request."""
    return [chunk.at for chunk in recording.chunks for _ in range(chunk.data.count(b"\n"))]


def shown(value: object) -> str:
    """A value as Python spells it, without the middle of a long one."""
    if isinstance(value, list) and value and all(isinstance(one, RecordedEvent) for one in value):
        text = ", ".join(f"{event} {data!r}" for _, event, data, _ in value)
    else:
        text = repr(value)
    return text if len(text) <= LONGEST else f"{text[:200]} … {text[-60:]}"


def in_words(error: BaseException) -> str:
    """An error's type and text."""
    text = _in_one_line(str(error))
    return f"{type(error).__name__}{': ' if text else ''}{text}{'' if text[-1:] == '.' else '.'}"


def _wrapped(text: str) -> str:
    """Text in lines that end at a space, since JupyterLab breaks a long line within words."""
    wrapper = textwrap.TextWrapper(WIDTH, break_long_words=False, break_on_hyphens=False)
    return wrapper.fill(_in_one_line(text))


def _in_one_line(text: str) -> str:
    line = printable(" ".join(text.split()))  # it may quote what an answer sends
    return line if len(line) <= 4 * LONGEST else f"{line[: 4 * LONGEST]} …"


def _said_by(log: str) -> str:
    """The last error of a log, or what else it says last.

    Not asyncio's warning that a client has left: the check itself leaves what has no end.
    """
    lines = [line for line in log.splitlines() if re.search(r"\w", line)]
    lines = [line for line in lines if not line.startswith("WARNING asyncio: socket.send()")]
    if not lines:
        return ""
    said = Log("\n".join(lines)).last_line.strip()
    raised_in = [line for line in lines if line.strip(" |").startswith('File "')][-1:]
    by = "sse_starlette: " if "sse_starlette" in "".join(raised_in) else ""  # others raise it, too
    means = "".join(f". {words}" for slip, words in MEANS.items() if slip in by + said)
    return f" The server says: {said[:LONGEST]}{means}"
