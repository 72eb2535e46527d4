"""What lesson 08 says that an upgrade could make false, and that its sections stand alone."""

import builtins
import difflib
import re
from functools import partial

import pytest
from lessons import cell_of, lesson, names_in, run_cells, sections_of
from waiting import Requests

from labserver.recorder import record
from labserver.server import Server

LESSON = lesson(8)
run = partial(run_cells, LESSON)


def test_each_section_needs_the_first_code_cell_and_its_own():
    imports, *others = sections_of(LESSON)
    assert len(others) == 12, "eleven cases and the exercises"
    for source in others:
        missing = names_in(source)[0] - names_in(imports)[1] - set(dir(builtins))
        assert not missing, f"{missing} made elsewhere:\n{source}"


def test_a_report_that_breaks_off_has_a_200():
    with Server(run("report-program")["app"]) as server:
        report = record(f"{server.url}/report", quiet=True)
        assert "ZeroDivisionError" in server.log
    assert (report.response.status_code, len(report.chunks), report.whole) == (200, 2, False)


def test_upstream_notices_that_the_client_left(capsys):
    app = Requests(run("upstream-program")["app"])
    with Server(app) as server:
        record(f"{server.url}/passed-on", max_chunks=3, quiet=True)
        app.wait(2)
        assert not server.log
    begun = capsys.readouterr().out.splitlines()
    assert 3 <= len(begun) < 20, "it would begin twenty"
    assert begun == [f"upstream begins row {i}" for i in range(len(begun))]


def test_a_job_in_the_stream_ends_with_its_client():
    main = run("progress-program")
    app = Requests(main["app"])
    with Server(app) as server:
        record(f"{server.url}/progress", max_chunks=2, quiet=True)
        app.wait(1)
    assert main["done"][:2] == [20, 40] and 100 not in main["done"]


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
        source = cell_of(LESSON, f"{id}-program").source
        return [line for line in source.splitlines() if not re.match("import|from|$", line)]

    shown = re.search(r"```diff\n(.*?)```", cell_of(LESSON, f"edit-{edit}").source, re.DOTALL)[1]
    made = [
        line for line in difflib.ndiff(lines(before), lines(f"edit-{edit}")) if line[0] in "+-"
    ]
    assert sorted(line[0] + line[2:] for line in made) == sorted(
        line for line in shown.splitlines() if line[0] in "+-"
    )
