"""What a stream's answers show: a rule a symptom, which gives the numbers or nothing.

A rule's name is the code of what it finds, its docstring what that means and what to try. Rules
compare a stream with itself, by ratios; each claims no more than what was measured.
"""

import ast
import json
import re
import textwrap
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise
from statistics import median
from typing import Any, NamedTuple

from labserver.events import EventDecoder, is_event_stream
from labserver.recording import Ending, Recording

LATE = 0.25  # seconds; less may be the machine's doing
PAUSE = 0.1  # seconds between two requests beside a stream
SILENT = 16.0  # seconds; sse-starlette and fastapi.sse send a ping after 15
TEXTS = 3000  # lines of a body that are looked at
JSONS = {"application/x-ndjson", "application/ndjson", "application/jsonl", "application/x-jsonl"}
LINES = JSONS | {"", "text/plain"}  # what comes line by line, if it is a stream
TELLING = ("transfer-encoding", "content-length", "cache-control", "x-accel-buffering")
FIELDS = {"data", "event", "id", "retry", ""}
# Behind others a server may well be meant to take one request at a time.
ASYNC = re.compile(r"uvicorn|hypercorn|daphne|granian|aiohttp|tornado|nginx|envoy|caddy", re.I)
HEARTBEAT = re.compile(r"ping|heart|beat|alive", re.I)
END = re.compile(r"\b(done|end(ed)?|eof|completed?|finish(ed)?|closed?|stop(ped)?|bye)\b", re.I)
FIELD = re.compile(r"(data|event|id|retry):|: ?\S")
TRACEBACK = re.compile(r"^Traceback \(most recent call last\):\n(?:[ \t].*\n)*\S.*\s*\Z", re.M)
REPR = re.compile(r"\{'.*\}|b'.*'|<(.* object|function .*|coroutine .*|\S+) at 0x[0-9a-f]+>", re.S)


class Finding(NamedTuple):
    """A thing seen: its code, what it means and what to try, and the numbers it stands on."""

    code: str
    text: str
    evidence: str

    def __str__(self) -> str:
        text = textwrap.fill(f"{self.code}: {self.text}", 88, subsequent_indent="    ")
        return f"{text}\n    Seen: {self.evidence}"

    @property
    def is_advice(self) -> bool:
        """Whether it is no fault, but matters to some clients."""
        return self.code.startswith("advice-")


@dataclass
class Seen:
    """What was measured; None or empty where it was not. Times are seconds."""

    alone: Recording  # uncompressed, with nothing else under way
    zipped: Recording | None = None  # the same with Accept-Encoding: gzip
    accepted: Recording | None = None  # the same with Accept: text/event-stream
    pair: list[Recording] = field(default_factory=list)  # two of the same at once
    apart: float = 0.0  # from the start of one of the pair to that of the other
    waits: list[float] = field(default_factory=list)  # until others got headers, meanwhile
    after: float = 0.0  # the same, right after the one alone was left
    calm: list[float] = field(default_factory=list)  # the same, later, with no stream open
    unzipped: float = 0.0  # how long no headers came where gzip was accepted
    resumed: dict[str, Recording] = field(default_factory=dict)  # by the Last-Event-ID sent
    redirects: list[str] = field(default_factory=list)
    later: Recording | None = None  # once all had left, where others had been refused

    def __post_init__(self) -> None:
        headers = self.alone.response.headers
        self.type = headers.get("content-type", "").partition(";")[0].strip().lower()
        self.sse, self.length = is_event_stream(self.type), headers.get("content-length")
        self.body = b"".join(chunk.data for chunk in self.alone.chunks)
        text = b"" if _binary(self.alone) else self.body[: None if self.sse else 2**18]
        self.text = text.decode(errors="replace").removeprefix("\ufeff")
        self.items = items_of(self.alone)
        self.first, self.last = (self.items[0][0], self.items[-1][0]) if self.items else (0.0, 0.0)

    @cached_property
    def blocks(self) -> list[list[tuple[str, str]]]:
        """The events as they are written, a list of fields each; the last is unfinished."""
        blocks = re.sub(r"\r\n?", "\n", self.text).split("\n\n")
        lines = ([line for line in block.split("\n") if line] for block in blocks)
        return [[_name_and_value(line) for line in block if line[0] != ":"] for block in lines]

    @cached_property
    def ids(self) -> list[str]:
        """The ids that events have of their own."""
        events = (dict(block) for block in self.blocks[:-1])
        return [event["id"] for event in events if event.get("id") and "data" in event]


def facts(s: Seen) -> Iterator[str]:
    """What was seen, good or bad, a line each."""
    if s.items:
        what = "events" if s.sse else "pieces" if _binary(s.alone) else "lines"
        gaps = [b[0] - a[0] for a, b in pairwise(s.items)]
        pace = f", then one every {median(gaps):.3f} s" if gaps else ""
        number = f"over {TEXTS:,}" if len(s.items) > TEXTS else len(s.items)
        yield f"{number} {what}, the first after {s.first:.3f} s{pace}"
    headers = s.alone.response.headers
    yield ", ".join(f"{name}: {headers[name]}" for name in TELLING if name in headers)
    if s.zipped:
        encoding = s.zipped.response.headers.get("content-encoding", "not compressed")
        yield f"asked for gzip: {encoding}, headers after {s.zipped.headers_at:.3f} s"
    if s.waits:
        yield f"beside two of them, other requests waited at most {max(s.waits):.3f} s"
    if s.sse:
        pings = [at for at, _, data in s.alone.chunks for _ in re.findall(rb"(?m)^:", data)]
        every = f", every {median(b - a for a, b in pairwise(pings)):.3f} s" if pings[1:] else ""
        yield f"{len(pings)} comments (pings){every}; {len(s.ids)} events with ids"
    for id, answer in s.resumed.items():
        then = f"id {answer.events[0].id}" if answer.events else answer.response.status_code
        yield f"asked with Last-Event-ID: {id}, the answer: {then}"


