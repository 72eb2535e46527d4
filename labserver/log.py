"""What went wrong in a server's thread, kept for `server.log` and out of the learner's cells.

No configuration of `logging` changes this: not `dictConfig`, which turns loggers off, nor
`logging.disable`.
"""

import asyncio
import logging
import re
import threading
import traceback
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import uvicorn

from labserver.masking import shown_lines

LOGGERS = ("uvicorn.error", "asyncio", "sse_starlette.sse")
MAX_RECORDS = 500  # the oldest go first
MOST_CHARACTERS = 20_000  # of a record; an error may quote a whole body
HEAD = re.compile(r"[A-Z]+ [\w.]+: ")  # of a record
FRAME = re.compile(r'  File "|[ |]*\+-[+-]* \d+ -+')  # the last one has the error behind it
CANCELLED = "ERROR uvicorn.error: The app cancelled a request. Its client got a 500."

_changing = threading.Lock()  # servers that start or stop at once take turns


class Log(str):
    """Text that a notebook shows as it is, line by line."""

    @property
    def last_line(self) -> str:
        """The error, where the last record has a traceback; "" for an empty log.

        That is the first line of its message: others, and notes, come after it.
        """
        # Of a group, the error that stands last: rulers are drawn around them, and bars before.
        lines = [line for line in self.split("\n") if not re.fullmatch(r"[ |]*\+-+", line)]
        lines = [re.sub(r"^( *\| )+", "", line) for line in lines]
        heads = [place for place, line in enumerate(lines) if HEAD.match(line)]
        lines = lines[max(heads, default=0) :]
        frames = [place for place, line in enumerate(lines) if FRAME.match(line)]
        after = lines[frames[-1] + 1 :] if frames else []
        return next((line for line in after if line[:1].strip()), lines[-1])

    def __repr__(self) -> str:
        return str(self)


class ThreadLog(logging.Filter):
    """Keeps the warnings and errors of one server; nothing else is done with them."""

    def __init__(self) -> None:
        super().__init__()
        self.stopping = False  # from now on the server itself cancels requests: no fault
        self._records: deque[str] = deque(maxlen=MAX_RECORDS)
        self._thread: int | None = None

    @property
    def text(self) -> Log:
        """What was kept, one record after another."""
        return Log("\n".join(self._records))

    def keep(self, record: logging.LogRecord) -> None:
        """Keep a record. Of a request that was cancelled a line, unless the server stops.

        None where its response had begun, either: a client that is cut off on purpose is no fault.
        """
        # Below a warning, a record may hold a token: that of a WebSocket's headers.
        if record.levelno < logging.WARNING:
            return
        cancelled = _is_of_cancelled(record)
        if not cancelled or not (self.stopping or _has_begun(record)):
            text = CANCELLED if cancelled else _text_of(record).rstrip()
            if len(text) > MOST_CHARACTERS:
                text = f"{text[:1000]}\n…\n{text[1000 - MOST_CHARACTERS :]}"
            self._records.append(shown_lines(text))

    def logger(self, name: str) -> logging.Logger:
        """A logger that writes here alone."""
        return _Logger(name, self)

    def loop_handler(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """Keep the errors that an event loop passes to its exception handler."""
        if not loop.is_closed():  # past its end, only abandoned tasks speak
            self.logger("asyncio").error(context["message"], exc_info=context.get("exception"))

    def attach(self, config: uvicorn.Config) -> None:
        """Let what uvicorn makes for each connection, and for the lifespan, write here."""
        config.load()
        config.http_protocol_class = self._writing_here(config.http_protocol_class)
        config.lifespan_class = self._writing_here(config.lifespan_class)
        if config.ws_protocol_class:
            config.ws_protocol_class = self._writing_here(config.ws_protocol_class)

    @contextmanager
    def capturing(self) -> Iterator[None]:
        """Keep what is logged in this thread by others' loggers."""
        self._thread = threading.get_ident()
        _change_filters(lambda filters: [*filters, self])
        try:
            yield
        finally:
            _change_filters(lambda filters: [one for one in filters if one is not self])

    def filter(self, record: logging.LogRecord) -> bool:
        """Keep the record of this thread and stop it here; let those of others pass.

        A task of another event loop belongs to others, too: Python may collect it in this thread.
        """
        if record.thread != self._thread or record.funcName == "default_exception_handler":
            return True
        self.keep(record)
        return False

    def _writing_here(self, make: Callable[..., Any]) -> Any:
        def made(*args: Any, **options: Any) -> Any:
            protocol = make(*args, **options)
            protocol.logger = self.logger("uvicorn.error")
            protocol.access_log = False
            return protocol

        return made


def _text_of(record: logging.LogRecord) -> str:
    """What a logging.Formatter says, also where an app has replaced its methods."""
    head, raised = f"{record.levelname} {record.name}: ", record.exc_info and record.exc_info[1]
    try:
        told = "".join(traceback.format_exception(raised)) if raised else ""
        return f"{head}{record.getMessage().rstrip()}\n{told}"
    except Exception as error:  # as logging's own handlers, which never let one pass
        where = f"{record.pathname}, line {record.lineno}"
        return f"{head}{where}: no text of this record: {error!r}"


def _is_of_cancelled(record: logging.LogRecord) -> bool:
    """Whether it tells that the task which logs it was cancelled, and not one that it awaits."""
    error = record.exc_info[1] if record.exc_info else None
    if not isinstance(error, asyncio.CancelledError):
        return False
    try:
        task = asyncio.current_task()
    except RuntimeError:  # no loop runs: the server itself ended by it
        return False
    return task is not None and task.cancelling() > 0


def _has_begun(record: logging.LogRecord) -> bool:
    """Whether the response had begun of a request that ended by an error; True for a WebSocket."""
    where = record.exc_info and record.exc_info[2]
    request = where and where.tb_frame.f_locals.get("self")  # in uvicorn's frame, which caught it
    return getattr(request, "response_started", True)


def _change_filters(change: Callable[[list[Any]], list[Any]]) -> None:
    # A new list each time. From a list that is walked by another server's thread, removeFilter
    # would make it skip that server's filter, and a record with a cookie would pass.
    with _changing:
        for name in LOGGERS:
            logger = logging.getLogger(name)
            logger.filters = change(logger.filters)


class _Logger(logging.Logger):
    """A logger that no configuration knows of."""

    # As they are now: some programs replace them for the whole process.
    error = logging.Logger.error
    exception = logging.Logger.exception
    warning = logging.Logger.warning
    _log = logging.Logger._log

    def __init__(self, name: str, log: ThreadLog) -> None:
        super().__init__(name, logging.WARNING)
        self._thread_log = log

    def isEnabledFor(self, level: int) -> bool:
        return level >= self.level

    def makeRecord(self, *args: Any, **options: Any) -> logging.LogRecord:
        return logging.LogRecord(*args[:7])  # whatever setLogRecordFactory says

    def handle(self, record: logging.LogRecord) -> None:
        self._thread_log.keep(record)
