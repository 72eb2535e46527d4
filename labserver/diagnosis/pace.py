"""When things came: the gaps between them, and the bursts that they came in."""

from collections.abc import Sequence
from itertools import pairwise
from statistics import median
from typing import NamedTuple, Protocol

from labserver.recording import Recording

TOGETHER = 0.25  # of the mean gap: what follows sooner came together
JITTER = 0.02  # seconds between two things that may have been sent together
WITH_THE_BODY = 0.15  # of a wait: a first byte that came so soon after it came with the headers
IDLE = 1.0  # seconds of silence before an end that may have been its reason


class Timed(Protocol):
    """A thing that came: a chunk, an event, a line, a burst."""

    @property
    def at(self) -> float:
        """Seconds since the request."""


class Burst(NamedTuple):
    """Things that came together."""

    at: float  # when the first of them came
    size: int  # how many they are


def gaps(things: Sequence[Timed]) -> list[float]:
    """The seconds from each thing to the next."""
    return [later.at - sooner.at for sooner, later in pairwise(things)]


def usual_gap(things: Sequence[Timed]) -> float:
    """The median of the gaps; 0 where there is none."""
    return median(gaps(things) or [0.0])


def bursts_of(things: Sequence[Timed]) -> list[Burst]:
    """The things, those together that came together, the machine's jitter put aside.

    things   |||      |||      |||
    bursts   3        3        3
    """
    between = gaps(things)
    apart = max(TOGETHER * sum(between) / max(len(between), 1), JITTER)
    bursts: list[Burst] = []
    for thing, gap in zip(things, [2 * apart, *between], strict=False):
        if gap > apart:
            bursts.append(Burst(thing.at, 0))
        bursts[-1] = Burst(bursts[-1].at, bursts[-1].size + 1)
    return bursts


def headers_with_body(recording: Recording) -> bool:
    """Whether the headers came only with the first bytes."""
    at = recording.headers_at
    return bool(recording.chunks) and recording.chunks[0].at - at < WITH_THE_BODY * at


def last_silence(recording: Recording) -> float:
    """Seconds from the last byte to the end, if it was never as quiet before; else 0."""
    moments = [recording.headers_at, *(chunk.at for chunk in recording.chunks)]
    silence = recording.seconds - moments[-1]
    longest = max((b - a for a, b in pairwise(moments)), default=0.0)
    return silence if silence > longest else 0.0
