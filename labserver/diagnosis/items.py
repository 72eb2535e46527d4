"""What came, one by one: the events, the lines or, for what is no text, the chunks."""

import re
from typing import NamedTuple

from labserver.recording import Recording

MAX_LINES = 3000  # of a body that are looked at
START_BYTES = 4096  # in which a coding that names one shows
FIRST_CHUNKS = 9  # in which a NUL tells that it is no text
TEXT = re.compile("^$|^text/|json|xml|csv")  # media types of texts, whatever their charset


class Item(NamedTuple):
    """An event, a line of a text or, for what is no text, a chunk."""

    at: float  # seconds since the request
    text: str  # of an event its data; of a chunk nothing


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


def is_binary(recording: Recording) -> bool:
    """Whether it is no text: a NUL in the first chunks, a coding, or so labelled and no UTF-8.

    Where events came, a NUL is a letter of theirs.
    """
    starts = [] if recording.events else recording.chunks[:FIRST_CHUNKS]
    nul = any(b"\0" in chunk.data for chunk in starts)
    labelled = bool(TEXT.search(recording.media_type))
    return nul or is_packed(recording) or not (labelled or _is_utf_8(recording))


def is_packed(recording: Recording) -> bool:
    """Whether it is in a coding that was not undone here, and not by that coding's name alone."""
    coding = recording.response.headers.get("content-encoding", "").lower()
    return not (recording.decoded or coding in ("", "identity") or _is_utf_8(recording))


def _is_utf_8(recording: Recording) -> bool:
    try:
        b"".join(chunk.data for chunk in recording.chunks[:FIRST_CHUNKS])[:START_BYTES].decode()
    except UnicodeDecodeError as error:
        return error.reason == "unexpected end of data"  # which is where it was cut here
    return True