def findings(seen: Seen) -> Iterator[Finding]:
    """What the rules find, faults before advice."""
    for rule in RULES:
        if evidence := rule(seen):
            text = " ".join((rule.__doc__ or "").split())
            yield Finding(rule.__name__.replace("_", "-"), text, evidence)


def items_of(answer: Recording) -> list[tuple[float, str]]:
    """When each event came, or each line of a text; for what is no text, each chunk."""
    if is_event_stream(answer.response.headers.get("content-type", "")):
        return [(event.at, event.data) for event in answer.events]
    if _binary(answer):
        return [(chunk.at, "") for chunk in answer.chunks]
    items, rest = [], b""
    for at, _, data in answer.chunks:
        *lines, rest = (rest + data).split(b"\n")
        texts = (line.decode(errors="replace").rstrip("\r") for line in lines[:TEXTS])
        items += [(at, text) for text in texts if text]
        if len(items) > TEXTS:
            return items
    return [*items, (at, rest.decode(errors="replace"))] if rest else items


def _binary(answer: Recording) -> bool:
    return any(b"\0" in chunk.data for chunk in answer.chunks[:9])


def _name_and_value(line: str) -> tuple[str, str]:
    name, _, value = line.partition(":")
    return name, value.removeprefix(" ")


def _some(things: list[Any]) -> str:
    """Evidence: how many, and the first."""
    return f"{len(things)} times, first: {str(things[0])[:70]!r}" if things else ""


def _cut(answer: Recording) -> bool:
    return answer.ending is Ending.CUT


def _bursts(items: list[tuple[float, str]]) -> list[tuple[float, int]]:
    """When something came and how many items at once, the machine's jitter put aside."""
    gaps = [b[0] - a[0] for a, b in pairwise(items)]
    bursts: list[tuple[float, int]] = []
    for (at, _), gap in zip(items, [9e9, *gaps], strict=False):
        if gap > max(0.12 * max(gaps, default=0.0), 0.02):
            bursts.append((at, 0))
        bursts[-1] = (bursts[-1][0], bursts[-1][1] + 1)
    return bursts


def status(s: Seen) -> str:
    """An error, not a stream. Only GET is tried here; -H adds headers."""
    code = s.alone.response.status_code
    bad = code >= 400 or (s.sse and code not in (200, 204))
    return f"{code} {s.alone.response.reason_phrase}: {s.text[:70]!r}" if bad else ""


def redirect(s: Seen) -> str:
    """Redirected to what is no stream: for ever, or to a page, as of a login."""
    for_ever = s.alone.response.has_redirect_location and len(s.redirects) > 4
    lost = s.redirects and (for_ever or s.type == "text/html")
    return f"{len(s.redirects)}, first to {s.redirects[0]}" if lost else ""


def advice_redirect(s: Seen) -> str:
    """Give clients the last address; each redirect costs time."""
    return f"to {s.redirects[-1]}" if s.redirects and not redirect(s) else ""


def cut_short(s: Seen) -> str:
    """The body was cut short, as by an exception after the first byte, when the status 200 is gone
    already, or where it outgrew its content-length. See the server's log; send errors as data.
    """
    broken = _cut(s.alone) and s.alone.chunks and not not_decodable(s) and not bad_framing(s)
    return f"{s.alone.summary}" if broken else ""


def cut_before_first(s: Seen) -> str:
    """Headers with a good status, then an end without a byte: consistent with an exception before
    the first yield. Check before the response is made.
    """
    broken = _cut(s.alone) and not s.alone.chunks and not not_decodable(s) and not bad_framing(s)
    return f"status {s.alone.response.status_code}, then {s.alone.ended}" if broken else ""


def wrong_length(s: Seen) -> str:
    """The body ends inside a character: consistent with a content-length that counts characters,
    not bytes.
    """
    try:
        s.body.decode()
    except UnicodeDecodeError as error:
        inside = error.reason == "unexpected end of data" and not s.body[: error.start].isascii()
        if inside and s.alone.whole and s.length:
            return f"content-length: {s.length}, and the last bytes are {s.body[-4:]!r}"
    return ""


def not_decodable(s: Seen) -> str:
    """The body is not what its content-encoding says."""
    named = s.alone.response.headers.get("content-encoding", "")
    if _cut(s.alone) and "decompress" in s.alone.ended.lower():
        return s.alone.ended
    bare = named in ("br", "zstd") and s.body and s.body.isascii()
    return f"content-encoding: {named}, but it is plain text" if bare else ""


