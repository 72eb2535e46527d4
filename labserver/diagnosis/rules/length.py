"""Rules about a declared length: what Content-Length says, and what came."""

from labserver.diagnosis.finding import Level, quoted, rule
from labserver.diagnosis.observation import Observation
from labserver.diagnosis.rules.ending import cut_without_a_byte
from labserver.diagnosis.rules.response import undone
from labserver.recording import Ending, counted

WAITED = 10.0  # seconds for bytes that were declared


@rule(
    "wrong-length",
    Level.FAULT,
    """The Content-Length is smaller than the body, so clients lose its end. This is consistent
    with a length that counts characters instead of bytes, or that is of something else. Count the
    bytes, or leave the header out.""",
)
def wrong_length(seen: Observation) -> str:
    # Empty lines after the end are no loss, but where they would have ended an event.
    if seen.beyond.strip() or (seen.beyond and seen.sse and seen.frames[-1]):
        more = quoted(seen.beyond.decode(errors="replace"))
        return f"content-length: {seen.length}, and after so many bytes came {more}"
    try:
        seen.body.decode()
    except UnicodeDecodeError as error:
        inside = (
            error.reason == "unexpected end of data" and not seen.body[: error.start].isascii()
        )
        if inside and seen.alone.whole and seen.length:
            rest = seen.body[error.start :].hex(" ")
            return (
                f"content-length: {seen.length}, and the last bytes are {rest}, half a character"
            )
    return ""


@rule(
    "wrong-length",
    Level.FAULT,
    """The Content-Length is larger than the body, and the connection stays open, so clients wait
    for bytes that never come. Count the bytes of the body that is sent, or leave the header
    out.""",
)
def length_not_reached(seen: Observation) -> str:
    if seen.alone.ending is not Ending.SECONDS or not seen.length.isdigit():
        return ""
    last = seen.alone.chunks[-1].at if seen.alone.chunks else seen.alone.headers_at
    silence = seen.alone.seconds - last
    missing = seen.alone.size < int(seen.length[:20])
    told = f"content-length: {seen.length}, but {counted(seen.alone.size, 'byte')} came, "
    return f"{told}then nothing for {silence:.1f} s" if missing and silence > WAITED else ""


@rule(
    "wrong-length",
    Level.FAULT,
    """Where the client accepts compression, the Content-Length is larger than the compressed body,
    so browsers wait for bytes that never come. This is consistent with the length of the body
    before it was compressed. Leave the header out, or count the bytes that are sent.""",
)
def length_of_plain(seen: Observation) -> str:
    one, (body, error) = seen.encoded, undone(seen)
    length = one.response.headers.get("content-length", "") if one else ""
    waited = one and one.ending is Ending.SECONDS and length.isdigit()
    if not one or not waited or error or not body or one.size >= int(length[:20]):
        return ""
    return f"content-length: {length}, and {counted(one.size, 'byte')} hold all of it"


@rule(
    "cut-short",
    Level.FAULT,
    """The body ended before the length that its Content-Length declares. This is consistent with
    an exception in the middle, or with a length that does not count the bytes of this body: it
    counts characters, or was taken from something else. Read the server's log; count the bytes,
    or leave the header out.""",
)
def cut_before_its_length(seen: Observation) -> str:
    return seen.alone.summary if seen.alone.cut and seen.alone.size and seen.length else ""


@rule(
    "cut-before-first",
    Level.FAULT,
    """The headers declare a Content-Length, but the connection ended without a byte. This is
    consistent with a length that does not count the bytes of this body, since some servers then
    refuse to send it, or with an exception before the first byte. Read the server's log; count
    the bytes, or leave the header out.""",
)
def cut_before_first_of_its_length(seen: Observation) -> str:
    return cut_without_a_byte(seen) if seen.length else ""
