"""Rules about who waits for whom: other requests beside a stream, a second stream beside a first.

starved      stream  |-----------------------|
             others  .........→  .........→     each waits for its headers while it runs
queued       first   |-----------|
             second     ........→|-----------|  its first bytes come after the other's last
"""

import re
from itertools import pairwise
from statistics import median

from labserver.diagnosis.finding import Level, quoted, rule
from labserver.diagnosis.observation import NOTABLE, Observation
from labserver.diagnosis.rules.sharing import nothing_any_more
from labserver.diagnosis.together import PAUSE
from labserver.recording import Recording, counted

# Servers and proxies that take many requests at once. Any other may be meant to take one.
SERVES_MANY = re.compile(
    r"uvicorn|hypercorn|daphne|granian|aiohttp|tornado|nginx|envoy|caddy", re.I
)
# Another request waits:
STUCK = 0.12  # seconds for its headers, which even a busy machine seldom takes
LEFT = 0.5  # seconds that a server has to notice that a stream was left
SLOWER = 4  # times as long as without a stream
LONG_REST = 1.0  # seconds for a request at rest, by which no machine alone is late
MOSTLY = 0.5  # of the time that was watched
# A loop that never waits: more chunks than this, and fewer seconds from one to the next.
FLOOD_CHUNKS, FLOOD = 100, 0.002
# A second stream waits for the end of the first. Shares are of the first one's time to its end.
SILENT = 1.0  # seconds in which the second got nothing, at least
SECOND_LATE = 0.9  # of that time: a second that begins later began after the first
FIRST_LATE = 0.5  # of that time: a first one that begins later leaves no time to compare

TWICE = 2  # times as long: the first stream, after the second came


def _others_wait(seen: Observation) -> str:
    """The evidence that requests wait for a stream, whatever the reason."""
    return _wait_after_it(seen) or _wait_beside_it(seen)


def _wait_after_it(seen: Observation) -> str:
    usual = max(LEFT, SLOWER * seen.before, 2 * seen.alone.headers_at)
    if seen.alone.whole or seen.after <= usual or _rises(seen):
        return ""
    return f"after the stream was left, another request waited {seen.after:.3f} s"


def _wait_beside_it(seen: Observation) -> str:
    waits, calm = seen.pair.waits, _at_rest(seen)
    stuck = [wait for wait in waits if wait > max(STUCK, SLOWER * calm)]
    watched = sum(wait + PAUSE for wait in waits)
    longest = max(stuck, default=0.0)
    if sum(stuck) < MOSTLY * watched or longest < NOTABLE:
        return ""
    if _is_flood(seen) and longest < MOSTLY * watched:
        return ""  # it takes much of the machine, but lets others in
    return f"others waited up to {longest:.3f} s beside the stream, {calm:.3f} s without it"


def _at_rest(seen: Observation) -> float:
    """How long others wait with no stream open.

    A limit may delay requests by their number: then they wait as long without a stream, too. But
    so they do where a stream that was left still runs.
    """
    pair, usual = seen.pair, median([seen.before, *seen.pair.calm, *seen.pair.later])
    quick = seen.after <= max(STUCK, SLOWER * seen.before)  # what was left makes nobody wait
    if seen.repeated or not (seen.alone.whole or quick or _rises(seen)):
        return seen.before if usual > LONG_REST > SLOWER * seen.before else usual
    ended = all(one.whole for one in pair.answers) and not pair.unanswered
    later = pair.later if ended or not seen.alone.whole else []
    rising = pair.calm[-1:] if pair.calm == sorted(pair.calm) else []
    return max([usual, *rising, *([median(later)] if later else [])])


def _rises(seen: Observation) -> bool:
    """Whether each request waited longer than the one before it, whatever it asked for."""
    waits = [seen.before, seen.alone.headers_at, seen.after, *seen.pair.calm]
    return bool(seen.pair.calm) and all(a < b for a, b in pairwise(waits))


def _queued(seen: Observation) -> str:
    """The evidence that a second stream waits for the end of the first."""
    if not seen.pair.answers:
        return ""
    first, *rest = seen.pair.answers
    if not first.chunks or first.seconds < 2 * NOTABLE:
        return ""
    # The first of the two may have waited, too, for what an earlier one held.
    usual = seen.alone.chunks[0].at if seen.alone.chunks else first.chunks[0].at
    silent = max(SILENT, SLOWER * usual)
    if not rest:
        return _without_headers(seen, first) if seen.pair.unanswered > silent else ""
    if not rest[0].chunks:
        return _without_bytes(first, rest[0]) if rest[0].seconds > silent else ""
    return _after_the_first(first, rest[0], seen.pair.apart)


def _without_headers(seen: Observation, first: Recording) -> str:
    got = counted(first.chunks, "chunk")
    return f"the second got no headers in {seen.pair.unanswered:.1f} s, the first got {got}"


def _without_bytes(first: Recording, second: Recording) -> str:
    if second.cut or second.whole or len(first.chunks) < 2:
        return ""
    got = counted(first.chunks, "chunk")
    return f"the second got nothing in {second.seconds:.1f} s, the first {got}"