def bad_framing(s: Seen) -> str:
    """The framing of the body breaks RFC 9112: a client may refuse it."""
    if _cut(s.alone) and re.search("illegal|malformed", s.alone.ended):
        return s.alone.ended
    if s.length is not None and "transfer-encoding" in s.alone.response.headers:
        return f"content-length {s.length} and transfer-encoding in one response"
    body = s.body
    for _ in range(2):
        size = re.match(rb"([0-9a-fA-F]{1,6})\r\n", body)
        body = body[size.end() + int(size[1], 16) :] if size else b""
        if not body.startswith(b"\r\n"):
            return ""
        body = body[2:]
    return f"chunk sizes inside the body, too: {s.text[:40]!r}"


def advice_error_inside(s: Seen) -> str:
    """The stream says an error at its end, under a good status: clients have to look for it."""
    last = s.items[-1][1] if s.items else ""
    named = s.alone.events and s.alone.events[-1].event == "error"
    keyed = re.match(r"""\{\s*["'](error|detail|exception)["']\s*:\s*["'{[]""", last)
    keyed = keyed and len(s.items) > 1 and not s.items[0][1].startswith(keyed[0])
    traced = TRACEBACK.search(last if s.sse else s.text[-TEXTS:])
    return f"at the end: {last[:70]!r}" if s.alone.whole and (named or keyed or traced) else ""


def empty(s: Seen) -> str:
    """The body is empty: consistent with a generator that is used up already."""
    nothing = s.alone.whole and not s.body and s.alone.response.status_code == 200
    return s.alone.summary if nothing else ""


def _at_once(s: Seen) -> bool:
    """Whether all came at one moment, after a wait."""
    late = s.first > max(0.3, 20 * median(s.calm or [0]))
    return late and s.alone.whole and s.last - s.first < 0.1 * s.first


def _joined(s: Seen) -> bool:
    return len(s.items) >= 3 * len(s.alone.chunks)


def held_until_end(s: Seen) -> str:
    """Held until the end: everything came at once, after a wait. Consistent with a buffering
    proxy, or middleware or a route that collects the whole body. Ask past the proxy, and compare.
    """
    # Lines of known length may be a report that is whole by design, several chunks a slow query.
    suspect = _joined(s) and (s.sse or (s.type in LINES and not s.length))
    if not _at_once(s) or len(s.items) < 3 or not suspect:
        return ""
    length = f", content-length {s.length}" if s.length else ""
    return (
        f"nothing for {s.first:.3f} s, then {len(s.items)} events or lines within "
        f"{s.last - s.first:.3f} s, {len(s.alone.chunks)} chunk(s){length}"
    )


def advice_whole(s: Seen) -> str:
    """Came whole after a wait, not in pieces as it was made. If it is meant to stream, something
    holds it until the end: consistent with a buffering proxy, or middleware that collects.
    """
    suspect = s.sse or s.type in LINES | {"text/csv"}
    late = _at_once(s) and suspect and not held_until_end(s)
    late = late and (len(s.items) > 2 or (len(s.alone.chunks) == 1 and not s.sse))
    return f"{s.alone.size:,} bytes at once after {s.first:.3f} s" if late else ""


def accept_decides(s: Seen) -> str:
    """Held back unless asked with Accept: text/event-stream, as jupyter-server-proxy does it."""
    if not s.accepted or not (items := items_of(s.accepted)) or not s.items:
        return ""
    others = [one.chunks[0].at for one in (s.zipped, *s.pair) if one and one.chunks]
    if s.accepted.response.status_code != 200 or min(others, default=0.0) < 0.5 * s.first:
        return ""  # refused, or quick without that header, too
    sooner = items[0][0] < s.first - max(LATE, 0.3 * s.first)
    return f"first at {s.first:.3f} s, with that header at {items[0][0]:.3f} s" if sooner else ""


def bursts(s: Seen) -> str:
    """Items come in bursts: consistent with a proxy or buffer that collects some before it lets
    them through.
    """
    seen = _bursts(s.items)
    torn = _torn(s)
    # Lines that come together may be made together; events seldom are.
    collected = s.sse and _joined_bursts(s, seen) and _as_if_counted(seen)
    return _period(seen) + ", cut in the middle of lines" * torn if collected or torn else ""


def advice_bursts(s: Seen) -> str:
    """Items come several at a time. If they are not made so, something collects them: consistent
    with a buffer, or a proxy that holds back.
    """
    seen = _bursts(s.items)
    small = s.sse or (s.type in LINES and s.alone.size < 1024 * len(seen))
    return _period(seen) if _joined_bursts(s, seen) and small and not bursts(s) else ""


def _joined_bursts(s: Seen, seen: list[tuple[float, int]]) -> bool:
    """Whether several items come at a time, in one piece, time and again."""
    if len(seen) < 2 or median(n for _, n in seen) < 3:
        return False
    period = median(b[0] - a[0] for a, b in pairwise(seen))
    joined = len({at for at, _ in s.items}) * 2 <= len(s.items)
    # What comes in full at once was not collected by anything.
    return period > LATE and joined and s.first > 0.5 * period


