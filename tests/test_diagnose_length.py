"""diagnose: a declared length, held against the body that came."""

import gzip
import json
import time

import pytest
from fastapi import Response
from fastapi.responses import StreamingResponse
from services import LINES, SSE, healthy, named, observed, paced, raw, said_of

from labserver.diagnosis import rules
from labserver.recording import Ending


def declared(length, body, *, kept_open=0.0, type="text/plain"):
    """A service that declares a length and sends this body."""

    def answer(connection):
        connection.sendall(f"HTTP/1.1 200 OK\r\nContent-Type: {type}\r\n".encode())
        connection.sendall(f"Content-Length: {length}\r\n\r\n".encode() + body)
        time.sleep(kept_open)

    return raw(answer)


TEXT = "Größe, Höhe, Fläche\n"


@named("wrong-length")
def test_a_length_that_counts_characters():
    return declared(11, ("é" * 10 + "\n").encode())


@named("wrong-length")
def test_a_length_that_counts_characters_and_ends_between_two():
    return declared(len(TEXT) * 5, (TEXT * 5).encode())


@named("wrong-length")
def test_json_that_lacks_its_end():
    body = json.dumps({"name": "é" * 9, "n": 1}, ensure_ascii=False)
    return declared(len(body), body.encode(), type="application/json")


@named("wrong-length")
def test_a_length_of_nothing():
    return declared(0, b"hello\n")


@named("wrong-length")
def test_a_length_that_cuts_off_the_empty_line():
    """Which ends the last event: no event of the server's is unfinished."""
    return declared(21, b"data: one\n\ndata: two\n\n\n", type=SSE)


@named("wrong-length")
def test_a_length_that_is_named_twice():
    """As two programs on the way do, in one header (RFC 9110, 8.6)."""
    return declared("6, 6", b"hello\nworld\n")


@named("wrong-length")
def test_rows_that_outgrow_a_length_slowly():
    """As of a file whose line ends were two bytes long when it was sent, and one before."""

    def answer(connection):
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/csv\r\n")
        connection.sendall(b"Content-Length: 48\r\n\r\n")
        for i in range(8):
            time.sleep(0.2)
            connection.sendall(b"%d,row\r\n" % i)

    return raw(answer)


@named("cut-short")
def test_a_length_that_is_not_reached():
    return declared(100, b"half\n", kept_open=0.1)


@named("cut-before-first")
def test_a_length_and_no_byte():
    return declared(100, b"", kept_open=0.1)


@named("wrong-length")
def test_a_length_that_is_waited_for():
    return declared(100, b"half\n", kept_open=60)


@named("cut-short")
async def test_a_server_that_cuts_what_outgrows_its_length():
    """At the first row that is too much: uvicorn refuses to send it."""
    length = sum(len(line) for line in LINES[:3]) + 4
    headers = {"Content-Length": str(length)}
    return StreamingResponse(paced(*LINES, every=0.05), media_type="text/plain", headers=headers)


@named("cut-before-first")
async def test_a_server_that_refuses_the_first_byte():
    return StreamingResponse(iter([TEXT]), headers={"Content-Length": str(len(TEXT))})


@healthy
async def test_a_length_that_is_right():
    return Response(TEXT * 5, media_type="text/plain")


@healthy
def test_a_line_end_after_the_body():
    """Which some old servers send, and clients are to ignore (RFC 9112, 2.2)."""
    return declared(6, b"hello\n\r\n")


@pytest.mark.parametrize(("size", "told"), [(4000, True), (27, False), (0, False)])
def test_a_length_from_before_compression(size, told):
    rows, packed = b"1,2\n" * 1000, gzip.compress(b"1,2\n" * 1000, mtime=0)
    headers = {"content_length": str(size or len(packed)), "content_encoding": "gzip"}
    sent = packed if size != 27 else packed[:20]  # the rest may be on its way
    seen = observed(rows, type="text/csv")
    seen.encoded = observed(sent, type="text/csv", ending=Ending.SECONDS, **headers).alone
    assert ("wrong-length" in said_of(seen)) is told


@healthy
def test_an_empty_line_after_events():
    return declared(22, b"data: one\n\ndata: two\n\n\r\n", type=SSE)


@pytest.mark.parametrize(("ending", "code"), [(0, "cut-before-first"), (3, "cut-short")])
def test_whenever_a_length_was_declared_it_is_named(ending, code):
    seen = observed(*LINES[:ending], type="text/plain", ending=Ending.CUT, content_length="99")
    seen.alone.error = ConnectionError("peer closed connection (received 27 bytes, expected 99)")
    (finding,) = [found for found in rules.findings(seen) if found.code == code]
    assert "Content-Length" in finding.text and "expected 99" in said_of(seen)[code]


@pytest.mark.parametrize("last", [b"data: a\n\ndata: b\n", b"data: caf\xc3", b'data: {"n": 1, "x'])
def test_what_a_short_length_cuts_off_is_no_fault_of_its_own(last):
    seen = observed(
        *[b'data: {"n": 1}\n\n'] * 4, last, content_length="70", cache_control="no-store"
    )
    seen.beyond = b"more"
    assert [code for code in said_of(seen) if not code.startswith("advice")] == ["wrong-length"]


@pytest.mark.parametrize(("type", "code"), [("text/plain", "advice-empty"), (SSE, "empty")])
def test_a_length_of_nothing_is_named_where_nothing_came(type, code):
    """As by uvicorn, which sends no byte beyond the length."""
    (finding,) = [
        found
        for found in rules.findings(observed(type=type, content_length="0"))
        if found.code == code
    ]
    assert "Content-Length" in finding.text
    assert finding.evidence.startswith("content-length: 0, 0 ")
