"""record: what came, when, and what is said when it did not."""

import asyncio
import gzip
import io
import itertools
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time

import httpx
import pytest
from fastapi import FastAPI, Request, Response
from fastapi.responses import PlainTextResponse, RedirectResponse, StreamingResponse
from machine import NO_PROXIES
from sse_starlette import EventSourceResponse

from labserver import record, recorder, serve, table
from labserver.recorder import Bounds, record_watched

app = FastAPI()


def stream(*chunks, every=0.0, **options):
    async def body():
        for chunk in chunks:
            yield chunk
            await asyncio.sleep(every)

    return StreamingResponse(body(), **options)


app.get("/five")(lambda: stream(*(f"Chunk {i}\n" for i in range(5)), every=0.1))
app.get("/many")(lambda n: stream(*(f"Chunk {i}\n" for i in range(int(n)))))
app.get("/binary")(lambda: stream(b"\xff\xfe\x00\x01"))
app.get("/wrong-label")(lambda: stream("data: x\n\n", media_type="text/plain"))
app.get("/no-events")(lambda: stream("only text\n", media_type="Text/Event-Stream"))
app.get("/missing")(lambda: PlainTextResponse("not here", 404))
app.get("/redirect")(lambda: RedirectResponse("/five"))
app.get("/empty")(lambda: Response(status_code=204))
app.get("/brotli")(lambda: Response(b"\x0b", headers={"Content-Encoding": "br"}))
app.get("/big")(lambda: stream(*[bytes(2**20)] * 70))


@app.get("/cookies")
async def cookies(request: Request, response: Response):
    response.set_cookie("seen", "before")
    return request.cookies


@app.get("/events")
async def events(n: int = 3):
    async def body():
        for i in range(n):
            yield {"event": "count", "id": str(i), "data": f"Event {i}"}
            await asyncio.sleep(0)

    return EventSourceResponse(body())


@app.get("/gzip")
async def zipped():
    squeezed = gzip.compress(b"a" * 1000)
    return stream(squeezed[:10], squeezed[10:], headers={"Content-Encoding": "gzip"})


@app.get("/not-gzip")
async def not_zipped():
    return stream(b"this is no gzip", headers={"Content-Encoding": "gzip"})


@app.get("/cut")
async def cut():
    async def body():
        yield "one\n"
        raise LookupError("gone in the middle")

    return StreamingResponse(body())


@app.get("/endless")
async def endless():
    async def body():
        while True:
            yield "again\n"
            await asyncio.sleep(0.01)

    return StreamingResponse(body())


@app.get("/idle")
async def idle():
    async def body():
        yield "one\n"
        await asyncio.sleep(3600)

    return StreamingResponse(body())


@app.get("/silent")
async def silent():
    await asyncio.sleep(3600)


@app.post("/body")
async def body(request: Request):
    return {"body": (await request.body()).decode(), "x": request.headers.get("x")}


@pytest.fixture(scope="module", autouse=True)
def lab():
    with serve(app) as server:
        yield server


def rows_in(out):
    return re.findall(r"^ *(\d+) +\d+\.\d{3} +\d+\.\d{3} ", out, re.MULTILINE)


def test_each_chunk_has_its_time(capsys):
    got = record("/five")
    assert [chunk.data for chunk in got.chunks] == [b"Chunk %d\n" % i for i in range(5)]
    assert [chunk.size for chunk in got.chunks] == [8] * 5
    times = [got.headers_at, *(chunk.at for chunk in got.chunks), got.seconds]
    assert times == sorted(times) and times[0] > 0
    assert got.chunks[4].at - got.chunks[0].at > 3 * (got.chunks[0].at - got.headers_at)
    assert (got.whole, got.events, got.response.status_code) == (True, [], 200)
    out = capsys.readouterr().out
    assert rows_in(out) == ["1", "2", "3", "4", "5"]
    first, second, *_, last = out.splitlines()
    assert first == f"GET {got.url}"
    assert second.startswith("200 OK · no content-type · chunked · headers after 0.")
    assert last.startswith("40 bytes in 5 chunks, ") and last.endswith(": whole.")
    assert max(map(len, out.splitlines())) <= 100
    assert "\n" not in repr(got)