def _torn(s: Seen) -> bool:
    """Whether pieces of one size come one after another, cut in the middle of lines."""
    middle = [chunk.data for chunk in s.alone.chunks[:-1]]
    torn = [data for data in middle if data[-1:] not in b"\n\r}]" and b"\n" in data]
    period = (s.last - s.first) / (len(middle) or 1)
    alike = len({len(data) for data in middle}) == 1 and not s.length and not _binary(s.alone)
    return alike and len(torn) * 2 > len(middle) > 1 and period > LATE


def _period(seen: list[tuple[float, int]]) -> str:
    size, period = median(n for _, n in seen), median(b[0] - a[0] for a, b in pairwise(seen))
    return f"{size:g} at a time, every {period:.3f} s; the first at {seen[0][0]:.3f} s"


def _as_if_counted(seen: list[tuple[float, int]]) -> bool:
    """Whether it looks as if pieces made one by one were collected, by number or by time.

    Then a short wait goes with few items, at the start or the end.
    """
    sizes = [n for _, n in seen]
    full, period = median(sizes), median(b[0] - a[0] for a, b in pairwise(seen))
    start, gap = seen[0][0] / period, (seen[-1][0] - seen[-2][0]) / period
    short_start = start < 0.95 and abs(start - (full - 1) / full) < 0.06
    last = sizes[-1] / full
    short_end = last < 0.85 and gap < 0.9 and abs(gap - last) < 1 / full + 0.05
    return short_start or short_end


def gzip_holds_headers(s: Seen) -> str:
    """Compression holds back the headers until the first chunk. Leave this route out of it, or
    yield something at once.
    """
    plain = s.alone.headers_at
    if s.unzipped > max(1.0, 4 * plain) and s.pair:
        return f"none within {s.unzipped:.3f} s; without gzip after {plain:.3f} s"
    if not s.zipped or not s.zipped.chunks or not _squeezed(s) or gzip_holds_body(s):
        return ""
    zipped = s.zipped.headers_at
    with_body = s.zipped.chunks[0].at - zipped < 0.05 * zipped
    # Starlette's holds them as long where the client takes no gzip. Then no comparison helps, but
    # for the pace: where each piece takes as long, the first one is what the headers waited for.
    late = zipped - plain > LATE and zipped > 4 * plain
    paces = [b[0] - a[0] for a, b in pairwise(_bursts(s.items))] or [0.0]
    both = min(zipped, plain) > LATE and 0.6 < plain / (median(paces) or 9e9) < 1.7
    return _with_gzip(s) if with_body and (late or both) else ""


def advice_gzip_holds_headers(s: Seen) -> str:
    """The headers came only with the first byte, also without gzip: compression may hold them, or
    the route takes its time. Yield something at once to see which.
    """
    if not s.zipped or not s.zipped.chunks or not _squeezed(s) or gzip_holds_headers(s):
        return ""
    zipped, plain = s.zipped.headers_at, s.alone.headers_at
    with_body = s.zipped.chunks[0].at - zipped < 0.05 * zipped
    late = with_body and min(zipped, plain) > LATE and s.last - s.first > LATE
    return _with_gzip(s) if late else ""


def _with_gzip(s: Seen) -> str:
    zipped, plain = s.zipped.headers_at if s.zipped else 0.0, s.alone.headers_at
    return f"headers after {zipped:.3f} s, just before the first byte; without gzip {plain:.3f}"


def advice_headers_late(s: Seen) -> str:
    """The headers came only with the first event: consistent with middleware that holds them, or a
    route that awaits something. Until then a client cannot tell that it is connected.
    """
    at, calm = s.alone.headers_at, median(s.calm or [0])
    late = s.sse and at > max(1.0, 20 * calm) and s.alone.chunks[0:1]
    with_first = late and s.alone.chunks[0].at - at < 0.05 * at and s.last - s.first > LATE
    again = [one.headers_at for one in (s.zipped, *s.pair) if one]
    others = gzip_holds_headers(s) or held_until_end(s) or min(again, default=at) < 0.5 * at
    return (
        f"headers after {at:.3f} s, the first bytes with them" if with_first and not others else ""
    )


def gzip_holds_body(s: Seen) -> str:
    """Compression buffers the body: gzip that does not flush each chunk. Flush it, or leave this
    route out of it.
    """
    if not _squeezed(s) or not s.alone.chunks:
        return ""
    plain, zipped = _first_burst(s.alone), _first_burst(s.zipped)
    if zipped[0] - plain[0] < LATE or zipped[1] < 3 * plain[1]:
        return ""
    first = f"{zipped[1]:,} bytes after {zipped[0]:.3f} s" if zipped[1] < 9e9 else "no byte"
    return f"gzip: {first}; without: {plain[1]:,} bytes after {plain[0]:.3f} s"


def _squeezed(s: Seen) -> bool:
    ours = "content-encoding" in s.alone.response.headers
    return bool(s.zipped and "content-encoding" in s.zipped.response.headers and not ours)


def _first_burst(answer: Recording) -> tuple[float, float]:
    """When the first bytes came, and how many at once; nothing counts as later than the end."""
    if not answer.chunks:
        return answer.seconds, 9e9
    at = answer.chunks[0].at
    return at, sum(chunk.size for chunk in answer.chunks if chunk.at < at + 0.03)


