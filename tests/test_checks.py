"""Every check, tried on what learners hand in: the untouched starter, the solution, wrong answers.

Wrong answers stand in tests/wrong_answers/ under the name of the solution they fall short of,
`# %%` between them, each as a learner would really write it.
"""

import asyncio
import contextlib
import io
import re

import pytest
from lessons import LESSONS, cells_of, check_in, exercises_in
from machine import ROOT

from labserver import checks, server
from labserver.checks import read_a_stream

EXERCISES = {
    f"{path.stem[:2]}_{check_in(check)[0]}": (path, starter, check)
    for path in LESSONS
    for starter, check, _ in exercises_in(path)
}
each_exercise = pytest.mark.parametrize("name", EXERCISES)


def verdict(name, answer):
    """What the check cell prints for an answer, in a namespace of the lesson's first cell."""
    path, _, check = EXERCISES[name]
    namespace = {"__name__": "__main__"}
    first = next(cell for cell in cells_of(path, "code") if "standalone" not in cell.tags)
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        for source in (first.source, answer, check.source):
            exec(compile(source, name, "exec"), namespace)
    last = printed.getvalue().splitlines()[-1]
    assert re.match(r"Solved\.$|Not yet: \S", last), last
    return last


def wrong_answers(name):
    text = (ROOT / "tests" / "wrong_answers" / f"{name}.py").read_text(encoding="utf-8")
    return [answer for answer in re.split(r"^# %%.*$", text, flags=re.MULTILINE) if answer.strip()]


@each_exercise
def test_starter_is_not_solved(name):
    assert verdict(name, EXERCISES[name][1].source).startswith("Not yet: ")


@each_exercise
def test_solution_is_solved(name):
    answer = (ROOT / "notebooks" / "solutions" / f"{name}.py").read_text(encoding="utf-8")
    assert verdict(name, answer) == "Solved."


@each_exercise
def test_wrong_answers_are_not_solved(name):
    answers = wrong_answers(name)
    assert len(answers) >= 2
    verdicts = [verdict(name, answer) for answer in answers]
    assert all(line.startswith("Not yet: ") for line in verdicts), verdicts


@each_exercise
def test_check_leaves_the_learners_server_alone(name):
    from labserver.app import app

    with contextlib.redirect_stdout(io.StringIO()), server.serve(app) as mine:
        verdict(name, EXERCISES[name][1].source)
        assert server.running() is mine


@pytest.mark.parametrize("answer", [None, 7, "an app", object(), print, lambda: 1, {}])
@each_exercise
def test_any_answer_gets_a_line(name, answer):
    check = EXERCISES[name][2]
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        assert getattr(checks, check_in(check)[0])(answer) is False
    # Above it there may be what the answer printed: an app that is `print` prints its scope.
    assert printed.getvalue().splitlines()[-1].startswith("Not yet: ")


class Whim(BaseException):
    """Not an Exception, as CancelledError is not."""


@pytest.mark.parametrize(
    "error", [asyncio.CancelledError, GeneratorExit, SystemExit, Whim, KeyboardInterrupt]
)
def test_what_an_answer_raises_becomes_a_line(error):
    def lines_of(chunks):
        raise error("by the\nanswer")

    with contextlib.redirect_stdout(io.StringIO()) as printed:
        assert checks.any_cut(lines_of) is False
    assert re.fullmatch(r"Not yet: .*by the.*answer.*\n", printed.getvalue())


def test_an_answer_that_cancels_its_own_task_becomes_a_line():
    async def read_for(url, seconds):
        asyncio.current_task().cancel()
        await asyncio.sleep(0)

    with contextlib.redirect_stdout(io.StringIO()) as printed:
        assert checks.deadline(read_for) is False
    assert printed.getvalue() == "Not yet: CancelledError.\n"


def test_the_stop_button_ends_a_check(monkeypatch):
    def interrupted(function, given):
        raise KeyboardInterrupt

    monkeypatch.setattr(read_a_stream, "returned", interrupted)
    with pytest.raises(KeyboardInterrupt):
        checks.any_cut(lambda chunks: [])
