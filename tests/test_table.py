"""The rows that record prints."""

import contextlib
import io
import re
import sys
import threading

import pytest
from fastapi import FastAPI
from fastapi.responses import StreamingResponse
from streams import app, rows_in
from waiting import LONG

from labserver import record, serve, table
from labserver.server import Server


@pytest.fixture(scope="module", autouse=True)
def lab():
    with serve(app) as server:
        yield server


@pytest.mark.parametrize("count", [39, 40, 41, 45, 46, 47])
def test_every_row_is_shown_or_counted(count, capsys):
    record(f"/many?n={count}")
    out = capsys.readouterr().out
    hidden = re.search(r"… (\d+) rows? more …", out)
    assert len(rows_in(out)) + int(hidden[1] if hidden else 0) == count


def test_long_streams_do_not_flood(capsys, monkeypatch):
    flushes = []
    flush = sys.stdout.flush
    monkeypatch.setattr(sys.stdout, "flush", lambda: (flushes.append(1), flush()))
    got = record("/many?n=100000")
    assert sum(chunk.data.count(b"\n") for chunk in got.chunks) == 100_000
    out = capsys.readouterr().out
    total = len(got.chunks)
    shown = [int(number) for number in rows_in(out)]
    assert shown == [*range(1, 41), *range(total - 4, total + 1)]
    assert f"… {total - 45:,} rows more …" in out
    assert len(flushes) < 10 + 25 * got.seconds


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"plain\n", r"'plain\n'"),
        (b"", "''"),
        ("ä€".encode(), "'ä€'"),
        (b"\xc3", r"b'\xc3'"),
        (b"<b>\x1b[31m", r"'<b>\x1b[31m'"),
        ("\u202e\u2028", r"'\u202e\u2028'"),
    ],
)
def test_data_is_shown_on_one_line(data, text):
    assert table.shown(data) == text


def test_long_data_is_shortened():
    for data in (b"x" * 10**6, "ä" * 10**6, ("ä" * 10**6).encode(), b"\xff" * 10**6):
        line = table.shown(data)
        assert len(line) == table.WIDTH and line.endswith("…")
    assert table.shown(("ä" * 1000).encode()).startswith("'ää")


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("/missing", "404 Not Found · text/plain"),
        ("/redirect", "307 Temporary Redirect · no content-type · content-length 0 · redirect to"),
        ("/empty", "204 No Content"),
        ("/gzip", "gzip, undone here"),
        ("/not-gzip", "ended early: "),
        ("/unknown-coding", "no content-type · made-up · content-length 1"),
        ("/wrong-label", "It looks like server-sent events, but is not labelled"),
        ("/no-events", "but there is no whole event in it"),
        ("/binary", r"b'\xff\xfe\x00\x01'"),
    ],
)
def test_what_is_unusual_is_said(path, words, capsys):
    record(path)
    assert words in capsys.readouterr().out


@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "utf-16", "utf-8"])
def test_an_output_that_is_no_utf_8_gets_all_the_same(encoding):
    app = FastAPI()
    app.get("/")(lambda: "日本")
    written = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
    with Server(app) as server, contextlib.redirect_stdout(written):
        assert record(server.url).whole
    written.flush()
    text = written.buffer.getvalue().decode(encoding)
    assert ("日本" if "utf" in encoding else r"\u65e5\u672c") in text and "whole." in text


class Output:
    """As little as a program may put in the place of stdout."""

    def __init__(self, **attributes):
        self.written = ""
        self.__dict__ |= attributes

    def write(self, text):
        self.written += text


@pytest.mark.parametrize(
    "attributes", [{}] + [{"encoding": name} for name in (None, "made-up", "base64", 5, "cp1252")]
)
def test_whatever_stands_in_the_place_of_stdout_gets_the_rows(attributes, monkeypatch):
    monkeypatch.setattr(sys, "stdout", Output(**attributes))
    assert record("/many?n=42").whole
    assert "Chunk 41" in sys.stdout.written and sys.stdout.written.endswith(": whole.\n")


def test_where_there_is_no_output_the_recording_is_there(monkeypatch):
    monkeypatch.setattr(sys, "stdout", None)  # pythonw, on Windows
    assert record("/many?n=42").whole
    assert record("/missing", quiet=True).status == "404 Not Found"


def test_a_chunk_is_on_the_screen_before_the_next_one_is_made():
    printed = threading.Semaphore(0)

    class Screen(io.StringIO):
        def write(self, text):
            if "Chunk" in text:
                printed.release()
            return len(text)

    def lines():
        for i in range(5):
            yield f"Chunk {i}\n"
            assert printed.acquire(timeout=LONG)

    app = FastAPI()
    app.get("/")(lambda: StreamingResponse(lines()))
    with Server(app) as server, contextlib.redirect_stdout(Screen()):
        assert record(server.url, seconds=LONG).whole
