"""What several tests share: where things are, and what this machine has to offer."""

import functools
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
LESSONS = sorted(ROOT.glob("notebooks/[0-9][0-9]_*.ipynb"))

# A venv of the tests must not lead the Pythons they start to its own packages.
CLEAN_ENVIRONMENT = {
    name: value
    for name, value in os.environ.items()
    if not name.lower().endswith("_proxy") and name not in {"PYTHONPATH", "PYTHONHOME"}
}


def run(*command, **options):
    """What a command printed; if it fails, so does the test, with all that it said."""
    options = {"cwd": ROOT, "env": CLEAN_ENVIRONMENT, "timeout": 600} | options
    done = subprocess.run(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        **options,
    )
    assert done.returncode == 0, f"{' '.join(map(str, command))}\n{done.stdout}"
    return done.stdout


@functools.cache
def find_python(version):
    """The interpreter of a version such as "3.12", or None."""
    command = shutil.which(f"python{version}")
    if not command:
        return None
    # Where pyenv is in charge, the command is a shim that needs to be told the version.
    done = subprocess.run(
        [command, "-c", "import sys; print(sys.executable)"],
        env=CLEAN_ENVIRONMENT | {"PYENV_VERSION": version},
        capture_output=True,
        text=True,
    )
    return done.stdout.strip() if done.returncode == 0 else None


def make_environment(folder, python, *requirements):
    """The interpreter of a new virtual environment, with `requirements` (pip's words) in it."""
    run(python, "-m", "venv", folder)
    new = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    run(new, "-m", "pip", "install", "--quiet", *requirements)
    return new


@pytest.fixture(scope="session")
def repo():
    return ROOT


@pytest.fixture(scope="session", params=["3.12", "3.13"])
def other_python(request, tmp_path_factory):
    """Each other Python that we support, as an interpreter that can import labserver."""
    version = request.param
    if f"{sys.version_info.major}.{sys.version_info.minor}" == version:
        pytest.skip(f"the tests run on Python {version} themselves")
    python = find_python(version)
    if not python:
        pytest.skip(f"this machine has no Python {version}")
    folder = tmp_path_factory.mktemp(f"python{version}")
    wanted = [
        line.split("#")[0].strip()
        for line in (ROOT / "requirements.txt").read_text().splitlines()
        if line.strip() and not line.startswith(("#", "jupyterlab", "-e"))
    ]
    return make_environment(folder, python, *wanted, "-e", ROOT)


@pytest.fixture(scope="session")
def chromium():
    """The path of a Chromium or Chrome, for Playwright's `executable_path`."""
    names = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
    path = next(filter(None, map(shutil.which, names)), None)
    return path or pytest.skip("this machine has no Chromium")
