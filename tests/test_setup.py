"""What a newcomer meets before the first lesson: the README, the installation, Binder, CI."""

import re
import shutil
import subprocess
import sys
from zipfile import ZipFile

import pytest
from environments import requirements
from lessons import LESSONS, headings_of, markdown_of, minutes_of
from machine import ROOT, run, run_online

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


def test_the_types_are_right():
    run(sys.executable, "-m", "mypy", "--strict", "labserver")


def test_no_test_imports_a_test():
    for file in (ROOT / "tests").glob("*.py"):
        found = re.findall(
            r"^\s*(?:from|import) (test_\w+|conftest)\b", file.read_text("utf-8"), re.M
        )
        assert not found, f"{file.name} imports {found}"


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
    assert lesson.endswith(f"/jupyter lab --notebook-dir=. notebooks/{LESSONS[0].name}")
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


def test_a_wheel_holds_the_whole_package(tmp_path):
    clean = shutil.ignore_patterns("build", "*.egg-info", "__pycache__")
    shutil.copytree(ROOT / "labserver", tmp_path / "labserver", ignore=clean)
    for name in ("pyproject.toml", "LICENSE"):
        shutil.copy(ROOT / name, tmp_path)
    pip = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", tmp_path]
    run_online(*pip, tmp_path)
    [wheel] = tmp_path.glob("*.whl")
    with ZipFile(wheel) as archive:
        held = {name for name in archive.namelist() if ".dist-info/" not in name}
    files = [*tmp_path.glob("labserver/**/*.py"), *tmp_path.glob("labserver/page/*")]
    assert held == {file.relative_to(tmp_path).as_posix() for file in files}


def test_newest_python_finds_wheels(newest_wheels):
    assert newest_wheels >= STUDIED


@pytest.mark.parametrize(
    "elsewhere",
    [["--index-url", "https://127.0.0.1:1/simple"], ["--proxy", "http://127.0.0.1:1"]],
    ids=["index", "proxy"],
)
def test_what_needs_an_index_is_skipped_where_none_answers(elsewhere, tmp_path):
    pip = [sys.executable, "-m", "pip", "--isolated", "download", "--retries=1", "--no-deps"]
    with pytest.raises(pytest.skip.Exception, match="cannot be reached"):
        run_online(*pip, *elsewhere, "--dest", tmp_path, "six")


def test_an_index_that_has_no_such_package_is_a_failure(tmp_path):
    pip = [sys.executable, "-m", "pip", "--isolated", "download", "--no-index"]
    with pytest.raises(AssertionError, match="No matching distribution"):
        run_online(*pip, "--dest", tmp_path, "no-such-package")


# Binder


def test_binder_builds_and_runs_the_first_lesson(binder):
    python, repo, locked = binder
    run(python, "-m", "pip", "check")
    assert "jupyterlab==" + locked["jupyterlab"] in run(python, "-m", "pip", "freeze")
    run(python.parent / "jupyter-execute", f"notebooks/{LESSONS[0].name}", cwd=repo)
