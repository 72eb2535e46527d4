"""What a newcomer meets before the first lesson: the README, the installation, Binder, CI."""

import json
import re
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
from lessons import LESSONS, headings_of, markdown_of, minutes_of
from machine import ROOT, find_python, make_environment, requirements, run

STUDIED = {"fastapi", "starlette", "uvicorn", "sse-starlette", "httpx", "nest-asyncio"}
README = (ROOT / "README.md").read_text(encoding="utf-8")


def command_lines(language):
    return re.findall(rf"^```{language}\n(.*)\n```$", README, re.MULTILINE)


def test_top_level_holds_what_the_design_lists():
    tracked = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if tracked.returncode:
        pytest.skip("not a git checkout")
    names = {line.partition("/")[0] for line in tracked.stdout.splitlines()}
    folders = {"notebooks", "labserver", "binder", "tests"}
    files = {"requirements.txt", "README.md", "pyproject.toml", "LICENSE"}
    assert {name for name in names if not name.startswith(".")} == folders | files


def test_ruff_is_content():
    run(sys.executable, "-m", "ruff", "check", ".")


# The README


def test_readme_and_first_lesson_list_the_lessons():
    def rows(text):
        found = re.findall(r"^\| *\[(.+?)\]\((?:.*/)?(\d\d_.+?)\) *\| *(\d+)", text, re.MULTILINE)
        return sorted((name, title, int(minutes)) for title, name, minutes in found)

    lessons = [
        (path.name, f"{path.stem[:2]} {headings_of(path)[0][1]}", minutes_of(path))
        for path in LESSONS
    ]
    assert rows(README) == lessons
    listed = rows(markdown_of(LESSONS[0]))
    assert [row for row in listed if row[0] != LESSONS[0].name] == lessons[1:]


def test_readme_has_two_command_lines_with_their_windows_forms():
    lesson, tests = command_lines("sh")
    assert lesson.endswith(f"/jupyter lab notebooks/{LESSONS[0].name}")
    assert tests.endswith("/python -m pytest")
    for line, windows in zip((lesson, tests), command_lines("bat"), strict=True):
        assert line.startswith("python3 -m venv .venv && .venv/bin/pip install -r ")
        line = line.replace("python3", "py", 1).replace("bin/", "Scripts/")
        assert windows == 'cmd /c "{}"'.format(line.replace("/", "\\"))


def test_ci_runs_the_line_of_the_readme():
    script = (ROOT / ".ci/run").read_text(encoding="utf-8")
    extract = re.search(r"^line=\$\((.*)\)$", script, re.MULTILINE)[1]
    assert run("bash", "-c", extract).strip() == command_lines("sh")[1]
    assert 'bash -c "$line"' in script


# The installation


@pytest.mark.parametrize("file", ["requirements.txt", "tests/requirements.txt"])
def test_requirements_say_what_they_are_for(file):
    for requirement, reason in requirements(file).items():
        assert reason, f"{file}: what is {requirement} for?"


def test_what_the_lessons_study_is_pinned():
    assert {name.partition("==")[0] for name in requirements() if "==" in name} >= STUDIED
    lines = (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines()
    assert lines[-1] == "-e ."


def test_newest_python_finds_wheels(tmp_path):
    """3.14 is what new machines bring; it is resolved here, not run."""
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--dry-run", "--ignore-installed"]
    target = ["--python-version", "3.14", "--only-binary", ":all:", "--target", tmp_path]
    run(*pip, *target, "--report", tmp_path / "report.json", *requirements())
    report = json.loads((tmp_path / "report.json").read_text())
    assert {item["metadata"]["name"] for item in report["install"]} >= STUDIED


# Binder


@pytest.mark.skipif(sys.platform != "linux", reason="Binder's base is for Linux")
@pytest.mark.timeout(600)
def test_binder_builds_and_runs_the_first_lesson(tmp_path):
    """Its base, as repo2docker locks it, then what the Dockerfile runs, here without Docker."""
    dockerfile = run(sys.executable, "-m", "repo2docker", "--no-build", "--debug", ".")
    version = re.search(r"conda environment for python=([\d.]+)", dockerfile)[1]
    [install] = re.findall(r"RUN \$\{KERNEL_PYTHON_PREFIX\}/bin/(pip .+)", dockerfile)
    [package] = find_spec("repo2docker").submodule_search_locations
    asked, lock = (
        (Path(package) / f"buildpacks/conda/environment.py-{version}{rest}")
        .read_text()
        .replace("jupyterhub-singleuser", "jupyterhub")  # conda's name, PyPI's name
        for rest in (".yml", "-linux-64.lock")
    )
    base = re.findall(r"^- ([\w-]+)==", asked, re.MULTILINE)
    locked = dict(re.findall(r"/([a-z][\w.-]*)-(\d+(?:\.\d+)*)-\w+\.(?:conda|tar)", lock))
    constraints = tmp_path / "constraints.txt"
    constraints.write_text("".join(f"{name}=={number}\n" for name, number in locked.items()))
    python = make_environment(tmp_path / "venv", find_python(version), "-c", constraints, *base)

    ignored = shutil.ignore_patterns(".*", "*.egg-info", "__pycache__")
    repo = shutil.copytree(ROOT, tmp_path / "repo", ignore=ignored)
    run(python, "-m", *install.replace('"', "").split(), cwd=repo)
    run(python, "-m", "pip", "check")
    assert "jupyterlab==" + locked["jupyterlab"] in run(python, "-m", "pip", "freeze")
    run(python.parent / "jupyter-execute", f"notebooks/{LESSONS[0].name}", cwd=repo)
