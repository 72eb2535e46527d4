"""The rows that `record` prints: as they come, without flooding the front end."""

import sys
import time
from collections import deque
from collections.abc import Callable
from typing import Any

FIRST, LAST = 40, 5
UPDATE_SECONDS = 0.05  # JupyterLab drops messages from about 1,000 a second on
WIDTH = 44  # characters of data in a row


class Table:
    """Prints the first 40 rows, then a line of progress, at the end the last 5."""

    def __init__(self) -> None:
        in_notebook = "ipykernel" in type(sys.stdout).__module__
        # In a notebook, what is not flushed here ipykernel sends by itself, within 0.2 s.
        self._update_seconds = UPDATE_SECONDS if in_notebook else 0.0
        self._rewrites = in_notebook or sys.stdout.isatty()  # noise in a pipe or a file
        self._count = 0
        self._last_at = 0.0
        self._flushed = 0.0
        self._progress = ""
        self._unshown: deque[tuple[Any, ...]] = deque(maxlen=LAST)

    def say(self, line: str) -> None:
        """Print a line that is no row, at once."""
        print(line + "\n", end="", flush=True)  # in one, lest another thread's print cut in

    def chunk(self, at: float, size: int, data: bytes) -> None:
        self._row(CHUNK_HEAD, chunk_row, at, size, data)

    def event(self, at: float, event: str, data: str, id: str) -> None:
        self._row(EVENT_HEAD, event_row, at, event, data, id)

    def end(self, summary: str) -> None:
        """Print the last rows and the summary."""
        if self._progress:
            print("\r" + " " * len(self._progress), end="\r")
        left_out = self._count - FIRST - len(self._unshown)
        if left_out > 0:
            print(f"     … {left_out:,} rows more …")
        for format_row, *cells in self._unshown:
            print(format_row(*cells))
        self.say(summary)

    def _row(self, head: str, format_row: Callable[..., str], at: float, *cells: object) -> None:
        self._count += 1
        gap, self._last_at = at - self._last_at, at
        if self._count == 1:
            self.say(head)
        if self._count <= FIRST:
            self._print(format_row(self._count, at, gap, *cells) + "\n")
            return
        self._unshown.append((format_row, self._count, at, gap, *cells))
        if self._rewrites and time.perf_counter() - self._flushed >= UPDATE_SECONDS:
            self._progress = f"     … {self._count:,} so far, {at:.3f} s"
            self._print("\r" + self._progress)

    def _print(self, text: str) -> None:
        now = time.perf_counter()
        flush = now - self._flushed >= self._update_seconds
        if flush:
            self._flushed = now
        print(text, end="", flush=flush)


CHUNK_HEAD = f"{'#':>5} {'at s':>8} {'gap s':>8} {'bytes':>9}  data"
EVENT_HEAD = f"{'#':>5} {'at s':>8} {'gap s':>8}  {'event':<10} {'id':<8} data"


def chunk_row(number: int, at: float, gap: float, size: int, data: bytes) -> str:
    return f"{number:>5} {at:>8.3f} {gap:>8.3f} {size:>9,}  {shown(data)}"


def event_row(number: int, at: float, gap: float, event: str, data: str, id: str) -> str:
    event, id = shorten(event, 10), shorten(id, 8)
    return f"{number:>5} {at:>8.3f} {gap:>8.3f}  {event:<10} {id:<8} {shown(data)}"


def shown(data: bytes | str) -> str:
    """Data on one line: text as Python writes it, bytes that are not UTF-8 as bytes."""
    start = data[: 4 * WIDTH]
    if isinstance(start, bytes):
        try:
            start = start.decode()
        except UnicodeDecodeError as error:
            if len(data) > 4 * WIDTH and error.start > WIDTH:  # a character that we cut
                start = start[: error.start].decode()
    return shorten(repr(start), WIDTH)


def shorten(text: str, width: int) -> str:
    """Text in at most `width` characters, all of them printable."""
    text = "".join(c if c.isprintable() else "\ufffd" for c in text[: width + 1])
    return text[: width - 1] + "…" if len(text) > width else text
