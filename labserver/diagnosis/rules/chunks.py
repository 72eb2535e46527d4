"""Rules about the pieces of a body: how small, how seldom, how alike."""

import re
from itertools import pairwise
from statistics import median

from labserver.diagnosis.finding import Level, listed, quoted, rule, some
from labserver.diagnosis.items import items_of
from labserver.diagnosis.observation import Observation
from labserver.diagnosis.pace import TOGETHER, gaps, usual_gap
from labserver.diagnosis.rules.objects import is_json
from labserver.recording import Ending, counted

SILENT = 16.0  # seconds; sse-starlette and fastapi.sse send a ping after 15
STALLED = 5.0  # seconds without a byte at the end
SLOWER = 10  # times as long as the longest gap before
SNAPSHOT, AT_THE_START = 0.05, 1.0  # seconds a gap, and in all: it came at once at the start
TINY_BYTES, SEEN_TINY = 2, 100  # a letter or two; so many chunks are no chance
PAIRS = 4  # that are alike by no chance
MOSTLY_PINGS = 10  # times as many as events
PING = re.compile(r"ping|pong|heart-?beat|keep-?alive|alive|hb", re.I)
SMALL_BYTES, SEEN_SMALL = 100, 500  # a short row; fewer cost little
FAST = 0.01  # seconds a chunk: slower than this, nobody minds how small they are
MANY = 20  # pieces of an answer, at least, that came in letters the second time
MORE, SMALLER = 3, 0.75  # times as many, and of the size, as the first time
FIRST_BYTES = 7  # of a first chunk that are more than a bracket


@rule(
    "no-ping",
    Level.FAULT,
    """This event stream was silent for a long time. Proxies close such a connection, and the
    server does not notice a client that left. Send a comment (": ping") every 15 s.""",
)
def no_ping(seen: Observation) -> str:
    moments = [0.0, *(chunk.at for chunk in seen.alone.chunks), seen.alone.seconds]
    silence = max(b - a for a, b in pairwise(moments))
    return f"{silence:.1f} s without a byte" if seen.sse and silence > SILENT else ""


@rule(
    "advice-stalled",
    Level.ADVICE,
    """The stream paused, and did not go on for as long as it was watched. If it should have, it
    waits for something that does not come: look at what the generator awaits at that point.""",
)
def advice_stalled(seen: Observation) -> str:
    pauses = gaps(seen.alone.chunks)
    if seen.alone.whole or not pauses:
        return ""
    if median(pauses) < SNAPSHOT and sum(pauses) < AT_THE_START:
        return ""  # what came at once at the start tells nothing of a pace
    tail = seen.alone.seconds - seen.alone.chunks[-1].at
    told = f"{tail:.1f} s without a byte, after gaps of at most {max(pauses):.3f} s"
    return told if tail > max(STALLED, SLOWER * max(pauses)) else ""


@rule(
    "advice-stalled",
    Level.ADVICE,
    """The headers came, and then not a byte for as long as it was watched. If something should
    have come, this is consistent with a route that waits for what does not come, or with a buffer
    on the way that waits for more bytes. Yield something at once, and see whether it comes.""",
)
def advice_never_began(seen: Observation) -> str:
    alone = seen.alone
    silent = alone.ending is Ending.SECONDS and not alone.chunks and not seen.length
    nothing = alone.seconds - alone.headers_at
    told = f"headers at {alone.headers_at:.3f} s, then nothing for {nothing:.1f} s"
    return told if silent and nothing > STALLED else ""


@rule(
    "advice-pings",
    Level.ADVICE,
    """The comments (pings) come much more often than a connection needs, and each wakes every
    client. One every 15 s is enough.""",
)
def advice_pings(seen: Observation) -> str:
    pause = usual_gap(seen.comments)
    many = len(seen.comments) >= SEEN_TINY and len(seen.comments) > MOSTLY_PINGS * len(seen.items)
    return f"{counted(seen.comments, 'comment')}, one every {pause:.3f} s" if many else ""


