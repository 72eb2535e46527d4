"""The second exercise of the lesson "Choose one": a job that goes on when nobody listens."""

import re
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from labserver.checks.calling import ended, started
from labserver.checks.exercise import (
    AWAITED,
    Late,
    NotYet,
    ask,
    exercise,
    patiently,
    require,
    require_events,
    require_whole,
    served,
    shown,
)
from labserver.checks.meanwhile import Held, seconds_of_another
from labserver.recording import RecordedEvent, Recording, Watcher

STEP = 0.2  # seconds of work in each of five steps
JOB = 5 * STEP
ALONE = 3.5 * STEP  # how long nobody listens: three steps are done then, 60 %
LISTEN_SECONDS = 4.0
PERCENTAGES = {0, 20, 40, 60, 80, 100}


@exercise
def outlives(app: Any) -> str | None:
    """A job goes on when its listener leaves; who comes back gets the rest, and at once."""
    held = Held()
    with held.told(), served(app, held.layer) as url:
        patiently(lambda: _judge_alone(_judge_run, url))
        _judge_latecomers(url)
        patiently(lambda: _judge_alone(_judge_second, url))
        after = ask(f"{url}/progress", seconds=1.0, headers={"Last-Event-ID": "100"})
    waits = "a client that had 100 and comes back waits for ever: end its stream, or answer 204"
    return held.up() or (None if after.whole else f"{waits}.")


def _judge_alone(judge: Callable[[str], None], url: str) -> None:
    """Judge a job; where that was late, wait for its end, so that the next try's is alone."""
    try:
        judge(url)
    except Late:
        time.sleep(JOB)
        with suppress(NotYet):  # on a busy machine, its steps may take longer
            _listened(url)
        raise


def _judge_run(url: str) -> None:
    """Start the job, let it work alone for a while, then listen twice; one of them leaves."""
    # A job that begins without a POST is ahead of the clock then, and its end comes too early.
    usual = _share_waited(url, time.perf_counter() + ALONE)
    start = time.perf_counter()
    _judge_post(ask(f"{url}/job", "POST"))
    share = _share_waited(url, start + ALONE)
    waits = f"while the job works, another request waits for it ({share:.0%} of the time)"
    require(share - usual < 0.5, f"{waits}. In `async def`, await what takes time.", Late)
    leaving = started(lambda: _listened(url, leaves_at=60))
    _judge_live(_listened(url), start)
    _ids(ended(leaving, "a listener that leaves", LISTEN_SECONDS + 1))


def _judge_post(job: Recording) -> None:
    status = job.response.status_code
    require(status < 400, f"POST /job answered with status {status}.")
    late = f"POST /job answered after {job.seconds:.1f} s, and one step of the job takes {STEP} s"
    require(job.seconds < 0.9 * STEP, f"{late}: start the job, and return at once.", Late)


def _share_waited(url: str, until: float) -> float:
    """Until then nobody listens: the share of that time in which another request waited."""
    begin, waited = time.perf_counter(), 0.0
    while time.perf_counter() < until:
        waited += seconds_of_another(url)
        time.sleep(STEP / 2)
    return waited / (time.perf_counter() - begin)


def _judge_live(stayed: Recording, start: float) -> None:
    begun = _begun(stayed)
    ids, times = _ids(stayed), [event.at for event in _steps(stayed)]
    came = f"two clients listened, one left: the other got {ids}"
    require(ids[-1:] == [100], f"{came}, and never 100.")
    require_whole(stayed, f"{came}: its stream")
    last = times[-1]
    took = begun + last - start
    early = f"100 came {took:.1f} s after POST /job, expected: {JOB:g} s, for five steps of work"
    hint = f"Does each POST start the steps, and from the first? {AWAITED}"
    require(took > 0.95 * JOB, f"{early}. {hint}")
    opened = f"clients came {begun - start:.1f} s after POST /job"
    late = f"{opened}, and then it took {last:.1f} s more"
    wait = f"{late}, as the whole job: does the work wait for a listener?"
    require(last < 0.9 * JOB, wait, Late)
    at_once = f"{came}, all of them as the job was done: tell of each step when it is done"
    require(last - times[0] > STEP / 2, f"{at_once}.", Late)


def _judge_latecomers(url: str) -> None:
    """All is done: a client that comes now gets what is missing, at once."""
    for last_id in ("40", "80"):
        _judge_rest(_listened(url, last_id), f"with Last-Event-ID: {last_id}", int(last_id))

    def judge_all() -> None:
        back = _listened(url)
        _judge_rest(back, "without Last-Event-ID", -1)
        last = _steps(back)[-1].at
        took = f"and all five steps took {last:.1f} s to come"
        in_time = last < 0.7 * JOB
        require(in_time, f"the job is done, {took}: does the work wait for a listener?", Late)

    patiently(judge_all)


