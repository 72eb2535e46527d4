"""The exercise of the lesson "Serve many listeners": a chat room of two workers, one dies."""

import re
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from typing import Any

import httpx

from labserver.checks.exercise import NotYet, exercise, require, shown
from labserver.checks.meanwhile import seconds_of_another
from labserver.crowd import Listener, crowd
from labserver.storage import NONE_HERE, Valkey, find
from labserver.workers import Workers, source_of

LISTENERS = 3  # of each worker
HEARD_SECONDS = 8.0  # within which every line has to be heard; a reconnect takes 0.2
SKIPPED_SECONDS = 1.0  # for the rest, once a later line was heard and an earlier one was not
FIRST = ["first 0", "first 1", "first 2", "first 1"]  # who says it again says another line
AWAY = [f"away {i}" for i in range(4)]  # while a worker is dead
BURST = [f"burst {i}" for i in range(100)]  # so close that a read from "$" misses some
LINE = re.compile(r"\b(first|away|burst) \d+\b")
HELD_SECONDS = 2.0  # for a request that the worker answers before the app
HELD_UP = (
    "Another request to this worker waits, too. In `async def`, await what takes time, such as "
    "what the store is asked; put what blocks, such as valkey's plain client, in a plain def."
)
AT_ONCE = 12  # requests of the burst


@exercise
def survives(app: Any) -> None:
    """Everybody hears every line once, whichever worker took it, and when a worker is killed."""
    source = _source(app)
    program = find() or ""
    require(program, NONE_HERE)
    valkey = Valkey(program=program)
    try:
        with _worker(source, valkey) as one:
            _say(one, "before anybody listens")  # and before the other worker is there
            with _worker(source, valkey) as other:
                _judge(one, other)
    except TimeoutError as error:
        raise NotYet(f"/chat: {error} Does it stream before anybody speaks?") from None
    except ConnectionError as error:  # the first answer
        raise NotYet(f"{error} Expected: 200.") from None
    finally:
        valkey.stop()


def _source(app: Any) -> str:
    require(hasattr(app, "routes"), f"hand the check your app, not {shown(app)}.")
    try:
        return source_of(app)
    except ValueError as error:
        raise NotYet(str(error)) from None


@contextmanager
def _worker(source: str, valkey: Valkey) -> Iterator[Workers]:
    try:
        worker = Workers(source, 1, LABSERVER_STORE=valkey.url)
    except RuntimeError as error:
        raise NotYet(f"alone in a process of its own: {error}") from None
    with worker:
        try:
            yield worker
        except (NotYet, TimeoutError) as missing:
            answers = seconds_of_another(worker.url, HELD_SECONDS) < HELD_SECONDS / 2
            if answers or HELD_UP in str(missing):
                raise
            raise NotYet(f"{missing} {HELD_UP}") from None


def _judge(one: Workers, other: Workers) -> None:
    with crowd(f"{one.url}/chat", LISTENERS) as moved, crowd(f"{other.url}/chat", 2) as stayed:
        everyone = [*moved, *stayed]
        _require_streams(everyone)
        for i, line in enumerate(FIRST):
            _say((one, other)[i % 2], line)
        _require_heard(everyone, FIRST, "two workers, and lines said to both")
        with_id = all(listener.last_id for listener in everyone)
        require(with_id, "the events have no id: a listener cannot say where it was.")
        one.stop()  # its processes end at once, as killed ones do
        for line in AWAY:
            _say(other, line)
        for listener in moved:  # until now it came back to nobody
            listener.url = f"{other.url}/chat"  # as a load balancer sends it
        with _client() as client, ThreadPoolExecutor(AT_ONCE) as threads:
            list(threads.map(lambda line: _say(other, line, client), BURST))
        lines = [*FIRST, *AWAY, *BURST]
        _require_heard(list(stayed), lines, "a listener of the worker that was left")
        _require_heard(list(moved), lines, "a listener whose worker was killed asked the other")
        orders = {tuple(_lines(listener)) for listener in everyone}
        require(len(orders) == 1, "not all listeners heard the lines in the same order.")


def _require_streams(listeners: list[Listener]) -> None:
    for listener in listeners:
        response = listener.responses[0]
        status, kind = response.status_code, response.headers.get("content-type", "")
        require(status == 200, f"GET /chat answered with status {status}, expected: 200.")
        stream = kind.startswith("text/event-stream")
        require(
            stream, f"the content type of /chat: yours: {kind!r}, expected: text/event-stream."
        )


def _client() -> httpx.Client:
    return httpx.Client(trust_env=False, timeout=HEARD_SECONDS)


def _say(worker: Workers, line: str, client: httpx.Client | None = None) -> None:
    with nullcontext(client) if client else _client() as asking:
        try:
            status = asking.post(f"{worker.url}/chat", params={"text": line}).status_code
        except httpx.TimeoutException:
            raise NotYet(f"POST /chat got no answer within {HEARD_SECONDS:.0f} s.") from None
        except httpx.TransportError as error:
            raise NotYet(f"POST /chat got no answer: {type(error).__name__}.") from None
    require(status < 300, f"POST /chat?text=… answered with status {status}, expected: 200.")


def _require_heard(listeners: list[Listener], lines: list[str], where: str) -> None:
    """Wait until each has heard these lines; raise NotYet for one that is lost or came twice."""
    deadline = time.monotonic() + HEARD_SECONDS
    while any(len(_lines(one)) < len(lines) for one in listeners) and time.monotonic() < deadline:
        if any(map(_skipped, listeners)):
            deadline = min(deadline, time.monotonic() + SKIPPED_SECONDS)
        time.sleep(0.05)
    for listener in listeners:
        heard = _lines(listener)
        lost = [*(Counter(lines) - Counter(heard)).elements()]
        count = f"{len(lost)} of {len(lines)} lines were not heard"
        again = any(lines.count(line) > 1 for line in lost)
        count += ", and the same text twice is two lines" if again else ""
        status = listener.responses[-1].status_code
        with_id = f"a listener came back with the id that it had, {listener.last_id!r}"
        answered = f"{with_id}: GET /chat answered with status {status}"
        require(status == 200, f"{answered}, expected: 200.")
        require(not lost, f"{where}: {count}: {shown(lost)}.")
        twice = sorted(Counter(heard) - Counter(lines))
        require(not twice, f"{where}: heard twice: {shown(twice)}.")


def _skipped(listener: Listener) -> bool:
    """Whether it heard a line, but not the one that was said, and answered, before."""
    said = [*FIRST, *AWAY]
    heard = [line for line in _lines(listener) if line in said]
    return heard != said[: len(heard)]


def _lines(listener: Listener) -> list[str]:
    """The lines that it heard. An event may say more than the line, such as JSON around it."""
    found = [LINE.search(text) for text in listener.texts]
    return [line[0] for line in found if line]
