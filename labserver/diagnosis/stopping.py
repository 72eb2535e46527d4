"""When enough of a stream was seen: the watcher that ends a recording."""

import threading

from labserver.diagnosis.observation import NOTABLE, SEVERAL
from labserver.recording import Chunk, RecordedEvent, Recording, Watcher

MOST_PIECES = 2000
SLOW_SECONDS = 16.0  # after which a few pieces are enough


class StopAfter(Watcher):
    """Ends a recording once so many pieces came, and for so long; for none, at its headers.

    With `pauses`, after a long pause it goes on until there were so many, or for twice as long:
    what comes in bursts is watched for two periods.
    """

    def __init__(self, pieces: int, seconds: float = 0.0, pauses: int = 0) -> None:
        self.pieces, self.seconds, self.pauses = pieces, seconds, pauses
        self.began = threading.Event()  # set once the headers came
        self._count = self._pauses = 0
        self._last = self._until = 0.0

    def headers(self, recording: Recording) -> bool:
        """Enough, where no piece is wanted."""
        self.began.set()
        return self.pieces == 0

    def chunk(self, chunk: Chunk | RecordedEvent) -> bool:
        """Note a piece, and the pause before it."""
        self._count += 1
        pause, self._last = chunk.at - self._last, chunk.at
        if pause > NOTABLE:
            self._pauses += 1
            self._until = chunk.at + 2 * pause
        enough = self._count >= self.pieces and chunk.at >= self.seconds
        slow = self._count >= SEVERAL and chunk.at >= SLOW_SECONDS
        periods = self._pauses >= self.pauses or chunk.at >= self._until
        return self._count >= MOST_PIECES or ((enough or slow) and periods)

    def event(self, event: RecordedEvent) -> bool:
        """Note an event as a piece."""
        return self.chunk(event)
