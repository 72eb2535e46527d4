"""Rules about the format of server-sent events (HTML standard, 9.2.5 and 9.2.6)."""

import re

from labserver.diagnosis.finding import Level, quoted, rule, some
from labserver.diagnosis.frames import FIELDS, Line
from labserver.diagnosis.observation import NOTABLE, Observation
from labserver.events import EventDecoder, is_retry
from labserver.recording import counted

HEARTBEAT = re.compile(r"ping|heart|beat|alive", re.I)
ENOUGH_FRAMES = 3  # without an event in one of them, it is no chance
TOO_SOON = 10  # milliseconds; below, seconds may have been meant
BYTE_ORDER_MARK = "\ufeff"
# A CR that ends a line by itself, where other lines end in LF, and what is lost after it.
BARE_CR = re.compile(rb"\r(?!\n)(?!(?:data|event|id|retry)?:|[\r\n])[^\r\n]+")
BEFORE = 40  # bytes of the line in front of it that are quoted


def _shown(line: Line) -> str:
    return f"{line.name}: {line.value}" if line.value else line.name


def _names(frame: list[Line]) -> set[str]:
    return {line.name for line in frame}


@rule(
    "not-labelled",
    Level.FAULT,
    """These are server-sent events, but the Content-Type is not text/event-stream, so EventSource
    refuses them. Set the media type.""",
)
def not_labelled(seen: Observation) -> str:
    names = {name for frame in seen.frames[:-1] for name in _names(frame)}
    found = [] if seen.sse or not names <= FIELDS else EventDecoder().feed(seen.body)
    if not found:
        return ""
    told = some([event.data for event in found], "event")
    return f"content-type: {seen.alone.media_type or 'missing'}, but {told}"


@rule(
    "no-events",
    Level.FAULT,
    """The fields have spaces in front of them, so a client ignores the lines. This is consistent
    with a text that is indented in the source. Start each line with data: itself.""",
)
def indented(seen: Observation) -> str:
    lines = [_shown(line) for frame in seen.frames for line in frame]
    spaced = [line for line in lines if re.match(r"\s+(data|event|id)\b", line)]
    return some(spaced, "line") if seen.sse and not seen.alone.events and _enough(seen) else ""


@rule(
    "no-events",
    Level.FAULT,
    """It is labelled text/event-stream, but there is no event in it. Write each event as lines
    that start with data:, and an empty line after them; or label it as what it is.""",
)
def no_events(seen: Observation) -> str:
    names = {name for frame in seen.frames for name in _names(frame)}
    if not seen.sse or seen.alone.events or "data" in names or not names - {"retry", "id"}:
        return ""
    return f"{seen.alone.summary} {quoted(seen.text)}" if _enough(seen) else ""


def _enough(seen: Observation) -> bool:
    return seen.alone.whole or sum(map(bool, seen.frames[:-1])) >= ENOUGH_FRAMES


@rule(
    "no-blank-line",
    Level.FAULT,
    """The newlines were sent as a backslash and an n, so no event ends and a client gets none.
    This is consistent with a raw string, or with text that was escaped once too often. Send real
    newlines.""",
)
def escaped_newlines(seen: Observation) -> str:
    dispatched = len(seen.alone.events)
    escaped = len(re.findall(r"\\n\\n(?=data:|id:|event:|$)", seen.text)) > dispatched
    return _told(seen) if seen.sse and escaped else ""


@rule(
    "no-blank-line",
    Level.FAULT,
    """No empty line separates the events, so a client gets none of them, or all as one. End each
    event with two newlines.""",
)
def no_blank_line(seen: Observation) -> str:
    data = [chunk.at for chunk in seen.alone.chunks if re.search(rb"(?m)^data:", chunk.data)]
    dispatched = len(seen.alone.events)
    run_on = len(data) > 2 and dispatched < 2 and data[-1] - data[0] > NOTABLE
    none = seen.alone.whole and data and not dispatched
    return _told(seen) if seen.sse and (run_on or none) else ""


def _told(seen: Observation) -> str:
    return f"{counted(seen.alone.events, 'event')} in {counted(seen.alone.size, 'byte')}: " + (
        quoted(seen.text)
    )


