"""notebooks/TEACHING.md against the lessons: its plans, its counts, and the commands it gives."""

import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from itertools import accumulate

import pytest
from lessons import (
    LESSONS,
    cells_of,
    each_lesson,
    exercises_in,
    is_program,
    minutes_of,
    number_of,
    section_of,
    words_of,
)
from machine import NO_PROXIES, ROOT, run

FILE = ROOT / "notebooks/TEACHING.md"
TEXT = FILE.read_text(encoding="utf-8")


def rows(heading):
    """The rows of the table under a heading, each a list of cells."""
    lines = [line for line in section_of(FILE, heading) if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def lessons_in(cell):
    return {int(number) for number in re.findall(r"\]\((\d\d)_\w+\.ipynb", cell)}


def commands(section):
    text = TEXT.partition(f"## {section}")[2].partition("\n## ")[0]
    return re.findall(r"^```sh\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


# The plans


@pytest.mark.parametrize("heading", ["90 minutes", "Half a day", "A day"])
def test_blocks_of_a_plan_add_up(heading):
    plan = rows(heading)
    [title] = re.findall(rf"^## ({heading}\b.*)$", TEXT, re.MULTILINE)
    total = int(re.search(r"(\d+) minutes", title)[1])
    minutes = [int(block[1]) for block in plan]
    starts = [f"{at // 60}:{at % 60:02}" for at in accumulate(minutes, initial=0)]
    assert [block[0] for block in plan] == starts[:-1]
    assert sum(minutes) == total


def test_day_gives_each_lesson_its_own_minutes():
    own = {number_of(path): minutes_of(path) for path in LESSONS}
    for _, minutes, what in rows("A day"):
        assert int(minutes) >= sum(own[number] for number in lessons_in(what)), what


@each_lesson
def test_every_lesson_is_counted_and_asked_about(path):
    """A new lesson needs a row under "The minutes are counted" and one under "Ask before"."""
    for heading in ("The minutes are counted", "Ask before each run"):
        assert any(number_of(path) in lessons_in(row[0]) for row in rows(heading)), heading


@each_lesson
def test_minutes_follow_from_what_is_counted(path):
    [row] = [r for r in rows("The minutes are counted") if number_of(path) in lessons_in(r[0])]
    *counted, seconds, minutes = map(int, row[1:])
    words, questions = len(words_of(path)), " ".join(words_of(path)).count("?")
    programs = sum(is_program(cell.source) for cell in cells_of(path, "code"))
    exercises = len(list(exercises_in(path)))
    needed = words / 130 + programs + questions + 10 * exercises + seconds / 60
    now = [words, programs, questions, exercises]
    assert counted[0] == pytest.approx(words, rel=0.1), f"the lesson has {now}"
    assert counted[1:] == [programs, pytest.approx(questions, abs=2), exercises], f"it has {now}"
    assert abs(minutes - needed) <= 5, f"{needed:.1f} min, rounded up to five"
    for _, given, what in rows("A day"):
        whole = lessons_in(what) == {number_of(path)} and "sections" not in what
        assert not whole or int(given) >= minutes, what


# The commands


def test_set_up_line_prints_the_word_to_read_out():
    [line] = commands("Thirty set-ups")
    command, _, wanted = line.strip().partition(" | grep ")
    jupyter, *nbconvert = command.split()
    assert jupyter == ".venv/bin/jupyter"
    done = subprocess.run(
        [sys.executable, "-m", *nbconvert],
        cwd=ROOT,
        env=NO_PROXIES,
        capture_output=True,
        text=True,
        timeout=150,
    )
    found = [text.strip() for text in done.stdout.splitlines() if wanted.strip('"') in text]
    assert len(found) == 1 and found[0].startswith("READY · Python 3."), done.stderr


def test_wheels_include_what_builds_the_project():
    wheels, install = commands("Without a network")
    [builder] = tomllib.loads((ROOT / "pyproject.toml").read_text())["build-system"]["requires"]
    assert f'-r requirements.txt "{builder}" -w wheels' in wheels
    assert "--no-index --find-links wheels -r requirements.txt" in install


@pytest.mark.skipif(os.name == "nt", reason="the commands are for sh")
def test_update_keeps_edited_notebooks_beside_new_ones(tmp_path):
    restore, update = commands("An untouched notebook")
    name = restore.split()[-1]
    theirs, mine = tmp_path / "theirs", tmp_path / "mine"
    me = ["-c", "user.name=Teacher", "-c", "user.email=teacher@example.org"]

    def change(notebook, cell_id, line):
        content = json.loads(notebook.read_text(encoding="utf-8"))
        [cell] = [cell for cell in content["cells"] if cell["id"] == cell_id]
        cell["source"] = [*cell["source"], f"\n{line}"]
        if "outputs" in cell:
            cell["outputs"] = [{"output_type": "stream", "name": "stdout", "text": [line]}]
        notebook.write_text(json.dumps(content, indent=1), encoding="utf-8")

    run("git", "init", "--quiet", "--initial-branch=main", theirs)
    shutil.copytree(ROOT / "notebooks", theirs / "notebooks")
    run("git", "add", ".", cwd=theirs)
    run("git", *me, "commit", "--quiet", "--message=First", cwd=theirs)
    run("git", "clone", "--quiet", theirs, mine)

    untouched = (mine / name).read_bytes()
    change(mine / name, "countdown-starter", "# my answer")
    edited = (mine / name).read_bytes()
    run("sh", "-ec", restore, cwd=mine)
    assert (mine / name).read_bytes() == untouched

    (mine / name).write_bytes(edited)
    change(theirs / name, "countdown-starter", "# a new starter")
    run("git", *me, "commit", "--quiet", "--all", "--message=Second", cwd=theirs)
    run("sh", "-ec", update, cwd=mine)
    assert (mine / name).read_bytes() == (theirs / name).read_bytes()
    assert (mine / name.replace("notebooks/", "my-notebooks/")).read_bytes() == edited
