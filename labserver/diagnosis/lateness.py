"""How much of a measured wait is this machine's own delay, and not the service's."""

import threading
import time

STEP = 0.02  # seconds
HANDOVERS = 5  # between threads and processes that a request takes, at least


class Lateness:
    """Notes how much longer than asked for a short sleep takes, while it is entered."""

    def __init__(self) -> None:
        self._left = threading.Event()
        self._late: list[tuple[float, float]] = []  # when a sleep ended, and how late
        self._thread = threading.Thread(target=self._sleep, daemon=True)

    def __enter__(self) -> "Lateness":
        self._thread.start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._left.set()

    def since(self, start: float) -> float:
        """Seconds of a wait, begun at `start` of `time.perf_counter()`, that are the machine's."""
        late = [late for ended, late in list(self._late) if ended > start]
        return max(late) + HANDOVERS * sum(late) / len(late) if late else 0.0

    def _sleep(self) -> None:
        while not self._left.is_set():
            start = time.perf_counter()
            time.sleep(STEP)
            end = time.perf_counter()
            self._late.append((end, end - start - STEP))
