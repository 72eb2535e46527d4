"""What only a bare connection shows: a greeting that is not HTTP, bytes after a body's end."""

import socket
import threading
from contextlib import suppress
from http.client import HTTPConnection, HTTPException, HTTPSConnection

import httpx

SECONDS = 2.0  # for a greeting, at most
BEYOND_SECONDS = 1.0  # for what comes after a body's end
MOST_BODY_BYTES = 2**20
MOST_BYTES = 4096  # of a greeting, or after the end: a secret that is cut is not masked


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


def bytes_beyond(url: httpx.URL, headers: httpx.Headers, size: int, seconds: float) -> bytes:
    """Ask once more by GET; the first bytes after the `size` that the server declared.

    Nothing where that cannot be told in so many seconds, which a slow body needs.
    """
    if size > MOST_BODY_BYTES or seconds <= 0:
        return b""
    kind = HTTPConnection if url.scheme == "http" else HTTPSConnection
    connection = kind(url.host, url.port, timeout=seconds)
    data, timer = b"", None
    with suppress(OSError, HTTPException, ValueError):
        asked = {name.decode(): value.decode("latin-1") for name, value in headers.raw}
        # Closed at the end, the connection shows that nothing more comes.
        closing = {"accept-encoding": "identity", **asked, "connection": "close"}
        connection.request("GET", url.raw_path.decode(), headers=closing)
        bare = connection.sock
        timer = threading.Timer(seconds, _shut_down, [bare])  # of headers or a body that drip
        timer.start()
        answer = connection.getresponse()
        most = size + MOST_BODY_BYTES  # line ends, if nothing else came, may have no end
        declared = {part.strip() for part in (answer.headers["content-length"] or "").split(",")}
        while declared == {str(size)} and len(data) < most and not data[size:].strip():
            if len(data) >= size:
                bare.settimeout(BEYOND_SECONDS)
            piece = answer.fp.read1(MOST_BODY_BYTES)
            data += piece
            if not piece:
                break
    if timer:
        timer.cancel()
    connection.close()
    return (data[size:].strip() or data[size:])[:MOST_BYTES]


def _shut_down(connection: socket.socket) -> None:
    with suppress(OSError):  # closed already
        connection.shutdown(socket.SHUT_RDWR)