def others_wait(s: Seen) -> str:
    """The evidence that requests wait for a stream, whatever the reason."""
    calm = max(s.calm, default=0.0)
    if s.after > max(0.5, 5 * calm, 2 * s.alone.headers_at) and not s.alone.whole:
        return f"after the stream was left, another request waited {s.after:.3f} s"
    stuck = [wait for wait in s.waits if wait > max(0.12, 4 * calm)]
    if sum(stuck) < 0.5 * sum(wait + PAUSE for wait in s.waits) or max(stuck, default=0) < LATE:
        return ""
    return f"waited up to {max(stuck):.3f} s beside the stream, at most {calm:.3f} s without"


def _queued(s: Seen) -> str:
    if len(s.pair) < 2 or not all(one.chunks for one in s.pair) or s.pair[0].seconds < 0.6:
        return ""
    one, other = s.pair
    start = other.chunks[0].at + s.apart
    waited = start > 0.95 * one.seconds and one.chunks[0].at < 0.5 * one.seconds
    return f"the second began at {start:.3f} s, the first ended at {one.seconds:.3f} s" * waited


def _flood(s: Seen) -> bool:
    return len(s.alone.chunks) > 100 and s.last - s.first < 0.002 * len(s.alone.chunks)


def _is_async(s: Seen) -> bool:
    return bool(ASYNC.search(s.alone.response.headers.get("server", "")))


def starved(s: Seen) -> str:
    """Other requests wait while the stream runs: consistent with a blocking call (time.sleep,
    requests, a database driver) in async code. Await, or use plain def.
    """
    return others_wait(s) if _is_async(s) and not _flood(s) else ""


def never_awaits(s: Seen) -> str:
    """Other requests wait while the stream runs: consistent with an async generator that never
    awaits. Add await asyncio.sleep(0), or use plain def.
    """
    return others_wait(s) if _is_async(s) and _flood(s) else ""


def one_at_a_time(s: Seen) -> str:
    """A second request to the stream waits until the first has ended: consistent with a lock, or
    one worker, held for all of the stream.
    """
    return _queued(s) if _is_async(s) and not others_wait(s) else ""


def advice_one_at_a_time(s: Seen) -> str:
    """The server answers one request at a time: consistent with a single-threaded server, or a
    blocking call.
    """
    return "" if _is_async(s) else others_wait(s) or _queued(s)


def shared_source(s: Seen) -> str:
    """Requests take from each other: consistent with one generator, iterator or queue shared by
    all requests. Make one for each.
    """
    later = [one for one in (s.zipped, *s.pair) if one]
    bare = [one for one in later if one.whole and not one.chunks]
    broken = [one for one in s.pair if _cut(one) or one.response.status_code == 500]
    busy = any(one.response.status_code in (429, 503) for one in later)
    if s.body and bare and not busy and bare[0].response.status_code == 200:
        return f"the first request got {s.alone.size:,} bytes, a later one none"
    if broken and not _cut(s.alone):
        ended = f"{broken[0].response.status_code}, {broken[0].summary}"
        return f"one request alone was answered well; of two at once, one got {ended}"
    return _dealt_out(s) or _silenced(s)


def _dealt_out(s: Seen) -> str:
    """Whether a reader lacks numbers that another one got, and that one alone would have got."""
    solo, *both = [_numbers(items_of(one)) for one in (s.alone, *s.pair)]
    steps = Counter(b - a for a, b in pairwise(solo)).most_common(1)
    if len(both) < 2 or min(map(len, both)) < 2 or not steps or steps[0][1] < 0.8 * len(solo) - 1:
        return ""
    for one, other in (both, both[::-1]):
        wanted = range(one[0], one[-1], steps[0][0] or 1)[:TEXTS]
        lacking = {n for n in wanted if min(other) < n < max(other)} - {*one}
        if len(lacking) > 1 and lacking <= {*other}:
            return f"one got {one[:6]} …, the other {other[:6]} …"
    return ""


def _silenced(s: Seen) -> str:
    """Whether a reader got nothing more from the moment that another one came."""
    if len(s.pair) < 2 or len(s.items) < 3 or s.pair[0].whole:
        return ""
    one, other = s.pair
    last = max((at for at, _ in items_of(one)), default=0.0)
    meanwhile = [at for at, _ in items_of(other) if at + s.apart > last]
    alone = [at for at, _ in s.items if at <= one.seconds]
    if 2 * len(items_of(one)) > len(alone):
        return ""  # what one gets alone, and then there is a pause
    quiet, gap = one.seconds - last, max(b[0] - a[0] for a, b in pairwise(s.items))
    silent = quiet > max(1.0, 4 * gap) and len(meanwhile) > 3
    return f"one got nothing for {quiet:.1f} s, the other {len(meanwhile)} items" * silent


def _numbers(items: list[tuple[float, str]]) -> list[int]:
    return [int(found[0]) for _, text in items if (found := re.search(r"\d{1,15}", text))]


def runs_out(s: Seen) -> str:
    """Answered at first, refused once clients had come and gone: consistent with a slot, a lock or
    a connection that nobody gives back when a client leaves. Give it back in finally.
    """
    code = s.later.response.status_code if s.later else 0
    return f"{code}, with no stream open; the first time 200" if code >= 500 else ""


