"""The exercises of the lesson "Resume events"."""

from typing import Any

from labserver.checks.exercise import ask, exercise, fetched, require, require_whole, served
from labserver.recording import RecordedEvent


@exercise
def resumable(app: Any) -> None:
    """Counts down, and goes on below the number that a client had last, whichever that is."""
    path = "/countdown?start=4"
    with served(app) as url:
        events = fetched(url + path).events
        data = _data(events)
        require(
            data == ["4", "3", "2", "1", "0"],
            f"{path} counts wrongly. Yours: {data}, expected: {['4', '3', '2', '1', '0']}.",
        )
        ids = [event.id for event in events]
        bare = [event.data for event in events if not event.id]
        require(not bare, f"{' and '.join(bare[:2])} came without an id: nothing to send back.")
        require(len(set(ids)) == 5, f"the five events have the ids {ids}: give each its own.")
        for had, left in (("3", data[2:]), ("0", []), ("4", data[1:])):
            last_id = ids[data.index(had)]
            rest, status = _asked_again(url + path, last_id)
            came = f"a client that had {had} came back with Last-Event-ID: {last_id}"
            require(status in (200, 204), f"{came}, and got the status {status}.")
            require(rest != data, f"{came}, and got {rest}, as a client that had none.")
            require(rest == left, f"{came}. Yours: {rest}, expected: {left}.")
        new, _ = _asked_again(url + path)
        require(new == data, f"a new client, without Last-Event-ID, got {new}: it starts at 4.")


@exercise
def ends_for_good(app: Any) -> None:
    """Resumes after each stage; the last event is `end`; who had that is answered 204."""
    stages = ["queued", "running", "saving", "done"]
    with served(app) as url:
        events = fetched(f"{url}/job").events
        require(
            _data(events) == stages,
            f"/job sends other stages. Yours: {_data(events)}, expected: {stages}.",
        )
        named = [event.data for event in events if event.event == "end"]
        require(named, "no event named end came. (Without data, none is handed out.)")
        require(named == ["done"], f"{' and '.join(named)} are named end; only done is the last.")
        for place, had in enumerate(events, 1):
            rest, status = _asked_again(f"{url}/job", had.id)
            came = f"a client that had {had.data} came back, and got the status {status}"
            if place < len(stages):
                left = stages[place:]
                require(rest == left, f"{came}. Yours: {rest}, expected: {left}.")
            else:
                require(status != 200, f"{came}: it would come back for ever. Answer 204.")
                require(status == 204, f"{came}: that ends it too, but as a fault. Answer 204.")
        new, status = _asked_again(f"{url}/job")
        require(new == stages, f"a new client, without Last-Event-ID, got {status} and {new}.")


def _asked_again(url: str, last_id: str = "") -> tuple[list[str], int]:
    """The data and the status that a client gets which comes back with an ID, or with none."""
    headers = {"Last-Event-ID": last_id.encode()} if last_id else {}
    recording = ask(url, headers=headers)
    require_whole(recording, f"asked with Last-Event-ID: {last_id}, the stream")
    status = recording.response.status_code
    return _data(recording.events) if status == 200 else [], status


def _data(events: list[RecordedEvent]) -> list[str]:
    return [event.data for event in events]
