"""A rule about bursts that end in the middle of a line: something on the way counts bytes.

    made      line 1\\n line 2\\n line 3\\n line 4\\n …
    arrived   [line 1\\nline 2\\nli] … [ne 3\\nline 4\\n…

A buffer in the app or in an HTTP proxy makes one chunk of a burst. Where it is below HTTP, the
chunks stay as they were made, and only the last one of a burst is cut.
"""

import re
from itertools import accumulate, pairwise
from statistics import median

from labserver.diagnosis.finding import Level, listed, rule
from labserver.diagnosis.items import is_binary
from labserver.diagnosis.observation import NOTABLE, SEVERAL, Observation
from labserver.diagnosis.pace import Burst, bursts_of, gaps
from labserver.recording import Chunk, Ending, Recording, counted

MOSTLY_WHOLE = 0.8  # of the chunks inside a burst are whole lines, so a cut is no habit
ENOUGH, ALIKE = 5, 0.1  # bursts of one size, which no machine's delay makes: a share of it
FAST = 0.08  # seconds between these
LONG = 1.0  # seconds that no machine is late by, and no reader
NUMBER = re.compile(rb"\d+")
LINE_ENDS = b"\n\r}]"  # a line, or a JSON document, is whole that ends so


@rule(
    "bursts",
    Level.FAULT,
    """The data comes in bursts that end in the middle of a line; the rest of the line comes with
    the next burst. This is consistent with a buffer that counts bytes (of 4 or 8 KiB, for
    example), in a proxy or in a library. Ask the app directly, and make the buffer flush each
    message.""",
)
def torn_bursts(seen: Observation) -> str:
    return "" if is_binary(seen.alone) else _torn_chunks(seen) or _torn_between_bursts(seen)


def _torn_chunks(seen: Observation) -> str:
    """Chunks of one size, most of them cut inside a line. The first may have had room for less."""
    chunks = [chunk for chunk in seen.alone.chunks[:-1] if chunk.data]
    torn = [chunk for chunk in chunks if _ends_inside(chunk) and b"\n" in chunk.data]
    alike = len({chunk.size for chunk in chunks[1:]}) == 1 and not seen.length
    if not alike or len(torn) * 2 <= len(chunks) or _at_one_place(torn):
        return ""
    period = (seen.last - seen.first) / len(chunks)
    told = f"{chunks[-1].size:,} bytes at a time, every {period:.3f} s, cut in the middle of lines"
    return told if period > NOTABLE else ""


def _torn_between_bursts(seen: Observation) -> str:
    """Chunks that are whole lines, but where a burst ends: a buffer below HTTP cut those."""
    chunks = seen.alone.chunks
    bursts = bursts_of(chunks)
    pauses = [*gaps(bursts), *_pause_at_the_end(seen.alone)]
    lasts = _last_chunks(bursts[: len(pauses)])
    torn = [at for at in lasts if _ends_inside(chunks[at])]
    inside = [chunk for at, chunk in enumerate(chunks[:-1]) if at not in lasts]
    whole = [chunk for chunk in inside if not _ends_inside(chunk)]
    period = median(pauses or [0.0])
    # A line of a text may wait for its end, as in "loading … done". Of others one cut is enough.
    rows = seen.sse or seen.json_lines or seen.alone.media_type == "text/csv"
    sure = rows and period > LONG and len(inside) >= SEVERAL * len(lasts)
    if len(torn) * 2 < len(lasts) or len(torn) < (1 if sure else 2):
        return ""
    if not rows and _at_one_place([chunks[at] for at in torn]):
        return ""
    if len(inside) < len(lasts) or len(whole) < MOSTLY_WHOLE * len(inside):
        return ""
    ends = [0, *accumulate(chunk.size for chunk in chunks[: lasts[-1] + 1])]
    sizes = [ends[b + 1] - ends[a + 1] for a, b in pairwise(lasts)]
    usual = median(sizes or [0])
    alike = [size for size in sizes if abs(size - usual) < ALIKE * usual]
    counted_out = rows and len(alike) >= max(ENOUGH, MOSTLY_WHOLE * len(sizes))
    if period < (FAST if counted_out else NOTABLE):
        return ""
    size = ends[-1] / len(lasts)
    return (
        f"{listed([burst.size for burst in bursts])} chunks at a time, every {period:.3f} s, "
        f"about {size:,.0f} bytes each; "
        f"{len(torn)} of {counted(lasts, 'burst')} cut in the middle of a line"
    )


def _at_one_place(torn: list[Chunk]) -> bool:
    """Whether all are cut after the same words, numbers aside: the app waits there."""
    ends = [NUMBER.sub(b"", chunk.data.rpartition(b"\n")[2]) for chunk in torn]
    return len(ends) > 1 and {*ends} == {ends[0]} and ends[0].strip() != b""


def _pause_at_the_end(recording: Recording) -> list[float]:
    """The seconds in which nothing more came, where it was watched on: a burst came before."""
    pause = recording.seconds - recording.chunks[-1].at if recording.chunks else 0.0
    return [pause] if recording.ending is Ending.SECONDS and pause > NOTABLE else []


def _last_chunks(bursts: list[Burst]) -> list[int]:
    """The index of the chunk that each burst ends with."""
    return [number - 1 for number in accumulate(burst.size for burst in bursts)]


def _ends_inside(chunk: Chunk) -> bool:
    return chunk.data[-1:] not in LINE_ENDS