def test_chunks_come_as_they_are_printed():
    """The rows are on the screen while the stream goes on, one by one."""
    seen = []

    class Screen(io.StringIO):
        def write(self, text):
            seen.append((time.perf_counter(), text))
            return len(text)

    sys.stdout, before = Screen(), sys.stdout
    try:
        record("/five")
    finally:
        sys.stdout = before
    times = [at for at, text in seen if "Chunk" in text]
    assert len(times) == 5
    gaps = [b - a for a, b in itertools.pairwise(times)]
    assert min(gaps) > 0.25 * max(gaps)


def test_sent_is_on_the_same_clock():
    got = record("/five", quiet=True)
    assert len(got.sent) == 5
    for sent, chunk in zip(got.sent, got.chunks, strict=True):
        assert 0 < sent <= chunk.at


def test_sent_is_empty_for_the_servers_of_others():
    code = "import uvicorn, sys; from labserver.app import app; uvicorn.run(app, port=0)"
    other = subprocess.Popen(
        [sys.executable, "-c", code], stderr=subprocess.PIPE, text=True, env=NO_PROXIES
    )
    try:
        line = next(line for line in other.stderr if "running on" in line)
        url = re.search(r"http://\S+", line)[0]
        got = record(f"{url}/plain-stream?every=0", quiet=True)
        assert len(got.chunks) == 5 and got.sent == []
    finally:
        other.terminate()
        other.communicate(timeout=10)


def test_sent_of_streams_at_once_are_told_apart():
    got = {}

    def read(path):
        got[path] = record(path, quiet=True)

    readers = [threading.Thread(target=read, args=[f"/many?n={n}"]) for n in (3, 50, 7, 20)]
    for reader in readers:
        reader.start()
    for reader in readers:
        reader.join()
    assert {path: len(one.sent) for path, one in got.items()} == {
        f"/many?n={n}": n for n in (3, 50, 7, 20)
    }


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


def test_seconds_bound_the_whole_time(capsys):
    """Also while chunks come, and also while none comes."""
    for path in ("/endless", "/idle"):
        got = record(path, seconds=2)
        assert got.chunks and not got.whole
        assert got.ended == "stopped after seconds=2."
        assert 1.9 < got.seconds < 20
    assert capsys.readouterr().out.count("stopped after seconds=2.") == 2


def test_the_server_is_told_when_the_time_is_up():
    """Also one that waits for a reader slower than itself."""
    told = threading.Event()

    class Slow(table.Table):
        def chunk(self, chunk):
            time.sleep(max(0, 1.5 - chunk.at))

    with socket.create_server(("127.0.0.1", 0)) as listener:

        def flood():
            line, _ = listener.accept()
            with line:
                line.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n")
                try:
                    while True:
                        line.sendall(bytes(2**16))
                except OSError:
                    told.set()

        threading.Thread(target=flood, daemon=True).start()
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/"
        got = record_watched(Slow(), url, "GET", Bounds(seconds=1), keep_data=False)
        assert got.ended == "stopped after seconds=1."
        assert told.wait(5)


def test_no_end_is_possible():
    assert record("/five", seconds=None, quiet=True).whole


def test_a_server_that_sends_nothing(lab):
    with pytest.raises(TimeoutError) as caught:
        record("/silent", seconds=0.3)
    assert str(caught.value) == f"GET {lab.url}/silent: no response within 0.3 s."


def test_headers_that_drip_are_bounded_too():
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def drip():
            line, _ = listener.accept()
            with line:
                line.sendall(b"HTTP/1.1 200 OK\r\nX: ")
                try:
                    for _ in range(200):
                        line.sendall(b"x")
                        time.sleep(0.05)
                except OSError:
                    pass

        thread = threading.Thread(target=drip)
        thread.start()
        with pytest.raises(TimeoutError, match=r"no response within 0\.5 s"):
            record(f"http://127.0.0.1:{listener.getsockname()[1]}/", seconds=0.5)
        thread.join(15)


def test_a_body_cut_short_is_said(capsys):
    got = record("/cut")
    assert got.response.status_code == 200
    assert [chunk.data for chunk in got.chunks] == [b"one\n"]
    assert not got.whole
    assert got.ended == "ended early: peer closed connection (incomplete chunked read)."
    assert capsys.readouterr().out.endswith(f": {got.ended}\n")


