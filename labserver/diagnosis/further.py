"""What is asked only where the answers so far give a reason.

a cut, or a long silence at the end   all of it once more: `again`
one of several requests failed        the same, a few times: `again`
a declared length                     what comes after so many bytes: `beyond`
events with ids                       what follows one of them: `resumed`
all of it came at once                what an EventSource would get: `accepted`
"""

import time

from labserver.diagnosis.observation import Observation
from labserver.diagnosis.pace import IDLE, last_silence
from labserver.diagnosis.requests import SAFE, Requests
from labserver.diagnosis.sockets import bytes_beyond
from labserver.diagnosis.stopping import MOST_PIECES, StopAfter
from labserver.recording import Recording

AGAIN_LATER = 2.0  # seconds that all of it may take longer than the first time
BEYOND_LATER = 2.0  # the same, for what comes after a declared length
TRY_SECONDS = 2.0  # for each of a few tries
PAUSES = (0.0, 1.0, 1.0, 1.0)  # seconds before each try, where a server may still be busy
ENOUGH_IDS = 3  # so that one in the middle has others before and after it
RESUME_SECONDS, RESUME_LATER = 4.0, 1.5  # for an answer: at most, and longer than the first took
ACCEPT_SECONDS, ACCEPT_LATER = 5.0, 1.0  # the same, up to twice as long as the first took
ACCEPT_PIECES = 10


def ask_further(requests: Requests, seen: Observation) -> None:
    """Add to what was seen the answers to what it gives a reason to ask."""
    alone = seen.alone
    quiet = seen.sse and alone.whole and last_silence(alone) > IDLE
    if alone.cut or quiet:
        seen.again = requests.attempt(alone.seconds + AGAIN_LATER, StopAfter(MOST_PIECES))
    elif any(map(_failed, seen.others)):
        seen.again = _ask_until_answered(requests)
    if seen.length and alone.whole and requests.method == "GET":
        seconds = min(alone.seconds + BEYOND_LATER, requests.left())
        seen.beyond = bytes_beyond(requests.url, requests.headers, alone.size, seconds)
    if seen.sse and len(seen.ids) >= ENOUGH_IDS and requests.method in SAFE:
        _resume(requests, seen)
    if seen.came_at_once:
        limit = min(2 * alone.seconds + ACCEPT_LATER, ACCEPT_SECONDS)
        stop = StopAfter(ACCEPT_PIECES)
        seen.accepted = requests.attempt(limit, stop, accept="text/event-stream")


def _ask_until_answered(requests: Requests, id: str = "") -> Recording | None:
    """Ask at once, then a second later each time, four times at most.

    It ends when it is answered well, or nobody is there.
    """
    again, headers = None, {"last_event_id": id} if id else {}
    for pause in PAUSES:
        time.sleep(max(0.0, min(pause, requests.left())))
        again = requests.attempt(TRY_SECONDS, StopAfter(1), False, **headers)
        if not again or not _failed(again):
            break
    return again


def _failed(answer: Recording) -> bool:
    return answer.cut or not answer.response.is_success


def _resume(requests: Requests, seen: Observation) -> None:
    """Ask for what comes after an event in the middle, and after the last one."""
    middle, last = seen.ids[len(seen.ids) // 2], seen.ids[-1]
    for id in [middle, last] if seen.alone.whole else [middle]:
        limit = min(seen.first + RESUME_LATER, RESUME_SECONDS)
        answer = requests.attempt(limit, StopAfter(1), last_event_id=id)
        if answer and _failed(answer) and id != last:
            # A client that has left may count for a moment, or everybody is refused by now.
            answer = _ask_until_answered(requests, id)
            control = answer
            if answer and _failed(answer):
                control = requests.attempt(limit, StopAfter(1))
            if not control or _failed(control):
                seen.again = seen.again or control
                return
        if answer:
            seen.resumed[id] = answer
