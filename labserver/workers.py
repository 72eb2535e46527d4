"""A program in processes of its own: uvicorn workers behind one address.

They end when `stop` is called and also when this process ends, however it ends: each waits for the
end of its standard input, a pipe whose other end this process alone holds.
"""

import inspect
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from labserver.masking import shown_lines

START_SECONDS = 30.0
STOP_SECONDS = 10.0
# What each process imports, to end and to remove the folder when its standard input ends.
WATCH = """import os, shutil, threading
folder = os.getcwd()
def end():
    os.read(0, 1)
    shutil.rmtree(folder, ignore_errors=True)
    os._exit(0)
threading.Thread(target=end, daemon=True).start()
"""
# What each worker serves: the program, behind the guard and with the bound of `serve`. A full
# garbage collection looks at each object, and holds all listeners for as long: a fifth of a second
# for a thousand of them. So it leaves out what the imports made, which is never freed.
WORKER = """import gc, watch
from labserver.bounds import BoundedBody
from labserver.guard import Guard
from main import app
app = Guard(BoundedBody(app))
gc.collect()
gc.freeze()
"""
# The process that starts the workers, and a new one where one has died.
RUN = """import sys
sys.path.insert(0, "")
import watch, uvicorn
uvicorn.run("worker:app", port=0, workers=int(sys.argv[1]), access_log=False, http="h11")
"""


class Workers:
    """A program, served by `count` uvicorn workers on 127.0.0.1 until `stop()`.

    The program is a text that makes `app`, or an app: then it is the cell that this was written
    in, whole. Further arguments go into the environment of the processes. A worker that dies is
    replaced by uvicorn.

    Raises RuntimeError where the program does not start within 30 seconds.
    """

    def __init__(self, program: Any, count: int = 2, **environment: str) -> None:
        source = program if isinstance(program, str) else source_of(program)
        self._folder = tempfile.TemporaryDirectory(prefix="workers-", ignore_cleanup_errors=True)
        for name, text in (("main", source), ("worker", WORKER), ("watch", WATCH)):
            Path(self._folder.name, f"{name}.py").write_text(text, encoding="utf-8")
        self._log = Path(self._folder.name, "log")
        with self._log.open("w") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-c", RUN, str(count)],
                cwd=self._folder.name,
                env=os.environ | environment,
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=os.name != "nt",  # an interrupt of the kernel is not for them
            )
        try:
            self._wait(count)
        except BaseException:
            self.stop()
            raise
        self.url = re.findall(r"running on (http://\S+)", self.log)[0]

    def __enter__(self) -> "Workers":
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.stop()

    def __repr__(self) -> str:
        return f"<Workers {self.url}, processes {self.pids}>"

    @property
    def log(self) -> str:
        """What the processes have printed and logged. It has no bound while they run."""
        return shown_lines(self._log.read_text("utf-8", "replace")) if self._log.exists() else ""

    @property
    def pids(self) -> list[int]:
        """The process ids of the workers that answer now."""
        started = re.findall(r"Started server process \[(\d+)\]", self.log)
        died = re.findall(r"Child process \[(\d+)\] died", self.log)
        return [int(pid) for pid in started if pid not in died]

    def kill(self, pid: int) -> None:
        """End one worker as a crash would: no `finally` runs. uvicorn starts another one."""
        os.kill(pid, getattr(signal, "SIGKILL", signal.SIGTERM))  # Windows knows the second alone

    def stop(self) -> None:
        """End all processes at once, with whatever they stream. Stopped before: do nothing."""
        if self._process.stdin and not self._process.stdin.closed:
            self._process.stdin.close()
            try:
                self._process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            self._folder.cleanup()

    def _wait(self, count: int) -> None:
        deadline = time.monotonic() + START_SECONDS
        while self.log.count("startup complete") < count or "running on" not in self.log:
            failed = self._process.poll() is not None or "] died" in self.log
            if failed or time.monotonic() > deadline:
                errors = re.findall(r"^\w+(?:Error|Exception)\b.*", self.log, re.MULTILINE)
                raise RuntimeError(f"The program does not start. {(errors or ['No answer.'])[-1]}")
            time.sleep(0.02)


def source_of(app: Any) -> str:
    """The text of the cell or file in which an app's routes are written.

    Raises ValueError where none is to be found.
    """
    for endpoint in _endpoints(app):
        if getattr(endpoint, "__module__", "fastapi.applications") != "fastapi.applications":
            try:
                return "".join(inspect.findsource(inspect.unwrap(endpoint))[0])
            except (OSError, TypeError):
                break
    raise ValueError("The cell that made this app is not to be found: write it in one cell.")


def _endpoints(router: Any) -> Iterator[Any]:
    """The functions of an app's routes, and of those that it mounts or includes."""
    for route in getattr(router, "routes", None) or []:
        if endpoint := getattr(route, "endpoint", None):
            yield endpoint
        yield from _endpoints(getattr(route, "original_router", route))  # of include_router
