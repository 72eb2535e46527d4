"""The exercise of the lesson "Find what breaks off"."""

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from labserver.checks.exercise import ask, exercise, fetched, require, require_equal, served

PRICES = [("message", "3.20"), ("message", "5.00")]
SECRET = "ann.xlsx"  # in the price that is no number
INSIDE = (SECRET, "could not convert", "valueerror", "traceback")  # not for a client to read
GIVEN_BACK = 3.0  # seconds within which a connection has to be back; its goodbye takes 0.1


@exercise
def ends_cleanly(app: Any) -> None:
    """Ends with a public event, a log and a 204; the connection is given back whatever happens."""
    with _noted() as notes, served(app) as url:
        before = _lent(url)
        last_id = _judge_events(url)
        _judge_log(notes)
        back = ask(f"{url}/prices", headers={"Last-Event-ID": last_id}).response.status_code
        require_equal(back, 204, f"the status for a client that comes back after {last_id!r}")
        _judge_lent(url, before, "the price that is no number")
        ask(f"{url}/prices", max_rows=1)
        _judge_lent(url, before, "a client left at the first price")


def _judge_events(url: str) -> str:
    """The id of the last event."""
    events = fetched(f"{url}/prices").events
    came = [(event.event, event.data) for event in events]
    require_equal(came[:2], PRICES, "the first two events of /prices")
    names = [name for name, _ in came[2:]]
    require_equal(names, ["failed"], "the names of the events after the two prices")
    text = events[2].data
    told = [inside for inside in INSIDE if inside in text.lower()]
    require(not told, f"the event `failed` tells strangers what is inside: {text!r}.")
    no_id = "the event `failed` has no id: a browser that comes back cannot say that it had it."
    require(events[2].id, no_id)
    return events[2].id


def _judge_log(notes: "_Notes") -> None:
    logged = "\n".join(notes.lines)
    require(logged, "nothing was logged: how would you hear of the error?")
    first = logged.splitlines()[0]
    require(SECRET in logged, f"the log says {first!r}, and not which error it was.")


def _judge_lent(url: str, before: int, when: str) -> None:
    deadline = time.monotonic() + GIVEN_BACK
    while (lent := _lent(url)) > before and time.monotonic() < deadline:
        time.sleep(0.05)
    kept = f"{when}, and {GIVEN_BACK:.0f} s later /lent says {lent}, expected: {before}"
    require(lent == before, f"{kept}. What runs whatever happens, and may finish?")


def _lent(url: str) -> int:
    said = fetched(f"{url}/lent").body
    require(said.isdigit(), f"/lent says {said!r}, expected: a number.")
    return int(said)


class _Notes(logging.Handler):
    """Keeps what is logged, with its traceback."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(self.format(record))

    def note(self, record: logging.LogRecord) -> bool:
        """A filter that lets everything pass. It sees what the server then keeps for itself."""
        if record.levelno >= self.level:
            self.emit(record)
        return True


@contextmanager
def _noted() -> Iterator[_Notes]:
    """Note what is logged meanwhile, by whatever logger."""
    notes, root, server = _Notes(), logging.getLogger(), logging.getLogger("uvicorn.error")
    root.addHandler(notes)
    server.addFilter(notes.note)
    try:
        yield notes
    finally:
        root.removeHandler(notes)
        server.removeFilter(notes.note)
