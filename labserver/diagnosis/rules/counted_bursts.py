"""A rule about bursts of whole chunks whose bytes something on the way has counted.

    bursts   ||||||||||||    |||||||||||||    |||||||||||    as many as reach 4,096 bytes

Made one by one, more of them take longer. What an app makes at once, time and again, does not.
The app does not know how long its chunks are on the wire. The first burst has the headers, too.
"""

from collections.abc import Sequence
from itertools import accumulate, pairwise
from math import prod
from statistics import median

from labserver.diagnosis.finding import Level, listed, rule
from labserver.diagnosis.observation import NOTABLE, SEVERAL, Observation
from labserver.diagnosis.pace import JITTER, Burst, bursts_of, gaps, usual_gap
from labserver.recording import Recording

USUAL = [2**n for n in range(10, 17)]  # bytes of a buffer: 1 to 64 KiB
LESS = 0.25  # of one chunk's time: a burst that took longer by more has a chunk more
AROUND = len("\r\n\r\n")  # bytes around a chunk, beside the digits of its size
ENOUGH = 5  # bursts of unlike numbers of chunks that end at one size by no chance
MANY = 9  # the same, whatever the pace: a busy machine's is uneven
OF_PIPES = [2**n for n in range(9, 18)]  # bytes of a buffer of stdio, or of Python's print
BY_CHANCE = 1e-3  # that is as probable, or less, is none


@rule(
    "bursts",
    Level.FAULT,
    """Events come in bursts, and each burst ends where the same number of bytes is reached. This
    is consistent with a proxy that waits for so many bytes (4 or 8 KiB, for example) before it
    lets them through. Ask the app directly, and compare.""",
)
def counted_bursts(seen: Observation) -> str:
    sizes, bursts = _on_the_wire(seen.alone), bursts_of(seen.alone.chunks)
    ends = [0, *accumulate(burst.size for burst in bursts[:-1])]  # the last one may go on
    counts, period = [burst.size for burst in bursts[:-1]], usual_gap(bursts)
    enough = len(counts) >= ENOUGH and median(counts) >= SEVERAL and period > NOTABLE
    enough = enough and (len(counts) >= MANY or _at_one_pace(bursts[:-1]))
    if not seen.sse or not seen.headers_waited or not enough or len({*counts[1:]}) == 1:
        return ""
    each = f"{listed(counts)} chunks at a time, every {period:.3f} s"
    found = [size for size in USUAL if _explains(size, sizes, ends)]
    return f"{each}, whenever there were {found[0]:,} bytes" if found else ""


def _at_one_pace(bursts: list[Burst]) -> bool:
    """Whether more chunks took longer, in proportion, as where they are made one by one."""
    waits, counts = gaps(bursts), [burst.size for burst in bursts[1:]]
    pace = sum(waits) / sum(counts)
    off = [abs(wait - count * pace) for wait, count in zip(waits, counts, strict=True)]
    return max(off) < max(LESS * pace, JITTER)


def _explains(buffer: int, sizes: list[int], ends: list[int]) -> bool:
    """Whether each burst ends where a buffer is full, or where the next chunk does not fit."""
    bursts = [*pairwise(ends)]
    full = all(sum(sizes[a : b - 1]) < buffer <= sum(sizes[a:b]) for a, b in bursts)
    return full or all(sum(sizes[a:b]) <= buffer < sum(sizes[a : b + 1]) for a, b in bursts)


def _on_the_wire(recording: Recording) -> list[int]:
    """The bytes that each chunk took, the first one with the headers."""
    headers = recording.response.headers
    sizes = [chunk.size for chunk in recording.chunks]
    if "transfer-encoding" in headers:
        sizes = [len(f"{size:x}") + AROUND + size for size in sizes]
    lines = ["HTTP/1.1 200 OK", *(f"{name}: {value}" for name, value in headers.multi_items())]
    head = len("\r\n".join([*lines, "", ""]))
    return [sizes[0] + head, *sizes[1:]] if sizes else []


@rule(
    "advice-bursts",
    Level.ADVICE,
    """Lines come in bursts, and each burst ends with the last line that fits into a buffer. This
    is consistent with another program behind the app, which writes to a pipe: it collects its
    output where that is no terminal. Make that program flush each line (print(…, flush=True),
    python -u, grep --line-buffered).""",
)
def advice_pipe_bursts(seen: Observation) -> str:
    chunks = [(chunk.at, chunk.size) for chunk in seen.alone.chunks]
    lines = [(item.at, len(item.text.encode()) + 1) for item in seen.items]
    for written in (chunks, lines):
        last = [at for at, (a, b) in enumerate(pairwise(written)) if b[0] - a[0] > NOTABLE]
        for size in OF_PIPES if len(written) > SEVERAL * len(last) else ():
            if _fills([size for _, size in written], last, size):
                counts = [b - a for a, b in pairwise([-1, *last])]
                return f"{listed(counts)} lines at a time, each time {size:,} bytes were full"
    return ""


def _fills(sizes: Sequence[int], last: Sequence[int], buffer: int) -> bool:
    """Whether after each of these the next line ends in the next buffer, and not by chance."""
    ends = [*accumulate(sizes)]
    full = [ends[at] <= n * buffer < ends[at + 1] for n, at in enumerate(last, 1)]
    return all(full) and prod(sizes[at + 1] / buffer for at in last) <= BY_CHANCE
