"""Rules about the headers of a response."""

import re

from labserver.diagnosis.finding import Level, quoted, rule
from labserver.diagnosis.observation import NOTABLE, Observation
from labserver.recording import counted

SNIFFED_BYTES = 1024  # with so many a browser guesses the type; before, a tab stays blank


def _cache_control(seen: Observation) -> dict[str, str]:
    """The directives of Cache-Control and their values (RFC 9111, 5.2)."""
    value = seen.alone.response.headers.get("cache-control", "").lower()
    parts = re.findall(r'([^\s,=]+)(?:=("[^"]*"|[^\s,]*))?', value)
    return {name: value.strip('"') for name, value in parts}


def _forbidden(directives: dict[str, str]) -> bool:
    """Whether no cache may answer with it. With a value, no-cache is about some headers alone."""
    return "no-store" in directives or directives.get("no-cache") == ""


@rule(
    "cacheable",
    Level.FAULT,
    """A cache may keep this event stream and give clients old events. Send Cache-Control:
    no-store.""",
)
def cacheable(seen: Observation) -> str:
    directives = _cache_control(seen)
    ages = [directives[name] for name in ("max-age", "s-maxage") if name in directives]
    lives = any(age.isdigit() and int(age[:20]) for age in ages)
    keeps = lives or "immutable" in directives or ("public" in directives and not ages)
    if not seen.sse or not keeps or _forbidden(directives):
        return ""
    return f"cache-control: {quoted(seen.alone.response.headers['cache-control'])}"


@rule(
    "advice-cache-control",
    Level.ADVICE,
    """This event stream does not say that it must not be kept. Send Cache-Control: no-store, so
    that no cache gives clients old events.""",
)
def advice_cache_control(seen: Observation) -> str:
    if not seen.sse or _forbidden(_cache_control(seen)):
        return ""
    value = seen.alone.response.headers.get("cache-control")
    return f"cache-control: {'missing' if value is None else quoted(value)}"


@rule(
    "advice-accel-buffering",
    Level.ADVICE,
    """X-Accel-Buffering: no asks nginx not to buffer a response. Send it, unless a proxy on the
    way has taken it out already.""",
)
def advice_accel_buffering(seen: Observation) -> str:
    value = seen.alone.response.headers.get("x-accel-buffering")
    if value and value.lower() == "no":
        return ""
    return f"x-accel-buffering: {'missing' if value is None else quoted(value)}"


@rule(
    "advice-content-length",
    Level.ADVICE,
    """This event stream has a Content-Length, so it was made whole before it was sent. For events
    that happen later, yield each when it happens.""",
)
def advice_content_length(seen: Observation) -> str:
    several = seen.sse and seen.length and len(seen.items) > 1
    return f"content-length: {seen.length}, {counted(seen.items, 'event')}" if several else ""


@rule(
    "advice-nosniff",
    Level.ADVICE,
    """Opened as a browser's tab, this stream stays blank until enough has come to guess its type.
    Send X-Content-Type-Options: nosniff.""",
)
def advice_nosniff(seen: Observation) -> str:
    if seen.alone.media_type != "text/plain":
        return ""
    early = sum(chunk.size for chunk in seen.alone.chunks if chunk.at < seen.last - NOTABLE)
    nosniff = seen.alone.response.headers.get("x-content-type-options", "").lower() == "nosniff"
    if nosniff or not 0 < early < SNIFFED_BYTES:
        return ""
    return f"{counted(early, 'byte')} in all but the last {NOTABLE} s, without nosniff"
