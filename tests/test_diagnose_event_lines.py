"""diagnose: single lines of server-sent events."""

import json
import time
from dataclasses import replace

import pytest
from services import DONE, EVENTS, named, observed, said_of, sse

from labserver.diagnosis.observation import Pair
from labserver.diagnosis.rules import event_lines
from labserver.recording import Ending


@named("lost-lines")
async def test_json_on_several_lines():
    return sse(*[f"data: {json.dumps({'n': i}, indent=1)}\n\n" for i in range(4)])


@named("event-without-data")
async def test_end_event_without_data():
    return sse(*EVENTS[:4], "event: done\n\n")


def test_utf_16_is_no_utf_8():
    events = ["data: 1\n\n".encode("utf-16-le")] * 4
    assert said_of(observed(*events))["not-utf-8"] == "byte 0x00 at position 1, as UTF-16 has"
    assert "not-utf-8" not in said_of(observed("data: a\0b\n\n"))


@named("not-utf-8")
async def test_latin_1():
    return sse(*[f"data: caf\u00e9 {i}\n\n".encode("latin-1") for i in range(4)])


@named("bad-retry")
async def test_retry_in_words():
    return sse("retry: 3s\n\n", *EVENTS[:3], DONE)


@pytest.mark.parametrize("value", ["0500", "500", "0", "10", "3000", "99999999999999999999999"])
def test_a_retry_that_a_client_follows(value):
    assert "bad-retry" not in said_of(observed(f"retry: {value}\n\n", *EVENTS))


@pytest.mark.parametrize("value", ["3s", "-1", "1.5", "", " 500 ", "+5", "٣", "3", "09"])
def test_a_retry_that_is_ignored_or_was_meant_in_seconds(value):
    assert "bad-retry" in said_of(observed(f"retry: {value}\n\n", *EVENTS))


@pytest.mark.parametrize(
    "frame",
    ["id: 7\n\n", "id: 7\nretry: 500\n\n", "id\n\n", "event: ping\n\n", ": x\n\n"]
    + ["ping: \n\n", "heartbeat\n\n"],  # Hystrix sends the former
)
def test_a_checkpoint_or_a_heartbeat_needs_no_data(frame):
    seen = observed(*EVENTS[:4], frame, *EVENTS[4:], DONE)
    seen = replace(seen, pair=Pair([seen.alone, seen.alone]))  # asked again, the ids are the same
    named = {"event-without-data", "lost-lines", "ids-missing", "new-ids"}
    assert not {*said_of(seen)} & named


@pytest.mark.parametrize("frame", ["event: end\n\n", "id: 7\nevent: end\n\n", "event: x\nid\n\n"])
def test_an_event_needs_data(frame):
    assert "event-without-data" in said_of(observed(*EVENTS, frame, DONE))


@pytest.mark.parametrize(
    ("pieces", "code"),
    [
        (["data: 50%\r60%\n\n"] * 3, "carriage-return"),
        (["data: 50%\r", "60%\n\n"] * 3, "carriage-return"),
        (["\ufeffdata: 1\n\n"] * 3, "byte-order-mark"),
        (["data: \ufeff1\n\n"] * 3, "byte-order-mark"),
        (["id: \ufeff1\ndata: a\n\n"] * 3, "byte-order-mark"),
        (["data: a\nb\n\n"] * 3, "lost-lines"),
        (["data: a\nping\n\n"] * 3, "lost-lines"),
        (["data: a\r\nb\r\n\r\n"] * 3, "lost-lines"),
        (["data: a\rb\r\r"] * 3, "lost-lines"),
        (["Data: a\ndata: b\n\n"] * 3, "lost-lines"),
        (["data: a\r\ndata: b\r\n\r\n"] * 3, None),
        (["data: a\rdata: b\r\r"] * 3, None),
        (["data: a\r\n", "\r\n"] * 3, None),
        (["\ufeffdata: 1\n\n", "data: 2\n\n"], None),
    ],
)
def test_what_ends_a_line_or_hides_its_name_is_called_that(pieces, code):
    found = {*said_of(observed(*pieces))} & {"carriage-return", "byte-order-mark", "lost-lines"}
    assert found == ({code} if code else set())


@pytest.mark.parametrize("last", ["data: café\n\n", "data: €\n", "data: 🙂\n\n", b"data: caf\xc3"])
def test_a_letter_near_the_last_byte_that_came_is_none_to_accuse(last):
    seen = observed("data: a\n\n", last, ending=Ending.ENOUGH)
    assert "not-utf-8" not in said_of(seen)


def test_what_is_not_utf_8_is_named_by_its_byte():
    found = said_of(observed("data: ok\n\n", "data: café\n\n".encode("latin-1")))
    assert found["not-utf-8"] == "byte 0xe9 at position 19, after 'data: ok\\n\\ndata: caf'"


def test_a_long_line_takes_no_long_time():
    """A picture in base64, say: the time grows with the bytes, not with their square."""

    def seconds(size):
        body = b"data: " + b"x" * size + b"\n\n" + b"a\rb\rc\n" * 9
        start = time.process_time()
        assert len(event_lines.BARE_CR.findall(body)) == 18
        return time.process_time() - start

    short, long = (min(seconds(size) for _ in range(5)) for size in (10**5, 10**6))
    assert long < 40 * short


@pytest.mark.parametrize(
    ("retry", "told"), [("3000", False), ("3600000", False), ("9" * 11, True)]
)
def test_a_retry_after_which_nobody_is_there(retry, told):
    said = said_of(observed(f"retry: {retry}\ndata: 1\n\n", "data: 2\n\n"))
    assert ("advice-retry" in said) is told
