"""Rules about coming back: ids, Last-Event-ID, and what follows an end."""

import re
from collections import Counter

from labserver.diagnosis.finding import Level, listed, quoted, rule, some
from labserver.diagnosis.observation import BUSY, Observation
from labserver.recording import Recording, counted

FEED_SECONDS = 1.0  # before an end: what is shorter may be polled by EventSource's coming back
SAME = 3  # events that are compared
END_WORDS = "done|end(ed)?|eof|completed?|finish(ed)?|final|closed?|stop(ped)?|bye"
END = re.compile(rf"(?<![^\W\d_])({END_WORDS})(?![^\W\d_])", re.I)  # in message_stop, too


@rule(
    "ids-repeat",
    Level.FAULT,
    """Several events have the same id, so a client that comes back by it loses events or gets
    some again. Give each event an id of its own.""",
)
def ids_repeat(seen: Observation) -> str:
    ids = seen.ids[:-1] if seen.ids[-1:] == seen.ids[-2:-1] else seen.ids  # an end may have it
    twice = [quoted(id) for id, times in Counter(ids).items() if times > 1] if seen.sse else []
    told = f"{counted(seen.ids, 'event')} with ids, these more than once: {listed(twice, 3)}"
    return told if twice else ""


@rule(
    "ids-missing",
    Level.FAULT,
    """Clients ignore an id that has the character U+0000 in it (HTML standard, 9.2.6), so they
    cannot come back by it. This is consistent with an id that is packed bytes, or text of a fixed
    length. Write ids as plain text.""",
)
def ids_with_nul(seen: Observation) -> str:
    lines = [line for frame in seen.frames[:-1] for line in frame if seen.sse]
    return some([line.value for line in lines if line.name == "id" and "\0" in line.value], "id")


@rule(
    "ids-missing",
    Level.FAULT,
    """Some events have ids and others like them have none, so a client that comes back after one
    without gets it again. Give an id to each of them.""",
)
def ids_missing(seen: Observation) -> str:
    frames = [{line.name: line.value for line in frame} for frame in seen.frames[:-1]]
    events = [frame for frame in frames if "data" in frame]  # an id alone is a checkpoint
    names = {event.get("event") for event in events if event.get("id")}
    alike = [event for event in events if event.get("event") in names]
    bare = [event for event in alike[:-1] if not event.get("id")]
    if not seen.sse or len(bare) < 2:
        return ""
    return f"{len(bare)} of {counted(alike, 'event')}, one with data {quoted(bare[-1]['data'])}"


@rule(
    "new-ids",
    Level.FAULT,
    """The same events got new ids at the next request, so no client can go on where it was. This
    is consistent with ids that are made for each connection (uuid4, a clock), or by each worker of
    several. Use ids that belong to the events: a number, or the key of a row.""",
)
def new_ids(seen: Observation) -> str:
    mine = [event for event in seen.alone.events if event.id][:SAME]
    if seen.alone.method != "GET":
        return ""  # a POST begins something of its own each time
    if len({event.data for event in mine}) < max(2, len(mine)):
        return ""  # data that repeat do not show that it is the same event
    for other in [*seen.pair.answers, *seen.resumed.values()]:
        theirs = [event for event in other.events if event.id][: len(mine)]
        if len(theirs) < 2:
            continue  # one event of several may be the same by chance
        same = all(e.data == event.data for e, event in zip(theirs, mine, strict=False))
        if same and not {event.id for event in theirs} & {event.id for event in seen.alone.events}:
            return (
                f"data {quoted(mine[0].data)} came with id {quoted(mine[0].id)}, "
                f"then with id {quoted(theirs[0].id)}"
            )
    return ""


@rule(
    "refuses-last-event-id",
    Level.FAULT,
    """It sends ids, and answers a client that comes back with one by an error, at which
    EventSource stops for good. Begin after that id; where it is not known any more, start
    over.""",
)
def refuses_last_event_id(seen: Observation) -> str:
    for id, answer in seen.resumed.items():
        code = answer.response.status_code
        if id != seen.ids[-1] and code >= 400 and code not in BUSY:
            return f"asked with Last-Event-ID {quoted(id)}, it answered with status {code}"
    return ""


@rule(
    "ignores-last-event-id",
    Level.FAULT,
    """It sends ids, but ignores the Last-Event-ID that a client sends when it comes back, so after
    each reconnect everything is sent again. Read the header, and begin after that id.""",
)
def ignores_last_event_id(seen: Observation) -> str:
    for id, answer in seen.resumed.items():
        if id != seen.ids[-1] and answer.events and answer.events[0].id == seen.ids[0]:
            first = quoted(seen.ids[0])
            return f"asked with Last-Event-ID {quoted(id)}, it began again at id {first}"
    return ""


@rule(
    "resumes-beside",
    Level.FAULT,
    """After a reconnect a client gets events again, or misses some. Begin with the event that
    follows the one named by Last-Event-ID.""",
)
def resumes_beside(seen: Observation) -> str:
    for id, answer in seen.resumed.items():
        got, at = answer.events[0].id if answer.events else "", seen.ids.index(id)
        if got == seen.ids[-1] != id:
            continue  # the newest state alone, or one event that tells all that was missed
        if got in seen.ids[1:] and seen.ids.index(got) != at + 1:
            return f"asked for what comes after id {quoted(id)}, it began with id {quoted(got)}"
    return ""


@rule(
    "replays",
    Level.FAULT,
    """EventSource comes back after the end and gets everything again, for ever. Answer the last id
    with status 204, which tells it to stay away.""",
)
def replays(seen: Observation) -> str:
    answer = seen.resumed.get(seen.ids[-1]) if seen.ids and seen.alone.whole else None
    if not answer or not answer.events or answer.events[0].id != seen.ids[0]:
        return ""
    return f"asked for what comes after the last id, {quoted(seen.ids[-1])}, it sent everything"


@rule(
    "advice-replays",
    Level.ADVICE,
    """EventSource comes back after the end and gets everything again, for ever. Send ids and
    answer the last one with status 204, or send an end event at which the page calls close().""",
)
def advice_replays(seen: Observation) -> str:
    same = _first(seen.encoded) == _first(seen.alone)
    return _ended(seen, "the same first event") if same else ""


@rule(
    "advice-misses-between",
    Level.ADVICE,
    """The stream ended, and asked again it sent other events. EventSource comes back some seconds
    after the end, and what a feed sends meanwhile is lost to it, since the events have no ids. Do
    not end a feed that goes on, or send ids and begin after Last-Event-ID. If it was done, send an
    end event at which the page calls close().""",
)
def advice_misses_between(seen: Observation) -> str:
    again = _first(seen.encoded)
    polled = "retry:" in seen.text or seen.alone.seconds < FEED_SECONDS
    other = again and again != _first(seen.alone) and not polled
    return _ended(seen, "other events") if other else ""


def _first(recording: Recording | None) -> list[str]:
    """The data of the first event."""
    return [event.data for event in recording.events[:1]] if recording else []


def _ended(seen: Observation, then: str) -> str:
    """The evidence of an end that the events do not tell of, at which EventSource comes back."""
    alone, events = seen.alone, seen.alone.events
    if not seen.sse or not alone.whole or len(events) < 2 or seen.ids or alone.method != "GET":
        return ""
    if events[-1].event not in {event.event for event in events[:-1]} or END.search(
        events[-1].data
    ):
        return ""  # it tells of its end
    return f"{counted(seen.items, 'event')}, then the end; asked again, {then}"
