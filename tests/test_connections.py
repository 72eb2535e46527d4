"""Too many connections: files can still be opened, and what asks is answered."""

import socket
import subprocess
import sys
from contextlib import ExitStack, suppress

import httpx
import pytest
from machine import NO_PROXIES
from waiting import LONG, PATIENT, wait_until

from labserver.app import app
from labserver.connections import READ_BYTES, free_port, listen
from labserver.server import Server

SERVES = """
import resource, sys
resource.setrlimit(resource.RLIMIT_NOFILE, (256, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
from labserver import serve
from labserver.app import app
server = serve(app)
for line in sys.stdin:
    files = [open("/dev/null") for _ in range(30)]
    for file in files: file.close()
    print(len(files), repr(str(server.log)), flush=True)
"""


@pytest.fixture
def limited():
    """A server in a process of 256 descriptors: its address, and what asks how it is."""
    if sys.platform == "win32":
        pytest.skip("no limit of this kind there")
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen([sys.executable, "-c", SERVES], env=NO_PROXIES, **pipes) as process:
        url = process.stdout.readline().split()[-1]

        def state():
            process.stdin.write("\n")
            process.stdin.flush()
            return process.stdout.readline()

        yield url, state
        process.stdin.close()


def connected(stack, url):
    host, _, port = url.removeprefix("http://").partition(":")
    return stack.enter_context(socket.create_connection((host, int(port)), timeout=LONG))


def is_answered(url):
    try:
        return httpx.get(f"{url}/stream?count=1&every=0", **PATIENT).status_code == 200
    except httpx.HTTPError:
        return False


UNHARMED = "30 ''\n"  # 30 files opened, nothing in the log


WHOLE = b"GET /stream?count=0 HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"


@pytest.mark.parametrize("sent", [b"", b"G", WHOLE[:-2], WHOLE, WHOLE + b"G"])
def test_connections_that_ask_nothing_leave_descriptors_and_make_room(sent, limited):
    url, state = limited
    with ExitStack() as stack:
        for _ in range(300):
            with suppress(OSError):  # closed at once
                connected(stack, url).sendall(sent)
        assert state() == UNHARMED
        wait_until(lambda: is_answered(url))  # the idle ones give way, a second old
        assert state() == UNHARMED
    assert is_answered(url) and state() == UNHARMED


def test_streams_are_bounded_and_none_is_ended_for_another(limited):
    url, state = limited
    with ExitStack() as stack:
        streams = []
        for _ in range(300):
            wire = connected(stack, url)
            with suppress(OSError):  # closed at once
                wire.sendall(
                    f"GET /stream?count=1000&every=1 HTTP/1.1\r\nHost: {url[7:]}\r\n\r\n".encode()
                )
            streams.append(wire)
        heads = []
        for wire in streams:
            try:
                heads.append(wire.recv(15))
            except OSError:  # closed with the request unread
                heads.append(b"")
        opened = [wire for wire, head in zip(streams, heads, strict=True) if head]
        assert 60 < len(opened) < 256 - 32
        assert not is_answered(url) and state() == UNHARMED
        assert all(wire.recv(1) for wire in opened)
        opened[0].close()
        wait_until(lambda: is_answered(url))
        assert state() == UNHARMED


def test_each_connection_may_have_a_file_opened_for_it(limited):
    url, state = limited
    with ExitStack() as stack:
        wires = [connected(stack, url) for _ in range(300)]
        for wire in wires:
            with suppress(OSError):  # closed at once
                wire.sendall(f"GET /download HTTP/1.1\r\nHost: {url[7:]}\r\n\r\n".encode())
        for wire in wires:  # which read no more than that
            with suppress(OSError):
                wire.recv(1)
        assert state() == UNHARMED
    wait_until(lambda: is_answered(url))
    assert state() == UNHARMED


TO_NOTES = b"POST /notifications HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: chunked\r\n\r\n"


@pytest.mark.parametrize(
    ("begins", "goes_on"),
    [
        (b"GET /", b"x" * 1000),
        (WHOLE[:-2], b"Name: " + b"x" * 1000 + b"\r\n"),
        (WHOLE[:-2] + b"Name: x", b"\r\n " + b"x" * 1000),
        (TO_NOTES + b"1;", b"x" * 1000),
        (TO_NOTES + b"1\r\n1\r\n0\r\n", b"Name: " + b"x" * 1000 + b"\r\n"),
    ],
)
def test_what_frames_a_request_is_bounded(begins, goes_on):
    with Server(app) as server, ExitStack() as stack:
        assert server._uvicorn.config.http == "h11"
        wire = connected(stack, server.url)
        wire.sendall(begins)
        with pytest.raises(OSError):  # refused, and closed
            for _ in range(100_000):
                wire.sendall(goes_on)
        assert "Invalid HTTP request received" in server.log


def test_little_is_kept_of_what_comes_while_a_request_is_answered():
    with Server(app) as server, ExitStack() as stack:
        wire = connected(stack, server.url)
        wire.sendall(b"GET /stream?count=1000&every=1 HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        assert wire.recv(12) == b"HTTP/1.1 200"
        (protocol,) = server._uvicorn.server_state.connections
        wire.sendall(WHOLE * 4000)
        wait_until(lambda: protocol.conn.trailing_data[0])
        # On Windows, asyncio reads by other means: 64 KiB at once.
        assert len(protocol.conn.trailing_data[0]) <= 4 * READ_BYTES < len(WHOLE * 4000)


def test_a_free_port_is_none_that_the_system_gives_away():
    given = set()
    with ExitStack() as stack:
        for _ in range(50):
            given.add(stack.enter_context(listen(0)).getsockname()[1])
        free = free_port()
        assert free < min(given)
        stack.enter_context(listen(free))
        with pytest.raises(OSError, match=f"Port {free} on 127.0.0.1 cannot be used"):
            listen(free)
