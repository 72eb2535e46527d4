"""Rules about several requests at once: who waits for whom, and who takes from whom."""

import re
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise
from statistics import median

from labserver.diagnosis.finding import Level, listed, rule
from labserver.diagnosis.observation import LATE, PAUSE, Item, Observation, items_of
from labserver.diagnosis.rules.response import is_cut
from labserver.recording import Recording, counted

# Behind others a server may well be meant to take one request at a time.
ASYNC = re.compile(r"uvicorn|hypercorn|daphne|granian|aiohttp|tornado|nginx|envoy|caddy", re.I)
STUCK = 0.12  # seconds for headers that a machine seldom takes
LEFT = 0.5  # seconds that a server has to notice that a stream was left
SLOWER = 4  # times as long as without a stream
FLOOD = 0.002  # seconds a chunk: an endless loop that never waits
QUIET = 1.0  # seconds for one reader, while another gets data
MOST_NUMBERS = 3000
BUSY = (429, 503)  # what refuses on purpose


def _others_wait(seen: Observation) -> str:
    """The evidence that requests wait for a stream, whatever the reason."""
    left = seen.after > max(LEFT, SLOWER * seen.before, 2 * seen.alone.headers_at)
    if left and not seen.alone.whole:
        return f"after the stream was left, another request waited {seen.after:.3f} s"
    calm = median([seen.before, *seen.calm])
    stuck = [wait for wait in seen.waits if wait > max(STUCK, SLOWER * calm)]
    meanwhile = sum(wait + PAUSE for wait in seen.waits)
    if sum(stuck) < 0.5 * meanwhile or max(stuck, default=0.0) < LATE:
        return ""
    if _is_flood(seen) and max(stuck) < 0.5 * meanwhile:
        return ""  # it takes much of the machine, but lets others in
    return f"others waited up to {max(stuck):.3f} s beside the stream, {calm:.3f} s without it"


def _queued(seen: Observation) -> str:
    """The evidence that a second stream waits for the end of the first."""
    if not seen.pair or not seen.pair[0].chunks or seen.pair[0].seconds < 2 * LATE:
        return ""
    first = seen.pair[0]
    if len(seen.pair) == 1:
        waited = seen.unanswered > max(1.0, 4 * first.chunks[0].at)
        return (
            f"the second got no headers in {seen.unanswered:.1f} s, "
            f"the first got {counted(first.chunks, 'chunk')}"
        ) * waited
    second = seen.pair[1]
    if not second.chunks:
        silent = second.seconds > max(1.0, 4 * first.chunks[0].at) and not is_cut(second)
        silent = silent and not second.whole and len(first.chunks) > 1
        return (
            f"the second got nothing in {second.seconds:.1f} s, "
            f"the first {counted(first.chunks, 'chunk')}"
        ) * silent
    usual, end = seen.apart + first.chunks[0].at, first.chunks[-1].at
    start = seen.apart + second.chunks[0].at
    if first.chunks[0].at > 0.5 * end:
        return ""  # it came as one, so there is no while in which the second could have begun
    waited = start > 0.9 * end and start - usual > max(LATE, 0.5 * (end - first.chunks[0].at))
    told = f"the second got its first bytes at {start:.3f} s, the first its last at {end:.3f} s"
    return told * waited


def _is_async(seen: Observation) -> bool:
    return bool(ASYNC.search(seen.alone.response.headers.get("server", "")))


def _is_flood(seen: Observation) -> bool:
    chunks = len(seen.alone.chunks)
    return chunks > 100 and seen.last - seen.first < FLOOD * chunks


@rule(
    "never-awaits",
    Level.FAULT,
    """Other requests wait while this stream runs, and it sends without a pause. This is
    consistent with an async generator that never awaits. Add "await asyncio.sleep(0)" to its loop,
    or write it as a plain def.""",
    repeat="pair",
)
def never_awaits(seen: Observation) -> str:
    return _others_wait(seen) if _is_async(seen) and _is_flood(seen) else ""


@rule(
    "starved",
    Level.FAULT,
    """Other requests wait while this stream runs. This is consistent with a blocking call in
    async code: time.sleep, requests, a database driver. Await an async call instead, or write the
    generator as a plain def.""",
    repeat="pair",
)
def starved(seen: Observation) -> str:
    return _others_wait(seen) if _is_async(seen) and not _is_flood(seen) else ""


@rule(
    "one-at-a-time",
    Level.FAULT,
    """A second request to the stream waits until the first has ended. This is consistent with a
    lock, a connection or the only worker, held for the whole stream. Hold it only while you make
    each piece.""",
)
def one_at_a_time(seen: Observation) -> str:
    return _queued(seen) if _is_async(seen) else ""


