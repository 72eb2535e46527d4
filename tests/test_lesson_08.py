"""What lesson 08 says that an upgrade could make false, and that its sections stand alone."""

import ast
import builtins
import difflib
import re
import time

import pytest
from conftest import LESSONS
from test_notebooks import cells_of, tree_of

from labserver.recorder import record
from labserver.server import Server

LESSON = next(path for path in LESSONS if path.name.startswith("08_"))
CELLS = {cell.id: cell for cell in cells_of(LESSON)}


def run(id):
    """The names that a program cell of the lesson makes."""
    main = {"__name__": "main"}
    exec(CELLS[id].source, main)
    return main


def sections():
    """The code cells of each section, joined; the first is the imports cell."""
    joined = [""]
    for cell in cells_of(LESSON)[1:]:
        if cell.cell_type == "code":
            joined[-1] += cell.source + "\n"
        elif cell.source.startswith("## ") or "\n## " in cell.source:
            joined.append("")
    return [source for source in joined if source]


def names(source):
    """The names that code takes from elsewhere, and those that it makes."""
    taken, made = set(), set()
    for node in ast.walk(tree_of(source)):
        if isinstance(node, ast.Name):
            (taken if isinstance(node.ctx, ast.Load) else made).add(node.id)
        elif isinstance(node, ast.alias):
            made.add((node.asname or node.name).partition(".")[0])
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            made |= {node.name, *(argument.arg for argument in node.args.args)}
    return taken - made, made


def test_each_section_needs_the_first_code_cell_and_its_own():
    imports, *others = sections()
    assert len(others) == 12, "eleven cases and the exercises"
    for source in others:
        missing = names(source)[0] - names(imports)[1] - set(dir(builtins))
        assert not missing, f"{missing} made elsewhere:\n{source}"


def test_a_report_that_breaks_off_has_a_200():
    with Server(run("report-program")["app"]) as server:
        report = record(f"{server.url}/report", quiet=True)
        assert "ZeroDivisionError" in server.log
    assert (report.response.status_code, len(report.chunks), report.whole) == (200, 2, False)


def test_upstream_notices_that_the_client_left(capsys):
    with Server(run("upstream-program")["app"]) as server:
        record(f"{server.url}/passed-on", max_chunks=3, quiet=True)
        time.sleep(0.9)  # where it does not notice, it begins three more
        begun = capsys.readouterr().out.splitlines()
        assert not server.log
    assert begun in ([f"upstream begins row {i}" for i in range(n)] for n in (3, 4, 5))


def test_a_job_in_the_stream_ends_with_its_client():
    main = run("progress-program")
    with Server(main["app"]) as server:
        record(f"{server.url}/progress", max_chunks=2, quiet=True)
        time.sleep(1)
    assert main["done"] in ([20, 40], [20, 40, 60])


def test_the_part_that_range_names_by_file_response_alone():
    with Server(run("video-program")["app"]) as server:
        part = {"Range": "bytes=4194304-4198399"}
        streamed, file = (
            record(server.url + path, headers=part, quiet=True) for path in ("/streamed", "/file")
        )
    assert (streamed.response.status_code, streamed.size) == (200, 2**23)
    assert (file.response.status_code, file.size) == (206, 4096)


@pytest.mark.parametrize(
    ("before", "edit"),
    [("logs", "class"), ("edit-class", "name"), ("edit-name", "id"), ("edit-id", "end")],
)
def test_each_edit_is_what_is_shown(before, edit):
    def lines(id):
        source = CELLS[f"{id}-program"].source
        return [line for line in source.splitlines() if not re.match("import|from|$", line)]

    shown = re.search(r"```diff\n(.*?)```", CELLS[f"edit-{edit}"].source, re.DOTALL)[1]
    made = [
        line for line in difflib.ndiff(lines(before), lines(f"edit-{edit}")) if line[0] in "+-"
    ]
    assert sorted(line[0] + line[2:] for line in made) == sorted(
        line for line in shown.splitlines() if line[0] in "+-"
    )
