"""Rules about single lines of server-sent events (HTML standard, 9.2.5 and 9.2.6)."""

import re
from codecs import utf_8_decode

from labserver.diagnosis.finding import Level, quoted, rule, some
from labserver.diagnosis.frames import FIELDS, Line, names_of
from labserver.diagnosis.observation import Observation
from labserver.events import is_retry
from labserver.masking import masked

HEARTBEAT = re.compile(r"ping|heart|beat|alive", re.I)
TOO_SOON = 10  # milliseconds; below, seconds may have been meant
TOO_LONG = 3_600_000  # the same: an hour
BYTE_ORDER_MARK = "\ufeff"
# A CR that ends a line by itself, where other lines end in LF, and what is lost after it.
BARE_CR = re.compile(rb"\r(?!\n)(?!(?:data|event|id|retry)?:|[\r\n])[^\r\n]+")
BEFORE = 40  # letters of the line in front of it that are quoted
BEFORE_BYTE = 20  # letters in front of a byte that is no UTF-8 that are quoted
START_BYTES = 4096  # in front of what is quoted: a secret that is cut is not masked


@rule(
    "byte-order-mark",
    Level.FAULT,
    """A byte order mark (U+FEFF) stands inside the body, where it is part of the text. This is
    consistent with pieces that are each encoded as utf-8-sig. Encode as utf-8, and send the mark
    at most once, at the start.""",
)
def byte_order_mark(seen: Observation) -> str:
    lines = [line for frame in seen.frames for line in frame] if seen.sse else []
    marked = [str(line) for line in lines if BYTE_ORDER_MARK in (line.name[:1], line.value[:1])]
    texts = [] if seen.sse else [item.text for item in seen.items[1:]]
    return some(marked + [text for text in texts if text[:1] == BYTE_ORDER_MARK], "line")


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
    *_, line = re.split(rb"[\r\n]", _before(body, match.start()))
    return masked(line.decode(errors="replace"))[-BEFORE:] + match[0].decode(errors="replace")


def _before(body: bytes, place: int) -> bytes:
    return body[max(0, place - START_BYTES) : place]


@rule(
    "lost-lines",
    Level.FAULT,
    """Some lines do not start with the name of a field, so clients drop them. This is consistent
    with data that has newlines in it: write data: in front of each of its lines.""",
)
def lost_lines(seen: Observation) -> str:
    frames = seen.frames if seen.alone.whole else seen.frames[:-1]
    frames = [frame for frame in frames if not _is_heartbeat(frame)]
    lines = [str(line) for frame in frames for line in frame if line.name not in FIELDS]
    return some(lines, "line") if seen.sse and seen.alone.events else ""


def _is_heartbeat(frame: list[Line]) -> bool:
    """Whether it is one line that clients skip on purpose: "ping:", as others send a comment."""
    return len(frame) == 1 and not frame[0].value and bool(HEARTBEAT.match(frame[0].name))


@rule(
    "event-without-data",
    Level.FAULT,
    """A client never gets an event that has no data line. Add one, if only an empty "data:".""",
)
def event_without_data(seen: Observation) -> str:
    if not seen.sse:
        return ""
    bare = [frame for frame in seen.frames[:-1] if "event" in names_of(frame) - {"data"}]
    bare = [frame for frame in bare if "data" not in names_of(frame)]
    lines = [", ".join(map(str, frame)) for frame in bare]
    return some([line for line in lines if not HEARTBEAT.search(line)], "event")


@rule(
    "not-utf-8",
    Level.FAULT,
    """An event stream is always UTF-8, and this one is not. Encode it as UTF-8, whatever the
    charset of the data was.""",
)
def not_utf_8(seen: Observation) -> str:
    if not seen.sse:
        return ""
    if b"\0" in seen.body and not seen.alone.events:
        return f"byte 0x00 at position {seen.body.find(0):,}, as UTF-16 has"
    return no_utf_8_in(seen)


def no_utf_8_in(seen: Observation) -> str:
    """The evidence of a byte that is no UTF-8."""
    try:
        utf_8_decode(seen.body, "strict", seen.alone.whole)  # a letter may be on its way
    except UnicodeDecodeError as error:
        before = masked(_before(seen.body, error.start).decode(errors="replace"))[-BEFORE_BYTE:]
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


@rule(
    "advice-retry",
    Level.ADVICE,
    """A retry is a number of milliseconds, and this one is very long: a client that loses the
    connection stays away for so long. If microseconds were meant, write milliseconds; if clients
    are to stay away, status 204 tells them.""",
)
def advice_long_retry(seen: Observation) -> str:
    digits = [text for text in _retries(seen) if is_retry(text.encode())]
    return some([text for text in digits if int(text[:20]) > TOO_LONG], "value")


def _retries(seen: Observation) -> list[str]:
    lines = [line for frame in seen.frames for line in frame if seen.sse]
    return [line.value for line in lines if line.name == "retry"]
