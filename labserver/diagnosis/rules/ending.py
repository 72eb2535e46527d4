"""Rules about an end that comes too early.

cut              | | | |x               after its first bytes: an exception, mostly
cut when idle    | | |          x       after a silence; asked again, after the same one
cut before       x                      without a byte
"""

import re

from labserver.diagnosis.finding import Level, quoted, rule
from labserver.diagnosis.observation import SEVERAL, Observation
from labserver.diagnosis.pace import IDLE, last_silence
from labserver.diagnosis.rules.reconnect import END
from labserver.recording import Ending

ANSWER = re.compile(r"HTTP/1\.\d [45]\d\d[^\r\n\\]*")
TRUE = re.compile(r'"(done|final|finished|completed?)": ?true')
LONG_IDLE = 3.0  # seconds
LONG = 4.0  # seconds that an answer may be allowed to take: limits are seldom shorter
NEARLY = 0.05  # of such a time: two that differ by less may have one reason
ALIKE = 0.15  # of a silence: two that differ by less may have one reason


@rule(
    "cut-short",
    Level.FAULT,
    """Another response came inside the body, where a client can read nothing of it. This is
    consistent with a proxy that gave up the stream and answers in its own name, often after a
    timeout: send a ping more often than that, or raise it. Look at what it says.""",
)
def cut_by_an_answer(seen: Observation) -> str:
    inside = ANSWER.search(str(seen.alone.error)) if seen.alone.cut else None
    silence = last_silence(seen.alone)
    return f"{quoted(inside[0])} after {silence:.1f} s of silence" if inside else ""


@rule(
    "cut-short",
    Level.FAULT,
    """The body was cut after a silence, and again after the same silence. This is consistent with
    a timeout, of a proxy or of the server, that ends a quiet connection. Send a ping more often
    than that (in an event stream a comment, ": ping"), or raise the timeout.""",
)
def cut_when_idle(seen: Observation) -> str:
    return _same_silence(seen) if seen.alone.chunks and _cut_twice(seen) else ""


def _cut_twice(seen: Observation) -> bool:
    return bool(seen.alone.cut and seen.again and seen.again.cut)


def _same_silence(seen: Observation) -> str:
    silences = [last_silence(one) for one in (seen.alone, seen.again or seen.alone)]
    alike = abs(silences[0] - silences[1]) < ALIKE * max(silences)
    told = f"closed after {silences[0]:.1f} s of silence, twice"
    return told if silences[0] > IDLE and alike else ""


@rule(
    "cut-short",
    Level.FAULT,
    """The body was cut after a long silence. This is consistent with a timeout, of a proxy or of
    the server, that ends a quiet connection: send a ping more often than that (in an event stream
    a comment, ": ping"), or raise the timeout. It is also consistent with an exception: read the
    server's log.""",
)
def cut_when_long_idle(seen: Observation) -> str:
    again = seen.again and seen.again.ending is not Ending.SECONDS
    silence = last_silence(seen.alone)
    if not seen.alone.cut or not seen.alone.chunks or again or silence < LONG_IDLE:
        return ""
    return f"closed after {silence:.1f} s of silence (seen once)"


@rule(
    "advice-ends-when-idle",
    Level.ADVICE,
    """The body ended after a silence, and again after the same silence. If the stream was not
    done, this is consistent with a timeout that ends a quiet connection. Send a ping more often
    than that, or raise the timeout.""",
)
def advice_ends_when_idle(seen: Observation) -> str:
    if not seen.alone.whole or not seen.sse or not seen.again or not seen.again.whole:
        return ""
    return _same_silence(seen)


@rule(
    "cut-short",
    Level.FAULT,
    """The connection was closed after the stream had told of its end, but the body has no end.
    This is consistent with chunks that are written by hand, without the last one of size 0. Let
    the server frame the body, or send that chunk.""",
)
def cut_after_its_end(seen: Observation) -> str:
    if not seen.alone.cut or seen.length or len(seen.items) < SEVERAL:
        return ""
    names = [event.event for event in seen.alone.events] or [""] * len(seen.items)
    said = zip(names, seen.items, strict=False)
    *before, last = (f"{name} {item.text}" for name, item in said)
    told = TRUE.search(last) or (END.search(last) and not any(map(END.search, before)))
    return f"the last that came: {quoted(last.strip())}" if told else ""


@rule(
    "cut-short",
    Level.FAULT,
    """The body was cut, and again after the same time. This is consistent with an exception at
    the same place (read the server's log for the traceback), or with a limit, of a worker or a
    proxy, on the whole time that an answer may take: raise it for streams.""",
)
def cut_at_one_time(seen: Observation) -> str:
    seconds = [one.seconds for one in (seen.alone, seen.again) if one and one.chunks]
    if not _cut_twice(seen) or len(seconds) < 2 or min(seconds) < LONG:
        return ""
    alike = abs(seconds[0] - seconds[1]) < NEARLY * max(seconds)
    return f"cut after {seconds[0]:.1f} s, twice" if alike else ""


@rule(
    "cut-short",
    Level.FAULT,
    """The body was cut after its first bytes. This is consistent with an exception in the
    generator; the status 200 was already sent. Read the server's log for the traceback. Tell the
    client of errors in the stream itself, as data.""",
)
def cut_short(seen: Observation) -> str:
    return seen.alone.summary if seen.alone.cut and seen.alone.chunks else ""


@rule(
    "cut-before-first",
    Level.FAULT,
    """The headers came, then nothing, and the connection ended without a byte, each time after
    the same silence. This is consistent with a timeout that ends a quiet connection, or with work
    that fails before the first yield. Yield something at once (in an event stream a comment,
    ": hello"), and read the server's log.""",
)
def cut_before_first_when_idle(seen: Observation) -> str:
    return "" if seen.alone.chunks or not _cut_twice(seen) else _same_silence(seen)


@rule(
    "cut-before-first",
    Level.FAULT,
    """The headers came with a good status, then the connection ended without a byte. This is
    consistent with an exception before the first yield. Check what can fail (the key, the
    parameters, the database) before the response is made: then a client gets the right
    status.""",
)
def cut_before_first(seen: Observation) -> str:
    return cut_without_a_byte(seen)


def cut_without_a_byte(seen: Observation) -> str:
    """The evidence that a body was cut before anything came; nobody reads that of a redirect."""
    if not seen.alone.cut or seen.alone.chunks or seen.alone.location:
        return ""
    return f"status {seen.alone.response.status_code}, then it {seen.alone.ended}"
