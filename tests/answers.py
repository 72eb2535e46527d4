"""Answers that learners hand in.

tests/right_answers/ and tests/wrong_answers/ have a file for each solution, with the answers one
after another. Each begins with a line `# %% what it does`, and may go on with ` => words` that
stand in the verdict.
"""

import re
from typing import NamedTuple

from lessons import LESSONS, cells_of, check_in, exercises_in
from machine import ROOT


class Exercise(NamedTuple):
    """The cells of an exercise, as source: the lesson's first one, the starter, the check."""

    first: str
    starter: str
    check: str


class Answer(NamedTuple):
    """An answer, what it does, and what the verdict on it says."""

    title: str
    says: str
    source: str


def _first_cell(path):
    return next(cell for cell in cells_of(path, "code") if "standalone" not in cell.tags).source


EXERCISES = {
    f"{path.stem[:2]}_{check_in(check)[0]}": Exercise(
        _first_cell(path), starter.source, check.source
    )
    for path in LESSONS
    for starter, check, _ in exercises_in(path)
}


def answers(folder, name):
    """The answers of a file."""
    path = ROOT / "tests" / folder / f"{name}.py"
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    parts = re.split(r"^# %% (.+)\n", text, flags=re.MULTILINE)
    for title, source in zip(parts[1::2], parts[2::2], strict=True):
        title, _, says = title.partition(" => ")
        yield Answer(title, says, source)