def no_ping(s: Seen) -> str:
    """An event stream silent for so long: proxies close such a connection, and nobody notices a
    client that left. Send a comment (: ping) every 15 s.
    """
    return f"{_silence(s):.1f} s without a byte" if s.sse and _silence(s) > SILENT else ""


def advice_stalled(s: Seen) -> str:
    """The stream paused in the middle for as long as it was watched. If it should not, something
    that it waits for never comes.
    """
    gaps = [b.at - a.at for a, b in pairwise(s.alone.chunks)]
    if s.alone.whole or len(gaps) < 3 or no_ping(s) or median(gaps) < 0.05:
        return ""  # what came at once at the start tells nothing of a pace
    tail = s.alone.seconds - s.alone.chunks[-1].at
    numbers = f"{tail:.1f} s without a byte, after gaps of at most {max(gaps):.3f} s"
    return numbers if tail > max(5.0, 10 * max(gaps)) else ""


def _silence(s: Seen) -> float:
    moments = [0.0, *(chunk.at for chunk in s.alone.chunks), s.alone.seconds]
    return max(b - a for a, b in pairwise(moments))


def tiny_chunks(s: Seen) -> str:
    """Chunks of a letter or two: each costs more than its bytes. A loop over a string gives
    letters; put it into a list, or batch.
    """
    if len(s.alone.chunks) >= 100 and _middle_size(s) <= 2:
        return _small(s)
    before = [len(text) for _, text in s.items] or [0]
    for again in ([len(text) for _, text in items_of(one)] for one in s.pair):
        if len(again) > max(50, 4 * len(before)) and median(again) < 0.75 * median(before):
            return f"{len(before)} pieces at first; asked again, {len(again)} smaller ones"
    return ""


def advice_small_chunks(s: Seen) -> str:
    """Many small chunks: each costs more than its bytes. Batch them."""
    rows = len(s.alone.chunks) >= 500 and 2 < _middle_size(s) <= 100
    return _small(s) if rows and not s.sse else ""


def _middle_size(s: Seen) -> float:
    return median(chunk.size for chunk in s.alone.chunks)


def _small(s: Seen) -> str:
    number = len(s.alone.chunks)
    pace = (s.alone.chunks[-1].at - s.alone.chunks[0].at) / number
    each = f"{number:,} chunks of {_middle_size(s):g} bytes, one every {pace * 1e3:.2f} ms"
    return each if pace < 0.005 else ""


def cumulative(s: Seen) -> str:
    """Each chunk repeats all the ones before: a buffer is not emptied."""
    data = [chunk.data for chunk in s.alone.chunks if chunk.data]
    again = len(data) > 2 and b"\n" in data[0] and len(data[0]) > 7
    again = again and all(len(a) < len(b) and b.startswith(a) for a, b in pairwise(data))
    return f"chunks of {[len(one) for one in data[:5]]} bytes …" if again else ""


def not_labelled(s: Seen) -> str:
    """It is server-sent events, but not labelled text/event-stream: EventSource refuses it."""
    names = {name for block in s.blocks[:-1] for name, _ in block}
    found = [] if s.sse or not names <= FIELDS else EventDecoder().feed(s.body)
    return f"{s.type or 'no content-type'}, but {_some(found)}" if found else ""


def no_events(s: Seen) -> str:
    """Labelled text/event-stream, but there is no event in it."""
    names = {name for block in s.blocks for name, _ in block}
    nothing = s.sse and names - {"retry"} and not s.alone.events and s.alone.whole
    nothing = nothing and "data" not in names
    return f"{s.alone.summary} {s.text[:60]!r}" if nothing else ""


def no_blank_line(s: Seen) -> str:
    """Events are not separated by a blank line: a client dispatches none, or all in one. Each ends
    with two newlines, not escaped.
    """
    with_data = [chunk.at for chunk in s.alone.chunks if re.search(rb"(?m)^data:", chunk.data)]
    dispatched = len(s.alone.events)
    escaped = len(re.findall(r"\\n\\n(?=data:|id:|event:|$)", s.text)) > dispatched
    run_on = len(with_data) > 2 and dispatched < 2 and with_data[-1] - with_data[0] > LATE
    none = s.alone.whole and with_data and not dispatched
    if not s.sse or not (escaped or run_on or none):
        return ""
    return f"{dispatched} events in {s.alone.size:,} bytes: {s.text[:60]!r}"


def unfinished_event(s: Seen) -> str:
    """The last event has no blank line after it: clients drop it."""
    rest = s.blocks[-1] if s.sse and s.alone.whole and not no_blank_line(s) else []
    rest = [line for line in rest if line[0] in ("data", "event")]
    return f"after the last blank line: {rest}"[:99] if rest else ""


def lost_lines(s: Seen) -> str:
    """Lines that are no field are dropped: each line of a data with newlines needs its own data:
    in front.
    """
    blocks = s.blocks if s.alone.whole else s.blocks[:-1]
    lines = [f"{n}: {v}" if v else n for block in blocks for n, v in block if n not in FIELDS]
    return _some(lines) if s.sse and s.alone.events else ""