def _judge_second(url: str) -> None:
    """A second POST starts the steps from the first; what the first job reached is forgotten."""
    start = time.perf_counter()
    _judge_post(ask(f"{url}/job", "POST"))
    time.sleep(2.25 * STEP)  # 40 % is done then, and 60 % is not
    back = started(lambda: _judge_back(url, start))
    other = started(lambda: _times(url))
    times, beside = _times(url), ended(other, "a second listener", LISTEN_SECONDS + 1)
    ended(back, "a listener that came back", LISTEN_SECONDS + 1)
    took = times[-1] - start
    early = f"a second job: 100 came {took:.1f} s after its POST, expected: {JOB:g} s"
    require(took > 0.95 * JOB, f"{early}. Does it forget what the first job reached?")
    waits = "two clients listened, and one got its first step after the last step of the other"
    # Where both waited for the third one, their steps come in one moment, at its end.
    shared = max(times[0], beside[0]) < min(times[-1], beside[-1]) - STEP / 2
    require(shared, f"{waits}: let none wait.", Late)


def _judge_back(url: str, start: float) -> None:
    """A client comes back while the job works: what it missed is told at once."""
    back = _listened(url, "20")
    begun, ids = _begun(back), _ids(back)
    came = f"the job works, and a client that comes with Last-Event-ID: 20 got {ids}"
    require(ids[-1:] == [100], f"{came}, expected: the later steps, up to 100.")
    require(ids[0] > 20, f"{came}: it had some of these already.")
    # A step never takes less than its time, so 60 % was not reached then.
    soon = begun + back.headers_at - start < 3 * STEP
    require(ids[0] == 40 or not soon, f"{came}, and not 40, which was done before it came.", Late)


def _times(url: str) -> list[float]:
    """When each step came to a client, by time.perf_counter()."""
    back = _listened(url)
    begun, ids = _begun(back), _ids(back)
    require(ids[-1:] == [100], f"after a second POST /job, a client got {ids}, and never 100.")
    return [begun + event.at for event in _steps(back)]


def _judge_rest(back: Recording, who: str, had: int) -> None:
    ids = _ids(back)
    came = f"the job is done, and a client that comes {who} got {ids}"
    require(ids[-1:] == [100], f"{came}, expected: the later steps, up to 100.")
    require(ids[0] > had, f"{came}: it had some of these already.")
    require_whole(back, f"{came}; the stream")


def _begun(recording: Recording) -> float:
    """When the request of a recording that has ended now was made, rather too late than early."""
    return time.perf_counter() - recording.seconds


def _listened(url: str, last_id: str = "", leaves_at: int | None = None) -> Recording:
    headers = {"Last-Event-ID": last_id} if last_id else {}
    watcher = _Leaving(leaves_at) if leaves_at else None
    return ask(f"{url}/progress", seconds=LISTEN_SECONDS, headers=headers, watcher=watcher)


def _ids(recording: Recording) -> list[int]:
    """The percentages of a progress stream, which only go up."""
    status = recording.response.status_code
    require(status == 200, f"/progress answered with status {status}, expected: 200.")
    require_events(recording, "/progress")
    events = [(event.data, event.id) for event in _steps(recording)]
    bare = [data for data, id in events if not id.isdecimal()]
    require(not bare, f"the id is no percentage where the data is {shown(bare[:1])}.")
    other = [(data, id) for data, id in events if str(int(id)) not in re.findall(r"\d+", data)]
    require(not other, f"data and id of an event: yours: {shown(other[:1])}, expected: the same.")
    ids = [int(id) for _, id in events]
    steps = set(ids) <= PERCENTAGES and sorted(set(ids)) == ids
    require(steps, f"the ids of /progress: yours: {ids}, expected: 20 to 100, each once at most.")
    return ids


def _steps(recording: Recording) -> list[RecordedEvent]:
    """The events, without those of another name that tell of no step, such as an end."""
    steps: list[RecordedEvent] = []
    for event in recording.events:
        over = bool(steps) and steps[-1].id == "100"
        apart = event.event != "message" and (over or not re.search(r"\d", event.data))
        steps += [] if apart else [event]
    return steps


class _Leaving(Watcher):
    """A watcher that leaves when a percentage is reached."""

    def __init__(self, percentage: int) -> None:
        self._percentage = percentage

    def event(self, event: RecordedEvent) -> bool:
        """Whether it is reached."""
        return event.id.isdecimal() and int(event.id) >= self._percentage
