"""The exercise of the lesson "Find what breaks off"."""

import logging
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx

from labserver.checks.exercise import (
    TRIES,
    ask,
    exercise,
    fetched,
    require,
    require_equal,
    require_events,
    served,
)
from labserver.checks.meanwhile import Held, remark_on
from labserver.recording import RecordedEvent, Recording, Watcher

PRICES = [("message", "3.20"), ("message", "5.00")]
SECRET = "ann.xlsx"  # in the price that is no number
INSIDE = (SECRET, "could not convert", "valueerror", "traceback")  # not for a client to read
# They log what the check asks, that a client has left, and each chunk, which may quote an error.
OTHERS = ("httpx", "httpcore", "asyncio", "sse_starlette")
GIVEN_BACK = 3.0  # seconds within which a connection has to be back
GOODBYE = 0.08  # seconds: it takes 0.1, and a clock may be a little coarse
AT_LEAST = 0.28  # seconds that a stream takes by itself, with its goodbye

# Checks in two threads take turns: each sets a factory, and puts it back.
_noting = threading.Lock()


@exercise
def ends_cleanly(app: Any) -> str | None:
    """Ends with a public event, a log and a 204; the connection is given back whatever happens."""
    held = Held()
    with _noted() as records, held.told(), served(app, held.layer) as url:
        before = _lent(url)
        prices = fetched(f"{url}/prices")
        last_id = _judge_events(prices)
        share = held.share("/prices")
        _judge_log(records)
        back = ask(f"{url}/prices", headers={"Last-Event-ID": last_id}).response.status_code
        require_equal(back, 204, f"the status for a client that comes back after {last_id!r}")
        _given_back(url, before, "the price that is no number")
        for _ in range(TRIES):  # a busy machine may hide what is too early
            _judge_left(url, before)
        any(_judge_other(url, before) for _ in range(TRIES))
        ask(f"{url}/prices", watcher=_Leaving(url, at=prices.events[2].data))
        _given_back(url, before, "a client left at the event `failed`")
        beside = "/prices tells strangers what is inside, beside the data of its events"
        return f"{beside}." if _told(prices.text) else remark_on(f"{url}/prices", held, share)


def _judge_events(prices: Recording) -> str:
    """The id of the last event."""
    require_events(prices, "/prices")
    events = prices.events
    came = [(event.event, event.data) for event in events]
    require_equal(came[:2], PRICES, "the first two events of /prices")
    names = [name for name, _ in came[2:]]
    require_equal(names, ["failed"], "the names of the events after the two prices")
    text = events[2].data
    require(not _told(text), f"the event `failed` tells strangers what is inside: {text!r}.")
    no_id = "the event `failed` has no id: a browser that comes back cannot say that it had it."
    require(events[2].id, no_id)
    return events[2].id


def _told(text: str) -> bool:
    return any(inside in text.lower() for inside in INSIDE)


def _judge_log(records: list[logging.LogRecord]) -> None:
    logged = "\n".join(map(_text_of, records))
    require(logged, "nothing was logged: how would you hear of the error?")
    first = logged.splitlines()[0]
    require(SECRET in logged, f"the log says {first!r}, and not which error it was.")


def _text_of(record: logging.LogRecord) -> str:
    try:
        return logging.Formatter().format(record)
    except Exception:  # such as info("%d", "x"): perhaps another thread's, and no fault of yours
        return str(record.msg)


def _judge_left(url: str, before: int) -> None:
    leaving = _Leaving(url)
    status = ask(f"{url}/prices", watcher=leaving).response.status_code
    require_equal(status, 200, "the status for a new client, after another one's stream failed")
    back = _given_back(url, before, "a client left at the first price")
    over = leaving.asked + AT_LEAST  # by then, the stream may have ended by itself
    lends = f"while a client listens, /lent says {leaving.lent}, expected: {before + 1}"
    require(leaving.lent == before + 1 or leaving.left > over, f"{lends}.")
    took = back - leaving.left
    early = f"a client left, and {took:.2f} s later the connection was back, expected: 0.1 s"
    require(took > GOODBYE or back > over, f"{early}, for its goodbye: let it finish first.")


