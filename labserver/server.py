"""Run an ASGI app beside the notebook: uvicorn in a daemon thread of the kernel.

                  start()         the app answers       stop()
    Server(app)   ----->   starting   ----->   running   ----->   stopping   ----->   ended
                              |                                      ^
                              +---- the app fails, or 10 s pass -----+

`start` and `stop` are called in the learner's thread, and wait. What happens between them is
`_run`, in the server's own thread: `_uvicorn.settled` tells that starting is over, `_ended` that
all is. A call that blocks the event loop keeps it in `stopping`: it is left behind, without its
port. Where a script or a kernel ends, exiting.py stops what has not stopped.

A request goes through `Guard`, `BoundedBody` and `Sends` to the app.
"""

import asyncio
import os
import threading
import time
from contextlib import suppress
from contextvars import ContextVar, copy_context
from typing import NoReturn

import uvicorn
from starlette.types import ASGIApp

from labserver.bounds import MESSAGE_BYTES, BoundedBody
from labserver.connections import HOST, Listener, listen
from labserver.exiting import forget, stop_at_exit
from labserver.guard import Guard
from labserver.leftovers import Leftovers
from labserver.log import Log, ThreadLog
from labserver.refusal import reason_of, require_app
from labserver.sends import Sends
from labserver.shutdown import StoppableServer, cancel_rest

THREAD_NAME = "labserver event loop"
START_SECONDS = 10.0
STOP_SECONDS = 1.7  # Python's own end takes some more: two seconds, where a script ends
LOG_SECONDS = 0.5  # that a reader of the log waits
# True in what a served app runs: on its event loop, and in the threads of plain def functions.
SERVED = ContextVar("SERVED", default=False)


