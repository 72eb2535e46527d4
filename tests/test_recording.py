"""Recording: what came, as data, and the words made of it."""

import httpx
import pytest

from labserver.recording import Bounds, Chunk, Ending, Recording, counted

ASKED = httpx.Request("GET", "http://127.0.0.1")


def recording(*bodies, content_type="text/plain", **fields):
    response = httpx.Response(200, headers={"content-type": content_type}, request=ASKED)
    chunks = [Chunk(0.1 * i, len(body), body) for i, body in enumerate(bodies)]
    return Recording("GET", "http://127.0.0.1/x", response, 0.0, chunks, **fields)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"ending": Ending.WHOLE}, "whole."),
        ({"ending": Ending.CUT, "error": OSError("gone")}, "ended early: gone."),
        ({"ending": Ending.CUT, "error": OSError()}, "ended early: OSError."),
        ({"ending": Ending.MAX_CHUNKS, "bound": 3}, "stopped at max_chunks=3."),
        ({"ending": Ending.SECONDS, "bound": 0.25}, "stopped after seconds=0.25."),
        ({"ending": Ending.MAX_BYTES, "bound": 2**20}, "stopped at max_bytes=1,048,576."),
        ({"ending": Ending.ENOUGH}, "stopped: enough was seen."),
        ({"ending": Ending.INTERRUPTED}, "interrupted."),
        ({}, ""),
    ],
)
def test_how_it_ended_is_said(fields, words):
    one = recording(b"abc", seconds=1.5, **fields)
    assert one.ended == words
    assert one.whole == (words == "whole.")
    assert one.summary == f"3 bytes in 1 chunk, 1.500 s: {words}"
    assert repr(one) == f"<Recording GET http://127.0.0.1/x: 200, {one.summary}>"


def test_a_single_byte_is_one():
    assert recording(b"a", ending=Ending.WHOLE).summary == "1 byte in 1 chunk, 0.000 s: whole."


def test_an_error_is_shown_without_control_characters():
    one = recording(ending=Ending.CUT, error=OSError("bad \x1b[2J line"))
    assert one.ended == r"ended early: bad \x1b[2J line."


@pytest.mark.parametrize(
    ("bodies", "content_type", "text"),
    [
        ([b"Zo\xc3", b"\xab"], "text/plain", "Zoë"),
        ([b"Zo\xeb"], "text/plain; charset=latin-1", "Zoë"),
        ([b"Zo\xeb"], "text/plain", "Zo\ufffd"),
        (["Zoë".encode()], "text/plain; charset=made-up", "Zoë"),
        (["Zoë".encode()], "text/event-stream; charset=latin-1", "Zoë"),
        ([rb"\] \ud800"], "text/plain; charset=unicode_escape", rb"\] \ud800".decode()),
        ([b"+2AA-"], "text/plain; charset=utf-7", "+2AA-"),  # there, half a character
        (["Zoë".encode()], "text/plain; a*=x; a*0*=y", "Zoë"),
        ([], "text/plain", ""),
    ],
)
def test_text_is_what_was_kept(bodies, content_type, text):
    assert recording(*bodies, content_type=content_type).text == text


def test_numbers_have_their_noun():
    assert [counted(n, "event") for n in (0, 1, 2, 2000)] == [
        "0 events",
        "1 event",
        "2 events",
        "2,000 events",
    ]
    assert counted(["one"], "chunk") == "1 chunk"


@pytest.mark.parametrize(
    "bad",
    [{"max_chunks": 0}, {"max_chunks": 2.5}, {"max_chunks": float("inf")}]
    + [{"seconds": 0}, {"seconds": -1}],
)
def test_bounds_that_make_no_sense(bad):
    with pytest.raises(ValueError, match=next(iter(bad))):
        Bounds(**bad)
