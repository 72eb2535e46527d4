"""Rules about what is held back on its way until enough has come."""

from itertools import pairwise
from statistics import median

from labserver.diagnosis.finding import Level, listed, rule
from labserver.diagnosis.observation import (
    LATE,
    LINES,
    SEVERAL,
    Burst,
    Observation,
    bursts_of,
    is_binary,
)
from labserver.recording import Chunk, counted

BUFFER_BYTES = 2**16  # the largest buffer that is common


@rule(
    "bursts",
    Level.FAULT,
    """The data comes in bursts that end in the middle of a line; the rest of the line comes with
    the next burst. This is consistent with a buffer that counts bytes (of 4 or 8 KiB, for
    example), in a proxy or in a library. Ask the app directly, and make the buffer flush each
    message.""",
)
def torn_bursts(seen: Observation) -> str:
    return _torn_pieces(seen) or _torn_between_bursts(seen)


def _torn_pieces(seen: Observation) -> str:
    """Pieces of one size, cut in the middle of lines. The first may have had room for less."""
    middle = [chunk for chunk in seen.alone.chunks[:-1] if chunk.data]
    torn = [chunk for chunk in middle if _ends_inside(chunk) and b"\n" in chunk.data]
    alike = len({chunk.size for chunk in middle[1:]}) == 1 and not seen.length
    if not alike or is_binary(seen.alone) or not len(torn) * 2 > len(middle) > 1:
        return ""
    period = (seen.last - seen.first) / len(middle)
    each = f"{middle[-1].size:,} bytes at a time, every {period:.3f} s"
    return f"{each}, cut in the middle of lines" if period > LATE else ""


def _torn_between_bursts(seen: Observation) -> str:
    """Chunks that are whole lines, but where a burst ends: a buffer below HTTP cut those."""
    chunks = seen.alone.chunks
    bursts = bursts_of([chunk.at for chunk in chunks])
    if len(bursts) < SEVERAL or is_binary(seen.alone):
        return ""
    period = median(b.at - a.at for a, b in pairwise(bursts))
    last_ones, end = [], -1
    for burst in bursts[:-1]:
        end += burst.size
        last_ones.append(end)
    torn = [chunks[i] for i in last_ones if _ends_inside(chunks[i])]
    inside = [chunk for i, chunk in enumerate(chunks[:-1]) if i not in {*last_ones}]
    whole = [chunk for chunk in inside if not _ends_inside(chunk)]
    if len(torn) * 2 <= len(last_ones) or len(torn) < 2 or period < LATE:
        return ""
    if len(inside) < len(last_ones) or len(whole) < 0.8 * len(inside):
        return ""
    size = sum(chunk.size for chunk in chunks[: end + 1]) / len(last_ones)
    return (
        f"{listed([burst.size for burst in bursts])} chunks at a time, every {period:.3f} s, "
        f"about {size:,.0f} bytes each; "
        f"{len(torn)} of {counted(last_ones, 'burst')} end in the middle of a line"
    )


def _ends_inside(chunk: Chunk) -> bool:
    return chunk.data[-1:] not in b"\n\r}]"


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
    collected = seen.sse and _in_joined_bursts(seen) and _as_if_counted(seen.bursts, begun)
    return _pace(seen.bursts) if collected else ""


@rule(
    "advice-bursts",
    Level.ADVICE,
    """Several come at a time. If they are made one by one, this is consistent with a buffer, or
    with a proxy that holds back until enough has come: ask the app directly, and compare.""",
)
def advice_bursts(seen: Observation) -> str:
    small = seen.alone.size < BUFFER_BYTES * len(seen.bursts)
    suspect = seen.sse or (seen.type in LINES and small)
    return _pace(seen.bursts) if suspect and _in_joined_bursts(seen) else ""


def _in_joined_bursts(seen: Observation) -> bool:
    """Whether several items come at a time, in one piece, time and again."""
    if len(seen.bursts) < 2 or median(burst.size for burst in seen.bursts) < SEVERAL:
        return False
    period = median(b.at - a.at for a, b in pairwise(seen.bursts))
    joined = len({item.at for item in seen.items}) * 2 <= len(seen.items)
    # What comes in full at once was not collected by anything.
    return period > LATE and joined and seen.first > 0.5 * period


def _pace(bursts: list[Burst]) -> str:
    size = median(burst.size for burst in bursts)
    period = median(b.at - a.at for a, b in pairwise(bursts))
    return f"{size:g} at a time, every {period:.3f} s; the first at {bursts[0].at:.3f} s"


def _as_if_counted(bursts: list[Burst], begun: float) -> bool:
    """Whether it looks as if things made one by one were collected, by number or by time.

    Then fewer at the start or at the end go with a shorter wait, in proportion.
    """
    full, period = median(burst.size for burst in bursts), _period(bursts)
    near = 0.45 / full  # of a period: nearer to this many than to one more or one fewer
    start, end = (bursts[0].at - begun) / period, (bursts[-1].at - bursts[-2].at) / period
    short_start = start < 1 - near and abs(start - (full - 1) / full) < near
    last = bursts[-1].size / full
    short_end = last < 1 - near and end < 1 - near and abs(end - last) < 1 / full + near
    return short_start or short_end


def _period(bursts: list[Burst]) -> float:
    return median(b.at - a.at for a, b in pairwise(bursts))
