"""The finished server: what each route promises, over a socket, beside and without the lab."""

import csv
import io
import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import httpx
import pytest
from machine import NO_PROXIES
from waiting import LONG, PATIENT, Each, wait_until

from labserver import record
from labserver.app import app
from labserver.recorder import record_watched
from labserver.recording import Bounds
from labserver.server import Server


@pytest.fixture(scope="module")
def url():
    with Server(app) as server:
        yield server.url
        assert not server.log


def get(url, **options):
    return record(url, quiet=True, **options)


@pytest.mark.parametrize(
    "path",
    ["/plain-stream", "/stream", "/sse", "/events", "/logs"],
)
def test_what_is_made_slowly_comes_one_by_one(path, url):
    got = get(f"{url}{path}?count=1000&every=0.3", max_chunks=2)
    assert len(got.events or got.chunks) == 2, "a thousand would take longer than the recording"


def test_plain_stream_is_a_line_a_chunk(url):
    got = get(f"{url}/plain-stream?count=4&every=0.01")
    assert [chunk.data for chunk in got.chunks] == [b"Chunk %d\n" % i for i in range(4)]
    assert got.response.headers["content-type"] == "text/plain; charset=utf-8"
    assert got.response.headers["x-content-type-options"] == "nosniff"


def test_stream_is_numbers_line_by_line(url):
    got = get(f"{url}/stream?count=4&every=0.01")
    assert [chunk.data for chunk in got.chunks] == [b"Number: %d\n" % i for i in range(4)]
    assert got.response.headers["content-type"] == "text/plain; charset=utf-8"
    assert got.response.headers["x-content-type-options"] == "nosniff"


def test_sse_is_the_same_as_events(url):
    got = get(f"{url}/sse?count=4&every=0.01")
    assert [one.data for one in got.events] == [f"Event {i}" for i in range(4)]
    assert [one.event for one in got.events] == ["message"] * 4


def test_sse_resumes_after_any_and_ends_for_good(url):
    whole = get(f"{url}/sse?count=4&every=0&end=true").events
    assert [one[1:] for one in whole[-1:]] == [("end", "all sent", "3")]
    for i in range(3):
        rest = get(f"{url}/sse?count=4&every=0&end=true", headers={"Last-Event-ID": str(i)})
        assert [one[1:] for one in rest.events] == [one[1:] for one in whole[i + 1 :]]
    over = get(f"{url}/sse?count=4", headers={"Last-Event-ID": "3"})
    assert over.response.status_code == 204


@pytest.mark.parametrize(
    "path",
    [
        "/plain-stream?count=100",
        "/sse?count=100",
        "/progress?every=2",
        "/logs?count=100",
        "/export?rows=1000000",
        "/export.jsonl?rows=1000000",
    ],
)
def test_cut_drops_the_connections_of_that_name_alone(path, url):
    with httpx.Client(**PATIENT) as client, ExitStack() as stack:
        streams = [
            stack.enter_context(client.stream("GET", f"{url}{path}&name={name}")) for name in "ab"
        ]
        mine, other = (stream.iter_raw() for stream in streams)
        assert next(mine) and next(other)
        assert client.post(f"{url}/cut?name=a").json() == {"cut": 1}
        with pytest.raises(httpx.RemoteProtocolError, match="peer closed connection"):
            list(mine)
        assert next(other)
        assert client.post(f"{url}/cut?name=a").json() == {"cut": 0}


def test_cut_needs_a_name(url):
    for query in ("", "?name=", f"?name={'x' * 41}"):
        assert httpx.post(f"{url}/cut{query}", **PATIENT).status_code == 422


def test_download_can_be_resumed(url):
    whole = get(f"{url}/download")
    data = whole.body
    assert len(data) == int(whole.response.headers["content-length"]) == 8 * 2**20
    rest = get(f"{url}/download", headers={"Range": "bytes=8388600-"})
    assert rest.response.status_code == 206
    assert rest.body == data[8388600:]


def test_export_has_every_row(url):
    for rows in (0, 1, 499, 500, 1001):
        got = get(f"{url}/export?rows={rows}")
        text = got.body.decode()
        assert [row[0] for row in csv.reader(io.StringIO(text))] == [
            "id",
            *map(str, range(1, rows + 1)),
        ]
        assert len(got.chunks) < rows / 50 + 3  # a chunk may arrive in pieces
    assert got.response.headers["content-disposition"] == 'attachment; filename="export.csv"'


