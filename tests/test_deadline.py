"""record ends in time, also where nothing comes."""

import socket
import threading
import time

import pytest
from streams import app
from waiting import LONG

from labserver import record, serve, table
from labserver.recorder import record_watched
from labserver.recording import Bounds


@pytest.fixture(scope="module", autouse=True)
def lab():
    with serve(app) as server:
        yield server


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
        assert told.wait(LONG)


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
        thread.join(LONG)


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
        thread.join(LONG)
    assert (got.ended, got.whole) == ("stopped after seconds=1.", False)
    assert got.chunks[0].data == b"half"
