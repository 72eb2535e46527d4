"""What can be told about a stream from outside: a few GET requests, held against each other."""

import ast
import json
import re
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise
from statistics import median
from typing import Any, NamedTuple

import httpx

from labserver import recording
from labserver.events import EventDecoder, is_event_stream
from labserver.recording import EARLY, INTERRUPTED, Recording

BYTES, PIECES = 16 * 2**20, 2000  # enough of a body to tell what it is like
LATE = 0.25  # seconds; less may be the machine's doing
SILENT = 16.0  # seconds; sse-starlette and fastapi.sse send a ping after 15
TEXTS = 3000  # lines of a body that are looked at
ENOUGH, PROBE, PAUSE = "enough.", "labserver-diagnose", 0.1
LINES = {"", "text/plain", "application/x-ndjson", "application/ndjson", "application/jsonl"}
FIELDS = {"data", "event", "id", "retry", ""}
# What stands before a service whose own server may well take one request at a time.
ASYNC = re.compile(r"uvicorn|hypercorn|daphne|granian|aiohttp|tornado|nginx|envoy|caddy", re.I)
END = re.compile(r"\b(done|end(ed)?|eof|completed?|finish(ed)?|closed?|stop(ped)?|bye)\b", re.I)
REPR = re.compile(r"\{'.*\}|b'.*'|<(.* object|function .*|coroutine .*|\S+) at 0x[0-9a-f]+>", re.S)
UNSEEN = """\
What cannot be seen from outside: a client that collects, an in-process transport, clean-up after
a client left, how far a server runs ahead of a slow client, a dependency that closes early, an
error that ends the body cleanly. notebooks/09_find_what_breaks.ipynb shows how to look."""


class Finding(NamedTuple):
    """A thing seen: its code, what it means and what to try, and the numbers it stands on."""

    code: str
    text: str
    evidence: str

    def __str__(self) -> str:
        return f"{self.code}: {self.text}\n    {self.evidence}"

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
    calm: list[float] = field(default_factory=list)  # the same, with no stream open
    resumed: dict[str, Recording] = field(default_factory=dict)  # by the Last-Event-ID sent
    redirects: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        headers = self.alone.response.headers
        self.type = headers.get("content-type", "").partition(";")[0].strip().lower()
        self.sse, self.length = is_event_stream(self.type), headers.get("content-length")
        self.body = b"".join(chunk.data for chunk in self.alone.chunks)
        text = b"" if _binary(self.alone) else self.body[: None if self.sse else 2**18]
        self.text = text.decode(errors="replace").removeprefix("\ufeff")
        self.items = _items(self.alone)
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


def diagnose(
    url_or_path: str | httpx.URL,
    *,
    seconds: float = 30.0,
    quiet: bool = False,
    headers: Any = None,
) -> list[Finding]:
    """Make a few GET requests to a stream; say what was seen, what it means and what to try.

    Takes an address as `record` does, and raises what `record` raises where nothing answers. Ends
    within `seconds`; an interrupt ends it at once, and what was found so far is kept. Prints the
    findings unless `quiet`. The codes are:

    @CODES@
    """
    return examine(url_or_path, seconds, None if quiet else print, headers)[0]


def examine(
    url: str | httpx.URL, seconds: float, say: Callable[[str], Any] | None, headers: Any
) -> tuple[list[Finding], bool]:
    """Do what `diagnose` does, telling it to `say`; also returns whether it was interrupted."""
    if not seconds > 0:
        raise ValueError(f"seconds is a time above 0, not {seconds!r}.")
    say = say or (lambda line: None)
    asker = _Asker(url, seconds, headers)
    interrupted = False
    try:
        asker.look(say)
    except KeyboardInterrupt:
        interrupted = True
        say(INTERRUPTED)
    findings = [
        Finding(code, text, evidence)
        for code, rule, text in RULES
        if asker.seen and (evidence := rule(asker.seen))
    ] + asker.silent
    for finding in findings:
        say(str(finding))
    say(UNSEEN if findings else f"Nothing found.\n{UNSEEN}")
    return findings, interrupted


# What is asked


class _Enough(httpx.HTTPError):
    """Ends a recording from within: as an error of the connection, which `record` survives."""