@rule(
    "unfinished-event",
    Level.FAULT,
    """No empty line comes after the last event, so clients drop it. End it with two newlines, as
    the others.""",
)
def unfinished_event(seen: Observation) -> str:
    rest = seen.frames[-1] if seen.sse and seen.alone.whole else []
    lines = [_shown(line) for line in rest if line.name in ("data", "event")]
    return f"after the last empty line: {quoted(', '.join(lines))}" if lines else ""


@rule(
    "byte-order-mark",
    Level.FAULT,
    """A byte order mark (U+FEFF) stands inside the body, where it is part of the text. This is
    consistent with pieces that are each encoded as utf-8-sig. Encode as utf-8, and send the mark
    at most once, at the start.""",
)
def byte_order_mark(seen: Observation) -> str:
    if seen.sse:
        names = [_shown(line) for frame in seen.frames for line in frame]
    else:
        names = [item.text for item in seen.items[1:]]
    return some([text for text in names if text.startswith(BYTE_ORDER_MARK)], "line")


@rule(
    "carriage-return",
    Level.FAULT,
    """A carriage return stands inside the data. In an event stream it ends a line, so what comes
    after it is lost. Split the data at each line end, the carriage return too, and write data: in
    front of each line; or send JSON, which escapes it.""",
)
def carriage_return(seen: Observation) -> str:
    if not seen.sse or b"\n" not in seen.body:
        return ""
    found = [_with_its_line(seen.body, match) for match in BARE_CR.finditer(seen.body)]
    return some(found, "place")


def _with_its_line(body: bytes, match: re.Match[bytes]) -> str:
    start = body[max(0, match.start() - BEFORE) : match.start()]
    *_, line = re.split(rb"[\r\n]", start)
    return (line + match[0]).decode(errors="replace")


@rule(
    "lost-lines",
    Level.FAULT,
    """Some lines do not start with the name of a field, so clients drop them. This is consistent
    with data that has newlines in it: write data: in front of each of its lines.""",
)
def lost_lines(seen: Observation) -> str:
    frames = seen.frames if seen.alone.whole else seen.frames[:-1]
    lines = [_shown(line) for frame in frames for line in frame if line.name not in FIELDS]
    return some(lines, "line") if seen.sse and seen.alone.events else ""


@rule(
    "event-without-data",
    Level.FAULT,
    """A client never gets an event that has no data line. Add one, if only an empty "data:".""",
)
def event_without_data(seen: Observation) -> str:
    if not seen.sse:
        return ""
    bare = [frame for frame in seen.frames[:-1] if "event" in _names(frame) - {"data"}]
    bare = [frame for frame in bare if "data" not in _names(frame)]
    lines = [", ".join(map(_shown, frame)) for frame in bare]
    return some([line for line in lines if not HEARTBEAT.search(line)], "event")


@rule(
    "not-utf-8",
    Level.FAULT,
    """An event stream is always UTF-8, and this one is not. Encode it as UTF-8, whatever the
    charset of the data was.""",
)
def not_utf_8(seen: Observation) -> str:
    try:
        (seen.body if seen.alone.whole else seen.body[:-3]).decode() if seen.sse else None
    except UnicodeDecodeError as error:
        before = seen.body[max(0, error.start - 20) : error.start].decode(errors="replace")
        byte = seen.body[error.start]
        return f"byte {byte:#04x} at position {error.start:,}, after {quoted(before)}"
    return ""


@rule(
    "bad-retry",
    Level.FAULT,
    """A retry that is no whole number is ignored. Write it in milliseconds, as digits only: for
    three seconds, "retry: 3000".""",
)
def bad_retry(seen: Observation) -> str:
    return some([text for text in _retries(seen) if not is_retry(text.encode())], "value")


@rule(
    "bad-retry",
    Level.FAULT,
    """A retry is a number of milliseconds, and this one is very short. This is consistent with
    seconds being meant. Clients that lost the connection come back at once, all together: for
    three seconds, write "retry: 3000".""",
)
def short_retry(seen: Observation) -> str:
    digits = [text for text in _retries(seen) if is_retry(text.encode())]
    return some([text for text in digits if 0 < int(text[-20:]) < TOO_SOON], "value")


def _retries(seen: Observation) -> list[str]:
    lines = [line for frame in seen.frames for line in frame if seen.sse]
    return [line.value for line in lines if line.name == "retry"]
