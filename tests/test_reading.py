"""The body of a response: what is kept of it, in which pieces, and where its reading ends."""

import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time

import pytest
from machine import NO_PROXIES
from streams import answering_once, app, rows_in
from waiting import LONG

from labserver import reading, record, serve
from labserver.recorder import record_watched
from labserver.recording import Bounds, Ending, Watcher
from labserver.table import Table


@pytest.fixture(scope="module", autouse=True)
def lab():
    with serve(app) as server:
        yield server


def test_events_are_decoded(capsys):
    got = record("/events")
    assert [one[1:] for one in got.events] == [("count", f"Event {i}", str(i)) for i in range(3)]
    assert [one.at for one in got.events] == sorted(one.at for one in got.events)
    out = capsys.readouterr().out
    assert re.search(r"# +at s +gap s +event +id +data", out)
    assert rows_in(out) == ["1", "2", "3"]
    assert out.splitlines()[-1].startswith("3 events, ")


def test_max_chunks_counts_what_is_shown(capsys):
    chunks = record("/endless", max_chunks=3)
    assert (len(chunks.chunks), chunks.whole) == (3, False)
    events = record("/events?n=100000", max_chunks=3)
    assert (len(events.events), events.whole) == (3, False)
    assert capsys.readouterr().out.count("stopped at max_chunks=3.") == 2


@pytest.mark.parametrize("keep", [True, False])
def test_the_last_event_id_is_that_of_a_browser(keep):
    """An id without data counts, and one of what was not read does not (HTML standard, 9.2.6)."""
    head = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n"
    long = "8" * 200
    events = f"id: 7\ndata: a\n\nid: {long}\ndata: b\n\nid: 9\n\nid: 10\ndata: cut off\n"
    for most, last in ((1, "7"), (2, long), (None, "9")):
        with answering_once(head + events.encode()) as url:
            got = record(url, max_chunks=most, keep_data=keep, quiet=True)
        assert got.last_event_id == last
    with answering_once(head) as url:
        assert record(url, quiet=True).last_event_id == ""


def test_a_body_cut_short_is_said(capsys):
    got = record("/cut")
    assert got.response.status_code == 200
    assert [chunk.data for chunk in got.chunks] == [b"one\n"]
    assert not got.whole
    assert got.ended == "ended early: peer closed connection (incomplete chunked read)."
    assert capsys.readouterr().out.endswith(f": {got.ended}\n")


def test_a_reset_connection_is_said():
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def reset():
            line, _ = listener.accept()
            with line:
                line.recv(65536)
                line.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")
                time.sleep(0.2)
                line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")

        thread = threading.Thread(target=reset)
        thread.start()
        got = record(f"http://127.0.0.1:{listener.getsockname()[1]}/", quiet=True)
        thread.join(LONG)
    assert got.chunks[0].data == b"half" and not got.whole
    assert got.ended.startswith("ended early: ") and "reset" in got.ended.lower()


def test_encodings_are_undone():
    got = record("/gzip", quiet=True)
    assert got.body == b"a" * 1000
    assert got.size == 1000


@pytest.mark.skipif(sys.platform == "win32", reason="sends itself a signal")
def test_an_interrupt_keeps_what_came(lab, capsys):
    before = signal.getsignal(signal.SIGINT)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    timer = threading.Timer(0.1, os.kill, (os.getpid(), signal.SIGINT))

    class Interrupted(Table):
        def chunk(self, chunk):
            timer.start()
            return super().chunk(chunk)

    try:
        got = record_watched(Interrupted(), lab.url + "/idle", "GET", Bounds())
    finally:
        timer.join()
        signal.signal(signal.SIGINT, before)
    assert [chunk.data for chunk in got.chunks] == [b"one\n"]
    assert got.ended == "interrupted."
    assert capsys.readouterr().out.endswith(": interrupted.\n")


def test_data_is_kept_up_to_a_bound(monkeypatch, capsys):
    monkeypatch.setattr(reading, "KEEP_BYTES", 8 * 2**20)
    got = record("/big")
    kept = sum(len(chunk.data) for chunk in got.chunks)
    assert got.size == 70 * 2**20 and 7 * 2**20 < kept <= 8 * 2**20
    assert "Only the first 8 MiB of data were kept." in capsys.readouterr().out
    bare = record("/big", keep_data=False)
    assert bare.size == got.size and not any(chunk.data for chunk in bare.chunks)
    assert "were kept" not in capsys.readouterr().out


def test_memory_does_not_grow_with_the_stream():
    code = """if True:
        import sys, tracemalloc
        from fastapi import FastAPI
        from fastapi.responses import StreamingResponse
        from labserver import record, serve
        app = FastAPI()
        @app.get("/")
        async def root(mib: int):
            async def body():
                for _ in range(mib):
                    yield bytes(2**20)
            return StreamingResponse(body())
        with serve(app):
            peaks = []
            for mib in (16, 16, 256):
                tracemalloc.start()
                record(f"/?mib={mib}", quiet=True, keep_data=False)
                peaks.append(tracemalloc.get_traced_memory()[1])
                tracemalloc.stop()
        assert peaks[2] - peaks[1] < 16 * 2**20, peaks
    """
    subprocess.run([sys.executable, "-c", code], env=NO_PROXIES, check=True, timeout=120)


class Ends(Watcher):
    """A watcher that has enough at the headers, or at a row."""

    def __init__(self, at):
        self.at, self.seen = at, []

    def _note(self, what):
        self.seen.append(what)
        return what == self.at

    def request(self, request):
        self._note(f"{request.method} {request.url.path}")

    def headers(self, recording):
        return self._note(recording.response.status_code)

    def chunk(self, chunk):
        return self._note(chunk.data)

    def event(self, event):
        return self._note(event.data)

    def end(self, recording):
        self._note(recording.ending)


@pytest.mark.parametrize(
    ("path", "at", "rows"),
    [("/endless", 200, []), ("/five", b"Chunk 1\n", [b"Chunk 0\n", b"Chunk 1\n"])]
    + [("/events?n=100000", "Event 1", ["Event 0", "Event 1"])],
)
def test_a_watcher_may_have_enough(path, at, rows):
    watcher = Ends(at)
    got = record_watched(watcher, path, "GET", Bounds())
    first = f"GET {path.partition('?')[0]}"
    assert watcher.seen == [first, 200, *rows, Ending.ENOUGH]
    assert got.ended == "stopped: enough was seen." and not got.whole


def test_without_data_long_names_and_ids_are_not_kept_either():
    event = b"id: " + b"i" * 9000 + b"\nevent: " + b"e" * 9000 + b"\ndata: x\n\n"
    head = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n"
    with answering_once(head + event) as url:
        (kept,) = record(url, quiet=True, keep_data=False).events
    assert kept.data == "" and max(len(kept.event), len(kept.id)) <= 100


def test_an_event_without_an_end_is_no_way_to_fill_the_memory(capsys):
    got = record("/endless-line", quiet=True, keep_data=False)
    assert (
        got.ended
        == f"stopped: more than {reading.EVENT_BYTES:,} bytes came without a whole event."
    )
    assert got.size < reading.EVENT_BYTES + 2**20
    assert "came without a whole event" in capsys.readouterr().out  # though it is quiet
    many = record("/events?n=3", quiet=True)
    assert many.whole
