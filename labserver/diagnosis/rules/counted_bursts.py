"""A rule about bursts of whole chunks whose bytes something on the way has counted.

    bursts   ||||||||||||    |||||||||||||    |||||||||||    as many as reach 4,096 bytes

Made one by one, more of them take longer. What an app makes at once, time and again, does not.
The app does not know how long its chunks are on the wire. The first burst has the headers, too.
"""

from itertools import accumulate, pairwise
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
