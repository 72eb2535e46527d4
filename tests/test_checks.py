"""Every check, tried on what learners hand in: the untouched starter, right and wrong answers.

Most of it is waiting, so the answers are tried in several processes, each with an output of its
own.
"""

import asyncio
import contextlib
import io
import logging
import multiprocessing
import re
import sys
import threading
import time
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor

import pytest
from answers import EXERCISES, Answer, answers
from fastapi import FastAPI
from fastapi.responses import RedirectResponse
from machine import ROOT
from verdicts import ready, verdict, verdict_that_says, warm_up
from waiting import wait_until

from labserver import checks, record
from labserver.checks import cutting, exercise
from labserver.checks.calling import started
from labserver.checks.meanwhile import Held
from labserver.recording import RecordedEvent
from labserver.server import Server

AT_ONCE = 4  # answers

each_exercise = pytest.mark.parametrize("name", EXERCISES)


def solution(name):
    source = (ROOT / "notebooks" / "solutions" / f"{name}.py").read_text(encoding="utf-8")
    return Answer("solution", "", source)


STARTERS = [(name, Answer("starter", "", each.starter)) for name, each in EXERCISES.items()]
WRONG = [(name, answer) for name in EXERCISES for answer in answers("wrong_answers", name)]
RIGHT = [(name, solution(name)) for name in EXERCISES]
RIGHT += [(name, answer) for name in EXERCISES for answer in answers("right_answers", name)]


def cells(name, answer):
    first, _, check = EXERCISES[name]
    return first, answer.source, check


def each(cases):
    ids = [f"{name}: {answer.title}" for name, answer in cases]
    return pytest.mark.parametrize("name, answer", cases, ids=ids)


@pytest.fixture(scope="module")
def verdicts(request):
    """The verdict on each answer that the tests of this run ask about, as futures."""
    asked = [item.callspec.params for item in request.session.items if hasattr(item, "callspec")]
    cases = [
        (case["name"], case["answer"]) for case in asked if isinstance(case.get("answer"), Answer)
    ]
    spawn = multiprocessing.get_context("spawn")  # forked with threads, a process may hang
    pool = ProcessPoolExecutor(AT_ONCE, mp_context=spawn, initializer=warm_up)
    for process in [pool.submit(ready) for _ in range(AT_ONCE)]:
        process.result()
    yield {case: pool.submit(*job(*case), *cells(*case)) for case in cases}
    pool.shutdown(cancel_futures=True)


def job(name, answer):
    """The function that gets the verdict, and its first arguments."""
    says = re.escape(answer.says)
    if (name, answer) not in RIGHT:
        return verdict_that_says, f"Not yet: .*{says}"
    return (verdict_that_says, f"Solved\\.\nA remark: .*{says}") if says else (verdict,)


@each(RIGHT)
def test_right_answer_is_solved(name, answer, verdicts):
    line, *remarks = verdicts[name, answer].result()
    assert line == "Solved."
    assert all(re.match(r"A remark: \S", remark) for remark in remarks)
    assert bool(remarks) == bool(answer.says) and answer.says in "".join(remarks), remarks


@each(STARTERS + WRONG)
def test_wrong_answer_is_not_solved(name, answer, verdicts):
    (line,) = verdicts[name, answer].result()
    assert line.startswith("Not yet: ")
    assert answer.says in line


@each_exercise
def test_five_right_and_five_wrong_answers_stand(name):
    assert len([each for each, _ in RIGHT if each == name]) > 5
    assert len([each for each, _ in WRONG if each == name]) >= 5


@pytest.mark.parametrize("answer", [None, 7, "an app", object(), print, lambda: 1, {}])
@each_exercise
def test_any_answer_gets_a_line(name, answer):
    check = getattr(checks, name[3:])
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        assert check(answer) is False
    # Above it there may be what the answer printed: an app that is `print` prints its scope.
    assert re.search("^Not yet: ", printed.getvalue(), re.MULTILINE)


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


def test_an_error_of_re_is_explained_by_events_only_where_these_raised_it():
    app = FastAPI()

    @app.get("/countdown")
    async def countdown():
        return re.sub("a", "b", 3)

    with contextlib.redirect_stdout(io.StringIO()) as printed:
        assert checks.countdown(app) is False
    assert "got 'int'" in printed.getvalue() and "event" not in printed.getvalue()


def test_a_verdict_quotes_the_error_and_not_the_last_line_of_its_text():
    app = FastAPI()

    @app.get("/countdown")
    async def countdown():
        raise LookupError("no such row\nlook elsewhere")

    with contextlib.redirect_stdout(io.StringIO()) as printed:
        assert checks.countdown(app) is False
    assert "The server says: LookupError: no such row" in " ".join(printed.getvalue().split())


def test_a_verdict_tells_of_a_redirect_without_its_secret():
    app = FastAPI()
    app.get("/countdown")(lambda: RedirectResponse("/login?token=S3CRET"))
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        assert checks.countdown(app) is False
    assert "/login?token=***" in printed.getvalue()


