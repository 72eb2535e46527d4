"""What several tests share: where things are, and what this machine has to offer."""

import functools
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

ROOT = Path(__file__).resolve().parents[1]
LESSONS = sorted(ROOT.glob("notebooks/[0-9][0-9]_*.ipynb"))

# For kernels and servers; pip may need what is left out here.
NO_PROXIES = {k: v for k, v in os.environ.items() if not k.lower().endswith("_proxy")}


def requirements(file="requirements.txt"):
    """The packages that a file asks for, as a dict: requirement -> what its comment says."""
    lines = (ROOT / file).read_text(encoding="utf-8").splitlines()
    packages = [line for line in lines if line and not line.startswith(("#", "-"))]
    return {line.partition("#")[0].strip(): line.partition("#")[2].strip() for line in packages}


def run(*command, **options):
    """What a command printed; if it fails, so does the test, with all that it said."""
    done = subprocess.run(
        command,
        **{"cwd": ROOT, "timeout": 600} | options,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    if re.search(r"Failed to establish a new connection|NameResolutionError", done.stdout):
        pytest.skip("the package index cannot be reached")
    assert done.returncode == 0, f"{' '.join(map(str, command))}\n{done.stdout}"
    return done.stdout


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
    run(new, "-m", "pip", "install", "--quiet", *wanted)
    return new


@pytest.fixture(scope="session", params=["3.12", "3.13"])
def other_python(request, tmp_path_factory):
    """Each other Python that the set is tried on, as an interpreter that can import labserver."""
    if request.param == "{}.{}".format(*sys.version_info):
        pytest.skip(f"the tests run on Python {request.param} themselves")
    folder = tmp_path_factory.mktemp(f"python{request.param}-")
    wanted = [name for name in requirements() if not name.startswith("jupyter")]
    return make_environment(folder, find_python(request.param), *wanted, "-e", ROOT)


@pytest.fixture(scope="session")
def chromium():
    """The path of a Chromium or Chrome, for Playwright's `executable_path`."""
    names = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
    path = next(filter(None, map(shutil.which, names)), None)
    return path or pytest.skip("this machine has no Chromium")


@pytest.fixture
def client():
    with httpx.Client(trust_env=False, timeout=10) as client:
        yield client
