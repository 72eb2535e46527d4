"""What was measured of a stream, and what several rules derive from it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise
from typing import NamedTuple

from labserver.events import LineDecoder, is_event_stream, name_and_value
from labserver.recording import Recording

SEVERAL = 3  # items; two may come together by chance
LATE = 0.25  # seconds; what is later by less may be the machine's doing
PAUSE = 0.1  # seconds between two requests beside a stream
AT_ONCE = 0.1  # of the wait before: what comes within it came at one moment
WAIT = 0.3  # seconds before the first byte that are worth a word
IDLE = 1.0  # seconds of silence before an end that may have been its reason
TOGETHER = 0.25  # of the mean gap: what follows sooner came together
JITTER = 0.02  # seconds between two things that may have been sent together
MOST_REDIRECTS = 5
MAX_LINES = 3000  # of a body that are looked at
TEXT_BYTES = 2**18  # of a body that is no event stream, looked at as text
FIELDS = {"data", "event", "id", "retry"}
JSON_LINES = {
    "application/x-ndjson",
    "application/ndjson",
    "application/jsonl",
    "application/x-jsonl",
}
LINES = JSON_LINES | {"", "text/plain"}  # types that come line by line, where they stream


class Item(NamedTuple):
    """An event, a line of a text or, for what is no text, a chunk."""

    at: float  # seconds since the request
    text: str  # of an event its data; of a chunk nothing


class Line(NamedTuple):
    """A line of an event stream. A comment has no name."""

    at: float
    name: str
    value: str


class Burst(NamedTuple):
    """Items that came together."""

    at: float
    size: int


class Silence(NamedTuple):
    """A request that got no headers in time."""

    error: str
    other: float  # seconds until another request got its headers


@dataclass
class Observation:
    """What was measured; None or empty where it was not. Times are seconds."""

    alone: Recording  # asked for uncompressed, with nothing else under way
    encoded: Recording | None = None  # asked for as a browser does; the bytes as they came
    no_encoded: float = 0.0  # how long no headers came to that request
    accepted: Recording | None = None  # asked for with Accept: text/event-stream
    pair: list[Recording] = field(default_factory=list)  # two of the same at once
    apart: float = 0.0  # from the start of the first of the pair to that of the second
    unanswered: float = 0.0  # how long the second of the pair waited, where no headers came
    waits: list[float] = field(default_factory=list)  # until others got headers, meanwhile
    calm: list[float] = field(default_factory=list)  # the same with no stream open
    before: float = 0.0  # the same before any stream was opened
    after: float = 0.0  # the same right after the stream was left
    resumed: dict[str, Recording] = field(default_factory=dict)  # by the Last-Event-ID sent
    redirects: list[str] = field(default_factory=list)
    again: Recording | None = None  # asked once more, once all had left, where one failed
    beyond: bytes = b""  # what the server sent after the end that its content-length declares

    @cached_property
    def type(self) -> str:
        """The media type, without parameters."""
        value = self.alone.response.headers.get("content-type", "")
        return str(value).partition(";")[0].strip().lower()

    @property
    def sse(self) -> bool:
        """Whether it is labelled as an event stream."""
        return is_event_stream(self.type)

    @property
    def json_lines(self) -> bool:
        """Whether it is labelled as a JSON document a line."""
        return self.type in JSON_LINES

    @property
    def length(self) -> str | None:
        """The content-length that was declared."""
        length: str | None = self.alone.response.headers.get("content-length")
        return length

    @cached_property
    def body(self) -> bytes:
        """All bytes that came."""
        return b"".join(chunk.data for chunk in self.alone.chunks)

    @cached_property
    def text(self) -> str:
        """The body as text; nothing for what is no text."""
        data = b"" if is_binary(self.alone) else self.body[: None if self.sse else TEXT_BYTES]
        return data.decode(errors="replace").removeprefix("\ufeff")

    @cached_property
    def items(self) -> list[Item]:
        """What came, one by one."""
        return items_of(self.alone)

    @property
    def first(self) -> float:
        """When the first item came."""
        return self.items[0].at if self.items else 0.0

    @property
    def last(self) -> float:
        """When the last item came."""
        return self.items[-1].at if self.items else 0.0

    @cached_property
    def bursts(self) -> list[Burst]:
        """The items, those together that came together."""
        return bursts_of([item.at for item in self.items])

    @property
    def frames(self) -> list[list[Line]]:
        """The fields of each event, as they are written; the last frame is not finished."""
        return self._frames_and_comments[0]

    @property
    def comments(self) -> list[Line]:
        """The comments of an event stream: pings, mostly."""
        return self._frames_and_comments[1]

    @cached_property
    def _frames_and_comments(self) -> tuple[list[list[Line]], list[Line]]:
        frames: list[list[Line]] = [[]]
        comments = []
        for at, line in () if is_binary(self.alone) else _lines_of(self.alone, self.sse):
            name, value = (part.decode(errors="replace") for part in name_and_value(line))
            if not line:
                frames.append([])
            elif name:
                frames[-1].append(Line(at, name, value))
            else:
                comments.append(Line(at, name, value))
        return frames, comments

    @cached_property
    def ids(self) -> list[str]:
        """The ids that events have of their own."""
        events = ({line.name: line.value for line in frame} for frame in self.frames[:-1])
        return [event["id"] for event in events if event.get("id") and "data" in event]

    @property
    def others(self) -> list[Recording]:
        """The other answers to the same question."""
        return [one for one in (self.encoded, *self.pair) if one]

    @property
    def came_at_once(self) -> bool:
        """Whether a whole body came at one moment after a wait, and not by chance."""
        late = self.alone.whole and self.first > WAIT
        if not late or self.last - self.first > AT_ONCE * self.first:
            return False
        again = [one.chunks[0].at for one in self.pair if one.chunks]
        return min(again, default=self.first) > 0.5 * self.first  # else it was slow just once

    @property
    def silence_at_the_end(self) -> float:
        """Seconds from the last byte to the end, if it was never as quiet before; else 0."""
        moments = [self.alone.headers_at, *(chunk.at for chunk in self.alone.chunks)]
        silence = self.alone.seconds - moments[-1]
        longest = max((b - a for a, b in pairwise(moments)), default=0.0)
        return silence if silence > longest else 0.0

    @property
    def headers_waited(self) -> bool:
        """Whether the headers, too, came only with the first bytes."""
        return self.alone.headers_at > 0.5 * self.first


def items_of(recording: Recording) -> list[Item]:
    """When each event came, or each line of a text; for what is no text, each chunk."""
    if recording.has_events:
        return [Item(event.at, event.data) for event in recording.events]
    if is_binary(recording):
        return [Item(chunk.at, "") for chunk in recording.chunks]
    items: list[Item] = []
    rest = b""
    for at, _, data in recording.chunks:
        *lines, rest = (rest + data).split(b"\n")
        texts = (line.decode(errors="replace").rstrip("\r") for line in lines[:MAX_LINES])
        items += [Item(at, text) for text in texts if text]
        if len(items) > MAX_LINES:
            return items
    return [*items, Item(at, rest.decode(errors="replace"))] if rest else items


def _lines_of(recording: Recording, all_of_them: bool) -> Iterator[tuple[float, bytes]]:
    """The lines as an event stream has them, and when each was complete."""
    decoder, size = LineDecoder(), 0
    for at, _, data in recording.chunks:
        for line in decoder.feed(data):
            yield at, line
        size += len(data)
        if size > TEXT_BYTES and not all_of_them:
            return
    if decoder.unfinished:
        yield recording.seconds, bytes(decoder.unfinished)


def bursts_of(moments: Sequence[float]) -> list[Burst]:
    """When something came and how many things together, the machine's jitter put aside."""
    gaps = [b - a for a, b in pairwise(moments)]
    apart = max(TOGETHER * sum(gaps) / max(len(gaps), 1), JITTER)
    bursts: list[Burst] = []
    for at, gap in zip(moments, [2 * apart, *gaps], strict=False):
        if gap > apart:
            bursts.append(Burst(at, 0))
        bursts[-1] = Burst(bursts[-1].at, bursts[-1].size + 1)
    return bursts


def is_binary(recording: Recording) -> bool:
    """Whether it is no text: a NUL in the first chunks."""
    return any(b"\0" in chunk.data for chunk in recording.chunks[:9])