def test_export_jsonl_has_every_row(url):
    for rows in (0, 1, 500, 1001):
        got = get(f"{url}/export.jsonl?rows={rows}")
        lines = got.body.decode().splitlines()
        assert [json.loads(line)["id"] for line in lines] == [*range(1, rows + 1)]
        assert len(got.chunks) < rows / 50 + 3  # a chunk may arrive in pieces
    assert got.response.headers["content-type"] == "application/jsonl"


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


def test_logs_resume_after_any_and_keep_an_entry_of_two_lines_whole(url):
    whole = get(f"{url}/logs?count=6&every=0").events
    assert [one.event for one in whole] == ["info"] * 3 + ["warning"] + ["info"] * 2
    assert len(whole[3].data.splitlines()) == 2
    for seen in whole:
        rest = get(f"{url}/logs?count=6&every=0", headers={"Last-Event-ID": seen.id})
        assert [one[1:] for one in rest.events] == [one[1:] for one in whole[int(seen.id) :]]
    assert rest.response.status_code == 204


def wait_for_listeners(url, wanted):
    wait_until(lambda: tell(url, "anyone?").json()["listeners"] == wanted)


def tell(url, text):
    return httpx.post(f"{url}/notifications", json=text, **PATIENT)


def test_notifications_reach_all_who_listen_and_forget_who_left(url):
    texts = ["one", "two\nlines", "event: forged\n\n", "the last"]
    with ThreadPoolExecutor() as pool:
        heard = [pool.submit(hear_until, "the last", f"{url}/notifications") for _ in range(3)]
        wait_for_listeners(url, 3)
        for text in texts:
            assert tell(url, text).status_code == 202
        for listener in heard:
            told = [one for one in listener.result().events if one.data != "anyone?"]
            assert [(one.event, one.data) for one in told] == [("notification", t) for t in texts]
    wait_for_listeners(url, 0)


def hear_until(last, url):
    return record_watched(Each(lambda event: event.data == last), url, "GET", Bounds())


def test_notifications_end_after_the_seconds_asked_for(url):
    got = get(f"{url}/notifications?seconds=0.5")
    assert got.whole and not got.events and got.seconds > 0.4


def test_notifications_forget_a_listener_that_is_cut_off(url):
    get(f"{url}/notifications", seconds=0.2)
    wait_for_listeners(url, 0)


def test_a_notification_is_bounded(url):
    assert tell(url, "x" * 1001).status_code == 422


@pytest.mark.parametrize(
    "path",
    [
        "/plain-stream?count=1001",
        "/plain-stream?every=11",
        "/sse?count=-1",
        "/stream?count=1001",
        "/export?rows=1000001",
        "/export.jsonl?rows=-1",
        "/logs?every=-1",
        "/notifications?seconds=601",
        "/notifications?seconds=nan",
        "/events?count=x",
    ],
)
def test_numbers_are_bounded(path, url):
    assert get(url + path).response.status_code == 422


@pytest.mark.parametrize("path", ["/events", "/progress", "/logs", "/sse"])
@pytest.mark.parametrize(
    "value",
    [*("x", "", "-1", "1.5", "01", "+1", "1_0", "1 2", "30", "11", "1000000001", "9" * 5000)]
    + [b"\xff", "Łódź".encode(), "\u0661".encode(), b"1, 2", b"1\t2"],
)
def test_an_id_that_was_never_given_starts_over(value, path, url):
    """An error would stop a browser for good."""
    whole, again = (
        get(f"{url}{path}?every=0", headers=headers) for headers in ({}, {"Last-Event-ID": value})
    )
    assert again.response.status_code == 200 and again.whole
    assert [event[1:] for event in again.events] == [event[1:] for event in whole.events]


@pytest.mark.parametrize("path", ["/events", "/logs", "/sse"])
def test_where_nothing_is_to_come_a_browser_need_not_come_back(path, url):
    assert get(f"{url}{path}?count=0").response.status_code == 204


def test_a_notebook_that_imports_the_lab_does_not_wait_for_fastapi():
    code = "import sys, labserver; sys.exit(str({'fastapi', 'matplotlib'} & {*sys.modules}))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stderr == "set()\n"


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
        with httpx.stream("GET", f"{url}/sse", **PATIENT) as response:
            next(response.iter_lines())
    finally:
        process.terminate()
        process.communicate(timeout=LONG)
    assert not list(tmp_path.iterdir())
