"""Run All of every lesson, all cells sent at once; lesson 04 and nest_asyncio on each Python."""

import re
import subprocess
import sys

import pytest
from kernels import text_of
from lessons import each_lesson, lesson, run_cells, say
from machine import NO_PROXIES, before_3_14


@each_lesson
def test_run_all(path, runs):
    cells, children, ended, before, after = runs[path, sys.executable].result()
    for cell in cells:
        errors = [f"{o.ename}: {o.evalue}" for o in cell.outputs if o.output_type == "error"]
        assert cell.status == "ok", f"{cell.status or 'no answer'} {errors}: {say(path, cell)}"
        assert not text_of(cell, "stderr"), f"{text_of(cell, 'stderr')}\n in {say(path, cell)}"
        if "check" in cell.tags:
            assert "Not yet" in text_of(cell, "stdout"), f"solved untouched: {say(path, cell)}"
        for data in (output.data for output in cell.outputs if "data" in output):
            drawn = "image/png" in data
            assert not drawn or "alt=" in data.get("text/html", ""), f"no alt: {say(path, cell)}"
    assert not children, f"left running: {children}"
    assert ended, "the kernel did not end when it was asked to"
    assert after == before, "files are left behind"


# Lesson 04

LESSON = lesson(4)


def see(run):
    cells = {cell.id: cell for cell in run.result()[0]}
    assert [id for id, cell in cells.items() if cell.status != "ok"] == []
    assert "".join(text_of(cell, "stderr") for cell in cells.values()) == ""
    said = {id: text_of(cell, "stdout") for id, cell in cells.items()}

    readers = said["readers-look"]
    assert r"'1,Zo'" in readers and r"'ë\r'" in readers
    assert readers.split()[-4:] == ["iter_lines", "'1,Zoë'", "'2,Ann'", "'3,Bob'"]
    pairs = re.findall(r"([\d,]+) made, ([\d,]+) came", said["burst-look"])
    chunked, sized, large = [[int(n.replace(",", "")) for n in pair] for pair in pairs]
    assert chunked == [1000, 1000] and sized[1] < sized[0] and large[1] > large[0]

    assert said["text-look"].startswith("'1,Zoë\\r\\n2,Ann\\r\\n3,Bob'\n")
    assert "['line 0', 'line 1', 'line 2']" in said["leaving-look"]
    assert "cancelled at line 4" in said["leaving-look"]
    # Line by line, the last comes 1.6 s after the first.
    first, *_, last = map(float, re.findall(r"([\d.]+) s", said["requests-look"]))
    assert last - first > 0.5
    for flags, first, last in re.findall(
        r"curl (-\w+) \['([\d.]+) .*, '([\d.]+) ", said["curl-look"]
    ):
        assert (float(last) - float(first) > 0.5) == (flags == "-sN")

    turns = re.findall(r"(?m)^(one|two) line (\d)", said["await-look"])
    assert [number for _, number in turns] == list("0011223344")
    assert said["script-look"].startswith("asyncio.run() cannot be called")
    assert said["script-look"].count("script line") == 5
    assert said["nested-look"].count("script line") == 5
    assert_only_the_first_ran(said["pasted-look"])

    assert "ended early: timed out" in said["timeouts-look"]
    drawn = next(o.data["text/plain"] for o in cells["timeouts-look"].outputs if "data" in o)
    arrived = re.findall(r"chunks arrived at ([\d., ]+) s", drawn)
    for times, count in zip(arrived, (4, 5), strict=True):
        first, *_, last = seen = [float(at) for at in times.split(", ")]
        assert len(seen) == count and last - first > 0.1, "it does not stream any more"


def assert_only_the_first_ran(said):
    began, *errors = said.splitlines()
    assert began == "asyncio.run(asyncio.sleep(0.3))" and errors
    for error in errors:
        assert re.fullmatch(r"RuntimeError: cannot enter context: .* is already entered", error)


@before_3_14
@pytest.mark.parametrize("path", [LESSON])
def test_every_cell_runs_and_streams_when_all_are_queued(path, runs):
    see(runs[path, sys.executable])


def test_every_cell_runs_and_streams_on_other_pythons(other_python, runs):
    see(runs[LESSON, other_python])


@before_3_14
def test_after_apply_with_a_loop_of_its_own_asyncio_run_loses_cells_too(capsys):
    main = run_cells(LESSON, "pasted-cell")
    pasted = main["pasted"]
    own = pasted.replace("apply()", "apply(asyncio.new_event_loop())")
    assert own != pasted
    given = main | {"DEVNULL": subprocess.DEVNULL, "pasted": own}
    run_cells(LESSON, "pasted-look", given=given)
    assert_only_the_first_ran(capsys.readouterr().out)


# nest_asyncio


NESTED = """
import sys
def apply(): import nest_asyncio; nest_asyncio.apply()
when = sys.argv[1]
if when == "before import": apply()
from labserver import record, serve
from labserver.app import app
if when == "before serve": apply()
server = serve(app)
if when == "after serve": apply()
for _ in range(3):
    assert len(record("/sse?every=0.01", quiet=True).events) == 5
    assert len(record("/plain-stream?every=0.01", quiet=True).chunks) == 5
    first, server = server, serve(app)
    assert server.url == first.url
assert not server.log, server.log
"""


WHEN = ["never", "before import", "before serve", "after serve"]


def run_nested(python, when, folder):
    subprocess.run(
        [python, "-W", "error", "-c", NESTED, when],
        env=NO_PROXIES,
        cwd=folder,
        check=True,
        timeout=60,
    )


@pytest.mark.parametrize("when", WHEN)
def test_nest_asyncio_changes_nothing(when, tmp_path):
    run_nested(sys.executable, when, tmp_path)


@pytest.mark.parametrize("when", WHEN)
def test_nest_asyncio_changes_nothing_on_other_pythons(when, other_python, tmp_path):
    run_nested(other_python, when, tmp_path)
