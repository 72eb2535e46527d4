"""What only a bare connection shows: a greeting that is not HTTP, bytes after a body's end."""

import socket
import threading
import time
from contextlib import suppress
from http.client import HTTPConnection, HTTPException, HTTPSConnection

import httpx

SECONDS = 2.0  # for each, at most
MOST_BODY_BYTES = 2**20
MOST_BYTES = 60  # of a greeting, or after the end


def greeting(url: httpx.URL, left: float) -> str:
    """The first bytes of what answers at an address by something else than HTTP, as text.

    Nothing for an answer by HTTP, and where that cannot be told in the seconds that are left.
    """
    port = url.port or (443 if url.scheme == "https" else 80)
    seconds = max(0.0, min(SECONDS, left))
    # A host may be no name: record has said so.
    with (
        suppress(OSError, UnicodeError),
        socket.create_connection((url.host, port), seconds) as connection,
    ):
        connection.sendall(b"GET / HTTP/1.1\r\nHost: " + url.netloc + b"\r\n\r\n")
        data = connection.recv(MOST_BYTES)
        return "" if url.scheme == "https" or data[:5] == b"HTTP/" else data.decode("latin-1")
    return ""


def bytes_beyond(url: httpx.URL, headers: httpx.Headers, size: int, left: float) -> bytes:
    """Ask once more by GET; the first bytes after the `size` that the server declared.

    Nothing where that cannot be told in two seconds, or in those that are left.
    """
    seconds = min(SECONDS, left)
    if size > MOST_BODY_BYTES or seconds <= 0:
        return b""
    kind = HTTPConnection if url.scheme == "http" else HTTPSConnection
    connection = kind(url.host, url.port, timeout=seconds / 2)
    data, end, timer = b"", time.perf_counter() + seconds, None
    with suppress(OSError, HTTPException, ValueError):
        asked = {name.decode(): value.decode("latin-1") for name, value in headers.raw}
        # Closed at the end, the connection shows that nothing more comes.
        closing = {"accept-encoding": "identity", **asked, "connection": "close"}
        connection.request("GET", url.raw_path.decode(), headers=closing)
        timer = threading.Timer(seconds / 2, _shut_down, [connection.sock])  # of headers that drip
        timer.start()
        answer = connection.getresponse()
        while answer.length == size and len(data) < size + MOST_BYTES:
            piece = answer.fp.read1(MOST_BODY_BYTES)
            data += piece
            if not piece or time.perf_counter() > end:
                break
    if timer:
        timer.cancel()
    connection.close()
    return data[size:][:MOST_BYTES].strip()


def _shut_down(connection: socket.socket) -> None:
    with suppress(OSError):  # closed already
        connection.shutdown(socket.SHUT_RDWR)
