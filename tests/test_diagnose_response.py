"""diagnose: the answer as a whole: status, redirects, an end that comes too early."""

import gzip
import tempfile
import time
from contextlib import contextmanager

import pytest
from fastapi import FastAPI, Request, Response
from fastapi.responses import FileResponse, RedirectResponse, StreamingResponse
from services import (
    EVENTS,
    LINES,
    SSE,
    UNCACHED,
    asgi,
    healthy,
    named,
    observed,
    paced,
    raw,
    routed,
    said_of,
    sse,
    text,
)

from labserver import diagnose
from labserver.recording import Ending


@named("bad-framing")
def test_chunk_sizes_in_decimal():
    def answer(line):
        line.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        for _ in range(3):
            line.sendall(b"12\r\nhello, world\r\n")
            time.sleep(0.1)
        line.sendall(b"0\r\n\r\n")

    return raw(answer)


@named("not-decodable")
async def test_gzip_by_name_only():
    return StreamingResponse(paced(*LINES), headers={"Content-Encoding": "gzip"})


@named("empty")
async def test_no_events():
    return sse(every=0)


@named("advice-empty")
async def test_nothing_for_good():
    return Response(status_code=204)


@named("advice-empty")
async def test_no_rows():
    return text(media_type="application/x-ndjson")


@named("not-decodable")
async def test_gzip_without_its_name():
    rows = gzip.compress(b"".join(b"%d,user\n" % i for i in range(2000)))
    return Response(rows, media_type="text/csv")


@named("not-decodable")
async def test_gzip_twice():
    twice = gzip.compress(gzip.compress(b"[1]"))
    return Response(twice, media_type="application/json", headers={"Content-Encoding": "gzip"})


CSV = b"a,b\n" * 500
TORN = gzip.compress(b"1,2\n")[:-1]


@pytest.mark.parametrize(
    ("packed", "coding", "told"),
    [
        ([gzip.compress(gzip.compress(CSV))], "gzip", "content-encoding: 'gzip'"),
        ([gzip.compress(CSV)], "deflate", "as a browser asks: deflate cannot be undone"),
        ([gzip.compress(CSV)[:-8] + bytes(8)], "gzip", "as a browser asks: gzip cannot"),
        ([gzip.compress(CSV)[:-9]], "gzip", "data stop before their end"),
        ([TORN, TORN, TORN], "gzip", "as a browser asks: gzip cannot be undone"),
        ([gzip.compress(CSV)], "gzip", None),
        ([gzip.compress(b"1,2\n")] * 3, "gzip", None),
        ([b"\x01\x02\x03"], "x-own", None),
    ],
)
def test_a_coding_that_is_wrong_only_where_it_is_accepted(packed, coding, told):
    seen = observed(CSV, type="text/csv")
    seen.encoded = observed(*packed, type="text/csv", content_encoding=coding).alone
    assert (told or "") in said_of(seen).get("not-decodable", "")
    assert ("not-decodable" in said_of(seen)) is bool(told)


def test_a_few_bytes_that_stand_for_too_many_are_not_undone_to_their_end():
    seen = observed(CSV, type="text/csv")
    for size, told in ((2**20, True), (2**26 + 2**21, False)):
        packed = gzip.compress(bytes(size), 1)[:-8] + bytes(8)  # with a wrong checksum
        seen.encoded = observed(packed, type="text/csv", content_encoding="gzip").alone
        assert ("not-decodable" in said_of(seen)) is told


def test_a_coding_that_was_not_read_to_its_end():
    seen = observed(CSV, type="text/csv")
    seen.encoded = observed(
        gzip.compress(CSV)[:-9], type="text/csv", ending=Ending.ENOUGH, content_encoding="gzip"
    ).alone
    assert "not-decodable" not in said_of(seen)


@healthy
async def test_a_gzip_file():
    return Response(gzip.compress(b"a,b\n" * 500), media_type="application/gzip")


@named("status")
async def test_internal_error():
    return Response("boom", 500)


@named("status")
def test_post_only():
    app = FastAPI()
    app.post("/s")(lambda: text(*LINES))
    return asgi(app)


@named("redirect")
async def test_round_and_round():
    return RedirectResponse("/s")


@named("redirect")
async def test_a_redirect_to_what_is_no_address_of_the_web():
    return Response(status_code=302, headers={"Location": "mailto:ann@example.org"})


@named("advice-redirect")
async def test_a_redirect_to_another_origin():
    return RedirectResponse("https://lab.invalid/s")


@named("advice-error-inside")
async def test_error_under_a_200():
    return text(
        *['{"n": 1}\n'] * 3, '{"error": "database is gone"}\n', media_type="application/jsonl"
    )


@named("bad-framing")
async def test_chunked_by_hand_too():
    return text(*[f"{len(line):x}\r\n{line}\r\n" for line in LINES], "0\r\n\r\n")


@healthy
async def test_an_error_told_as_an_event():
    return sse(*EVENTS[:4], 'event: error\ndata: {"message": "upstream is gone"}\n\n')


@healthy
async def test_a_log_with_an_error_in_it():
    error = "Traceback (most recent call last):\n  File 'a.py', line 1\nKeyError: 'n'\n"
    return text("start\n", error, *LINES)


@healthy
def test_closed_at_the_end():
    def answer(line):
        line.sendall(b"HTTP/1.0 200 OK\r\nContent-Type: text/csv\r\n\r\n")
        for i in range(8):
            line.sendall(b"%d,user\n" % i)
            time.sleep(0.1)

    return raw(answer)


@healthy
@contextmanager
def test_a_file():
    with tempfile.NamedTemporaryFile(suffix=".bin") as file:
        file.write(bytes(range(256)) * 2**14)
        file.flush()
        with routed(lambda: FileResponse(file.name)) as url:
            yield url


@healthy
async def test_a_text_file():
    with tempfile.NamedTemporaryFile(suffix=".txt", delete=False) as file:
        file.write(b"a line of a text file\n" * 5000)
    return FileResponse(file.name)


@healthy
async def test_one_event_and_length():
    return Response("data: ready\n\n", media_type=SSE, headers=UNCACHED)


@healthy
async def test_moved(request: Request):
    if "there" not in request.query_params:
        return RedirectResponse("/s?there=1")
    return text(*LINES)


@named("advice-redirect")
def test_a_redirect_whose_body_is_cut():
    """Nobody reads that."""
    head = b"HTTP/1.1 302 Found\r\nLocation: http://h.invalid/\r\nContent-Length: 9\r\n\r\n"
    return raw(lambda connection: connection.sendall(head))


@named("bad-framing")
def test_chunks_under_http_1_0():
    def answer(connection):
        connection.sendall(b"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        for _ in range(3):
            connection.sendall(b"6\r\nhello\n\r\n")
            time.sleep(0.1)
        connection.sendall(b"0\r\n\r\n")

    return raw(answer)


def test_evidence_shows_text_and_not_pythons_repr_of_bytes(capsys):
    def answer(connection):
        connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        connection.sendall(b'6\r\nhello\n\r\n"no" size\r\n')

    with raw(answer) as url:
        (finding,) = diagnose(url)
    assert finding.code == "bad-framing" and "bytearray" not in capsys.readouterr().out
    assert finding.evidence == """ended early: illegal chunk header: '"no" size\\r\\n'"""
