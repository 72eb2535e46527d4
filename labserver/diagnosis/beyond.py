"""What a server sends after the end of a body, which an HTTP client never shows."""

import time
from contextlib import suppress
from http.client import HTTPConnection, HTTPException, HTTPSConnection

import httpx

MOST_BODY_BYTES = 2**20
MOST_BEYOND_BYTES = 60
SECONDS = 2.0


def bytes_beyond(url: httpx.URL, headers: httpx.Headers, size: int) -> bytes:
    """Ask once more by GET; the first bytes after the `size` that the server declared.

    Nothing where that cannot be told in two seconds.
    """
    if size > MOST_BODY_BYTES:
        return b""
    kind = HTTPConnection if url.scheme == "http" else HTTPSConnection
    connection = kind(url.host, url.port, timeout=SECONDS / 2)
    data = b""
    with suppress(OSError, HTTPException, ValueError):
        asked = {name.decode(): value.decode("latin-1") for name, value in headers.raw}
        # Closed at the end, the connection shows that nothing more comes.
        closing = {"accept-encoding": "identity", **asked, "connection": "close"}
        connection.request("GET", url.raw_path.decode(), headers=closing)
        answer, end = connection.getresponse(), time.perf_counter() + SECONDS
        while answer.length == size and len(data) < size + MOST_BEYOND_BYTES:
            piece = answer.fp.read1(MOST_BODY_BYTES)
            data += piece
            if not piece or time.perf_counter() > end:
                break
    connection.close()
    return data[size:][:MOST_BEYOND_BYTES].strip()