@rule(
    "advice-pings",
    Level.ADVICE,
    """Some events are pings without a name, among events of JSON, so a page that parses each event
    as JSON fails at them. Send a comment (": ping"), which no page gets, or name them: event:
    ping.""",
)
def advice_pings_as_data(seen: Observation) -> str:
    plain = [event.data for event in seen.alone.events if event.event == "message"]
    pings = [data for data in plain if PING.fullmatch(data)]
    objects = [data for data in plain if data[:1] == "{" and is_json(data)]
    mostly = 2 * len(objects) > len(plain) - len(pings)
    return some(pings, "event") if mostly else ""


@rule(
    "advice-twice",
    Level.ADVICE,
    """Each event came twice. If that is not meant, this is consistent with a listener that is
    added twice, or with a line that is sent by two parts of the program.""",
)
def advice_twice(seen: Observation) -> str:
    items = seen.items if seen.sse or seen.json_lines else []
    names = [event.event for event in seen.alone.events] or [""] * len(items)
    said = [(name, item.text) for name, item in zip(names, items, strict=False)]
    pairs = [*zip(said[::2], said[1::2], strict=False)]
    twice = all(a == b for a, b in pairs) and len({a for a, _ in pairs}) == len(pairs) >= PAIRS
    # A clock that is read twice a second tells each second twice, but not at one moment.
    together = sum(gaps(items)[::2]) < TOGETHER * sum(gaps(items)[1::2])
    found = twice and together
    return f"{counted(pairs, 'pair')} alike, the first: {quoted(items[0].text)}" if found else ""


def _middle_size(seen: Observation) -> float:
    return median(chunk.size for chunk in seen.alone.chunks)


def _small(seen: Observation) -> str:
    number = len(seen.alone.chunks)
    pace = (seen.alone.chunks[-1].at - seen.alone.chunks[0].at) / number
    size = _middle_size(seen)
    each = f"{counted(number, 'chunk')} of {size:g} byte{'' if size == 1 else 's'}"
    return f"{each}, one every {pace * 1e3:.2f} ms" if pace < FAST else ""


@rule(
    "tiny-chunks",
    Level.FAULT,
    """The chunks are a letter or two long, and each costs more than its bytes. This is consistent
    with a loop over a string, which gives letters. Put the string into a list, or collect pieces
    before you yield.""",
)
def tiny_chunks(seen: Observation) -> str:
    if len(seen.alone.chunks) >= SEEN_TINY and _middle_size(seen) <= TINY_BYTES:
        return _small(seen)
    return ""


@rule(
    "tiny-chunks",
    Level.FAULT,
    """Asked again, the same stream came in many more and smaller pieces. This is consistent with
    an answer that is kept as a string after the first time: a loop over a string gives letters.
    Keep the list of pieces.""",
)
def tiny_the_second_time(seen: Observation) -> str:
    before = [len(item.text) for item in seen.items] or [0]
    for again in ([len(item.text) for item in items_of(one)] for one in seen.pair.answers):
        if _in_letters(before, again):
            return (
                f"{counted(before, 'piece')} at first; asked again, "
                f"{counted(again, 'smaller piece')}"
            )
    return ""


def _in_letters(before: list[int], again: list[int]) -> bool:
    more = len(again) > max(MANY, MORE * len(before))
    return more and median(again) < SMALLER * median(before)


@rule(
    "advice-small-chunks",
    Level.ADVICE,
    """There are many small chunks, and each costs more than its bytes. Collect some rows, for
    example 100, before you yield them.""",
)
def advice_small_chunks(seen: Observation) -> str:
    many = len(seen.alone.chunks) >= SEEN_SMALL and not seen.sse
    return _small(seen) if many and TINY_BYTES < _middle_size(seen) <= SMALL_BYTES else ""


@rule(
    "cumulative",
    Level.FAULT,
    """Each chunk repeats all the chunks before it. This is consistent with a buffer that is not
    emptied: after each yield, call seek(0) and truncate(0).""",
)
def cumulative(seen: Observation) -> str:
    data = [chunk.data for chunk in seen.alone.chunks if chunk.data]
    again = len(data) > 2 and b"\n" in data[0] and len(data[0]) > FIRST_BYTES
    again = again and all(len(a) < len(b) and b.startswith(a) for a, b in pairwise(data))
    return f"chunks of {listed([len(one) for one in data])} bytes" if again else ""