class Server:
    """An app, served from a thread of this process between `start()` and `stop()`.

    `serve` starts the learner's one. Any other is apart from it: `with Server(app) as server: …`.
    Raises TypeError for what is no ASGI app.
    """

    def __init__(self, app: ASGIApp) -> None:
        require_app(app)
        self.port = 0  # until it starts
        self.sends = Sends(app)
        self._log = ThreadLog()
        self._leftovers = Leftovers()  # generators of cancelled requests, closed at the end
        # No log_config, log_level or access_log: each would change loggers of the whole process.
        # h11, also where httptools is installed: that one takes headers without an end.
        layers = Guard(BoundedBody(self.sends))
        config = uvicorn.Config(
            layers, loop="asyncio", http="h11", log_config=None, ws_max_size=MESSAGE_BYTES
        )
        self._log.attach(config)
        self._uvicorn = StoppableServer(config)
        self._thread = threading.Thread(target=self._run, name=THREAD_NAME, daemon=True)
        # Thread.is_alive() will not do: once a join was interrupted, Python 3.11 says no for good.
        self._ended = threading.Event()
        self._ended.set()
        self._left_behind = False
        self._stop_by = 0.0  # set once: servers that were told to stop together end together
        # `start` makes these, since each holds something of the system.
        self._listener: Listener
        self._loop: asyncio.AbstractEventLoop
        self._task: asyncio.Task[None]  # uvicorn's
        self._process: int

    @property
    def url(self) -> str:
        """Where it is served, without a slash at the end, for Python and for a terminal."""
        return f"http://{HOST}:{self.port}"

    def __repr__(self) -> str:
        return f"<Server {self.url}{'' if self.running else ', stopped'}>"

    def __enter__(self) -> "Server":
        if not self.running:
            self.start()  # which refuses one that has stopped
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.stop()

    @property
    def running(self) -> bool:
        """Whether the server still takes requests."""
        return not self._ended.is_set() and not self._uvicorn.should_exit

    @property
    def log(self) -> Log:
        """What went wrong in the server so far, with tracebacks: a str that shows its lines.

        Its `last_line` is the error, where the last record has a traceback.

        Waits, half a second at most, for requests whose client has all of its response, or has
        left: an error of theirs may be logged only then.
        """
        if self.running and self._thread.ident != threading.get_ident():
            told = threading.Event()
            with suppress(RuntimeError):  # it ended a moment ago
                self._loop.call_soon_threadsafe(self._uvicorn.tell_answered, told)
                told.wait(LOG_SECONDS)
                told.set()
        return self._log.text

    def start(self, listener: Listener | None = None) -> None:
        """Serve on a listening socket, by default one of any free port, and wait until it does.

        Raises RuntimeError if the app fails while starting or takes more than 10 seconds, and for
        a server that was started before: make a new one for that.
        """
        if self._thread.ident:
            raise RuntimeError(f"{self!r} was started before. Make a new one: Server(app).")
        self._listen(listener or listen(0))
        self._make_loop()
        self._process = os.getpid()
        self._stop_by = 0.0  # it may have been told to stop before it was started
        stop_at_exit(self)
        try:
            self._ended.clear()
            self._thread.start()
            in_time = self._uvicorn.settled.wait(START_SECONDS)
        except BaseException:  # the cell was interrupted
            self.stop()
            raise
        # uvicorn takes any error for that of an app without a lifespan. Starlette builds its
        # middleware there, too: without it, each request would fail.
        unbuilt = getattr(self.sends.app, "middleware_stack", self) is None
        if not self._uvicorn.started or (unbuilt and self.sends.lifespan_error):
            self._give_up(in_time)

    def stop(self) -> None:
        """End open streams, run the app's shutdown, free the port. Stopped before: do nothing."""
        forget(self)
        if self.running and self._process != os.getpid():
            return  # a forked child has no such thread
        self.begin_to_stop()
        if self._left_behind or self._thread.ident in (None, threading.get_ident()):
            return  # it never started, or it is a route that stops it, which cannot wait for that
        # Also where an earlier stop() was interrupted.
        if self._ended.wait(self._stop_by - time.monotonic()):
            self._thread.join(STOP_SECONDS)
        else:
            # Its event loop is held by a call that blocks. Without the listener it is harmless.
            self._left_behind = True
            self._listener.close()
            print(f"{self.url} does not stop: a call blocks its event loop. Its port is free.")

    def threads(self) -> list[threading.Thread]:
        """The thread that it runs in, and those that its plain functions run in (anyio's)."""
        loop = self._loop if self._thread.ident else self
        workers = [one for one in threading.enumerate() if getattr(one, "loop", None) is loop]
        return [self._thread, *workers]

    def begin_to_stop(self) -> None:
        """Do what `stop` does, without the wait for its end."""
        self._stop_by = self._stop_by or time.monotonic() + STOP_SECONDS
        if self.running:
            self._uvicorn.should_exit = self._log.stopping = True
            with suppress(RuntimeError):  # it ended by itself, a moment ago
                self._loop.call_soon_threadsafe(self._uvicorn.leave, self._task)

    def _listen(self, listener: Listener) -> None:
        self._listener = listener
        self._listener.idle = self._uvicorn.idle  # these may have to make room for new ones
        self.port = self._listener.getsockname()[1]

    def _make_loop(self) -> None:
        # Not asyncio.run, which nest_asyncio replaces; nor the loop of whatever policy is set.
        factory = self._uvicorn.config.get_loop_factory()
        assert factory is not None  # loop="asyncio" names one
        self._loop = factory()
        self._loop.set_exception_handler(self._log.loop_handler)
        self._loop.set_task_factory(self._leftovers.make_task)
        serving = self._uvicorn.serve(sockets=[self._listener])
        self._task = self._loop.create_task(serving, context=(context := copy_context()))
        context.run(SERVED.set, True)

    def _give_up(self, in_time: bool) -> NoReturn:
        """Stop, and raise what a learner can act on: why the app did not start."""
        error = self.sends.lifespan_error
        self.stop()
        if not in_time:
            raise RuntimeError(f"The app was not ready within {START_SECONDS:.0f} s.")
        reason = reason_of(error, self.sends.startup_failed or self.log.last_line)
        raise RuntimeError(f"The app failed while starting. {reason}") from error

    def _run(self) -> None:
        try:
            with self._log.capturing(), self._listener:
                self._run_loop()
        finally:
            self._uvicorn.settled.set()
            self._ended.set()

    def _run_loop(self) -> None:
        loop = self._loop
        try:
            while not self._task.done():
                # SystemExit and KeyboardInterrupt leave the loop from whatever task raises them:
                # uvicorn's, when the app did not start, but also that of a stream that calls
                # exit(), which ends alone. A start that `leave` cancelled raises the third.
                with suppress(SystemExit, KeyboardInterrupt, asyncio.CancelledError):
                    loop.run_until_complete(self._task)
            loop.run_until_complete(cancel_rest())
        except BaseException:
            self._log.logger("labserver").exception("The server ended by an error.")
        finally:
            loop.close()
            self._leftovers.clear()
