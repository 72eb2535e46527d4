"""What the tests know of the machine: where this checkout is, what runs, what can be installed."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]

# For kernels and servers. A package index may need the variables that are left out here.
NO_PROXIES = {k: v for k, v in os.environ.items() if not k.lower().endswith("_proxy")}

before_3_14 = pytest.mark.skipif(sys.version_info >= (3, 14), reason="nest_asyncio fails there")

# What pip and npm say when they cannot reach their index, or lose it on the way.
UNREACHABLE = re.compile(
    r"after connection broken by|(?:NewConnection|ReadTimeout|ConnectTimeout|NameResolution|Proxy"
    r"|Protocol)Error|IncompleteRead|Failed to establish a (?:new )?connection"
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
