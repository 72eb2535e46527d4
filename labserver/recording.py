"""What came in answer to a request, when, and how it ended: data, and the words for it.

With it, what a recording is given: its bounds, and who is told while it goes on.
"""

import codecs
import re
import threading
from collections.abc import Sized
from dataclasses import dataclass, field
from enum import Enum
from typing import NamedTuple

import httpx

from labserver.events import is_event_stream
from labserver.masking import hidden, masked
from labserver.printing import printable, without_repr

# Python's own escapes, and what no browser reads: they may give what cannot be printed.
NO_CHARSET = re.compile("escape|utf-7")
# What Python says where TLS does not end with its closing alert.
NO_ALERT = re.compile(r"(\[SSL: \w+\] )?EOF occurred in violation of protocol( \(_ssl.c:\d+\))?")
MOST_REASON = 200  # characters of an error, which may quote what a server sent


class Chunk(NamedTuple):
    """A piece of the body as httpx handed it over, content-encoding undone."""

    at: float  # seconds since the request
    size: int  # bytes
    data: bytes  # b"" when not kept


class RecordedEvent(NamedTuple):
    """A server-sent event and when its last byte came."""

    at: float  # seconds since the request
    event: str
    data: str  # "" when not kept
    id: str  # the last event ID when it was dispatched


class Ending(Enum):
    """How a recording ended. The value is the sentence that says so."""

    WHOLE = "whole."
    CUT = "ended early: {error}."
    MAX_CHUNKS = "stopped at max_chunks={bound:,}."
    MAX_BYTES = "stopped at max_bytes={bound:,}."
    NO_EVENT = "stopped: more than {bound:,} bytes came without a whole event."
    SECONDS = "stopped after seconds={bound:g}."
    ENOUGH = "stopped: enough was seen."  # a watcher asked for no more
    INTERRUPTED = "interrupted."


@dataclass(repr=False)
class Recording:
    """What came in answer to a request, and when. All times are seconds since the request.

    The body is in `chunks`, and as text in `text`: `response.text` is not there, since httpx has
    handed the body over already.
    """

    method: str
    url: str  # as it may be shown: without a password, and without the token of a query
    response: httpx.Response  # status and headers
    headers_at: float
    chunks: list[Chunk] = field(default_factory=list)
    events: list[RecordedEvent] = field(default_factory=list)  # for text/event-stream
    last_event_id: str = ""  # for `Last-Event-ID`; an id without data counts too (HTML, 9.2.6)
    sent: list[float] = field(default_factory=list)  # when the lab's server sent each message
    seconds: float = 0.0  # when the recording ended
    decoded: bool = False  # whether chunks are what a content-encoding was undone to
    ending: Ending | None = None  # None while it goes on
    error: Exception | None = None  # what cut it short, for Ending.CUT
    bound: float = 0.0  # what was reached, for the endings that name one

    def __repr__(self) -> str:
        status = self.response.status_code
        with hidden(self.response.request.headers):  # a Location may quote them
            place = masked(self.location)
        redirect = f", redirect to {printable(place)[:MOST_REASON]}" if place else ""
        return f"<Recording {self.method} {self.url}: {status}{redirect}, {self.summary}>"

    @property
    def whole(self) -> bool:
        """Whether the body came to its end."""
        return self.ending is Ending.WHOLE

    @property
    def cut(self) -> bool:
        """Whether the body broke off."""
        return self.ending is Ending.CUT

    @property
    def ended(self) -> str:
        """How it ended, in words."""
        if self.ending is None:
            return ""
        with hidden(self.response.request.headers):
            return self.ending.value.format(bound=self.bound, error=_reason(self.error))

    @property
    def status(self) -> str:
        """The status code and its reason, as in "404 Not Found", as the server writes it."""
        # httpx's own reason_phrase leaves out what is not ASCII.
        reason = self.response.extensions.get("reason_phrase", b"").decode()
        return f"{self.response.status_code} {reason}".rstrip()

    @property
    def location(self) -> str:
        """Where the answer leads, if it is a redirect; nothing for any other."""
        response = self.response
        place = response.headers["location"] if response.has_redirect_location else ""
        return str(place or response.extensions.get("location", ""))

    @property
    def media_type(self) -> str:
        """What the response is labelled as, without parameters and in small letters."""
        value = str(self.response.headers.get("content-type", ""))
        return value.partition(";")[0].strip().lower()

    @property
    def has_events(self) -> bool:
        """Whether the response is labelled as an event stream."""
        return is_event_stream(self.response.headers.get("content-type", ""))

    @property
    def size(self) -> int:
        """Bytes that came, content-encoding undone."""
        return sum(chunk.size for chunk in self.chunks)

    @property
    def body(self) -> bytes:
        """What was kept of the body."""
        return b"".join(chunk.data for chunk in self.chunks)

    @property
    def charset(self) -> str:
        """The charset that its content type names, in small letters; nothing where none is."""
        try:
            return (self.response.charset_encoding or "").lower()
        except TypeError:  # Python's email cannot read "; a*=x; a*0*=y"
            return ""

    @property
    def text(self) -> str:
        """The same, decoded by its charset; UTF-8 where none is named."""
        charset = "utf-8" if self.has_events else self.charset or "utf-8"
        try:
            if NO_CHARSET.search(codecs.lookup(charset).name):
                charset = "utf-8"
            return self.body.decode(charset, "replace")
        except (LookupError, UnicodeError):  # a charset that Python does not know, or no charset
            return self.body.decode("utf-8", "replace")

    @property
    def summary(self) -> str:
        """One line: how much came, in which time, and how it ended."""
        what = f"{counted(self.size, 'byte')} in {counted(self.chunks, 'chunk')}"
        if self.has_events:
            what = f"{counted(self.events, 'event')}, {what}"
        return f"{what}, {self.seconds:.3f} s: {self.ended}"


