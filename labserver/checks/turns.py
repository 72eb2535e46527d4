"""Short turns for threads while a check runs.

A thread that an earlier answer has started itself may be at work for good. In Python one thread
runs at a time, and any other waits until the turn of a busy one is over. The stream of a later
answer has many such waits, so that it would come late:

    turns of 5 ms, as usual    |busy----------|stream-|busy----------|stream-|
    turns of 0.5 ms            |busy-|stream-|busy-|stream-|
"""

import sys
import threading

TURN = 0.0005  # seconds, at most


class ShortTurns:
    """Lets threads take short turns inside `with`, and as before when the last `with` ends."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._inside = 0  # checks, which may run in several threads
        self._before = 0.0

    def __enter__(self) -> None:
        with self._lock:
            if not self._inside:
                self._before = sys.getswitchinterval()
                sys.setswitchinterval(min(TURN, self._before))
            self._inside += 1

    def __exit__(self, *error: object) -> None:
        with self._lock:
            self._inside -= 1
            if not self._inside:
                sys.setswitchinterval(self._before)
