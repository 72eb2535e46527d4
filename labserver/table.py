"""The rows that `record` prints: as they come, without flooding the front end."""

import time
from collections import deque

import httpx

from labserver.decoding import decoders_for
from labserver.masking import masked, shown_url, without_secrets
from labserver.printing import can_rewrite, in_notebook, printable, tell
from labserver.recording import Chunk, RecordedEvent, Recording, Watcher

FIRST, LAST = 40, 5  # rows that a long stream shows
UPDATE_SECONDS = 0.05  # JupyterLab drops messages from about 1,000 a second on
WIDTH = 44  # characters of data in a row
MOST_PART = 200  # characters of a header in the line above the rows
CHUNK_HEAD = f"{'#':>5} {'at s':>8} {'gap s':>8} {'bytes':>9}  data"
EVENT_HEAD = f"{'#':>5} {'at s':>8} {'gap s':>8}  {'event':<10} {'id':<8} data"


class Table(Watcher):
    """A watcher that prints the first 40 rows, then a line of progress, at the end the last 5."""

    def __init__(self) -> None:
        # In a notebook, ipykernel sends by itself what is not flushed here, within 0.2 s.
        self._update_seconds = UPDATE_SECONDS if in_notebook() else 0.0
        self._rewrites = can_rewrite()
        self._count = 0
        self._last_at = 0.0
        self._flushed = 0.0
        self._progress = ""
        self._unshown: deque[tuple[int, float, Chunk | RecordedEvent]] = deque(maxlen=LAST)

    def request(self, request: httpx.Request) -> None:
        """Print what is asked for, and what kind of body is sent along."""
        parts = [f"{request.method} {shown_url(request.url)}"]
        if "content-type" in request.headers:
            parts.append(printable(request.headers["content-type"]))
        self.say(" · ".join(parts))

    def headers(self, recording: Recording) -> bool:
        """Print status and headers."""
        self.say(status_line(recording))
        return False

    def chunk(self, chunk: Chunk) -> bool:
        """Print a chunk's row."""
        self._add(CHUNK_HEAD, chunk)
        return False

    def event(self, event: RecordedEvent) -> bool:
        """Print an event's row."""
        self._add(EVENT_HEAD, event)
        return False

    def end(self, recording: Recording) -> None:
        """Print the last rows, the summary and what is remarkable."""
        if self._progress:
            print("\r" + " " * len(self._progress), end="\r")
        left_out = self._count - FIRST - len(self._unshown)
        if left_out > 0:
            tell(f"     … {left_out:,} rows more …", flush=False)
        for row in self._unshown:
            tell(row_of(*row), flush=False)
        self.say("\n".join([recording.summary, *remarks(recording)]))

    def say(self, line: str) -> None:
        """Print a line that is no row, at once."""
        tell(line)

    def _add(self, head: str, item: Chunk | RecordedEvent) -> None:
        gap, self._last_at = item.at - self._last_at, item.at
        self._count += 1
        if self._count == 1:
            self.say(head)
        if self._count <= FIRST:
            self._print(row_of(self._count, gap, item) + "\n")
            return
        self._unshown.append((self._count, gap, item))
        if self._rewrites and time.perf_counter() - self._flushed >= UPDATE_SECONDS:
            self._progress = f"     … {self._count:,} so far, {item.at:.3f} s"
            self._print("\r" + self._progress)

    def _print(self, text: str) -> None:
        now = time.perf_counter()
        flush = now - self._flushed >= self._update_seconds
        if flush:
            self._flushed = now
        tell(text, end="", flush=flush)


def status_line(recording: Recording) -> str:
    """Status, headers that matter to a stream, and when they came."""
    headers = recording.response.headers
    parts = [recording.status, headers.get("content-type", "no content-type")]
    if encoding := headers.get("content-encoding"):
        parts.append(f"{encoding}, undone here" if recording.decoded else encoding)
    if "content-length" in headers:
        parts.append(f"content-length {headers['content-length']}")
    elif "transfer-encoding" in headers:
        parts.append(headers["transfer-encoding"])
    if recording.location:
        response = recording.response
        followed = response.has_redirect_location and response.request.extensions.get("followed")
        parts.append(f"redirect to {recording.location}{'' if followed else ', not followed'}")
    parts.append(f"headers after {recording.headers_at:.3f} s")
    return " · ".join(shorten(masked(part), MOST_PART) for part in parts)


def remarks(recording: Recording) -> list[str]:
    """What a learner would wonder about, a sentence each."""
    found = []
    chunks = recording.chunks
    kept = sum(len(chunk.data) for chunk in chunks)
    if kept and recording.size > kept:
        found.append(f"Only the first {kept / 2**20:.0f} MiB of data were kept.")
    if chunks and decoders_for(recording.response) is None:
        found.append("Its content-encoding is not undone: the data is shown as it came.")
    looks_like_events = chunks and chunks[0].data.startswith((b"data:", b"event:", b"id:", b": "))
    if looks_like_events and not recording.has_events:
        found.append("It looks like server-sent events, but is not labelled text/event-stream.")
    if chunks and recording.has_events and not recording.events:
        found.append("It is labelled text/event-stream, but there is no whole event in it.")
    return found


def row_of(number: int, gap: float, item: Chunk | RecordedEvent) -> str:
    """A chunk or an event as a row; `gap` is the time in seconds since the one before."""
    start = f"{number:>5} {item.at:>8.3f} {gap:>8.3f}"
    if isinstance(item, Chunk):
        return f"{start} {item.size:>9,}  {shown(item.data)}"
    event, id = (without_secrets(text) for text in (item.event, item.id))
    return f"{start}  {shorten(event, 10):<10} {shorten(id, 8):<8} {shown(item.data)}"


def shown(data: bytes | str) -> str:
    """Data on one line: text as Python writes it, bytes that are not UTF-8 as bytes."""
    if isinstance(data, str):
        return shorten(repr(without_secrets(data)[: 4 * WIDTH]), WIDTH)
    # In latin-1, every byte is a character, and back.
    data = without_secrets(data.decode("latin-1")).encode("latin-1")
    start = data[: 4 * WIDTH]
    try:
        return shorten(repr(start.decode()), WIDTH)
    except UnicodeDecodeError as error:
        cut_here = len(data) > 4 * WIDTH and error.start > WIDTH  # a character that we cut
        return shorten(repr(start[: error.start].decode() if cut_here else start), WIDTH)


def shorten(text: str, width: int) -> str:
    """Text in at most `width` characters, all of them printable."""
    text = printable(text[: width + 1])
    return text[: width - 1] + "…" if len(text) > width else text