def _judge_other(url: str, before: int) -> bool:
    """Judge a client that still listens after another one has left; whether there was time to."""
    ask(f"{url}/prices", watcher=_Leaving(url))
    other = _Leaving(url, at=PRICES[1][1])
    ask(f"{url}/prices", watcher=other)
    in_time = 0 < other.left < other.asked + AT_LEAST
    all_back = f"a client left, another one still listens, and /lent says {other.lent}"
    lent = f"{all_back}, expected: {before + 1}. Give back one connection, not those of others."
    require(other.lent > before or not in_time, lent)
    _given_back(url, before, "two clients left")
    return in_time


def _given_back(url: str, before: int, when: str) -> float:
    """The moment at which /lent said that a connection was back."""
    deadline = time.monotonic() + GIVEN_BACK
    while (lent := _lent(url)) > before and time.monotonic() < deadline:
        time.sleep(0.01)
    kept = f"{when}, and {GIVEN_BACK:.0f} s later /lent says {lent}, expected: {before}"
    require(lent == before, f"{kept}. What runs whatever happens, and may finish?")
    return time.perf_counter()


def _lent(url: str) -> int:
    said = fetched(f"{url}/lent").body
    require(said.isdigit(), f"/lent says {said!r}, expected: a number.")
    return int(said)


class _Leaving(Watcher):
    """A client that leaves at a price. Moments are those of time.perf_counter()."""

    def __init__(self, url: str, at: str = PRICES[0][1]) -> None:
        self._url, self._at = url, at
        self.asked = self.left = 0.0
        self.lent = 0  # while it listened

    def request(self, request: httpx.Request) -> None:
        """Note when it asks."""
        self.asked = time.perf_counter()

    def event(self, event: RecordedEvent) -> bool:
        """Ask what is lent, and leave."""
        if event.data != self._at:
            return False
        self.lent = _lent(self._url)
        self.left = time.perf_counter()
        return True


@contextmanager
def _noted() -> Iterator[list[logging.LogRecord]]:
    """What is logged meanwhile, wherever the configuration of `logging` lets it go."""
    records: list[logging.LogRecord] = []
    with _noting, _turned_on():
        make, quiet = logging.getLogRecordFactory(), logging.NullHandler()
        noting = True

        def made(*args: Any, **options: Any) -> logging.LogRecord:
            record = make(*args, **options)
            if noting and record.name.partition(".")[0] not in OTHERS:
                records.append(record)
            return record

        logging.setLogRecordFactory(made)
        logging.getLogger().addHandler(quiet)  # without any, logging.error() makes one that prints
        try:
            yield records
        finally:
            noting = False  # also where another factory was put around this one, and calls it
            logging.getLogger().removeHandler(quiet)
            if logging.getLogRecordFactory() is made:
                logging.setLogRecordFactory(make)


@contextmanager
def _turned_on() -> Iterator[None]:
    """Let loggers speak that something in this kernel turned off, such as another's dictConfig."""
    made = list(logging.root.manager.loggerDict.values())
    loggers = [logging.root, *(one for one in made if isinstance(one, logging.Logger))]
    quiet = [one for one in loggers if one.disabled or one.level > logging.ERROR]
    off, before = logging.root.manager.disable, [(one.disabled, one.level) for one in quiet]
    logging.disable(logging.NOTSET)
    for logger in quiet:
        logger.disabled = False
        logger.setLevel(min(logger.level, logging.ERROR))
    try:
        yield
    finally:
        if logging.root.manager.disable == logging.NOTSET:  # else the answer has set it meanwhile
            logging.disable(off)
        for logger, (disabled, level) in zip(quiet, before, strict=True):
            logger.disabled = logger.disabled or disabled
            if logger.level == min(level, logging.ERROR):
                logger.setLevel(level)
