"""The exercises of the lesson "Resume events"."""

from typing import Any

from labserver.checks.calling import judged_twice
from labserver.checks.exercise import (
    SECONDS,
    NotYet,
    ask,
    exercise,
    fetched,
    require,
    require_equal,
    require_events,
    require_whole,
    served,
    shown,
)
from labserver.checks.meanwhile import Held, remark_on
from labserver.recording import RecordedEvent, Recording

NEVER_GIVEN = ("abc", "1000000000", "xyz", "99")  # the text names the first two
MOST_EVENTS = 20  # of an answer that counts from a client's number
STAGES = ["queued", "running", "saving", "done"]


@exercise
def resumable(app: Any) -> str | None:
    """Counts down, and goes on below the number that a client had last, whichever that is."""
    held, share = Held(), 0.0
    with held.told(), served(app, held.layer) as url:
        for start, query in ((4, "?start=4"), (5, ""), (12, "?start=12")):
            path = f"/countdown{query}"
            ids = _judge_count(url, path, start)
            share = max(share, held.share("/countdown"))
            for had in (3, 0, 4) if start == 4 else (start - 2, 3):
                _judge_resumed(url, path, had, ids[had])
        for last_id in [one for one in NEVER_GIVEN if one not in ids.values()]:
            _judge_never_given(f"{url}/countdown?start=4", last_id)
        judged_twice(lambda: _judge_new(f"{url}/countdown?start=4"), "/countdown", 2 * SECONDS)
        try:
            _judge_never_given(f"{url}/countdown?start=4", "-1")
        except NotYet as unwise:
            return str(unwise)
        return remark_on(f"{url}/countdown?start=20", held, share)


def _judge_count(url: str, path: str, start: int) -> dict[int, str]:
    """The ID of each number, of a whole countdown that is right."""
    countdown = fetched(url + path, max_rows=MOST_EVENTS)
    require_events(countdown, "/countdown")
    events = countdown.events
    numbers = [str(number) for number in range(start, -1, -1)]
    named = [event for event in events[: start + 1] if event.event != "message"]
    require(not named, f"{path}: yours: {shown(named)}, expected: the numbers as before, unnamed.")
    unnamed = _unnamed(events)
    require_equal(_data(unnamed), numbers, path)
    bare = [event.data for event in unnamed if not event.id]
    require(not bare, f"{' and '.join(bare[:2])} came without an id: nothing to send back.")
    ids = [event.id for event in unnamed]
    require(len(set(ids)) == len(ids), f"the events have the ids {ids}: give each its own.")
    return dict(zip(range(start, -1, -1), ids, strict=True))


def _judge_resumed(url: str, path: str, had: int, last_id: str) -> None:
    left = [str(number) for number in range(had - 1, -1, -1)]
    back = _asked_again(url + path, last_id)
    status = back.response.status_code
    came = f"{path}: a client that had {had} came back with Last-Event-ID: {last_id}"
    require(status == 200 or not left, f"{came}, and got the status {status}, expected: 200.")
    got = _data(_unnamed(back.events))
    same = ", as one that had none" if len(got) > len(left) + 1 else ""
    require(got == left, f"{came}: yours: {got}{same}, expected: {left}.")


def _judge_new(url: str) -> None:
    full = [str(number) for number in range(4, -1, -1)]
    again = _unnamed(ask(url, max_rows=MOST_EVENTS).events)
    require_equal(_data(again), full, "for a new client, without Last-Event-ID")


def _judge_never_given(url: str, last_id: str) -> None:
    came = f"a client came with Last-Event-ID: {last_id}, which was never given"
    back = ask(url, max_rows=MOST_EVENTS, headers={"Last-Event-ID": last_id})
    status, got = back.response.status_code, _data(_unnamed(back.events))
    expected = "expected: 4 to 0, or a status that refuses it"
    require(status < 500, f"{came}: yours: status {status}, {expected}.")
    require(back.whole or got, f"{came}: yours: {back.ended.rstrip('.')}, {expected}.")
    full = ["4", "3", "2", "1", "0"]
    require(status != 200 or got[:5] == full, f"{came}: yours: {shown(got)}, {expected}.")
    require_whole(back, f"{came}: the stream")


@exercise
def ends_for_good(app: Any) -> str | None:
    """Resumes after each stage; the last event is `end`; a client that had it gets a 204."""
    held = Held()
    with held.told(), served(app, held.layer) as url:
        job = fetched(f"{url}/job", max_rows=MOST_EVENTS)
        require_events(job, "/job")
        events = job.events
        share = held.share("/job")
        require_equal(_data(events), STAGES, "the stages of /job")
        named = [event.data for event in events if event.event == "end"]
        require(named, "no event named end came. (Without data, none is handed out.)")
        require_equal(named, ["done"], "the events named end")
        renamed = [event for event in events[:-1] if event.event != "message"]
        require(not renamed, f"yours: {shown(renamed)}, expected: the others unnamed, as before.")
        for place, had in enumerate(events, 1):
            _judge_come_back(f"{url}/job", had, STAGES[place:])
        judged_twice(lambda: _judge_new_job(f"{url}/job"), "/job", 2 * SECONDS)
        strange = ask(f"{url}/job", max_rows=MOST_EVENTS, headers={"Last-Event-ID": "abc"})
        cut = "an id that /job never gave (abc) ends in a cut, and its client comes back for ever"
        held_up = remark_on(f"{url}/job", held, share)
        return held_up if strange.whole else f"{cut}: {strange.ended}"


def _judge_new_job(url: str) -> None:
    new = ask(url, max_rows=MOST_EVENTS)
    require_equal(_data(new.events), STAGES, "for a new client, without Last-Event-ID")


def _judge_come_back(url: str, had: RecordedEvent, left: list[str]) -> None:
    back = _asked_again(url, had.id)
    status = back.response.status_code
    came = f"a client that had {had.data} came back (Last-Event-ID: {had.id})"
    if left:
        require(status == 200, f"{came}, and got the status {status}, expected: 200.")
        got = _data(back.events)
        require(got == left, f"{came}: yours: {got}, expected: {left}.")
    else:
        require(status != 200, f"{came}, and got 200: it would come back for ever. Answer 204.")
        hint = "that ends it too, but as a fault. Answer 204"
        require(status == 204, f"{came}, and got the status {status}: {hint}.")


def _asked_again(url: str, last_id: str) -> Recording:
    """What a client gets that comes back with an ID."""
    back = ask(url, max_rows=MOST_EVENTS, headers={"Last-Event-ID": last_id.encode()})
    require_whole(back, f"asked with Last-Event-ID: {last_id}, the stream")
    return back


def _unnamed(events: list[RecordedEvent]) -> list[RecordedEvent]:
    return [event for event in events if event.event == "message"]


def _data(events: list[RecordedEvent]) -> list[str]:
    return [event.data for event in events]
