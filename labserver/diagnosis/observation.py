"""What was measured of a stream: the answers to several requests, and what follows from them."""

from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

from labserver.diagnosis.frames import TEXT_BYTES, Line, Written, written
from labserver.diagnosis.items import Item, is_binary, is_packed, items_of
from labserver.diagnosis.pace import Burst, bursts_of
from labserver.recording import Recording

SEVERAL = 3  # items; two may come together by chance
NOTABLE = 0.25  # seconds; what is later by less may be the machine's doing
LATE_FIRST = 0.3  # seconds before the first byte that are worth a word
AT_ONCE = 0.1  # of the wait before: what comes within it came at one moment
SLOW_AGAIN = 0.5  # of the wait before: another answer that came sooner was not as slow
HEADERS_WAITED = 0.5  # of the wait before: headers that came later waited for the first byte
BUSY = (429, 503)  # statuses of what refuses on purpose
MOST_REDIRECTS = 5  # that are followed
JSON_LINES = {
    "application/x-ndjson",
    "application/ndjson",
    "application/jsonl",
    "application/x-jsonl",
}
# Media types that come line by line, where they stream.
LINE_TYPES = JSON_LINES | {"", "text/plain"}


class Silence(NamedTuple):
    """A request that got no headers in time."""

    error: str
    other: float  # seconds until another request got its headers
    direct: float | None = None  # seconds until the same request got its own, asked directly


@dataclass
class Pair:
    """The same request twice at once, and how long other requests waited meanwhile, in seconds.

    first     |---------------|
    second    :  |---------------|       those that got headers are `answers`
    others  ..:..................:..
        calm   :<->: apart         later, and between them `waits`
    """

    answers: list[Recording] = field(default_factory=list)
    apart: float = 0.0  # from the start of the first to that of the second
    unanswered: float = 0.0  # how long the second waited, where no headers came
    waits: list[float] = field(default_factory=list)  # of others, until their headers came
    calm: list[float] = field(default_factory=list)  # the same before them, with none open
    later: list[float] = field(default_factory=list)  # the same after them


@dataclass
class Observation:
    """The answers to one request, sent several times; None or empty where it was not sent.

    What a rule looks at first is `alone`; all the others are compared with it.
    """

    alone: Recording  # asked for uncompressed, with nothing else under way
    redirects: list[str] = field(default_factory=list)  # that led to it
    before: float = 0.0  # seconds that another request waited before any stream was opened
    after: float = 0.0  # the same right after the stream was left
    pair: Pair = field(default_factory=Pair)
    encoded: Recording | None = None  # asked for as a browser does; the bytes as they came
    no_encoded: float = 0.0  # seconds in which no headers came to that request
    plain: Recording | None = None  # asked as the first time right after that, when repeated
    accepted: Recording | None = None  # asked for with Accept: text/event-stream
    direct: Recording | None = None  # asked for at the direct address, where one is given
    again: Recording | None = None  # asked once more, once all had left, where one failed
    resumed: dict[str, Recording] = field(default_factory=dict)  # by the Last-Event-ID sent
    repeated: bool = False  # whether parts of it were measured once more, after all others
    beyond: bytes = b""  # what the server sent after the end that its content-length declares

    @property
    def sse(self) -> bool:
        """Whether it is labelled as an event stream."""
        return self.alone.has_events

    @property
    def json_lines(self) -> bool:
        """Whether it is labelled as a JSON document a line."""
        return self.alone.media_type in JSON_LINES

    @property
    def length(self) -> str:
        """The content-length that was declared; nothing where none was."""
        return str(self.alone.response.headers.get("content-length", ""))

    @cached_property
    def body(self) -> bytes:
        """All bytes that came; nothing where they are in a coding that was not undone here."""
        return b"" if is_packed(self.alone) else self.alone.body

    @cached_property
    def text(self) -> str:
        """The body as text, of what is no event stream its start; nothing for what is no text."""
        data = b"" if is_binary(self.alone) else self.body[: None if self.sse else TEXT_BYTES]
        return data.decode(errors="replace").removeprefix("\ufeff")

    @cached_property
    def items(self) -> list[Item]:
        """What came, one by one."""
        return items_of(self.alone)

    @property
    def first(self) -> float:
        """When the first item came, in seconds since the request."""
        return self.items[0].at if self.items else 0.0

    @property
    def last(self) -> float:
        """When the last item came, in seconds since the request."""
        return self.items[-1].at if self.items else 0.0

    @cached_property
    def bursts(self) -> list[Burst]:
        """The items, those together that came together."""
        return bursts_of(self.items)

    @cached_property
    def _written(self) -> Written:
        return written(self.alone)

    @property
    def frames(self) -> list[list[Line]]:
        """The fields of each event, as they are written; the last frame is not finished."""
        return self._written.frames

    @property
    def comments(self) -> list[Line]:
        """The comments of an event stream: pings, mostly."""
        return self._written.comments

    @cached_property
    def ids(self) -> list[str]:
        """The ids that events have of their own, as clients take them: none with U+0000."""
        events = ({line.name: line.value for line in frame} for frame in self.frames[:-1])
        ids = [event["id"] for event in events if event.get("id") and "data" in event]
        return [id for id in ids if "\0" not in id]

    @property
    def others(self) -> list[Recording]:
        """The other answers to the same question."""
        return [one for one in (self.encoded, *self.pair.answers) if one]

    @property
    def came_at_once(self) -> bool:
        """Whether a whole body came at one moment after a wait, and not by chance."""
        late = self.alone.whole and self.first > LATE_FIRST
        if not late or self.last - self.first > AT_ONCE * self.first:
            return False
        again = [one for one in (*self.others, self.plain) if one and not is_packed(one)]
        firsts = [item.at for one in again for item in items_of(one)[:1]]
        return min(firsts, default=self.first) > SLOW_AGAIN * self.first

    @property
    def headers_waited(self) -> bool:
        """Whether the headers, too, came only with the first bytes."""
        return self.alone.headers_at > HEADERS_WAITED * self.first