def test_a_body_without_an_end_of_its_own_is_no_whole_one():
    """HTTP/1.0 ends a body by closing, which is also how the bound ends the reading."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def pause():
            line, _ = listener.accept()
            with line:
                line.sendall(b"HTTP/1.0 200 OK\r\n\r\nhalf")
                while line.recv(65536):
                    pass

        thread = threading.Thread(target=pause)
        thread.start()
        got = record(f"http://127.0.0.1:{listener.getsockname()[1]}/", seconds=1, quiet=True)
        thread.join(10)
    assert (got.ended, got.whole) == ("stopped after seconds=1.", False)
    assert got.chunks[0].data == b"half"


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
        thread.join(10)
    assert got.chunks[0].data == b"half" and not got.whole
    assert got.ended.startswith("ended early: ") and "reset" in got.ended.lower()


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("/missing", "404 Not Found · text/plain"),
        ("/redirect", "307 Temporary Redirect · no content-type · content-length 0 · redirect to"),
        ("/empty", "204 No Content"),
        ("/gzip", "gzip, undone here"),
        ("/not-gzip", "ended early: "),
        ("/brotli", "no content-type · br · content-length 1"),
        ("/wrong-label", "It looks like server-sent events, but is not labelled"),
        ("/no-events", "but there is no whole event in it"),
        ("/binary", r"b'\xff\xfe\x00\x01'"),
    ],
)
def test_what_is_unusual_is_said(path, words, capsys):
    record(path)
    assert words in capsys.readouterr().out


def test_encodings_are_undone():
    got = record("/gzip", quiet=True)
    assert b"".join(chunk.data for chunk in got.chunks) == b"a" * 1000
    assert got.size == 1000


def test_other_options_are_those_of_httpx():
    got = record("/body", "POST", content=b"hello", headers={"x": "y"}, quiet=True)
    assert got.chunks[0].data == b'{"body":"hello","x":"y"}'
    assert record("/redirect", follow_redirects=True, quiet=True).size == 40
    seen = []
    extensions = {"trace": lambda name, info: seen.append(name)}
    record("/empty", extensions=extensions, quiet=True)
    assert "connection.connect_tcp.complete" in seen and list(extensions) == ["trace"]
    assert record("/many", params={"n": 3}, quiet=True).url.endswith("/many?n=3")
    with pytest.raises(TimeoutError, match=r"/silent: no response in time: timed out\.$"):
        record("/silent", timeout=0.2, quiet=True)


def test_no_recording_depends_on_an_earlier_one():
    for _ in range(2):
        assert record("/cookies", quiet=True).chunks[0].data == b"{}"


@pytest.mark.parametrize(
    ("target", "error", "words"),
    [
        ("example.com/x", ValueError, "not 'example.com/x'"),
        ("export", ValueError, "not 'export'"),
        ("ftp://127.0.0.1/", ValueError, "not 'ftp://127.0.0.1/'"),
        ("http://[::1/", ValueError, "is not a URL"),
        ("http://127.0.0.1:70000/", ValueError, "not 'http://127.0.0.1:70000/'"),
        ("", ValueError, "not ''"),
        ("/two\nlines", ValueError, r"'/two\nlines' is not a URL"),
        ("/\ud800", ValueError, r"'/\ud800' is not a URL"),
        (None, TypeError, "not NoneType"),
        (app, TypeError, "not FastAPI"),
        ("http://127.0.0.1:1/x", ConnectionError, "GET http://127.0.0.1:1/x: "),
    ],
)
def test_what_cannot_be_asked_is_one_line(target, error, words):
    with pytest.raises(error) as caught:
        record(target)
    assert words in str(caught.value) and "\n" not in str(caught.value)
    assert caught.value.__suppress_context__ or caught.value.__context__ is None


@pytest.mark.parametrize("bad", [{"max_chunks": 0}, {"seconds": 0}, {"seconds": -1}])
def test_bounds_that_make_no_sense(bad):
    with pytest.raises(ValueError, match=next(iter(bad))):
        record("/five", **bad)


def test_a_path_when_nothing_is_served(lab):
    code = "import labserver; labserver.record('/x')"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stderr.splitlines()[-1].endswith("serve an app first, with serve(app).")


@pytest.mark.parametrize("name", ["HTTP_PROXY", "http_proxy", "ALL_PROXY"])
@pytest.mark.parametrize("proxy", ["http://127.0.0.1:1", "socks5://127.0.0.1:1", "nonsense"])
def test_proxies_do_not_catch_loopback(name, proxy):
    code = """if True:
        from labserver import record, serve
        from labserver.app import app
        with serve(app):
            assert record("/sse?every=0", quiet=True).whole
    """
    environment = NO_PROXIES | {name: proxy}
    subprocess.run([sys.executable, "-c", code], env=environment, check=True, timeout=60)


TLS = """if True:
    import itertools, socket, ssl, sys, threading, time
    from labserver import record, table
    from labserver.recorder import Bounds, record_watched
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(sys.argv[1], sys.argv[2])
    head = b"HTTP/1.1 200 OK\\r\\nContent-Length: 99999999999\\r\\n\\r\\n"
    listener = socket.create_server(("127.0.0.1", 0))
    url = f"https://127.0.0.1:{listener.getsockname()[1]}/"

    def flood():
        while True:
            try:
                with context.wrap_socket(listener.accept()[0], server_side=True) as line:
                    for piece in itertools.chain([head], itertools.repeat(b"x" * 16384)):
                        line.sendall(piece)
            except OSError:
                pass

    def redirect():
        line, _ = hop.accept()
        line.sendall(b"HTTP/1.1 302 Found\\r\\nLocation: " + url.encode() + b"\\r\\n\\r\\n")
        line.recv(65536)
        line.close()

    class Slow(table.Table):
        def chunk(self, chunk):
            time.sleep(max(0, 3.5 - chunk.at))

    threading.Thread(target=flood, daemon=True).start()
    hop = socket.create_server(("127.0.0.1", 0))
    threading.Thread(target=redirect, daemon=True).start()
    start = f"http://127.0.0.1:{hop.getsockname()[1]}/"
    got = record(start, max_chunks=1, quiet=True, follow_redirects=True)
    assert str(got.response.url) == url
    got = record_watched(Slow(), url, "GET", Bounds(seconds=3))
    assert got.ended == "stopped after seconds=3.", got
    assert not [chunk for chunk in got.chunks if chunk.data.strip(b"x")]
