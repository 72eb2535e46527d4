"""What the tests have pip install: environments of their own, made once, two at a time.

Each function is a job that a thread can do; it skips whoever asks for what it cannot make.
"""

import functools
import json
import os
import re
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
from machine import ROOT, run, run_online

OTHER_PYTHONS = [v for v in ("3.12", "3.13") if v != "{}.{}".format(*sys.version_info)]


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


def make_other_python(folder, version):
    """Another Python that the set is tried on, which can import labserver."""
    wanted = [name for name in requirements() if not name.startswith("jupyter")]
    wanted.append("requests")  # JupyterLab brings it, and lesson 04 uses it
    return make_environment(folder, find_python(version), *wanted, "-e", ROOT)


def find_newest_wheels(folder):
    """What pip would install on 3.14, which new machines bring; it is resolved, not run."""
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--dry-run", "--ignore-installed"]
    target = ["--python-version", "3.14", "--only-binary", ":all:", "--target", folder]
    run_online(*pip, *target, "--report", folder / "report.json", *requirements())
    report = json.loads((folder / "report.json").read_text())
    return {item["metadata"]["name"] for item in report["install"]}


def make_binder(folder):
    """Binder's base, as repo2docker locks it, and what the Dockerfile runs, without Docker.

    Its Python, the checkout that is installed in it, and the versions of its base.
    """
    if sys.platform != "linux":
        pytest.skip("Binder's base is for Linux")
    dockerfile = run(sys.executable, "-m", "repo2docker", "--no-build", "--debug", ".")
    version = re.search(r"conda environment for python=([\d.]+)", dockerfile)[1]
    base, locked = binder_base(version)
    constraints = folder / "constraints.txt"
    constraints.write_text("".join(f"{name}=={number}\n" for name, number in locked.items()))
    python = make_environment(folder / "venv", find_python(version), "-c", constraints, *base)

    ignored = shutil.ignore_patterns(".*", "*.egg-info", "__pycache__")
    repo = shutil.copytree(ROOT, folder / "repo", ignore=ignored)
    [install] = re.findall(r"RUN \$\{KERNEL_PYTHON_PREFIX\}/bin/(pip .+)", dockerfile)
    install = install.replace('"', "").replace("--no-cache-dir", "--no-compile")  # as quick
    run_online(python, "-m", *install.split(), cwd=repo)
    return python, repo, locked


def binder_base(version):
    """The packages of Binder's base, and the versions that it locks."""
    [package] = find_spec("repo2docker").submodule_search_locations
    asked, lock = (
        (Path(package) / f"buildpacks/conda/environment.py-{version}{rest}")
        .read_text()
        .replace("jupyterhub-singleuser", "jupyterhub")  # conda's name, PyPI's name
        for rest in (".yml", "-linux-64.lock")
    )
    locked = re.findall(r"/([a-z][\w.-]*)-(\d+(?:\.\d+)*)-\w+\.(?:conda|tar)", lock)
    return re.findall(r"^- ([\w-]+)==", asked, re.MULTILINE), dict(locked)
