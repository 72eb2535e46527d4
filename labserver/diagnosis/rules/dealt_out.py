"""A rule about one source that is dealt out to all who ask.

first     1   3   5   7       each lacks what the other got
second      2   4   6   8
"""

import re
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise

from labserver.diagnosis.finding import Level, listed, rule
from labserver.diagnosis.items import Item, items_of
from labserver.diagnosis.observation import Observation

MOST_NUMBERS = 3000  # that one reader ought to have got
NUMBER = re.compile(r"\d{1,15}")
REGULAR = 0.8  # of the steps from number to number are alike


@rule(
    "shared-source",
    Level.FAULT,
    """Requests take from each other. This is consistent with one generator, iterator or queue that
    all requests share. Make one for each request.""",
)
def shared_source(seen: Observation) -> str:
    both = [_numbers(items_of(one)) for one in seen.pair.answers]
    step = _regular_step(_numbers(seen.items))
    if step is None or len(both) < 2 or min(map(len, both)) < 2:
        return ""
    one, other = both
    lacking = _lacking(one, other, step or 1), _lacking(other, one, step or 1)
    # Who reads a clock at moments of their own lack some, too, but alone as well.
    even = len({b - a for a, b in pairwise(_numbers(seen.items))}) == 1
    dealt = all(lacking) and not {*one} & {*other}
    if not (even or dealt) or max(map(len, lacking)) < 2:
        return ""
    return f"one got {listed(one)}, the other {listed(other)}"


def _lacking(one: list[int], other: list[int], step: int) -> set[int]:
    """What a reader ought to have got while the other one read, and that one alone got."""
    wanted = range(one[0], one[-1], step)[:MOST_NUMBERS]
    lacking = {n for n in wanted if min(other) <= n <= max(other)} - {*one}
    counted = len({*one}) == len(one) and not any((n - one[0]) % step for n in one)
    return lacking if counted and lacking <= {*other} else set()


def _numbers(items: Sequence[Item]) -> list[int]:
    """The first number in each text."""
    found = (NUMBER.search(item.text) for item in items)
    return [int(number[0]) for number in found if number]


def _regular_step(numbers: list[int]) -> int | None:
    """From each number to the next, where most of them are equally far apart."""
    for step, times in Counter(b - a for a, b in pairwise(numbers)).most_common(1):
        return step if times >= REGULAR * len(numbers) - 1 else None
    return None
