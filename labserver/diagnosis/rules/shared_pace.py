"""A rule about two streams that take turns: each alone keeps its pace, both together do not."""

from labserver.diagnosis.finding import Level, rule
from labserver.diagnosis.observation import Observation
from labserver.diagnosis.pace import gaps, usual_gap
from labserver.diagnosis.rules.concurrency import STUCK

# Two at once are slower, and one alone keeps its pace.
PIECES = 5  # of each, at least
STEADY, EVEN = 1.3, 0.8  # times the usual gap at most, in so many of them
HALF = 1.6  # times the gap of one alone


@rule(
    "advice-shared-pace",
    Level.ADVICE,
    """Two of these streams at once are each much slower than one alone, so many will be slower
    still. This is consistent with a lock, a connection or the only worker thread, which they take
    in turns, or with work that fills the processor. Give each stream its own.""",
    repeat="pair",
)
def advice_shared_pace(seen: Observation) -> str:
    alone = usual_gap(seen.alone.chunks)
    paces = [usual_gap(one.chunks) for one in seen.pair.answers if len(one.chunks) >= PIECES]
    later = seen.encoded.chunks if seen.encoded else []
    alike = len(later) < PIECES or usual_gap(later) < STEADY * alone
    even = sum(gap < STEADY * alone for gap in gaps(seen.alone.chunks))
    if alone < STUCK or len(paces) < 2 or not alike or even < EVEN * len(seen.alone.chunks) - 1:
        return ""
    if min(paces) < HALF * alone:
        return ""
    both = " and ".join(f"{pace:.3f} s" for pace in paces)
    return f"alone a chunk every {alone:.3f} s; two at once, every {both}"
