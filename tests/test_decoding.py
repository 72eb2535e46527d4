"""Content-encodings are undone to their end, or the body is not called whole."""

import gzip
import zlib
from importlib import import_module

import pytest
from fastapi import FastAPI
from fastapi.responses import StreamingResponse

from labserver import record
from labserver.recording import Ending
from labserver.server import Server
from labserver.table import remarks

ROWS = [b"row %d\n" % i for i in range(5)]


def bare_deflate(data):
    compressor = zlib.compressobj(wbits=-15)
    return compressor.compress(data) + compressor.flush()


def library(name, compress):
    """Compress by a package that a learner may have; without it, the test is skipped."""
    return lambda data: compress(pytest.importorskip(name), data)


COMPRESS = {
    "gzip": gzip.compress,
    "x-gzip": gzip.compress,
    "deflate": zlib.compress,
    "deflate, bare": bare_deflate,
    "br": library("brotli", lambda brotli, data: brotli.compress(data, quality=5)),
    "zstd": library("zstandard", lambda zstd, data: zstd.ZstdCompressor().compress(data)),
}
each_coding = pytest.mark.parametrize("name", COMPRESS)


def recorded(name, *pieces):
    app = FastAPI()
    headers = {"Content-Encoding": name.removesuffix(", bare")}

    async def body():
        for piece in pieces:
            yield piece

    app.get("/")(lambda: StreamingResponse(body(), headers=headers))
    with Server(app) as server:
        return record(server.url, quiet=True)


def in_single_bytes(data):
    return [data[i : i + 1] for i in range(len(data))]


@each_coding
def test_a_whole_body_is_undone(name):
    packed = COMPRESS[name](b"".join(ROWS))
    for pieces in ([packed], in_single_bytes(packed)):
        one = recorded(name, *pieces)
        assert one.whole and one.decoded
        assert one.text.encode() == b"".join(ROWS)


@each_coding
def test_a_member_a_row_is_undone_or_said(name):
    packed = [COMPRESS[name](row) for row in ROWS]
    for pieces in (packed, [b"".join(packed)]):
        one = recorded(name, *pieces)
        assert one.ending is (Ending.CUT if name == "br" else Ending.WHOLE)  # br has no members
        assert one.cut or one.text.encode() == b"".join(ROWS)


@each_coding
def test_data_that_stop_early_are_not_whole(name, capsys):
    packed = COMPRESS[name](b"".join(ROWS) * 100)
    for kept in (1, len(packed) // 2, len(packed) - 1):
        one = recorded(name, packed[:kept])
        assert one.ending is Ending.CUT and "stop before their end" in one.ended
        assert b"".join(ROWS * 100).startswith(one.text.encode())
    assert capsys.readouterr().out.count("ended early") == 3  # also where it is quiet


@each_coding
def test_bytes_after_the_end_are_not_whole(name):
    one = recorded(name, COMPRESS[name](b"row 0\n"), b"no member")
    assert one.ending is Ending.CUT and "cannot be undone" in one.ended
    assert one.text == "row 0\n"


def test_zeros_after_a_gzip_member_are_padding():
    one = recorded("gzip", gzip.compress(b"one\n") + bytes(9), bytes(9), gzip.compress(b"two\n"))
    assert one.whole and one.text == "one\ntwo\n"


def test_zeros_alone_are_no_gzip_body():
    for zeros in (bytes(50), bytes(5) + gzip.compress(b"one\n")):
        assert recorded("gzip", zeros).ending is Ending.CUT


@each_coding
def test_an_empty_body_is_whole(name):
    for pieces in ([], [COMPRESS[name](b"")]):
        one = recorded(name, *pieces)
        assert one.whole and one.text == ""


def test_two_codings_are_undone_in_turn():
    app = FastAPI()
    packed = gzip.compress(zlib.compress(b"twice"))
    headers = {"Content-Encoding": "deflate, gzip"}
    app.get("/")(lambda: StreamingResponse(iter([packed]), headers=headers))
    with Server(app) as server:
        assert record(server.url, quiet=True).text == "twice"


def test_an_unknown_coding_is_left_as_it_is():
    one = recorded("made-up", b"as it came")
    assert one.whole and not one.decoded and one.text == "as it came"
    assert "Its content-encoding is not undone: the data is shown as it came." in remarks(one)
    assert remarks(recorded("identity", b"x")) == []


def test_packages_that_decode_more_are_those_of_httpx():
    accepted = recorded("identity", b"").response.request.headers["accept-encoding"]
    for coding, package in (("br", "brotli"), ("zstd", "zstandard")):
        try:
            import_module(package)
        except ImportError:
            assert coding not in accepted
        else:
            assert coding in accepted


@pytest.mark.parametrize("name", ["gzip", "gzip, gzip", "br", "zstd"])
def test_a_few_bytes_that_stand_for_many_come_in_small_pieces(name):
    """A body that would fill the memory ends at a bound, as any other."""
    packed = bytes(100 * 2**20)
    for coding in name.split(", "):
        packed = COMPRESS[coding](packed)
    app = FastAPI()
    headers = {"Content-Encoding": name}
    app.get("/")(lambda: StreamingResponse(iter([packed]), headers=headers))
    with Server(app) as server:
        got = record(server.url, quiet=True, max_chunks=5, keep_data=False)
    assert got.ending is Ending.MAX_CHUNKS
    assert max(chunk.size for chunk in got.chunks) <= 8 * 2**20


@each_coding
def test_a_few_bytes_that_stand_for_many_come_whole(name):
    for size in (2**22, 2**23 + 1):
        one = recorded(name, COMPRESS[name](bytes(size)))
        assert one.whole and one.size == size, one


@each_coding
def test_large_members_in_one_piece_are_undone_one_after_another(name):
    """What zlib leaves of its input at the end of a member was fed to it for ever."""
    for size in (2**20, 3 * 2**19):
        one = recorded(name, COMPRESS[name](bytes(size)) * 3)
        assert name == "br" or (one.whole and one.size == 3 * size), one  # br has no members


def test_more_codings_than_two_are_left():
    assert not recorded(", ".join(["gzip"] * 3000)[:7000], b"x").decoded
