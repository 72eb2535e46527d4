"""How much of a measured wait is this machine's own delay, and not the service's."""

import threading
import time

STEP = 0.02  # seconds
HANDOVERS = 5  # between threads and processes that a request takes, at least


class OwnDelay:
    """Notes how much longer than asked for a short sleep takes, while it is entered."""

    def __init__(self) -> None:
        self._left = threading.Event()
        self._delays: list[tuple[float, float]] = []  # when a sleep ended, and how late
        self._thread = threading.Thread(target=self._sleep, daemon=True)

    def __enter__(self) -> "OwnDelay":
        self._thread.start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._left.set()

    def since(self, start: float) -> float:
        """Seconds of a wait, begun at `start` of `time.perf_counter()`, that are the machine's.

        The longest delay may have come once; each handover of the request met a usual one.
        """
        delays = [delay for ended, delay in list(self._delays) if ended > start]
        return max(delays) + HANDOVERS * sum(delays) / len(delays) if delays else 0.0

    def _sleep(self) -> None:
        while not self._left.is_set():
            start = time.perf_counter()
            time.sleep(STEP)
            end = time.perf_counter()
            self._delays.append((end, end - start - STEP))
