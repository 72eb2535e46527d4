"""How an event stream is written, as rules about its format need it: line by line."""

from collections.abc import Iterator
from typing import NamedTuple

from labserver.diagnosis.items import is_binary
from labserver.events import LineDecoder, name_and_value
from labserver.recording import Recording

TEXT_BYTES = 2**18  # of a body that is no event stream, looked at as text
FIELDS = {"data", "event", "id", "retry"}


class Line(NamedTuple):
    """A line of an event stream. A comment has no name."""

    at: float  # seconds since the request, when the line was complete
    name: str
    value: str

    def __str__(self) -> str:
        return f"{self.name}: {self.value}" if self.value else self.name


def names_of(frame: list[Line]) -> set[str]:
    """The names of its fields."""
    return {line.name for line in frame}


class Written(NamedTuple):
    """The lines of each event, which are a frame, and the comments."""

    frames: list[list[Line]]  # the last one is not finished: no empty line came after it
    comments: list[Line]


def written(recording: Recording) -> Written:
    """The frames and comments of a body; of what is labelled as something else, of its start."""
    found = Written([[]], [])
    for at, line in () if is_binary(recording) else _lines_of(recording):
        name, value = (part.decode(errors="replace") for part in name_and_value(line))
        if not line:
            found.frames.append([])
        elif name:
            found.frames[-1].append(Line(at, name, value))
        else:
            found.comments.append(Line(at, name, value))
    return found


def _lines_of(recording: Recording) -> Iterator[tuple[float, bytes]]:
    """Each line, and when it was complete; the last one also without its end."""
    decoder, size = LineDecoder(), 0
    for at, _, data in recording.chunks:
        for line in decoder.feed(data):
            yield at, line
        size += len(data)
        if size > TEXT_BYTES and not recording.has_events:
            return
    if decoder.unfinished:
        yield recording.seconds, bytes(decoder.unfinished)
