"""A program in processes of its own: how it starts, fails, loses a worker, and ends."""

import os
import signal
import subprocess
import sys

import httpx
import psutil
import pytest
from machine import NO_PROXIES
from waiting import PATIENT, wait_until

from labserver.bounds import BODY_BYTES
from labserver.workers import Workers, source_of

PROGRAM = "import os\nfrom fastapi import FastAPI\napp = FastAPI()\napp.get('/')(os.getpid)\n"
KEEPS = f"""
from labserver.bounds import BODY_BYTES
from labserver.workers import Workers
workers = Workers({PROGRAM!r})
print(*workers.pids, workers._folder.name, flush=True)
input()
"""


def test_a_killed_worker_is_replaced_and_a_stop_ends_all_and_the_folder():
    with Workers(PROGRAM) as workers:
        first, second = workers.pids
        assert httpx.get(workers.url, **PATIENT).json() in (first, second)
        folder = workers._folder.name
        workers.kill(first)
        wait_until(lambda: len(workers.pids) == 2 and first not in workers.pids)
        pids = workers.pids
    wait_until(lambda: not any(map(psutil.pid_exists, pids)))
    assert not os.path.exists(folder)


def test_a_page_from_elsewhere_is_refused():
    with Workers(PROGRAM, 1) as workers:
        for host, status in (("evil.example", 421), ("localhost", 200)):
            response = httpx.get(workers.url, headers={"Host": host}, **PATIENT)
            assert response.status_code == status, host


def test_a_body_is_bounded_as_by_serve():
    with Workers(PROGRAM, 1) as workers:
        response = httpx.post(workers.url, content=b"x" * (BODY_BYTES + 1), **PATIENT)
        assert response.status_code == 413


@pytest.mark.parametrize("count", [1, 2])
def test_a_program_that_does_not_start_is_told_in_one_line(count):
    with pytest.raises(RuntimeError, match=r"does not start\. ModuleNotFoundError: .*'nothing'$"):
        Workers("import nothing\n", count)


@pytest.mark.skipif(os.name == "nt", reason="no SIGKILL there")
def test_they_end_when_the_process_that_started_them_is_killed():
    command = [sys.executable, "-c", KEEPS]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, env=NO_PROXIES, **pipes) as parent:
        *pids, folder = parent.stdout.readline().split()
        pids = [int(pid) for pid in pids]
        assert len(pids) == 2 and all(map(psutil.pid_exists, pids))
        parent.send_signal(signal.SIGKILL)
    wait_until(lambda: not any(map(_runs, pids)) and not os.path.exists(folder))


def _runs(pid):
    # Where nobody waits for orphans, an ended one stays in the list.
    return psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE


@pytest.mark.parametrize("app", [None, 7, object()])
def test_what_was_written_in_no_cell_is_told(app):
    with pytest.raises(ValueError, match="write it in one cell"):
        source_of(app)
