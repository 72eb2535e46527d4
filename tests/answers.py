"""Answers that learners hand in, and the verdict that a check prints on one.

tests/right_answers/ and tests/wrong_answers/ have a file for each solution, with the answers one
after another. Each begins with a line `# %% what it does`, and may go on with ` => words` that
stand in the verdict.
"""

import contextlib
import io
import re
from typing import NamedTuple

from lessons import LESSONS, cells_of, check_in, exercises_in
from machine import ROOT

VERDICT = re.compile(r"Solved\.$|Not yet: \S", re.MULTILINE)


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


def verdict(name, answer):
    """The lines that the check cell prints for an answer: the verdict, perhaps with a remark."""
    exercise, namespace = EXERCISES[name], {"__name__": "__main__"}
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        for source in (exercise.first, answer, exercise.check):
            exec(compile(source, name, "exec"), namespace)
    # What the answer itself printed stands before it, perhaps without an end of line.
    starts = [found.start() for found in VERDICT.finditer(printed.getvalue())]
    return printed.getvalue()[starts[-1] :].splitlines()
