"""What lesson 02 says of the pinned versions, sentence by sentence."""

import gc
import os
import tracemalloc
from functools import partial
from tempfile import NamedTemporaryFile

import pytest
from fastapi import BackgroundTasks, FastAPI
from fastapi.responses import FileResponse
from lessons import lesson, run_cells
from waiting import Requests, wait_until

from labserver import record
from labserver.server import Server

run = partial(run_cells, lesson(2))


def wait_until_gone(path):
    wait_until(lambda: not os.path.exists(path))


def test_the_stream_knows_nothing_of_range_and_fileresponse_sends_the_part():
    with Server(run("part-program")["app"]) as server:
        part = {"Range": "bytes=1000-1099"}
        streamed = record(f"{server.url}/streamed", headers=part, quiet=True)
        file = record(f"{server.url}/file", headers=part, quiet=True)
    assert streamed.response.status_code == 200
    assert "content-length" not in streamed.response.headers
    assert (file.response.status_code, file.size) == (206, 100)
    assert file.response.headers["content-range"] == f"bytes 1000-1099/{streamed.size}"
    assert "filename*=utf-8''%C5%81" in file.response.headers["content-disposition"]


def test_fileresponse_reads_block_by_block(tmp_path):
    size = 32 * 2**20
    with (file := tmp_path / "large").open("wb") as f:
        f.truncate(size)
    app = FastAPI()
    app.get("/file")(lambda: FileResponse(file))
    with Server(app) as server:
        tracemalloc.start()
        whole = record(f"{server.url}/file", quiet=True, keep_data=False)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert whole.size == size
    assert peak < size / 4


def test_head_is_a_405_where_a_route_is_for_get_alone():
    with Server(run("part-program")["app"]) as server:
        streamed = record(f"{server.url}/streamed", "HEAD", quiet=True).response
        file = record(f"{server.url}/file", "HEAD", quiet=True).response
    assert (streamed.status_code, streamed.headers["allow"]) == (405, "GET")
    assert (file.status_code, file.headers["content-length"]) == (
        200,
        str(os.path.getsize(os.__file__)),
    )


def test_a_declared_length_that_is_too_small_looks_whole_and_one_too_large_cut():
    app = Requests(run("length-program")["app"])
    with Server(app) as server:
        right, small, large = (
            record(f"{server.url}/declared?length={length}", quiet=True) for length in (30, 20, 40)
        )
        log = server.log
    assert [(r.whole, r.size) for r in (right, small, large)] == [
        (True, 30),
        (True, 20),
        (False, 30),
    ]
    assert log.endswith("Too little data for declared Content-Length")


def test_a_name_between_quotes_is_a_500():
    with Server(run("names-program")["app"]) as server:
        quotes = record(f"{server.url}/quotes", quiet=True)
        encoded = record(f"{server.url}/encoded", quiet=True)
        log = server.log
    assert (quotes.response.status_code, encoded.response.status_code) == (500, 200)
    assert "latin-1" in log.splitlines()[-1]


@pytest.fixture
def no_collection():
    gc.disable()
    yield
    gc.enable()


# Collected together, the file may warn before the generator closes it.
@pytest.mark.filterwarnings("ignore:unclosed file:ResourceWarning")
def test_a_generator_whose_client_left_waits_for_the_garbage_collector(no_collection):
    main = run("clean-up-program")
    app = Requests(main["app"])
    with Server(app) as server:
        record(f"{server.url}/report", max_chunks=2, quiet=True)
        app.wait(1)
        assert os.path.exists(main["made"][0])
        gc.collect()
        wait_until_gone(main["made"][0])


def test_a_background_task_closes_the_file_also_when_the_client_left(no_collection):
    main = run("clean-up-program")
    with Server(main["app"]) as server:
        for most in (None, 2):
            record(f"{server.url}/report?close=true", max_chunks=most, quiet=True)
            wait_until_gone(main["made"][-1])


def test_os_remove_as_a_background_task_of_fileresponse(no_collection):
    app, made = FastAPI(), []

    @app.get("/report")
    def report(after: BackgroundTasks):
        with NamedTemporaryFile(delete=False) as file:
            file.truncate(32 * 2**20)
        made.append(file.name)
        after.add_task(os.remove, file.name)
        return FileResponse(file.name)

    with Server(app) as server:
        for most in (None, 2):
            recording = record(f"{server.url}/report", max_chunks=most, quiet=True)
            assert recording.response.headers["content-length"] == str(32 * 2**20)
            wait_until_gone(made[-1])


def test_a_changed_file_comes_whole_where_if_range_names_the_old_etag(tmp_path):
    app, path = FastAPI(), tmp_path / "file"
    app.get("/file")(lambda: FileResponse(path))
    path.write_bytes(b"first")
    with Server(app) as server:
        etag = record(f"{server.url}/file", quiet=True).response.headers["etag"]
        rest = {"headers": {"Range": "bytes=2-", "If-Range": etag}, "quiet": True}
        same = record(f"{server.url}/file", **rest)
        path.write_bytes(b"second")
        changed = record(f"{server.url}/file", **rest)
    assert (same.response.status_code, same.chunks[0].data) == (206, b"rst")
    assert (changed.response.status_code, changed.chunks[0].data) == (200, b"second")