def framed_twice(s: Seen) -> str:
    """Framed twice: data that is itself data:, another field or a comment. Hand the library the
    bare text, or send formatted text as a plain response.
    """
    texts = [event.data for event in s.alone.events]
    framed = [text for text in texts if _is_frame(text)]
    # A frame ends in an empty line; what is not so may be prose.
    sure = 2 * len(framed) > len(texts) or any(text[-1] == "\n" for text in framed)
    return _some(framed) if sure else ""


def _is_frame(text: str) -> bool:
    return all(FIELD.match(line) for line in text.rstrip("\n").split("\n"))


def event_without_data(s: Seen) -> str:
    """An event or id without a data line is never dispatched."""
    bare = [dict(block) for block in s.blocks[:-1] if block]
    bare = [b for b in bare if "data" not in b and not HEARTBEAT.search(b.get("event", ""))]
    return _some([b for b in bare if {"event", "id"} & {*b}] * s.sse)


def not_utf_8(s: Seen) -> str:
    """An event stream is UTF-8 always; this is not."""
    try:
        (s.body if s.alone.whole else s.body[:-3]).decode() if s.sse else None
    except UnicodeDecodeError as error:
        return str(error)[:90]
    return ""


def torn_letters(s: Seen) -> str:
    """Letters came as U+FFFD, several in a row: consistent with bytes decoded piece by piece,
    which cuts letters. Use one incremental decoder.
    """
    if "\ufffd".encode() not in s.body and rb"\ufffd" not in s.body:
        return ""  # then it is not U+FFFD that came, but what is no UTF-8
    texts = [text.replace(r"\ufffd", "\ufffd") for _, text in s.items]
    pairs = [a for a, b in pairwise(texts) if "\ufffd" in a and "\ufffd" in b and len(a + b) < 999]
    return _some(pairs or [text for text in texts if "\ufffd\ufffd" in text])


def python_repr(s: Seen) -> str:
    """Python's repr with single quotes in place of JSON: json.dumps."""
    found = [text for _, text in s.items[:200] if _is_repr(text)]
    # Of prose, and of what a program prints, some may look like it.
    share = 3 if s.sse or s.type in JSONS else 2
    return _some(found) if share * len(found) > len(s.items[:200]) else ""


def _is_repr(text: str) -> bool:
    if REPR.fullmatch(text[:TEXTS]):
        return True
    with suppress(Exception):  # whatever a stranger's text may do to a parser
        like = text[0] in "{[(" and "'" in text[:TEXTS] and not _is_json(text)
        like = like and len(text) <= TEXTS
        return like and bool(ast.literal_eval(text))
    return False


def none_as_data(s: Seen) -> str:
    """None (or the like) was sent as text."""
    nothing = {"None", "undefined", "[object Object]"}
    texts = [text for _, text in s.items] + s.ids if s.sse or s.type in JSONS else []
    found = [text for text in texts if text in nothing]
    return _some(found) if 4 * len(found) > len(texts) else ""


def bad_json(s: Seen) -> str:
    """Looks like JSON, or says so, but a parser refuses it."""
    if s.type.endswith("/json"):
        texts = [s.text] * (s.alone.whole and bool(s.text) and len(s.body) < 2**18)
    else:
        texts = [text for _, text in s.items[: None if s.alone.whole else -1]]
    texts = [text for text in texts if text.strip()]  # an empty line keeps a connection open
    bad = [text for text in texts if not _is_json(text) and not _is_repr(text)]
    if s.sse:  # one by one they may be pieces of one document
        good = [text for text in texts if text[:1] == "{" and _is_json(text)]
        bad = [text for text in bad if re.match(r'\{\s*"', text)] * (len(texts) > 1)
        return _some(bad) if 2 * len(bad) > len(texts) or len(good) > 2 + len(bad) else ""
    return _some(bad) if s.type in JSONS or s.type.endswith("/json") else ""


def json_twice(s: Seen) -> str:
    """JSON inside a JSON string: encoded twice. Hand over the object, or the text as raw data."""
    found = []
    for _, text in s.items[:200]:
        with suppress(ValueError, RecursionError):
            inner = json.loads(text) if text[:1] == '"' else None
            value = json.loads(inner or "1")
            found += [text] if value and isinstance(value, dict | list) else []
    return _some(found) if len(found) > 1 else ""


def _is_json(text: str) -> bool:
    try:
        json.loads(text, parse_constant=lambda name: 1 / 0)
    except (ValueError, ZeroDivisionError, RecursionError):
        return False
    return True


def ids_repeat(s: Seen) -> str:
    """Event ids repeat: who comes back by one loses or repeats events."""
    ids = s.ids[:-1] if s.ids[-1:] == s.ids[-2:-1] else s.ids  # an end may have the last one's
    twice = [id for id, times in Counter(ids).items() if times > 1] if s.sse else []
    return f"{len(s.ids)} events with ids, these came again: {twice[:3]}" if twice else ""


def ids_missing(s: Seen) -> str:
    """Some events have ids, others like them have none: who comes back after one without gets it
    again.
    """
    events = [dict(block) for block in s.blocks[:-1]]
    names = {event.get("event") for event in events if event.get("id")}
    alike = [event for event in events if "data" in event and event.get("event") in names]
    bare = [event for event in alike[:-1] if not event.get("id")]
    told = f"{len(bare)} of {len(alike)} events, one of them: {bare[-1:]}"[:90]
    return told if s.sse and len(bare) > 1 else ""


