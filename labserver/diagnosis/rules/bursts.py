"""Rules about what comes several at a time, though it may be made one by one.

    made      | | | | | | | | | | | |
    arrived         |||     |||     |||

What counts a number, or waits for a time, does so for the rest at the end too: fewer come sooner.
"""

from statistics import median, median_low

from labserver.diagnosis.finding import Level, rule
from labserver.diagnosis.items import items_of
from labserver.diagnosis.observation import LINE_TYPES, NOTABLE, SEVERAL, Observation
from labserver.diagnosis.pace import Burst, gaps, usual_gap

BUFFER_BYTES = 2**16  # the largest buffer that is common
AT_THE_START = 0.5  # of a period: a first burst that came sooner was not collected by anything
MANY = 8  # items that fit two waits by no chance
UNLIKE = 0.2  # of a period: what a number or a clock makes of things at one pace differs less
NEAR = 0.45  # of one item's time: nearer to this many items than to one more or one fewer


@rule(
    "bursts",
    Level.FAULT,
    """Several events come at a time, in one piece, though they seem to be made one by one. This
    is consistent with a proxy or buffer that collects some before it lets them through. Ask the
    app directly, and compare.""",
)
def bursts(seen: Observation) -> str:
    # Lines that come together may be made together; events seldom are.
    begun = 0.0 if seen.headers_waited else seen.alone.headers_at
    if not seen.sse or not _joined(seen) or not _in_bursts(seen):
        return ""
    return _told(seen.bursts) if _as_if_counted(seen, begun) else ""


@rule(
    "advice-bursts",
    Level.ADVICE,
    """Several come at a time. If they are made one by one, this is consistent with a buffer, or
    with a proxy that holds back until enough has come: ask the app directly, and compare.""",
)
def advice_bursts(seen: Observation) -> str:
    small = seen.alone.size < BUFFER_BYTES * len(seen.bursts)
    suspect = seen.sse or (seen.alone.media_type in LINE_TYPES and small)
    if not _joined(seen):  # below HTTP a buffer leaves the pieces as they are, and has the headers
        suspect = small and seen.headers_waited
    return _told(seen.bursts) if suspect and _in_bursts(seen) else ""


def _in_bursts(seen: Observation) -> bool:
    """Whether several items come at a time, time and again, from the first on."""
    if len(seen.bursts) < 2 or _usual_size(seen.bursts) < SEVERAL:
        return False
    period = median_low(gaps(seen.bursts))  # what is left may be held until the connection ends
    return period > NOTABLE and seen.first > AT_THE_START * period


def _joined(seen: Observation) -> bool:
    """Whether several items come in one piece."""
    return len({item.at for item in seen.items}) * 2 <= len(seen.items)


def _as_if_counted(seen: Observation, begun: float) -> bool:
    """Whether it looks as if things made one by one were collected, by number or by time.

    Then all bursts are alike, and a shorter wait goes with fewer things, in proportion:

        begun |       |||     |||     |||  ||
              <------><------><------><---->
               period  period  period  2/3 of it for 2 of 3, at the end

    or, at the start, where the first thing was made at once: 2/3 of a period, for all 3. A feed
    that makes 3 at a time may be asked at such a moment by chance, but not each time.
    """
    bursts, full, period = seen.bursts, _usual_size(seen.bursts), usual_gap(seen.bursts)
    if len(bursts) == 2 and bursts[1].size < bursts[0].size >= MANY:  # a full one, and the rest
        full, period = bursts[0].size, bursts[0].at - begun
    near = NEAR / full
    firsts = [items[0].at - begun for one in seen.others if (items := items_of(one))]
    starts = [start / period for start in [bursts[0].at - begun, *firsts]]  # in periods
    end = gaps(bursts)[-1] / period
    last = bursts[-1].size / full  # of the usual size
    short_start = all(s < 1 - near and abs(s - (full - 1) / full) < near for s in starts)
    short_end = last < 1 - near and end < 1 - near and abs(end - last) < 1 / full + near
    steady = all(abs(s - starts[0]) < 1 / full + near for s in starts)
    short_end = short_end and steady and seen.alone.whole
    return _alike(bursts[:-1]) and (short_start or short_end)


def _alike(bursts: list[Burst]) -> bool:
    """Whether they have one size, and come at one pace; a clock may take in one more or less."""
    sizes, period = [burst.size for burst in bursts], usual_gap(bursts)
    return max(sizes) - min(sizes) <= 1 and all(
        abs(gap - period) < UNLIKE * period for gap in gaps(bursts)
    )


def _usual_size(bursts: list[Burst]) -> float:
    return median(burst.size for burst in bursts)


def _told(bursts: list[Burst]) -> str:
    if len(bursts) == 2:
        return ", then ".join(f"{burst.size} together at {burst.at:.3f} s" for burst in bursts)
    each = f"{_usual_size(bursts):g} at a time, every {usual_gap(bursts):.3f} s"
    return f"{each}; the first at {bursts[0].at:.3f} s"
