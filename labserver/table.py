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

    def __init__(self, quiet: bool) -> None:
        self.quiet = quiet
        self.count = 0
        self._last_at = 0.0
        self._flushed = 0.0
        self._unshown: deque[tuple[Any, ...]] = deque(maxlen=LAST)
        self._progress = ""
        # Elsewhere, in a pipe or a file, a line that is rewritten is noise.
        self._rewrites = sys.stdout.isatty() or "ipykernel" in type(sys.stdout).__module__

    def say(self, line: str) -> None:
        """Print a line that is no row, at once."""
        if not self.quiet:
            print(line, flush=True)

    def row(self, format_row: Callable[..., str], at: float, *cells: object) -> None:
        """Take a row; `format_row(number, at, gap, *cells)` is asked only for rows that show."""
        self.count += 1
        if self.quiet:
            return
        if self.count == 1:
            self.say(CHUNK_HEAD if format_row is chunk_row else EVENT_HEAD)
        gap, self._last_at = at - self._last_at, at
        if self.count <= FIRST:
            self._print(format_row(self.count, at, gap, *cells) + "\n")
        else:
            self._unshown.append((self.count, format_row, at, gap, cells))
            if self._rewrites:
                self._show_progress(at)

    def end(self, summary: str) -> None:
        """Print the last rows and the summary."""
        if self.quiet:
            return
        self._print("\r" + " " * len(self._progress) + "\r" if self._progress else "")
        left_out = self.count - FIRST - len(self._unshown)
        if left_out > 0:
            print(f"     … {left_out:,} rows more …")
        for number, format_row, at, gap, cells in self._unshown:
            print(format_row(number, at, gap, *cells))
        print(summary, flush=True)

    def _show_progress(self, at: float) -> None:
        if time.perf_counter() - self._flushed >= UPDATE_SECONDS:
            self._progress = f"     … {self.count:,} so far, {at:.3f} s"
            self._print("\r" + self._progress)

    def _print(self, text: str) -> None:
        # What is not flushed here, ipykernel sends by itself within 0.2 s.
        now = time.perf_counter()
        flush = now - self._flushed >= UPDATE_SECONDS
        if flush:
            self._flushed = now
        print(text, end="", flush=flush)


CHUNK_HEAD = f"{'#':>5} {'at s':>8} {'gap s':>8} {'bytes':>9}  data"
EVENT_HEAD = f"{'#':>5} {'at s':>8} {'gap s':>8}  {'event':<10} {'id':<8} data"


def chunk_row(number: int, at: float, gap: float, size: int, data: bytes) -> str:
    return f"{number:>5} {at:>8.3f} {gap:>8.3f} {size:>9,}  {shown(data)}"


def event_row(number: int, at: float, gap: float, event: str, id: str, data: str) -> str:
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
