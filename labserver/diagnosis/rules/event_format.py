"""Rules about whether what came is events at all: the label, the fields, the empty lines between.

    label         Content-Type: text/event-stream
    event         data: a line of it
    its end       (an empty line)

Sources: HTML standard, 9.2.5 and 9.2.6.
"""

import re
from statistics import median

from labserver.diagnosis.finding import Level, quoted, rule, some
from labserver.diagnosis.frames import FIELDS, names_of
from labserver.diagnosis.items import is_binary
from labserver.diagnosis.observation import NOTABLE, Observation
from labserver.events import EventDecoder
from labserver.recording import counted

# What other programs take for the end of a line, in front of a field or of another one.
OTHER_END = re.compile(r"([\v\f\x1c-\x1e\x85\u2028\u2029])(?:\1|(?:data|event|id|retry):)")
QUOTED = re.compile(r"""(["'`]).*\1""")
ENOUGH_FRAMES = 3  # without an event in one of them, it is no chance


@rule(
    "not-labelled",
    Level.FAULT,
    """These are server-sent events, but the Content-Type is not text/event-stream, so EventSource
    refuses them. Set the media type.""",
)
def not_labelled(seen: Observation) -> str:
    names = {name for frame in seen.frames[:-1] for name in names_of(frame)}
    text = not seen.sse and not is_binary(seen.alone) and names <= FIELDS
    found = EventDecoder().feed(seen.body) if text else []
    if not found:
        return ""
    told = some([event.data for event in found], "event")
    return f"content-type: {seen.alone.media_type or 'missing'}, but {told}"


@rule(
    "no-blank-line",
    Level.FAULT,
    """What stands where lines should end is no line end in an event stream, so a client gets no
    event. Only LF, CR LF and CR end a line (HTML standard, 9.2.6). End each line with a
    newline.""",
)
def other_line_ends(seen: Observation) -> str:
    found = OTHER_END.search(seen.text) if seen.sse and not seen.alone.events else None
    return f"U+{ord(found[1]):04X} in {_told(seen).partition(' in ')[2]}" if found else ""


@rule(
    "no-events",
    Level.FAULT,
    """The fields have spaces in front of them, so a client ignores the lines. This is consistent
    with a text that is indented in the source. Start each line with data: itself.""",
)
def indented(seen: Observation) -> str:
    lines = [str(line) for frame in seen.frames for line in frame]
    spaced = [line for line in lines if re.match(r"\s+(data|event|id)\b", line)]
    return some(spaced, "line") if seen.sse and not seen.alone.events and _enough(seen) else ""


@rule(
    "advice-event-name",
    Level.ADVICE,
    """The names of events have quotes around them or a space beside them, and a listener hears
    only the very same name: addEventListener("tick", …) does not get event: "tick". Write the bare
    name after "event: ", with one space.""",
)
def advice_event_name(seen: Observation) -> str:
    names = [event.event for event in seen.alone.events]
    odd = [name for name in names if name != name.strip() or QUOTED.fullmatch(name)]
    return some(odd, "event")


@rule(
    "no-events",
    Level.FAULT,
    """It is labelled text/event-stream, but there is no event in it. Write each event as lines
    that start with data:, and an empty line after them; or label it as what it is.""",
)
def no_events(seen: Observation) -> str:
    names = {name for frame in seen.frames for name in names_of(frame)}
    if not seen.sse or seen.alone.events or "data" in names or not names - {"retry", "id"}:
        return ""
    return f"{seen.alone.summary} {quoted(seen.text)}" if _enough(seen) else ""


def _enough(seen: Observation) -> bool:
    return seen.alone.whole or sum(map(bool, seen.frames[:-1])) >= ENOUGH_FRAMES


@rule(
    "no-blank-line",
    Level.FAULT,
    """The newlines were sent as a backslash and an n, so no event ends and a client gets none.
    This is consistent with a raw string, or with text that was escaped once too often. Send real
    newlines.""",
)
def escaped_newlines(seen: Observation) -> str:
    dispatched = len(seen.alone.events)
    escaped = len(re.findall(r"\\n\\n(?=data:|id:|event:|$)", seen.text)) > dispatched
    return _told(seen) if seen.sse and escaped else ""


@rule(
    "no-blank-line",
    Level.FAULT,
    """No empty line separates the events, so a client gets none of them, or all as one. End each
    event with two newlines.""",
)
def no_blank_line(seen: Observation) -> str:
    data = [chunk.at for chunk in seen.alone.chunks if re.search(rb"(?m)^data:", chunk.data)]
    dispatched = len(seen.alone.events)
    run_on = len(data) > 2 and dispatched < 2 and data[-1] - data[0] > NOTABLE
    none = seen.alone.whole and data and not dispatched
    return _told(seen) if seen.sse and (run_on or none) else ""


@rule(
    "no-blank-line",
    Level.FAULT,
    """The empty line that ends an event comes only with the next event, so clients get each event
    too late. Send two newlines at the end of each event, and none in front of it.""",
)
def ends_late(seen: Observation) -> str:
    framed = [frame for frame in seen.frames[:-1] if "data" in names_of(frame)]
    both = zip(seen.alone.events, framed, strict=False)
    late = [event.at - frame[-1].at for event, frame in both]
    if not seen.sse or len(late) < ENOUGH_FRAMES or median(late) < NOTABLE:
        return ""
    return f"{counted(late, 'event')}, most of them {median(late):.3f} s after their last line"


def _told(seen: Observation) -> str:
    return f"{counted(seen.alone.events, 'event')} in {counted(seen.alone.size, 'byte')}: " + (
        quoted(seen.text)
    )


@rule(
    "unfinished-event",
    Level.FAULT,
    """No empty line comes after the last event, so clients drop it. End it with two newlines, as
    the others.""",
)
def unfinished_event(seen: Observation) -> str:
    rest = seen.frames[-1] if seen.sse and seen.alone.whole else []
    lines = [str(line) for line in rest if line.name in ("data", "event")]
    return f"after the last empty line: {quoted(', '.join(lines))}" if lines else ""
