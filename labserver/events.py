"""Bytes to events: all of the `text/event-stream` format, on one page.

A stream is UTF-8 text made of lines. `name: value` sets a field of the event under way, a line
that starts with a colon is a comment, and an empty line dispatches the event. Sections cited are
those of https://html.spec.whatwg.org/multipage/server-sent-events.html
"""

from codecs import BOM_UTF8
from typing import NamedTuple

LONGEST_RETRY = 2**63 - 1  # milliseconds


class Event(NamedTuple):
    """One dispatched event; `id` is the last event ID at that moment, sent with it or before."""

    event: str
    data: str
    id: str


class LineDecoder:
    """Cuts one response body, in pieces cut anywhere, into its lines (9.2.5)."""

    def __init__(self) -> None:
        self.unfinished = bytearray()  # the bytes after the last line end
        self._at_start = True
        self._after_cr = False

    def feed(self, data: bytes) -> list[bytes]:
        """The lines that these bytes complete, without their ends: CR LF, LF or CR.

        Lines are cut before they are decoded: in UTF-8 no part of a longer character looks like
        CR or LF. `bytes.splitlines` knows these three ends alone; `str.splitlines` knows more.
        """
        if not data:
            return []
        if self._after_cr:  # that CR has ended its line already, without waiting for this LF
            data = data.removeprefix(b"\n")
        self._after_cr = data.endswith(b"\r")
        end = max(data.rfind(b"\n"), data.rfind(b"\r")) + 1
        if not end:  # joined once the line ends: joining at each piece would take quadratic time
            self.unfinished += data
            return []
        lines = b"".join((self.unfinished, data[:end]))
        self.unfinished = bytearray(data[end:])
        if self._at_start:  # "UTF-8 decode" drops one byte order mark, whatever the charset says
            lines = lines.removeprefix(BOM_UTF8)
            self._at_start = False
        return lines.splitlines()


def name_and_value(line: bytes) -> tuple[bytes, bytes]:
    """The two parts of a line (9.2.6). Without a name it is a comment."""
    name, _, value = line.partition(b":")
    return name, value.removeprefix(b" ")


class EventDecoder:
    """Decodes one response body, in pieces cut anywhere. Never raises on any bytes.

    `last_event_id` is what a reconnect sends as `Last-Event-ID` (nothing, if it is empty).
    `retry` is how long the server asks to wait before that, in milliseconds, or None.
    Give both to the decoder of the next body: they outlive a connection.
    """

    def __init__(self, last_event_id: str = "", retry: int | None = None) -> None:
        # As in Chromium, `_id` begins with the last ID. By the letter of 9.2.6 it begins empty, so
        # that a comment and an empty line at the start of a body would lose the ID.
        self.last_event_id = self._id = last_event_id
        self.retry = retry
        self._lines = LineDecoder()
        self._event = ""
        self._data: list[str] = []

    def feed(self, data: bytes) -> list[Event]:
        """The events that these bytes complete. One that is never completed is dropped (9.2.6)."""
        events = []
        for line in self._lines.feed(data):
            if line:
                self._process(line)
            elif event := self._dispatch():
                events.append(event)
        return events

    def _process(self, line: bytes) -> None:
        """Process a field (9.2.6). Other names than these four are ignored, comments too."""
        name, _, value = line.partition(b":")  # a call a line is a tenth slower
        value = value.removeprefix(b" ")
        text = value.decode("utf-8", "replace")
        if name == b"data":
            self._data.append(text)
        elif name == b"event":
            self._event = text
        elif name == b"id" and "\0" not in text:
            self._id = text
        elif name == b"retry" and is_retry(value):
            # 20 digits are past the limit already; int() refuses thousands of them.
            self.retry = min(int(value.lstrip(b"0")[:20] or b"0"), LONGEST_RETRY)

    def _dispatch(self) -> Event | None:
        """Dispatch the event (9.2.6) if it has data, empty data included; start the next one.

        Its ID counts even without data, but only from here on: after a cut in the middle of an
        event, a reconnect must ask for that event again.
        """
        self.last_event_id = self._id
        event, data = self._event or "message", self._data
        self._event, self._data = "", []
        return Event(event, "\n".join(data), self._id) if data else None


def is_retry(value: bytes) -> bool:
    """Whether a `retry` is a whole number of milliseconds; others are ignored (9.2.6)."""
    return value.isdigit()  # in bytes, only ASCII digits are digits


def is_event_stream(content_type: str) -> bool:
    """Whether a `Content-Type` names an event stream: parameters and case do not count (9.2.3)."""
    return content_type.partition(";")[0].strip(" \t\r\n").lower() == "text/event-stream"
