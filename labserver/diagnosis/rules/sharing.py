"""Rules about who takes from whom: a limit that is held, a source that requests share.

silenced     first   1 2 3               nothing more, once the second came
             second        4 5 6 7 8
"""

from itertools import pairwise

from labserver.diagnosis.finding import Level, quoted, rule
from labserver.diagnosis.items import items_of
from labserver.diagnosis.observation import BUSY, SEVERAL, Observation
from labserver.diagnosis.pace import gaps
from labserver.recording import Ending, counted

ERROR = 500  # the status of what failed; others refuse, or tell of what is behind
QUIET = 1.0  # seconds for one reader, while another gets data
TWICE = 2  # as long as ever before
LONGER = 4  # times as long as a usual gap
USUAL = 0.9  # of the gaps are shorter than what counts as usual: the longest may be the machine's


@rule(
    "refuses-second",
    Level.FAULT,
    """One request alone is answered well, each time; of two at once, one fails. Either something
    limited is held for the whole stream (a connection of a pool, a licence, a slot): give it back
    sooner, allow more, or answer 503 with Retry-After. Or it fails now and then, alone, too.""",
    repeat="pair",
)
def refuses_second(seen: Observation) -> str:
    return _failed_of_two(seen) if _starts_over(seen) else ""


@rule(
    "shared-source",
    Level.FAULT,
    """A later request got nothing. Either all requests share one generator, iterator or queue, and
    it is used up: make one for each request. Or what the stream tells of was over by then: answer
    204, at which EventSource stays away, or tell of the end.""",
)
def used_up(seen: Observation) -> str:
    codes = [one.response.status_code for one in seen.others]
    bare = [one.response.status_code for one in seen.others if one.whole and not one.chunks]
    if not seen.alone.size or bare[:1] != [200] or {*codes} & {*BUSY}:
        return ""
    return f"the first request got {counted(seen.alone.size, 'byte')}, a later one none"


@rule(
    "shared-source",
    Level.FAULT,
    """Two requests at once do not get what one alone gets. This is consistent with one generator,
    iterator or queue that all requests share. Make one for each request.""",
    repeat="pair",
)
def shared_at_once(seen: Observation) -> str:
    return _failed_of_two(seen) or _silenced(seen)


@rule(
    "runs-out",
    Level.FAULT,
    """It answered at first, and failed once clients had come and gone. This is consistent with a
    slot, a lock or a connection that nobody gives back when a client leaves. Give it back in a
    finally.""",
)
def runs_out(seen: Observation) -> str:
    code = seen.again.response.status_code if seen.again and _refuses(seen) else 0
    return f"{code} with no stream open; the first time 200" if code == ERROR else ""


@rule(
    "runs-out",
    Level.FAULT,
    """It answered at first, and no more once clients had come and gone, though the server answers
    other requests. This is consistent with a slot, a lock or a connection that nobody gives back
    when a client leaves. Give it back in a finally.""",
)
def runs_dry(seen: Observation) -> str:
    slowest = max(seen.pair.waits, default=seen.pair.unanswered)
    others_wait = LONGER * slowest > seen.pair.unanswered  # a busy machine, or a frozen server
    answered = seen.pair.answers or seen.encoded
    return "" if answered or others_wait else nothing_any_more(seen)


@rule(
    "advice-runs-out",
    Level.ADVICE,
    """It sent data at first, and to later requests headers alone. If there was something to send,
    this is consistent with a lock or a slot that a generator holds and does not give back when its
    client leaves. Give it back in a finally; a plain generator runs its own late.""",
    repeat="pair",
)
def advice_runs_out(seen: Observation) -> str:
    return nothing_any_more(seen) if seen.pair.answers else ""


@rule(
    "advice-runs-out",
    Level.ADVICE,
    """It answered at first, and refuses everybody by now, so the answers cannot be compared. This
    is right for a quota, for a token that has run out, or for what can be had once. If it is none
    of these, the service went down, or a slot is not given back when a client leaves: give it back
    in a finally.""",
)
def advice_refuses_by_now(seen: Observation) -> str:
    asked = [*seen.pair.answers, *filter(None, [seen.encoded])]
    well = [number for number, one in enumerate(asked, 2) if one.response.is_success]
    status = quoted(seen.again.status) if seen.again and _refuses(seen) else ""
    return f"from request {max(well, default=1) + 1} on, {status}" if status else ""