def _after_the_first(first: Recording, second: Recording, apart: float) -> str:
    """The evidence that the second began as the first ended.

    first     0........begun|-----------|ended
    second    ..0............expected.....came|-----     all by the first one's clock
                apart
    """
    begun, ended = first.chunks[0].at, first.chunks[-1].at
    expected, came = apart + begun, apart + second.chunks[0].at  # alone, it is as quick
    if begun > FIRST_LATE * ended:
        return ""  # there is no time in which the second could have begun
    late = came - expected > max(NOTABLE, MOSTLY * (ended - begun))
    if came <= SECOND_LATE * ended or not late:
        return ""
    return f"the second got its first bytes at {came:.3f} s, the first its last at {ended:.3f} s"


def _serves_many(seen: Observation) -> bool:
    return bool(SERVES_MANY.search(seen.alone.response.headers.get("server", "")))


def _is_flood(seen: Observation) -> bool:
    chunks = len(seen.alone.chunks)
    return chunks > FLOOD_CHUNKS and seen.last - seen.first < FLOOD * chunks


@rule(
    "never-awaits",
    Level.FAULT,
    """Other requests wait while this stream runs, and it sends without a pause. This is
    consistent with an async generator that never awaits. Add "await asyncio.sleep(0)" to its loop,
    or write it as a plain def.""",
    repeat="pair",
)
def never_awaits(seen: Observation) -> str:
    return _others_wait(seen) if _serves_many(seen) and _is_flood(seen) else ""


@rule(
    "starved",
    Level.FAULT,
    """Other requests wait while this stream runs. This is consistent with a blocking call in
    async code (time.sleep, requests, a database driver), or with a single worker behind a proxy.
    Await an async call instead, or write the generator as a plain def. A limit that delays
    clients by the number of their requests may look the same.""",
    repeat="pair",
)
def starved(seen: Observation) -> str:
    return _others_wait(seen) if _serves_many(seen) and not _is_flood(seen) else ""


@rule(
    "one-at-a-time",
    Level.FAULT,
    """A second request to the stream waits until the first has ended. This is consistent with a
    lock, a connection or the only worker, held for the whole stream. Hold it only while you make
    each piece.""",
    repeat="pair",
)
def one_at_a_time(seen: Observation) -> str:
    if _at_rest(seen) > LEFT:
        return ""  # all requests wait, as a limit makes them
    # Once the first had left, it may still be held: then nobody gets anything any more.
    worse = nothing_any_more(seen) if seen.repeated else ""
    return _queued(seen) or worse if _serves_many(seen) else ""


@rule(
    "refuses-second",
    Level.FAULT,
    """One request alone is answered; of two at once, one gets no answer: its connection is closed.
    This is consistent with a limit on connections or streams. Allow more, or answer 503 with
    Retry-After, so that clients know why.""",
    repeat="pair",
)
def refuses_second_without_a_word(seen: Observation) -> str:
    one = seen.pair.answers[0] if len(seen.pair.answers) == 1 else None
    if not one or seen.pair.unanswered or not one.response.is_success:
        return ""
    return f"of two at once, one got {counted(one.chunks, 'chunk')}, the other not even headers"


@rule(
    "advice-refuses-second",
    Level.ADVICE,
    """One stream alone goes on; of two at once, the second ends at once. If more than one client
    has to stream, something limited is held for the whole stream: allow more of it, or refuse by a
    status (503 with Retry-After), since EventSource comes back at once after a good one.""",
    repeat="pair",
)
def advice_ends_second(seen: Observation) -> str:
    short = seen.alone.whole or (seen.encoded and seen.encoded.whole)  # alone it may end, too
    if len(seen.pair.answers) < 2 or short:
        return ""
    first, second = seen.pair.answers
    if not second.whole or first.whole or TWICE * second.seconds > first.seconds - seen.pair.apart:
        return ""
    said = quoted(second.text)
    return f"the second ended after {second.seconds:.3f} s, the first went on; it said {said}"


@rule(
    "advice-one-at-a-time",
    Level.ADVICE,
    """Other requests wait while two streams are open. This is consistent with a few workers,
    threads or slots, one of which each stream keeps until it ends, or with a blocking call. Have
    more of them than there are streams, or serve them without a thread each.""",
    repeat="pair",
)
def advice_few_at_a_time(seen: Observation) -> str:
    answers = seen.pair.answers
    both = len(answers) > 1 and seen.pair.apart + answers[1].headers_at < answers[0].seconds
    return _wait_beside_it(seen) if both and not _serves_many(seen) else ""


@rule(
    "advice-one-at-a-time",
    Level.ADVICE,
    """The server answers one request at a time. This is consistent with a single-threaded server,
    or with a blocking call. Start it with threads or several workers if it has to serve more than
    one client.""",
    repeat="pair",
)
def advice_one_at_a_time(seen: Observation) -> str:
    return "" if _serves_many(seen) else _others_wait(seen) or _queued(seen)