"""


@pytest.mark.skipif(not shutil.which("openssl"), reason="no openssl to make a certificate with")
def test_https_on_loopback(tmp_path):
    """Its certificate is looked at, no proxy catches it, and nothing comes undeciphered."""
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    subject = ["-subj", "/CN=lab", "-addext", "subjectAltName=IP:127.0.0.1"]
    make = ["openssl", "req", "-x509", "-nodes", "-newkey", "rsa:2048", "-keyout", key]
    subprocess.run([*make, "-out", certificate, *subject], check=True, capture_output=True)
    environment = {"HTTPS_PROXY": "http://127.0.0.1:1", "SSL_CERT_FILE": str(certificate)}
    command = [sys.executable, "-c", TLS, certificate, key]
    subprocess.run(command, env=NO_PROXIES | environment, check=True, timeout=60)


def test_no_password_is_shown(lab, capsys):
    record(lab.url.replace("//", "//me:secret@") + "/empty")
    assert "secret" not in capsys.readouterr().out


@pytest.mark.skipif(sys.platform == "win32", reason="sends itself a signal")
def test_an_interrupt_keeps_what_came(capsys):
    before = signal.getsignal(signal.SIGINT)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    timer = threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGINT))
    timer.start()
    try:
        got = record("/idle")
    finally:
        timer.join()
        signal.signal(signal.SIGINT, before)
    assert [chunk.data for chunk in got.chunks] == [b"one\n"]
    assert got.ended == "interrupted."
    assert capsys.readouterr().out.endswith(": interrupted.\n")


def test_data_is_kept_up_to_a_bound(monkeypatch, capsys):
    monkeypatch.setattr(recorder, "KEEP_BYTES", 8 * 2**20)
    got = record("/big")
    kept = sum(len(chunk.data) for chunk in got.chunks)
    assert got.size == 70 * 2**20 and 7 * 2**20 < kept <= 8 * 2**20
    assert "Data past the first 8 MiB was not kept." in capsys.readouterr().out
    bare = record("/big", keep_data=False)
    assert bare.size == got.size and not any(chunk.data for chunk in bare.chunks)
    assert "not kept" not in capsys.readouterr().out


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


@pytest.mark.parametrize("count", [39, 40, 41, 45, 46, 47])
def test_every_row_is_shown_or_counted(count, capsys):
    record(f"/many?n={count}")
    out = capsys.readouterr().out
    hidden = re.search(r"… (\d+) rows? more …", out)
    assert len(rows_in(out)) + int(hidden[1] if hidden else 0) == count


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


def test_the_client_is_made_once():
    record("/empty", quiet=True)
    record("/empty", quiet=True)
    info = recorder._client.cache_info()
    assert info.currsize <= 2 and isinstance(recorder._client(plain_loopback=True), httpx.Client)
