"""What went wrong in a server's thread, kept for `server.log` and out of the learner's cells."""

import asyncio
import logging
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager

LOGGERS = ("uvicorn.error", "uvicorn.access", "asyncio", "sse_starlette.sse")
MAX_RECORDS = 500  # the oldest go first


class Log(str):
    """Text that a notebook shows as it is, line by line."""

    def __repr__(self) -> str:
        return str(self)


class ThreadLog(logging.Filter):
    """Keeps the warnings and errors that one thread logs; nothing else is done with them."""

    def __init__(self) -> None:
        super().__init__()
        self._records: deque[str] = deque(maxlen=MAX_RECORDS)
        self._formatter = logging.Formatter("%(levelname)s %(name)s: %(message)s")
        self._thread: int | None = None

    @property
    def text(self) -> Log:
        """What was kept, one record after another."""
        return Log("\n".join(self._records))

    @contextmanager
    def capturing(self, thread: int) -> Iterator[None]:
        """Keep what the thread of this identifier logs."""
        self._thread = thread
        loggers = [logging.getLogger(name) for name in LOGGERS]
        for logger in loggers:
            logger.addFilter(self)
        try:
            yield
        finally:
            for logger in loggers:
                logger.removeFilter(self)

    def filter(self, record: logging.LogRecord) -> bool:
        """Keep the record of this thread and stop it here; let those of others pass."""
        if record.thread != self._thread:
            return True
        # A request that stop() cancelled is no fault.
        cancelled = record.exc_info and isinstance(record.exc_info[1], asyncio.CancelledError)
        # Below a warning, a record may hold a token: in a URL, or in a WebSocket's headers.
        if not cancelled and record.levelno >= logging.WARNING:
            self._records.append(self._formatter.format(record).rstrip())
        return False
