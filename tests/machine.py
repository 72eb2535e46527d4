"""What the tests know of the machine: where this checkout is, what runs, what can be installed."""

import functools
import os
import re
import shutil
import socket
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]

# For kernels and servers. A package index may need the variables that are left out here.
NO_PROXIES = {k: v for k, v in os.environ.items() if not k.lower().endswith("_proxy")}

# What pip and npm say when they cannot reach their index.
UNREACHABLE = re.compile(
    r"Failed to establish a (?:new )?connection|[Nn]ame ?[Rr]esolution|[Cc]annot connect to proxy"
    r"|(?:Proxy|ReadTimeout|ConnectTimeout)Error|Connection to \S+ timed out|RemoteDisconnected"
    r"|Connection (?:refused|reset)|Network is unreachable"
    r"|code (?:ENOTFOUND|EAI_AGAIN|ECONN\w+|ETIMEDOUT|ENETUNREACH|ERR_SOCKET_TIMEOUT)"
)


def run(*command, **options):
    """What a command printed; if it fails, so does the test, with all that it said."""
    done = _run(command, **options)
    assert done.returncode == 0, f"{' '.join(map(str, command))}\n{done.stdout}"
    return done.stdout


def run_online(*command, **options):
    """The same for a command that needs a package index; without one, the test is skipped."""
    try:
        done = _run(command, **options)
    except subprocess.TimeoutExpired as error:
        pytest.skip(f"the package index does not answer within {error.timeout} s")
    if done.returncode and UNREACHABLE.search(done.stdout):
        pytest.skip("the package index cannot be reached")
    assert done.returncode == 0, f"{' '.join(map(str, command))}\n{done.stdout}"
    return done.stdout


def _run(command, **options):
    return subprocess.run(
        command,
        **{"cwd": ROOT, "timeout": 600} | options,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def requirements(file="requirements.txt"):
    """The packages that a file asks for, as a dict: requirement -> what its comment says."""
    lines = (ROOT / file).read_text(encoding="utf-8").splitlines()
    packages = [line for line in lines if line and not line.startswith(("#", "-"))]
    return {line.partition("#")[0].strip(): line.partition("#")[2].strip() for line in packages}


@functools.cache
def find_python(version):
    """The interpreter of a version such as "3.12"; without it, the test is skipped."""
    command = shutil.which(f"python{version}")
    if command:
        # Where pyenv is in charge, the command is a shim that needs to be told the version.
        found = subprocess.run(
            [command, "-c", "import sys; print(sys.executable)"],
            env=os.environ | {"PYENV_VERSION": version},
            capture_output=True,
            text=True,
        )
        if found.returncode == 0:
            return found.stdout.strip()
    return pytest.skip(f"this machine has no Python {version}")


def make_environment(folder, python, *wanted):
    """The interpreter of a new virtual environment, with what pip is told to install in it."""
    run(python, "-m", "venv", folder)
    new = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    # Of the modules that are installed, few are imported: those are compiled then.
    run_online(new, "-m", "pip", "install", "--quiet", "--no-compile", *wanted)
    return new


def free_port():
    """A port of 127.0.0.1 that nothing listens on."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        return free.getsockname()[1]
