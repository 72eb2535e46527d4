"""The finished server: what each route promises, over a socket, beside and without the lab."""

import csv
import io
import json
import subprocess
import sys
import time

import httpx
import pytest
from conftest import NO_PROXIES

from labserver import record
from labserver.app import app
from labserver.server import Server


@pytest.fixture(scope="module")
def url():
    with Server(app) as server:
        yield server.url
        assert not server.log


def get(url, **options):
    return record(url, quiet=True, **options)


def test_plain_stream_comes_line_by_line(url):
    got = get(f"{url}/plain-stream?count=4&every=0.1")
    assert [chunk.data for chunk in got.chunks] == [b"Chunk %d\n" % i for i in range(4)]
    assert got.chunks[3].at - got.chunks[0].at > got.chunks[0].at - got.headers_at
    assert got.response.headers["content-type"] == "text/plain; charset=utf-8"
    assert got.response.headers["x-content-type-options"] == "nosniff"


def test_sse_is_the_same_as_events(url):
    got = get(f"{url}/sse?count=4&every=0.1")
    assert [one.data for one in got.events] == [f"Event {i}" for i in range(4)]


def test_download_can_be_resumed(url):
    whole = get(f"{url}/download")
    data = b"".join(chunk.data for chunk in whole.chunks)
    assert len(data) == int(whole.response.headers["content-length"]) == 8 * 2**20
    rest = get(f"{url}/download", headers={"Range": "bytes=8388600-"})
    assert rest.response.status_code == 206
    assert b"".join(chunk.data for chunk in rest.chunks) == data[8388600:]


def test_export_has_every_row(url):
    for rows in (0, 1, 499, 500, 1001):
        got = get(f"{url}/export?rows={rows}")
        text = b"".join(chunk.data for chunk in got.chunks).decode()
        assert [row[0] for row in csv.reader(io.StringIO(text))] == [
            "id",
            *map(str, range(1, rows + 1)),
        ]
        assert len(got.chunks) <= rows // 500 + 1
    assert got.response.headers["content-disposition"] == 'attachment; filename="export.csv"'


def test_events_resume_after_any_and_end_for_good(url):
    whole = get(f"{url}/events?count=6&every=0").events
    assert [json.loads(one.data)["n"] for one in whole] == [1, 2, 3, 4, 5, 6]
    for seen in whole:
        rest = get(f"{url}/events?count=6&every=0", headers={"Last-Event-ID": seen.id})
        assert [one[1:] for one in rest.events] == [
            one[1:] for one in whole if int(one.id) > int(seen.id)
        ]
    assert rest.response.status_code == 204


def test_progress_resumes_and_says_when_it_is_done(url):
    whole = get(f"{url}/progress?every=0").events
    assert [one.event for one in whole] == ["progress"] * 4 + ["done"]
    rest = get(f"{url}/progress?every=0", headers={"Last-Event-ID": "60"}).events
    assert [json.loads(one.data)["percent"] for one in rest] == [80, 100]
    over = get(f"{url}/progress", headers={"Last-Event-ID": "100"})
    assert over.response.status_code == 204


@pytest.mark.parametrize(
    "path",
    [
        "/plain-stream?count=1001",
        "/plain-stream?every=11",
        "/sse?count=-1",
        "/export?rows=1000001",
        "/events?count=x",
    ],
)
def test_numbers_are_bounded(path, url):
    assert get(url + path).response.status_code == 422


@pytest.mark.parametrize("value", ["x", "-1", "1.5", "9" * 5000])
def test_a_wrong_last_event_id_is_refused(value, url):
    got = get(f"{url}/events", headers={"Last-Event-ID": value})
    assert got.response.status_code == 422


def test_plain_uvicorn_serves_it(tmp_path):
    process = subprocess.Popen(
        [sys.executable, "-m", "uvicorn", "labserver.app:app", "--port", "0"],
        stderr=subprocess.PIPE,
        text=True,
        env=NO_PROXIES,
        cwd=tmp_path,
    )
    try:
        line = next(line for line in process.stderr if "running on" in line)
        url = next(word for word in line.split() if word.startswith("http://"))
        assert get(f"{url}/sse?every=0").whole
        with httpx.stream("GET", f"{url}/sse", trust_env=False) as response:
            next(response.iter_lines())
            start = time.perf_counter()
    finally:
        process.terminate()
        process.communicate(timeout=10)
    assert time.perf_counter() - start < 10 and not list(tmp_path.iterdir())