def test_an_answer_that_cancels_its_own_task_becomes_a_line():
    async def read_for(url, seconds):
        asyncio.current_task().cancel()
        await asyncio.sleep(0)

    with contextlib.redirect_stdout(io.StringIO()) as printed:
        assert checks.deadline(read_for) is False
    assert printed.getvalue() == "Not yet: CancelledError.\n"


def test_a_python_that_shows_no_frames_of_threads_says_that_nobody_waits(monkeypatch):
    monkeypatch.delattr(sys, "_current_frames")
    held, app = Held(), FastAPI()

    @app.get("/")
    async def block():
        time.sleep(0.3)

    with Server(held.layer(app)) as server:
        record(server.url, quiet=True)
    assert held.share("/") == 0


def test_what_an_answer_leaves_running_ends_with_its_check():
    def spin():
        while True:
            pass

    async def hold():
        spin()

    app = FastAPI()
    app.get("/plain")(spin)
    app.get("/async")(hold)

    @exercise.exercise
    def check(answer):
        with exercise.served(answer) as url:
            started(spin)
            for path in ("/plain", "/async"):
                with contextlib.suppress(exercise.NotYet):
                    exercise.ask(url + path, seconds=0.5)

    before = {*threading.enumerate()}
    check(app)
    wait_until(lambda: not {*threading.enumerate()} - before)


def test_the_stop_button_ends_a_check(monkeypatch):
    def interrupted(function, given):
        raise KeyboardInterrupt

    monkeypatch.setattr(cutting, "returned", interrupted)
    with pytest.raises(KeyboardInterrupt):
        checks.any_cut(lambda chunks: [])


def test_a_verdict_shows_what_an_answer_sends_and_never_sends_it_on(capsys):
    events = [RecordedEvent(0.0, "\x1b[2J", "\u202e", "")]

    @exercise.exercise
    def check(error):
        if error:
            raise error
        exercise.require_equal(events, [], "the events \x9b")

    for error in (None, ValueError("\x1b[2J"), exercise.NotYet("\u202e"), LookupError("\x07")):
        assert check(error) is False
    out = capsys.readouterr().out
    assert out.count("\n") == 4 and out.replace("\n", "").isprintable()
    assert r"\x1b[2J '\u202e'" in out


def test_checks_that_overlap_leave_logging_as_it_was():
    root, factory = logging.getLogger(), logging.getLogRecordFactory()
    handlers = [*root.handlers]
    with ThreadPoolExecutor(3) as pool:
        assert not any(pool.map(checks.ends_cleanly, [FastAPI(), FastAPI(), FastAPI()]))
    assert logging.getLogRecordFactory() is factory and root.handlers == handlers


def test_logging_that_was_turned_off_before_hides_nothing_and_stays_off():
    logger, root = logging.getLogger("uvicorn.error"), logging.root.manager
    logging.disable()
    logger.disabled = True
    try:
        lines = verdict(*cells("10_ends_cleanly", solution("10_ends_cleanly")))
        after = logger.disabled, root.disable
    finally:
        logging.disable(logging.NOTSET)
        logger.disabled = False
    assert (lines, after) == (["Solved."], (True, logging.CRITICAL))


def test_what_an_answer_sets_in_logging_stays():
    logger = logging.getLogger("an.answer")
    logger.setLevel(logging.CRITICAL)

    @contextlib.asynccontextmanager
    async def lifespan(app):
        logger.setLevel(logging.INFO)
        yield

    with contextlib.redirect_stdout(io.StringIO()):
        assert not checks.ends_cleanly(FastAPI())
        assert logger.level == logging.CRITICAL
        assert not checks.ends_cleanly(FastAPI(lifespan=lifespan))
    assert logger.level == logging.INFO


def test_a_verdict_is_wrapped_between_words(capsys):
    text = f"{'a word or two, ' * 20}{'x' * 100} and the end."

    @exercise.exercise
    def check(answer):
        if answer:
            raise answer
        return text

    for answer in (exercise.NotYet(text), ValueError(text), None):
        check(answer)
        printed = capsys.readouterr().out
        told = printed.removeprefix("Solved.\n").splitlines()
        assert all(len(line) <= 80 or line == "x" * 100 for line in told)
        assert " ".join(told).endswith(text)


def test_a_remark_stands_under_solved(capsys):
    check = exercise.exercise(lambda answer: "a shorter one would do.")
    assert check(None) is True
    assert capsys.readouterr().out == "Solved.\nA remark: a shorter one would do.\n"


@pytest.mark.parametrize("late", [1, 2, 3])
def test_what_a_busy_machine_may_cause_is_judged_three_times(late):
    left = ["late"] * late

    def judge():
        exercise.require(not left or not left.pop(), "late", exercise.Late)
        return "judged"

    if late < 3:
        assert exercise.patiently(judge) == "judged"
    else:
        with pytest.raises(exercise.Late):
            exercise.patiently(judge)
    assert not left


def test_what_no_clock_causes_is_judged_once():
    judged = []

    def judge():
        judged.append("once")
        exercise.require(False, "a line is missing")

    with pytest.raises(exercise.NotYet):
        exercise.patiently(judge)
    assert judged == ["once"]