@rule(
    "advice-one-at-a-time",
    Level.ADVICE,
    """The server answers one request at a time. This is consistent with a single-threaded server,
    or with a blocking call. Start it with threads or several workers if it has to serve more than
    one client.""",
    repeat="pair",
)
def advice_one_at_a_time(seen: Observation) -> str:
    return "" if _is_async(seen) else _others_wait(seen) or _queued(seen)


@rule(
    "refuses-second",
    Level.FAULT,
    """One request alone is answered well, each time; of two at once, one fails. This is
    consistent with something limited that is held for the whole stream: a connection of a pool, a
    licence, a slot. Give it back before the stream begins, or allow more of it, or answer 503 with
    Retry-After.""",
)
def refuses_second(seen: Observation) -> str:
    failed = _failed_of_two(seen)
    return _told(failed[0]) if failed and _starts_over(seen) else ""


@rule(
    "shared-source",
    Level.FAULT,
    """Requests take from each other. This is consistent with one generator, iterator or queue that
    all requests share. Make one for each request.""",
)
def shared_source(seen: Observation) -> str:
    bare = [one for one in seen.others if one.whole and not one.chunks]
    busy = any(one.response.status_code in BUSY for one in seen.others)
    if seen.body and bare and not busy and bare[0].response.status_code == 200:
        return f"the first request got {counted(len(seen.body), 'byte')}, a later one none"
    if failed := _failed_of_two(seen):
        return _told(failed[0])
    return _dealt_out(seen) or _silenced(seen)


def _failed_of_two(seen: Observation) -> list[Recording]:
    if is_cut(seen.alone):
        return []
    return [one for one in seen.pair if is_cut(one) or one.response.status_code == 500]


def _told(failed: Recording) -> str:
    ended = f"{failed.response.status_code}, {failed.summary}"
    return f"one request alone was answered well; of two at once, one got {ended}"


def _starts_over(seen: Observation) -> bool:
    """Whether a later request, with nothing else under way, got the same beginning."""
    again = items_of(seen.again)[:1] if seen.again else []
    return bool(again and seen.items and again[0].text == seen.items[0].text)


def _dealt_out(seen: Observation) -> str:
    """Whether a reader lacks numbers that another one got, and that one alone would have got."""
    solo, *both = [_numbers(items_of(one)) for one in (seen.alone, *seen.pair)]
    steps = Counter(b - a for a, b in pairwise(solo)).most_common(1)
    if len(both) < 2 or min(map(len, both)) < 2 or not steps or steps[0][1] < 0.8 * len(solo) - 1:
        return ""
    for one, other in (both, both[::-1]):
        wanted = range(one[0], one[-1], steps[0][0] or 1)[:MOST_NUMBERS]
        lacking = {n for n in wanted if min(other) < n < max(other)} - {*one}
        if len(lacking) > 1 and lacking <= {*other}:
            return f"one got {listed(one)}, the other {listed(other)}"
    return ""


def _numbers(items: Sequence[Item]) -> list[int]:
    found = (re.search(r"\d{1,15}", item.text) for item in items)
    return [int(number[0]) for number in found if number]


def _silenced(seen: Observation) -> str:
    """Whether a reader got nothing more from the moment that another one came."""
    if len(seen.pair) < 2 or len(seen.items) < 3 or seen.pair[0].whole:
        return ""
    one, other = seen.pair
    last = max((item.at for item in items_of(one)), default=0.0)
    meanwhile = [item for item in items_of(other) if item.at + seen.apart > last]
    alone = [item.at for item in seen.items if item.at <= one.seconds]
    if 2 * len(items_of(one)) > len(alone):
        return ""  # what one gets alone, and then there is a pause
    gaps = sorted(b.at - a.at for a, b in pairwise(seen.items))
    usual = gaps[9 * len(gaps) // 10]  # the longest may be the machine's
    quiet = one.seconds - last
    silent = quiet > max(QUIET, 4 * usual) and len(meanwhile) > 3
    told = counted(meanwhile, "item")
    return f"one got nothing for {quiet:.1f} s, the other {told}" * silent


@rule(
    "runs-out",
    Level.FAULT,
    """It answered at first, and refused once clients had come and gone. This is consistent with a
    slot, a lock or a connection that nobody gives back when a client leaves. Give it back in a
    finally.""",
)
def runs_out(seen: Observation) -> str:
    code = seen.again.response.status_code if seen.again else 0
    return f"{code} with no stream open; the first time 200" if code >= 500 else ""