class _Rows:
    """Ends a recording at its headers, or after so many pieces and seconds, or a lot of bytes."""

    def __init__(self, pieces: int = 10, seconds: float = 8.0, headers_only: bool = False) -> None:
        self.pieces, self.seconds, self.headers_only = pieces, seconds, headers_only
        self.said = self.count = self.bytes = 0

    def say(self, line: str) -> None:
        self.said += 1
        if self.headers_only and self.said == 2:
            raise _Enough(ENOUGH)

    def chunk(self, at: float, size: int, data: bytes) -> None:
        self.count, self.bytes = self.count + 1, self.bytes + size
        shown = self.count >= self.pieces and at >= self.seconds
        if shown or self.count >= PIECES or self.bytes >= BYTES:
            raise _Enough(ENOUGH)

    def event(self, at: float, event: str, data: str, id: str) -> None:
        self.chunk(at, len(data), b"")

    def end(self, summary: str) -> None:
        pass


class _Asker:
    """Makes the requests, in the time that there is for all of them."""

    def __init__(self, url: str | httpx.URL, seconds: float, headers: Any) -> None:
        self.url, self.headers, self.seconds = recording._resolve(url)[0], headers, seconds
        self.end = time.perf_counter() + seconds
        self.seen: Seen | None = None
        self.silent: list[Finding] = []

    def ask(self, seconds: float, rows: Any = None, url: Any = None, **headers: str) -> Recording:
        """One GET within `seconds`, and within what is left of them all."""
        asked = httpx.Headers({"accept-encoding": "identity"})
        asked.update(httpx.Headers(self.headers))
        asked.update({name.replace("_", "-"): value for name, value in headers.items()})
        left = max(0.05, min(seconds, self.end - time.perf_counter()))
        bounds: Any = {"max_chunks": None, "seconds": left, "keep_data": True, "headers": asked}
        done = recording.record_into(rows or _Rows(), url or self.url, "GET", **bounds)
        if done.ended == INTERRUPTED:
            raise KeyboardInterrupt
        return done

    def attempt(self, seconds: float, rows: Any = None, **headers: str) -> Recording | None:
        """The same, or None where no answer came in time."""
        with suppress(OSError):
            if self.end - time.perf_counter() > LATE:
                return self.ask(seconds, rows, **headers)
        return None

    def wait(self, seconds: float) -> float | None:
        """How long another request waits for its headers; `seconds` if it gets none."""
        start, path = time.perf_counter(), self.url.path.rstrip("/")
        other = self.url.copy_with(path=f"{path}/{PROBE}", query=None)
        try:
            self.ask(seconds, _Rows(headers_only=True), other)
        except (_Enough, TimeoutError):
            return time.perf_counter() - start
        except OSError:
            return None  # nobody there any more, or too busy to talk
        return None

    def look(self, say: Callable[[str], Any]) -> None:
        """Ask, one question after another, as far as the answers leave one."""
        try:
            seen = self.seen = self.follow()
        except TimeoutError as error:
            wait = self.wait(2.0)
            if wait is None or wait > 1.9:
                raise
            self.silent = [NO_HEADERS._replace(evidence=f"{error} Another took {wait:.3f} s.")]
            return
        headers = f"{seen.type or 'no content-type'}, headers after {seen.alone.headers_at:.3f} s"
        say(f"{repr(seen.alone).strip('<>')}\n{headers}")
        if seen.alone.response.status_code != 200:
            return
        seen.calm = list(self.waits(5))
        if seen.calm and seen.calm[0] > 2.9:
            return  # it answers nobody any more
        limit = min(seen.alone.seconds + 1.0, 4.0)
        seen.zipped = self.attempt(limit, _Rows(4, 0.0), accept_encoding="gzip")
        self.two_at_once(seen, limit := min(2 * seen.alone.seconds + 1.0, 5.0))
        if _starved(seen):  # or was it the machine?
            self.two_at_once(seen, limit)
        if seen.sse and len(seen.ids) > 2:
            self.resume(seen, min(seen.first + 1.5, 4.0))
        if held(seen) or whole(seen):
            seen.accepted = self.attempt(limit, accept="text/event-stream")

    def follow(self) -> Seen:
        """The first answer: at the end of redirects, at most five, of the same origin."""
        redirects: list[str] = []
        while True:
            alone = self.ask(0.6 * self.seconds)
            if not alone.response.has_redirect_location or len(redirects) == 5:
                return Seen(alone, redirects=redirects)
            redirects.append(alone.response.headers["location"])
            target = self.url.join(redirects[-1])
            if (target.scheme, target.netloc) != (self.url.scheme, self.url.netloc):
                return Seen(alone, redirects=redirects)
            self.url = target

    def waits(self, times: int) -> Iterator[float]:
        """How long other requests wait, one after another, until one gets no answer."""
        for _ in range(times):
            if (wait := self.wait(3.0)) is None:
                return
            yield wait
            if wait > 2.9:
                return

    def two_at_once(self, seen: Seen, limit: float) -> None:
        """The same request twice at once, and others meanwhile."""
        seen.waits = []
        seen.apart = min(LATE, seen.alone.seconds / 4)
        with ThreadPoolExecutor(2) as threads:
            start = time.perf_counter()
            both = [threads.submit(self.attempt, limit, _Rows(8, 2.0))]
            time.sleep(seen.apart)
            both.append(threads.submit(self.attempt, limit, _Rows(8, 2.0)))
            while not all(one.done() for one in both) and time.perf_counter() - start < limit:
                wait = self.wait(limit)
                seen.waits += [] if wait is None else [wait]
                time.sleep(PAUSE)
        seen.pair = [answer for one in both if (answer := one.result())]

    def resume(self, seen: Seen, limit: float) -> None:
        """Ask for what comes after an event in the middle, and after the last one."""
        ids = [seen.ids[len(seen.ids) // 2]] + seen.ids[-1:] * seen.alone.whole
        for id in ids:
            answer = self.attempt(limit, _Rows(1, 0.0), last_event_id=id)
            if answer:
                seen.resumed[id] = answer


# What is concluded: each rule returns its evidence, or nothing


def _items(answer: Recording) -> list[tuple[float, str]]:
    """When each event came, or each line of a text; for what is no text, each chunk."""
    if is_event_stream(answer.response.headers.get("content-type", "")):
        return [(event.at, event.data) for event in answer.events]
    if _binary(answer):
        return [(chunk.at, "") for chunk in answer.chunks]
    items, rest = [], b""
    for at, _, data in answer.chunks:
        *lines, rest = (rest + data).split(b"\n")
        items += [(at, line.decode(errors="replace").rstrip("\r")) for line in lines[:TEXTS]]
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
    return answer.ended.startswith(EARLY) and ENOUGH not in answer.ended


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
    code = s.alone.response.status_code
    bad = code >= 400 or (s.sse and code not in (200, 204))
    return f"{code} {s.alone.response.reason_phrase}: {s.text[:70]!r}" if bad else ""


def redirect(s: Seen) -> str:
    lost = s.alone.response.has_redirect_location or s.type == "text/html"
    return f"{len(s.redirects)}, first to {s.redirects[0]}" if s.redirects and lost else ""


def redirected(s: Seen) -> str:
    return f"to {s.redirects[-1]}" if s.redirects and not redirect(s) else ""


def cut(s: Seen) -> str:
    broken = _cut(s.alone) and s.alone.chunks and not undecoded(s) and not misframed(s)
    return f"{s.alone.summary}" if broken else ""


def cut_first(s: Seen) -> str:
    broken = _cut(s.alone) and not s.alone.chunks and not undecoded(s) and not misframed(s)
    return f"status {s.alone.response.status_code}, then {s.alone.ended}" if broken else ""


def undecoded(s: Seen) -> str:
    return s.alone.ended if _cut(s.alone) and "decompress" in s.alone.ended.lower() else ""


def misframed(s: Seen) -> str:
    if _cut(s.alone) and re.search("illegal|malformed", s.alone.ended):
        return s.alone.ended
    both = s.length is not None and "transfer-encoding" in s.alone.response.headers
    return f"content-length {s.length} and transfer-encoding in one response" if both else ""


def error_inside(s: Seen) -> str:
    last = s.items[-1][1] if s.items else ""
    named = s.alone.events and s.alone.events[-1].event == "error"
    keyed = re.match(r"""\{\s*["'](error|detail|exception)["']\s*:\s*["'{[]""", last)
    keyed = keyed and len(s.items) > 1 and not s.items[0][1].startswith(keyed[0])
    traced = "Traceback (most recent call last)" in s.text
    return f"at the end: {last[:70]!r}" if s.alone.whole and (named or keyed or traced) else ""


def empty(s: Seen) -> str:
    nothing = s.alone.whole and not s.body and s.alone.response.status_code == 200
    return s.alone.summary if nothing else ""


def _late_and_at_once(s: Seen) -> bool:
    late = s.first > max(0.3, 20 * median(s.calm or [0])) and len(s.items) > 2
    return late and s.alone.whole and s.last - s.first < 0.1 * s.first


def held(s: Seen) -> str:
    joined = len(s.items) >= 3 * len(s.alone.chunks)
    if not _late_and_at_once(s) or not (s.sse or (s.type in LINES and joined)):
        return ""
    length = f", content-length {s.length}" if s.length else ""
    return (
        f"nothing for {s.first:.3f} s, then {len(s.items)} events or lines within "
        f"{s.last - s.first:.3f} s, {len(s.alone.chunks)} chunk(s){length}"
    )


def whole(s: Seen) -> str:
    suspect = s.type in LINES | {"text/csv"} and s.alone.headers_at > 0.8 * s.first
    late = _late_and_at_once(s) and suspect and not held(s)
    return f"{len(s.items)} lines at once after {s.first:.3f} s" if late else ""


def by_accept(s: Seen) -> str:
    if not s.accepted or not (items := _items(s.accepted)) or not s.items:
        return ""
    sooner = items[0][0] < s.first - max(LATE, 0.3 * s.first)
    return f"first at {s.first:.3f} s, with that header at {items[0][0]:.3f} s" if sooner else ""


def bursts(s: Seen) -> str:
    seen = _bursts(s.items)
    sizes, gaps = [n for _, n in seen], [b[0] - a[0] for a, b in pairwise(seen)]
    if len(seen) < 2 or median(sizes) < 3 or median(gaps) < LATE:
        return ""
    middle = [chunk.data for chunk in s.alone.chunks[:-1]]
    joined = len({at for at, _ in s.items}) * 2 <= len(s.items)
    torn = sum(not data.endswith((b"\n", b"\r")) for data in middle) * 2 > len(middle) > 1
    filling = s.first > 0.5 * median(gaps)  # what comes in full at once, nothing has collected
    collected = filling and ((s.sse and joined) or (joined and _as_if_counted(seen)))
    numbers = f"{median(sizes):g} at a time, every {median(gaps):.3f} s; first at {s.first:.3f} s"
    return numbers + ", cut in the middle of lines" * torn if collected or torn else ""


def _as_if_counted(seen: list[tuple[float, int]]) -> bool:
    """Whether a short wait goes with few items, as where pieces made one by one are collected."""
    full, period = median(n for _, n in seen), median(b[0] - a[0] for a, b in pairwise(seen))
    start, last, gap = (
        seen[0][0] / period,
        seen[-1][1] / full,
        (seen[-1][0] - seen[-2][0]) / period,
    )
    short_start = start < 0.95 and abs(start - (full - 1) / full) < 0.06
    return short_start or (last < 0.85 and gap < 0.9 and abs(gap - last) < 1 / full + 0.05)


def zipped_headers(s: Seen) -> str:
    if not s.zipped or not s.zipped.chunks or not _squeezed(s) or zipped_body(s):
        return ""
    plain, zipped = s.alone.headers_at, s.zipped.headers_at
    with_body = s.zipped.chunks[0].at - zipped < 0.05 * zipped
    # Starlette's holds them as long where the client takes no gzip: then no comparison helps.
    late = zipped - plain > LATE and zipped > 4 * plain
    both = min(zipped, plain) > LATE and s.last - s.first > LATE
    numbers = f"headers after {zipped:.3f} s, just before the first byte; without gzip {plain:.3f}"
    return numbers if with_body and (late or both) else ""


def zipped_body(s: Seen) -> str:
    if not _squeezed(s) or not s.alone.chunks:
        return ""
    plain, zipped = _first_burst(s.alone), _first_burst(s.zipped)
    if zipped[0] - plain[0] < LATE or zipped[1] < 2 * plain[1]:
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


def _starved(s: Seen) -> str:
    after = s.calm[0] if s.calm and not s.alone.whole else 0.0
    calm = sorted(s.calm)[:-1] or [0.0]
    if after > max(0.5, 5 * calm[-1]):
        return f"after the stream was left, another request waited {after:.3f} s"
    stuck = [wait for wait in s.waits if wait > max(0.12, 4 * calm[-1])]
    if sum(stuck) < 0.5 * sum(wait + PAUSE for wait in s.waits) or max(stuck, default=0) < LATE:
        return ""
    return (
        f"waited up to {max(stuck):.3f} s beside the stream, {median(s.calm or [0]):.3f} s alone"
    )


def _queued(s: Seen) -> str:
    if len(s.pair) < 2 or not all(one.chunks for one in s.pair) or s.pair[0].seconds < 0.4:
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
    return _starved(s) if _is_async(s) and not _flood(s) else ""


def never_awaits(s: Seen) -> str:
    return _starved(s) if _is_async(s) and _flood(s) else ""


def one_at_a_time(s: Seen) -> str:
    return _queued(s) if _is_async(s) and not _starved(s) else ""


def single(s: Seen) -> str:
    return "" if _is_async(s) else _starved(s) or _queued(s)


def shared(s: Seen) -> str:
    later = [one for one in (s.zipped, *s.pair) if one]
    bare = [one for one in later if one.whole and not one.chunks]
    broken = [one for one in s.pair if _cut(one) or one.response.status_code == 500]
    busy = any(one.response.status_code in (429, 503) for one in later)
    if s.body and bare and not busy and bare[0].response.status_code == 200:
        return f"the first request got {s.alone.size:,} bytes, a later one none"
    if broken and not _cut(s.alone):
        ended = f"{broken[0].response.status_code}, {broken[0].summary}"
        return f"one request alone was answered well; of two at once, one got {ended}"
    return _dealt_out(s)


def _dealt_out(s: Seen) -> str:
    """Whether two readers at once each got some of the numbers that one would have got alone."""
    solo, *both = [_numbers(_items(one)) for one in (s.alone, *s.pair)]
    steps = Counter(b - a for a, b in pairwise(solo)).most_common(1)
    if len(both) < 2 or min(map(len, both)) < 2 or not steps or steps[0][1] < 0.8 * len(solo) - 1:
        return ""
    mixed = sorted(both[0] + both[1])
    all_there = all(b - a == steps[0][0] for a, b in pairwise(mixed))
    mingled = both[1][0] < both[0][-1] and both[0][0] < both[1][-1]
    return f"one got {both[0][:6]} …, the other {both[1][:6]} …" if all_there and mingled else ""


def _numbers(items: list[tuple[float, str]]) -> list[int]:
    return [int(found[0]) for _, text in items if (found := re.search(r"\d+", text))]


def silent(s: Seen) -> str:
    return f"{_silence(s):.1f} s without a byte" if s.sse and _silence(s) > SILENT else ""


def stalled(s: Seen) -> str:
    gaps = [b.at - a.at for a, b in pairwise(s.alone.chunks)]
    if s.alone.whole or len(gaps) < 3 or silent(s):
        return ""
    tail = s.alone.seconds - s.alone.chunks[-1].at
    numbers = f"{tail:.1f} s without a byte, after gaps of at most {max(gaps):.3f} s"
    return numbers if tail > max(5.0, 10 * max(gaps)) else ""


def _silence(s: Seen) -> float:
    moments = [0.0, *(chunk.at for chunk in s.alone.chunks), s.alone.seconds]
    return max(b - a for a, b in pairwise(moments))


def tiny(s: Seen) -> str:
    sizes = [chunk.size for chunk in s.alone.chunks]
    if len(sizes) < 100 or median(sizes) > (100 if len(sizes) >= 1000 and not s.sse else 4):
        return ""
    pace = (s.alone.chunks[-1].at - s.alone.chunks[0].at) / len(sizes)
    each = f"{len(sizes):,} chunks of {median(sizes):g} bytes, one every {pace * 1e3:.2f} ms"
    return each if pace < 0.005 else ""


def cumulative(s: Seen) -> str:
    data = [chunk.data for chunk in s.alone.chunks if chunk.data]
    again = len(data) > 2 and b"\n" in data[0] and len(data[0]) > 7
    again = again and all(len(a) < len(b) and b.startswith(a) for a, b in pairwise(data))
    return f"chunks of {[len(one) for one in data[:5]]} bytes …" if again else ""


def unlabelled(s: Seen) -> str:
    names = {name for block in s.blocks for name, _ in block}
    found = [] if s.sse or not names <= FIELDS else EventDecoder().feed(s.body)
    return f"{s.type or 'no content-type'}, but {_some(found)}" if found else ""


def no_events(s: Seen) -> str:
    names = {name for block in s.blocks for name, _ in block}
    nothing = s.sse and names and not s.alone.events and s.alone.whole and not names & {"data"}
    return f"{s.alone.summary} {s.text[:60]!r}" if nothing else ""


def unseparated(s: Seen) -> str:
    starts = sum(chunk.data.startswith((b"data:", b"id:", b"event:")) for chunk in s.alone.chunks)
    dispatched = len(s.alone.events)
    escaped = "\\n\\n" in s.text and dispatched * 2 < s.text.count("\\n\\n")
    missing = s.sse and starts > 2 * dispatched and (s.alone.whole or starts > 2)
    if not s.sse or not (missing or escaped):
        return ""
    return f"{dispatched} events in {s.alone.size:,} bytes: {s.text[:60]!r}"


def unfinished(s: Seen) -> str:
    rest = s.blocks[-1] if s.sse and s.alone.whole and not unseparated(s) else []
    rest = [line for line in rest if line[0] in ("data", "event")]
    return f"after the last blank line: {rest}"[:99] if rest else ""


def lost_lines(s: Seen) -> str:
    lines = [f"{n}: {v}" if v else n for block in s.blocks for n, v in block if n not in FIELDS]
    return _some(lines) if s.sse and s.alone.events else ""


def framed_twice(s: Seen) -> str:
    inner = [
        e.data for e in s.alone.events if re.search(r"^(data|id|event|retry): ?", e.data, re.M)
    ]
    return _some(inner)


def without_data(s: Seen) -> str:
    bare = [dict(block) for block in s.blocks[:-1] if block]
    return _some([b for b in bare if "data" not in b and {"event", "id"} & {*b}] * s.sse)


def no_utf8(s: Seen) -> str:
    try:
        (s.body if s.alone.whole else s.body[:-3]).decode() if s.sse else None
    except UnicodeDecodeError as error:
        return str(error)[:90]
    return ""


def python_text(s: Seen) -> str:
    return _some([text for _, text in s.items[:200] if _is_repr(text)] * (s.type != "text/html"))


def _is_repr(text: str) -> bool:
    if REPR.fullmatch(text):
        return True
    with suppress(Exception):
        return (
            text[0] in "{[("
            and "'" in text
            and not _is_json(text)
            and bool(ast.literal_eval(text))
        )
    return False


def none_text(s: Seen) -> str:
    nothing = {"None", "undefined", "[object Object]"}
    return _some([text for _, text in s.items if text in nothing])


def bad_json(s: Seen) -> str:
    if s.type in LINES - {"", "text/plain"}:
        texts = [text for _, text in s.items[: None if s.alone.whole else -1]]
    elif s.type.endswith("/json"):
        texts = [s.text] * (s.alone.whole and bool(s.text))
    else:
        texts = [text for _, text in s.items if s.sse and re.match(r'\{\s*"', text)]
    return _some([text for text in texts if not _is_json(text) and not _is_repr(text)])


def _is_json(text: str) -> bool:
    try:
        json.loads(text, parse_constant=lambda name: 1 / 0)
    except (ValueError, ZeroDivisionError, RecursionError):
        return False
    return True


def same_ids(s: Seen) -> str:
    twice = [id for id, times in Counter(s.ids).items() if times > 1] if s.sse else []
    return f"{len(s.ids)} events with ids, these came again: {twice[:3]}" if twice else ""


def ignores_id(s: Seen) -> str:
    for id, answer in s.resumed.items():
        if (
            id != s.ids[-1]
            and answer.events
            and answer.events[0].id == s.ids[0]
            and not same_ids(s)
        ):
            return f"asked with Last-Event-ID: {id}, it began again at id {s.ids[0]!r}"
    return ""


def resumes_beside(s: Seen) -> str:
    for id, answer in s.resumed.items():
        got, at = answer.events[0].id if answer.events else "", s.ids.index(id)
        if got in s.ids[1:] and s.ids.index(got) != at + 1 and not same_ids(s):
            return f"asked for what comes after id {id!r}, it began with id {got!r}"
    return ""


def replays(s: Seen) -> str:
    answer = s.resumed.get(s.ids[-1]) if s.ids and s.alone.whole else None
    again = answer and answer.events and answer.events[0].id == s.ids[0] and not ignores_id(s)
    return f"asked for what comes after the last id, {s.ids[-1]!r}, it sent all" if again else ""


def replays_too(s: Seen) -> str:
    ended = s.sse and s.alone.whole and len(s.alone.events) > 1 and not s.ids
    if (
        not ended
        or not s.zipped
        or _items(s.zipped)[:1] == []
        or s.items[0][1] != _items(s.zipped)[0][1]
    ):
        return ""
    last, before = s.alone.events[-1], {event.event for event in s.alone.events[:-1]}
    told = last.event not in before or END.search(last.data)
    return "" if told else f"{len(s.items)} events, then the end; asked again, the same"


def cacheable(s: Seen) -> str:
    value = s.alone.response.headers.get("cache-control", "").lower()
    keeps = re.search(r"max-age=[1-9]|s-maxage=[1-9]|public|immutable", value)
    return f"cache-control: {value}" if s.sse and keeps and "no-" not in value else ""


def not_uncached(s: Seen) -> str:
    value = s.alone.response.headers.get("cache-control", "")
    bare = (
        s.sse
        and s.alone.response.status_code == 200
        and not re.search("no-(store|cache)", value, re.I)
    )
    return f"cache-control: {value or 'missing'}" if bare and not cacheable(s) else ""


def not_accelerated(s: Seen) -> str:
    value = s.alone.response.headers.get("x-accel-buffering", "missing")
    collected = held(s) or bursts(s) or whole(s)
    return f"x-accel-buffering: {value}" if collected and value.lower() != "no" else ""


def with_length(s: Seen) -> str:
    return f"content-length: {s.length}" if s.sse and s.length and len(s.items) > 1 else ""


def sniffed(s: Seen) -> str:
    early = sum(chunk.size for chunk in s.alone.chunks if chunk.at < s.last - LATE)
    bare = s.alone.response.headers.get("x-content-type-options", "").lower() != "nosniff"
    blank = s.type == "text/plain" and bare and 0 < early < 1024 and not unlabelled(s)
    return f"{early} bytes before the last {LATE} s, no x-content-type-options: nosniff" * blank


def bad_retry(s: Seen) -> str:
    values = [v for block in s.blocks for n, v in block if n == "retry" and s.sse]
    return _some([v for v in values if not v.isdecimal()])


NO_HEADERS = Finding(
    "no-headers",
    "No headers came, though the server answers others: consistent with a proxy or middleware "
    "that holds a stream back until its end, or with a route that does all its work first.",
    "",
)
RULES: tuple[tuple[str, Callable[[Seen], str], str], ...] = (
    ("status", status, "An error, not a stream. Only GET is tried here; -H adds headers."),
    ("redirect", redirect, "Redirected to what is no stream: to a page, for ever, or elsewhere."),
    (
        "cut-short",
        cut,
        "The body was cut short, as by an exception after the first byte, when the "
        "status 200 is gone already. See the server's log; send errors as data.",
    ),
    (
        "cut-before-first",
        cut_first,
        "Headers with a good status, then an end without a byte: "
        "consistent with an exception before the first yield. Check before the response is made.",
    ),
    ("not-decodable", undecoded, "The body is not what its content-encoding says."),
    ("bad-framing", misframed, "The framing of the body breaks RFC 9112: a client may refuse it."),
    ("error-inside", error_inside, "The stream says an error at its end, under a good status."),
    ("empty", empty, "The body is empty: consistent with a generator that is used up already."),
    (
        "held-until-end",
        held,
        "Held until the end: everything came at once, after a wait. Consistent "
        "with a buffering proxy, or middleware or a route that collects the whole body.",
    ),
    (
        "accept-decides",
        by_accept,
        "Held back unless asked with Accept: text/event-stream, as jupyter-server-proxy does it.",
    ),
    (
        "bursts",
        bursts,
        "Items come in bursts: consistent with a proxy or buffer that collects some "
        "before it lets them through.",
    ),
    (
        "gzip-holds-headers",
        zipped_headers,
        "Compression holds back the headers until the first "
        "chunk. Leave this route out of it, or yield something at once.",
    ),
    (
        "gzip-holds-body",
        zipped_body,
        "Compression buffers the body: gzip that does not flush each "
        "chunk. Flush it, or leave this route out of it.",
    ),
    (
        "starved",
        starved,
        "Other requests wait while the stream runs: consistent with a blocking "
        "call (time.sleep, requests, a database driver) in async code. Await, or use plain def.",
    ),
    (
        "never-awaits",
        never_awaits,
        "Other requests wait while the stream runs: consistent with an "
        "async generator that never awaits. Add await asyncio.sleep(0), or use plain def.",
    ),
    (
        "one-at-a-time",
        one_at_a_time,
        "A second request to the stream waits until the first has "
        "ended: consistent with a lock, or one worker, held for all of the stream.",
    ),
    (
        "shared-source",
        shared,
        "Requests take from each other: consistent with one generator, "
        "iterator or queue shared by all requests. Make one for each.",
    ),
    (
        "no-ping",
        silent,
        "An idle event stream without pings: proxies close such a connection, and "
        "nobody notices a client that left. Send a comment (: ping) every 15 s.",
    ),
    ("stalled", stalled, "The stream stopped in the middle, and neither went on nor ended."),
    ("tiny-chunks", tiny, "Very many very small chunks: each costs more than its bytes. Batch."),
    ("cumulative", cumulative, "Each chunk repeats all the ones before: a buffer is not emptied."),
    (
        "not-labelled",
        unlabelled,
        "It is server-sent events, but not labelled text/event-stream: EventSource refuses it.",
    ),
    ("no-events", no_events, "Labelled text/event-stream, but there is no event in it."),
    (
        "no-blank-line",
        unseparated,
        "Events are not separated by a blank line: a client dispatches "
        "none, or all in one. Each ends with two newlines, not escaped.",
    ),
    (
        "unfinished-event",
        unfinished,
        "The last event has no blank line after it: clients drop it.",
    ),
    (
        "lost-lines",
        lost_lines,
        "Lines that are no field are dropped: each line of a data with "
        "newlines needs its own data: in front.",
    ),
    (
        "framed-twice",
        framed_twice,
        "Framed twice: data that is itself data: or another field. "
        "Hand the library the bare text, or send formatted text as a plain response.",
    ),
    (
        "event-without-data",
        without_data,
        "An event or id without a data line is never dispatched.",
    ),
    ("not-utf-8", no_utf8, "An event stream is UTF-8 always; this is not."),
    ("python-repr", python_text, "Python's repr with single quotes in place of JSON: json.dumps."),
    ("none-as-data", none_text, "None (or the like) was sent as text."),
    ("bad-json", bad_json, "Looks like JSON, or says so, but a parser refuses it."),
    ("ids-repeat", same_ids, "Event ids repeat: who comes back by one loses or repeats events."),
    (
        "ignores-last-event-id",
        ignores_id,
        "It sends ids, but ignores Last-Event-ID: after each reconnect everything is sent again.",
    ),
    ("resumes-beside", resumes_beside, "After a reconnect events are repeated or lost."),
    (
        "replays",
        replays,
        "It would replay for ever: EventSource comes back after the end, and gets "
        "all again. Answer 204 to the last id.",
    ),
    ("cacheable", cacheable, "A cache may keep this event stream. Send Cache-Control: no-store."),
    ("bad-retry", bad_retry, "retry is a whole number of milliseconds; others are ignored."),
    (
        "advice-replays",
        replays_too,
        "EventSource comes back after the end, and gets all again, "
        "for ever: send ids and answer 204, or an end event at which the page closes it.",
    ),
    ("advice-redirect", redirected, "Give clients the last address; each redirect costs time."),
    ("advice-whole", whole, "Came whole after a wait, not in pieces as it was made."),
    (
        "advice-one-at-a-time",
        single,
        "The server answers one request at a time: consistent with a "
        "single-threaded server, or a blocking call.",
    ),
    (
        "advice-content-length",
        with_length,
        "An event stream whose length was known: it was made whole before it was sent.",
    ),
    (
        "advice-nosniff",
        sniffed,
        "As a browser's tab it stays blank until enough has come to sniff "
        "the type. Send X-Content-Type-Options: nosniff.",
    ),
    (
        "advice-cache-control",
        not_uncached,
        "Event streams had better say Cache-Control: no-store.",
    ),
    ("advice-accel-buffering", not_accelerated, "X-Accel-Buffering: no asks nginx not to buffer."),
)
diagnose.__doc__ = (diagnose.__doc__ or "").replace(
    "@CODES@", "\n    ".join([NO_HEADERS.code, *(code for code, *_ in RULES)])
)
