"""The body of a response, read piece by piece into its recording.

    a piece   --> codings undone --> kept as a Chunk --> its events decoded --> the watcher told

until the body ends, the watcher has enough, a bound is reached or the deadline passes.
"""

import time
from collections.abc import Iterator
from ssl import SSLSocket

import httpx

from labserver.deadline import Deadline
from labserver.decoding import decoders_for
from labserver.events import EventDecoder
from labserver.recording import Bounds, Chunk, Ending, RecordedEvent, Recording, Watcher

KEEP_BYTES = 64 * 2**20  # of data; of what comes after them, the sizes alone are kept
EVENT_BYTES = 16 * 2**20  # that may come without a whole event: the decoder holds them all
CHUNK_BYTES = 512  # what a chunk takes in memory beside its data, at most
MOST_NAME = 100  # characters of an event's name and id that are kept without its data


class Reading:
    """The reading of one response into its recording; `start` is the clock's at the request."""

    def __init__(
        self,
        recording: Recording,
        start: float,
        watcher: Watcher | None,
        bounds: Bounds,
        keep: bool,
        raw: bool,
    ) -> None:
        self.recording, self.start, self.watcher = recording, start, watcher
        self.bounds, self.keep = bounds, keep
        self.events = EventDecoder() if recording.has_events else None
        self.size = self.undecoded = 0  # bytes so far, and since the last event
        self.decoders = [] if raw else decoders_for(recording.response) or []
        recording.decoded = bool(self.decoders)
        if not {"content-length", "transfer-encoding"} & {*recording.response.headers}:
            _let_a_cut_raise(recording.response)

    def read(self, deadline: Deadline, failure: OSError | KeyboardInterrupt | None = None) -> None:
        """Read the body, and note how it ended; after a `failure`, there is none to read."""
        recording = self.recording
        try:
            if self.watcher and self.watcher.headers(recording):
                recording.ending = Ending.ENOUGH
            elif failure is None:
                self._read_body(deadline)
            elif isinstance(failure, OSError):
                recording.ending, recording.error = Ending.CUT, failure
            else:
                raise failure
        except KeyboardInterrupt:
            recording.ending = Ending.INTERRUPTED
            return
        except httpx.HTTPError as error:
            recording.ending, recording.error = Ending.CUT, error
        if deadline.passed:  # also where a body seems whole: HTTP/1.0 ends one by closing
            recording.ending, recording.bound = Ending.SECONDS, self.bounds.seconds or 0.0

    def _read_body(self, deadline: Deadline) -> None:
        clock, start = time.perf_counter, self.start
        for data in self._pieces():
            if self._take(clock() - start, data):  # enough
                self.recording.ending = Ending.ENOUGH
            elif bound := self._bound_reached():
                self.recording.ending, self.recording.bound = bound
            if self.recording.ending or deadline.passed:
                return  # read no more: what lies unread makes close() tell the server
        self.recording.ending = Ending.WHOLE

    def _pieces(self) -> Iterator[bytes]:
        pieces = self.recording.response.iter_raw()
        for decoder in self.decoders:
            pieces = decoder.decode(pieces)
        return pieces

    def _take(self, at: float, data: bytes) -> bool:
        """Keep a piece, decode its events, tell the watcher; whether the watcher has enough."""
        recording, watcher, size = self.recording, self.watcher, len(data)
        self.size += size
        self.keep = self.keep and self.size <= KEEP_BYTES
        recording.chunks.append(Chunk(at, size, data if self.keep else b""))
        if self.events is None:
            return watcher is not None and watcher.chunk(Chunk(at, size, data))
        self.undecoded += size
        for event, text, id in self.events.feed(data):
            self.undecoded = 0
            recording.last_event_id = id
            whole = RecordedEvent(at, event, text, id)
            kept = whole if self.keep else RecordedEvent(at, event[:MOST_NAME], "", id[:MOST_NAME])
            recording.events.append(kept)
            if watcher and watcher.event(whole):
                return True
            if len(recording.events) == self.bounds.max_chunks:
                return False
        recording.last_event_id = self.events.last_event_id
        return False

    def _bound_reached(self) -> tuple[Ending, int] | None:
        recording, bounds = self.recording, self.bounds
        rows = recording.chunks if self.events is None else recording.events
        if len(rows) == bounds.max_chunks:
            return Ending.MAX_CHUNKS, bounds.max_chunks
        if self.undecoded > EVENT_BYTES:
            return Ending.NO_EVENT, EVENT_BYTES
        memory = self.size + CHUNK_BYTES * len(recording.chunks)
        if bounds.max_bytes is not None and memory > bounds.max_bytes:
            return Ending.MAX_BYTES, bounds.max_bytes
        return None


def _let_a_cut_raise(response: httpx.Response) -> None:
    """Let TLS raise where it ends without its alert, which alone tells a cut (RFC 9112, 9.8)."""
    line = response.extensions["network_stream"].get_extra_info("socket")
    if isinstance(line, SSLSocket):
        line.suppress_ragged_eofs = False  # type: ignore[attr-defined]