def ignores_last_event_id(s: Seen) -> str:
    """It sends ids, but ignores Last-Event-ID: after each reconnect everything is sent again."""
    for id, answer in s.resumed.items():
        again = id != s.ids[-1] and answer.events and answer.events[0].id == s.ids[0]
        if again and not ids_repeat(s):
            return f"asked with Last-Event-ID: {id}, it began again at id {s.ids[0]!r}"
    return ""


def resumes_beside(s: Seen) -> str:
    """After a reconnect events are repeated or lost."""
    for id, answer in s.resumed.items():
        got, at = answer.events[0].id if answer.events else "", s.ids.index(id)
        if got in s.ids[1:] and s.ids.index(got) != at + 1 and not ids_repeat(s):
            return f"asked for what comes after id {id!r}, it began with id {got!r}"
    return ""


def replays(s: Seen) -> str:
    """It would replay for ever: EventSource comes back after the end, and gets all again. Answer
    204 to the last id.
    """
    answer = s.resumed.get(s.ids[-1]) if s.ids and s.alone.whole else None
    again = answer and answer.events and answer.events[0].id == s.ids[0]
    if not again or ignores_last_event_id(s):
        return ""
    return f"asked for what comes after the last id, {s.ids[-1]!r}, it sent all"


def advice_replays(s: Seen) -> str:
    """EventSource comes back after the end, and gets all again, for ever: send ids and answer 204,
    or an end event at which the page closes it.
    """
    ended = s.sse and s.alone.whole and len(s.alone.events) > 1 and not s.ids
    again = items_of(s.zipped)[:1] if s.zipped else []
    if not ended or not again or again[0][1] != s.items[0][1]:
        return ""
    last, before = s.alone.events[-1], {event.event for event in s.alone.events[:-1]}
    told = last.event not in before or END.search(last.data)
    return "" if told else f"{len(s.items)} events, then the end; asked again, the same"


def cacheable(s: Seen) -> str:
    """A cache may keep this event stream. Send Cache-Control: no-store."""
    value = s.alone.response.headers.get("cache-control", "").lower()
    keeps = re.search(r"max-age=[1-9]|s-maxage=[1-9]|public(?!.*max-age=0)|immutable", value)
    return f"cache-control: {value}" if s.sse and keeps and "no-" not in value else ""


def advice_cache_control(s: Seen) -> str:
    """Event streams had better say Cache-Control: no-store."""
    value = s.alone.response.headers.get("cache-control", "")
    bare = s.sse and not re.search("no-(store|cache)", value, re.I)
    return f"cache-control: {value or 'missing'}" if bare and not cacheable(s) else ""


def advice_accel_buffering(s: Seen) -> str:
    """X-Accel-Buffering: no asks nginx not to buffer. (A proxy may have taken it away.)"""
    value = s.alone.response.headers.get("x-accel-buffering", "missing")
    collected = held_until_end(s) or bursts(s) or advice_bursts(s)
    return f"x-accel-buffering: {value}" if collected and value.lower() != "no" else ""


def advice_content_length(s: Seen) -> str:
    """An event stream whose length was known: it was made whole before it was sent."""
    return f"content-length: {s.length}" if s.sse and s.length and len(s.items) > 1 else ""


def advice_nosniff(s: Seen) -> str:
    """As a browser's tab it stays blank until enough has come to sniff the type. Send
    X-Content-Type-Options: nosniff.
    """
    early = sum(chunk.size for chunk in s.alone.chunks if chunk.at < s.last - LATE)
    bare = s.alone.response.headers.get("x-content-type-options", "").lower() != "nosniff"
    blank = s.type == "text/plain" and bare and 0 < early < 1024 and not not_labelled(s)
    return f"{early} bytes came up to {LATE} s before the last ones, without nosniff" * blank


def bad_retry(s: Seen) -> str:
    """retry is a whole number of milliseconds: others are ignored, a few are too few."""
    values = [v for block in s.blocks for n, v in block if n == "retry" and s.sse]
    return _some([v for v in values if not re.fullmatch(r"0|[1-9][0-9]+", v)])


RULES = (
    status,
    redirect,
    cut_short,
    cut_before_first,
    wrong_length,
    not_decodable,
    bad_framing,
    empty,
    held_until_end,
    accept_decides,
    bursts,
    gzip_holds_headers,
    gzip_holds_body,
    starved,
    never_awaits,
    one_at_a_time,
    shared_source,
    runs_out,
    no_ping,
    tiny_chunks,
    cumulative,
    not_labelled,
    no_events,
    no_blank_line,
    unfinished_event,
    lost_lines,
    framed_twice,
    event_without_data,
    not_utf_8,
    torn_letters,
    python_repr,
    none_as_data,
    bad_json,
    ids_repeat,
    ignores_last_event_id,
    resumes_beside,
    replays,
    cacheable,
    bad_retry,
    json_twice,
    ids_missing,
    advice_replays,
    advice_redirect,
    advice_headers_late,
    advice_gzip_holds_headers,
    advice_error_inside,
    advice_stalled,
    advice_whole,
    advice_one_at_a_time,
    advice_content_length,
    advice_nosniff,
    advice_cache_control,
    advice_accel_buffering,
    advice_bursts,
    advice_small_chunks,
)