@rule(
    "advice-refuses-second",
    Level.ADVICE,
    """One request alone is answered; of two at once, one is refused. If more than one client has
    to stream, something limited is held for the whole stream: allow more of it, or give it back
    sooner.""",
)
def advice_refuses_second(seen: Observation) -> str:
    refused = [one.status for one in seen.pair.answers if one.response.status_code >= 400]
    return f"of two at once, one got {quoted(refused[0])}" if len(refused) == 1 else ""


@rule(
    "advice-takes-over",
    Level.ADVICE,
    """The first of two streams ended when the second began. Two clients, or two tabs of one, then
    end each other's for ever, since EventSource comes back. This is consistent with one listener
    kept for each user, or for all. Keep one for each connection.""",
    repeat="pair",
)
def advice_takes_over(seen: Observation) -> str:
    if len(seen.pair.answers) < 2 or not seen.pair.answers[0].response.is_success:
        return ""
    first, second = seen.pair.answers
    longer = min(seen.alone.seconds, seen.pair.apart + second.seconds)
    if not first.whole or second.whole or seen.alone.whole or TWICE * first.seconds > longer:
        return ""
    return (
        f"alone it went on for {seen.alone.seconds:.1f} s; of two, the second began at "
        f"{seen.pair.apart:.3f} s and the first ended at {first.seconds:.3f} s"
    )


def nothing_any_more(seen: Observation) -> str:
    """The evidence that neither of two at once got what the first request got soon."""
    answers, alone = seen.pair.answers, seen.alone
    if any(one.chunks or one.whole or one.cut for one in answers) or not alone.chunks:
        return ""
    moments = [0.0, *(chunk.at for chunk in alone.chunks)]
    moments += [] if alone.whole else [alone.seconds]
    with_body = answers or seen.headers_waited  # the headers wait for the first bytes, too
    quiet = max(b - a for a, b in pairwise(moments)) if with_body else alone.headers_at
    waited = min([one.seconds for one in answers], default=seen.pair.unanswered)
    if waited <= max(QUIET, TWICE * quiet):
        return ""
    what = "bytes" if answers else "headers"
    return (
        f"first bytes after {moments[1]:.3f} s, the first time; "
        f"of two later requests, neither got {what} in {waited:.1f} s"
    )


def _failed_of_two(seen: Observation) -> str:
    """Whether one of two at once failed, though one alone did not."""
    if seen.alone.cut or _refuses(seen):
        return ""
    for number, one in enumerate(seen.pair.answers):
        code, before = one.response.status_code, not number and one.seconds < seen.pair.apart
        if one.cut or (code >= ERROR and code not in BUSY and not before):
            ended = f"{code}, {one.summary}"
            return f"one request alone was answered well; of two at once, one got {ended}"
    return ""


def _refuses(seen: Observation) -> bool:
    """Whether it refuses one request alone, too, by now."""
    return bool(seen.again and not seen.alone.cut and not seen.again.response.is_success)


def _starts_over(seen: Observation) -> bool:
    """Whether a later request, with nothing else under way, got the same beginning."""
    again = items_of(seen.again)[:1] if seen.again else []
    return bool(again and seen.items and again[0].text == seen.items[0].text)


def _silenced(seen: Observation) -> str:
    """Whether a reader got nothing more from the moment that another one came."""
    if len(seen.pair.answers) < 2 or len(seen.items) < SEVERAL or seen.pair.answers[0].whole:
        return ""
    one, other = seen.pair.answers
    mine = items_of(one)
    alone = [item for item in seen.items if item.at <= one.seconds]
    if 2 * len(mine) > len(alone):
        return ""  # what one gets alone, and then there is a pause
    last = mine[-1].at if mine else 0.0
    meanwhile = [item for item in items_of(other) if item.at + seen.pair.apart > last]
    usual = sorted(gaps(seen.items))[int(USUAL * (len(seen.items) - 1))]
    quiet = one.seconds - last
    if one.ending is not Ending.SECONDS or quiet <= LONGER * usual:
        return ""  # it got enough
    if len(meanwhile) <= SEVERAL:
        return ""
    return f"one got nothing for {quiet:.1f} s, the other {counted(meanwhile, 'item')}"
