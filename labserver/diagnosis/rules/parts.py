"""A rule about bodies in parts: the line between them, which the Content-Type names.

    Content-Type: multipart/x-mixed-replace; boundary=frame

    --frame
    Content-Type: image/jpeg

Source: RFC 2046, 5.1.1. Cameras name the boundary with its dashes; browsers take both.
"""

import re
from email.message import Message

from labserver.diagnosis.finding import Level, quoted, rule
from labserver.diagnosis.observation import Observation

DELIMITER = re.compile(rb"\s*(--[^\r\n]+)\r?\n")  # at the start of a body
START_BYTES = 4096  # of a body whose start is quoted


@rule(
    "wrong-boundary",
    Level.FAULT,
    """The body comes in parts, and its Content-Type names another boundary than the one between
    them, or none, so a client finds no part. Name it without the two dashes that stand in front
    of it in the body: boundary=frame in the header, --frame at the start of each part.""",
)
def wrong_boundary(seen: Observation) -> str:
    if not seen.alone.media_type.startswith("multipart/") or not seen.body:
        return ""
    message = Message()
    message["content-type"] = seen.alone.response.headers["content-type"]
    try:
        named = message.get_boundary() or ""
    except TypeError:  # Python's email cannot read "; a*=x; a*0*=y"
        return ""
    delimiters = [f"--{named}", *([named] if named.startswith("--") else [])]
    if named and any(one.encode(errors="replace") in seen.body for one in delimiters):
        return ""
    first = DELIMITER.match(seen.body)
    if not first and not seen.alone.whole:
        return ""  # it may come later
    begins = first[1] if first else seen.body[:START_BYTES]
    told = f"boundary: {quoted(named) if named else 'missing'}"
    return f"{told}, and the body begins with {quoted(begins.decode(errors='replace'))}"
