"""What diagnose prints: the verdict, the findings, and what was seen of any stream."""

import textwrap
from collections.abc import Iterator

from labserver.diagnosis.finding import MOST_SAID, WIDTH, Finding, quoted, verdict
from labserver.diagnosis.items import MAX_LINES, is_binary
from labserver.diagnosis.observation import Observation, Silence
from labserver.diagnosis.pace import usual_gap
from labserver.masking import masked
from labserver.recording import Ending, counted
from labserver.table import shorten

HEADERS = ("transfer-encoding", "content-length", "cache-control", "x-accel-buffering")
TOGETHER = 0.0005  # seconds between two things: shown as 0.000 s
UNSEEN = """\
What diagnose cannot see from outside: a client that collects the body, an in-process transport,
whether the server cleans up after a client has left, how far it runs ahead of a slow client, a
dependency that closes too early, an error that ends the body cleanly, a piece that is held back
until the next one comes or for less than a quarter of a second, how many streams at once the
service can carry (it tries two), and whatever takes longer than this diagnosis. Lessons 09 and 10
show how to look."""


def as_text(seen: Observation | Silence | None, findings: list[Finding], interrupted: bool) -> str:
    """The verdict, then each finding, then the facts, with empty lines between."""
    told = verdict(findings)
    if interrupted:
        told = f"{told.removesuffix('.')}, then {Ending.INTERRUPTED.value}"
    facts = [fact for fact in facts_of(seen) if fact] if isinstance(seen, Observation) else []
    facts = [shorten(masked(fact), MOST_SAID) for fact in facts]
    lines = [
        line for fact in facts for line in textwrap.wrap(fact, WIDTH - 4, subsequent_indent="  ")
    ]
    parts = [told, *map(str, findings)]
    if lines:
        parts.append("\n    ".join(["What was seen:", *lines]))
    return "\n\n".join([*parts, textwrap.fill(UNSEEN, WIDTH)])


def facts_of(seen: Observation) -> Iterator[str]:
    """What was seen, good or bad, a line each."""
    yield repr(seen.alone).strip("<>").removeprefix("Recording ")
    kind = seen.alone.response.headers.get("content-type")
    yield (
        f"content-type: {'missing' if kind is None else quoted(kind)}, "
        f"headers after {seen.alone.headers_at:.3f} s"
    )
    headers = seen.alone.response.headers
    yield ", ".join(f"{name}: {headers[name]}" for name in HEADERS if name in headers)
    yield _pace(seen)
    if seen.encoded:
        coding = seen.encoded.response.headers.get("content-encoding", "not compressed")
        yield f"asked as a browser asks: {coding}, headers after {seen.encoded.headers_at:.3f} s"
    if seen.direct:
        yield f"asked directly: {seen.direct.summary}"
    if seen.pair.waits:
        yield f"beside two of them, other requests waited at most {max(seen.pair.waits):.3f} s"
    if seen.sse:
        yield _events(seen)
    for id, answer in seen.resumed.items():
        status = f"status {answer.response.status_code}"
        then = f"id {quoted(answer.events[0].id)}" if answer.events else status
        yield f"asked with Last-Event-ID {quoted(id)}, the answer: {then}"


def _pace(seen: Observation) -> str:
    if not seen.items:
        return ""
    noun = "event" if seen.sse else "piece" if is_binary(seen.alone) else "line"
    many = len(seen.items) > MAX_LINES
    number = f"over {MAX_LINES:,} {noun}s" if many else counted(seen.items, noun)
    usual = usual_gap(seen.items)
    pace = f", then one every {usual:.3f} s"
    if usual < TOGETHER:  # most of them came with the one before
        pace = f", the last after {seen.last:.3f} s" if len(seen.items) > 1 else ""
    return f"{number}, the first after {seen.first:.3f} s{pace}"


def _events(seen: Observation) -> str:
    every = f", one every {usual_gap(seen.comments):.3f} s" if len(seen.comments) > 1 else ""
    pings = "(ping)" if len(seen.comments) == 1 else "(pings)"
    comments = f"{counted(seen.comments, 'comment')} {pings}{every}"
    return f"{comments}; {counted(seen.ids, 'event')} with ids"