class Watcher:
    """Who is told of a recording while it goes on. True means: enough, end it here."""

    def request(self, request: httpx.Request) -> None:
        """The request is about to be made."""

    def headers(self, recording: Recording) -> bool:
        """The headers came."""
        return False

    def chunk(self, chunk: Chunk) -> bool:
        """A chunk came; its data is there also where the recording does not keep it."""
        return False

    def event(self, event: RecordedEvent) -> bool:
        """An event came; called instead of `chunk` for an event stream."""
        return False

    def end(self, recording: Recording) -> None:
        """It ended, whatever the reason."""


class Bounds:
    """How much of a response is read: rows (events, where they come), seconds, bytes of memory.

    Raises ValueError for a bound that leaves nothing to read.
    """

    def __init__(
        self,
        max_chunks: int | None = None,
        seconds: float | None = 60.0,
        max_bytes: int | None = None,
    ) -> None:
        if max_chunks is not None and (max_chunks < 1 or max_chunks % 1):
            told = f"or None for no end; not {max_chunks!r}."
            raise ValueError(f"max_chunks is a whole number from 1 on, {told}")
        if seconds is not None and not 0 < seconds <= threading.TIMEOUT_MAX:
            raise ValueError(f"seconds is a time above 0, or None for no end; not {seconds!r}.")
        self.max_chunks, self.seconds, self.max_bytes = max_chunks, seconds, max_bytes


def counted(things: Sized | int, noun: str) -> str:
    """A number with its noun: "1 event", "2,000 events"."""
    number = things if isinstance(things, int) else len(things)
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _reason(error: Exception | None) -> str:
    # httpx: "peer closed connection without sending complete message body (…)"
    words = str(error).replace(" without sending complete message body", "")
    words = NO_ALERT.sub("the TLS connection ended without its closing alert", words)
    said = masked(printable(without_repr(words)))[:MOST_REASON].rstrip(".")
    return said or type(error).__name__
