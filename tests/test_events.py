"""The event stream format: the standard's examples, 98 vectors, and what holds for any bytes."""

import base64
import itertools
import json
import random
import re
import time
import tracemalloc
from pathlib import Path

import httpx
import httpx_sse
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from labserver.events import Event, EventDecoder, is_event_stream

VECTORS = json.loads((Path(__file__).parent / "data" / "sse_vectors.json").read_text())["vectors"]
for known in VECTORS:
    known["body"] = base64.b64decode(known["input_b64"])
    events = [Event(**event) for event in known["events"]]
    known["expected"] = events, known["last_event_id"], known["retry"]


def decode(*pieces):
    """What a decoder fed these pieces has seen: events, last event ID, retry."""
    decoder = EventDecoder()
    events = [event for piece in pieces for event in decoder.feed(piece)]
    return events, decoder.last_event_id, decoder.retry


def messages(*data):
    return [Event("message", text, "") for text in data]


def cut(body, positions):
    """The body in pieces, empty ones among them where a position comes twice."""
    edges = [0, *sorted(min(position, len(body)) for position in positions), len(body)]
    return [body[start:end] for start, end in itertools.pairwise(edges)]


def single_bytes(body):
    return [body[i : i + 1] for i in range(len(body))]


# The standard's own examples


def test_whatwg_introduction_unnamed_messages():
    body = (
        b"data: This is the first message.\n\n"
        b"data: This is the second message, it\ndata: has two lines.\n\n"
        b"data: This is the third message.\n\n"
    )
    assert EventDecoder().feed(body) == messages(
        "This is the first message.",
        "This is the second message, it\nhas two lines.",
        "This is the third message.",
    )


def test_whatwg_introduction_named_events():
    body = (
        b"event: add\ndata: 73857293\n\nevent: remove\ndata: 2153\n\nevent: add\ndata: 113411\n\n"
    )
    assert EventDecoder().feed(body) == [
        Event("add", "73857293", ""),
        Event("remove", "2153", ""),
        Event("add", "113411", ""),
    ]


def test_whatwg_example_one_event_of_three_data_lines():
    assert EventDecoder().feed(b"data: YHOO\ndata: +2\ndata: 10\n\n") == messages("YHOO\n+2\n10")


def test_whatwg_example_four_blocks():
    decoder = EventDecoder()
    # A comment alone fires nothing.
    assert decoder.feed(b": test stream\n\n") == []
    assert decoder.feed(b"data: first event\nid: 1\n\n") == [Event("message", "first event", "1")]
    assert decoder.last_event_id == "1"
    # An id without a value: a reconnect would send no Last-Event-ID.
    assert decoder.feed(b"data:second event\nid\n\n") == [Event("message", "second event", "")]
    assert decoder.last_event_id == ""
    # Of two spaces, one belongs to the data.
    assert decoder.feed(b"data:  third event\n\n") == [Event("message", " third event", "")]


def test_whatwg_example_four_blocks_with_the_last_blank_line_missing():
    body = b"data: first event\nid: 1\n\ndata:  third event\n"
    assert decode(body) == ([Event("message", "first event", "1")], "1", None)


def test_whatwg_example_empty_data_fires_and_the_last_block_is_discarded():
    assert EventDecoder().feed(b"data\n\ndata\ndata\n\ndata:") == messages("", "\n")


def test_whatwg_example_space_after_the_colon_is_optional():
    assert EventDecoder().feed(b"data:test\n\ndata: test\n\n") == messages("test", "test")


# The vectors


def test_there_are_98_vectors_with_names_of_their_own():
    assert len({vector["name"] for vector in VECTORS}) == len(VECTORS) == 98


@pytest.fixture(params=VECTORS, ids=lambda vector: vector["name"])
def vector(request):
    return request.param


def test_vector_whole(vector):
    assert decode(vector["body"]) == vector["expected"]


def test_vector_a_byte_at_a_time(vector):
    assert decode(*single_bytes(vector["body"])) == vector["expected"]


def test_vector_cut_at_every_position(vector):
    body = vector["body"]
    positions = range(len(body) + 1)
    if len(body) > 10_000:  # both ends and 200 places between them stand for every position
        middle = random.Random(9).sample(positions[50:-50], 200)
        positions = [*positions[:50], *middle, *positions[-50:]]
    for position in positions:
        assert decode(body[:position], body[position:]) == vector["expected"], position


@pytest.mark.parametrize(
    "vector", [v for v in VECTORS if "chunks_b64" in v], ids=lambda vector: vector["name"]
)
def test_vector_in_the_chunks_of_its_source(vector):
    chunks = [base64.b64decode(chunk) for chunk in vector["chunks_b64"]]
    assert b"".join(chunks) == vector["body"]
    assert decode(*chunks) == vector["expected"]


def test_vector_content_type_is_an_event_stream(vector):
    assert is_event_stream(vector["content_type"])


@pytest.mark.parametrize("end", [b"\r", b"\r\n"], ids=["CR", "CRLF"])
@pytest.mark.parametrize(
    "vector", [v for v in VECTORS if b"\r" not in v["body"]], ids=lambda vector: vector["name"]
)
def test_vector_with_other_line_ends(vector, end):
    assert decode(vector["body"].replace(b"\n", end)) == vector["expected"]


def test_httpx_sse_passes_81_of_the_98():
    """What the lesson says of the library: its public reader, on responses with these bodies."""
    passed = {vector["name"] for vector in VECTORS if _httpx_sse(vector) == vector["expected"]}
    agree = {vector["name"] for vector in VECTORS if "httpx-sse 0.4.3" in vector["agree"]}
    assert passed == agree
    assert len(passed) == 81


def _httpx_sse(vector):
    headers = {"content-type": vector["content_type"]}
    response = httpx.Response(200, headers=headers, content=iter([vector["body"]]))
    try:
        events = list(httpx_sse.EventSource(response).iter_sse())
    except httpx_sse.SSEError as error:
        return error
    retries = [event.retry for event in events if event.retry is not None]
    return (
        [Event(event.event, event.data, event.id) for event in events],
        events[-1].id if events else "",
        retries[-1] if retries else None,
    )


# When an event comes


@pytest.mark.parametrize(
    "body", [b"data: x\n\n", b"data: x\r\r", b"data: x\n\r", b"data: x\r\n\n", b"data: x\r\n\r"]
)
def test_event_comes_with_the_first_byte_that_ends_its_blank_line(body):
    decoder = EventDecoder()
    assert [decoder.feed(byte) for byte in single_bytes(body[:-1])] == [[]] * (len(body) - 1)
    assert decoder.feed(body[-1:]) == messages("x")


def test_line_feed_that_belongs_to_an_earlier_cr_is_no_blank_line():
    decoder = EventDecoder()
    assert decoder.feed(b"data: x\r") == []
    assert decoder.feed(b"") == []  # no bytes are not "the next byte"
    assert decoder.feed(b"\n") == []
    assert decoder.feed(b"\n") == messages("x")


def test_only_one_line_feed_belongs_to_a_cr():
    decoder = EventDecoder()
    assert decoder.feed(b"data: x\r") == []
    assert decoder.feed(b"\n\ndata: y\r\r") == messages("x", "y")


def test_every_prefix_has_dispatched_what_it_holds(vector):
    body = vector["body"][:400]
    decoder = EventDecoder()
    seen = []
    for length, byte in enumerate(single_bytes(body), 1):
        seen += decoder.feed(byte)
        assert (seen, decoder.last_event_id, decoder.retry) == decode(body[:length])


def test_last_event_id_waits_for_the_blank_line():
    decoder = EventDecoder()
    decoder.feed(b"id: 1\ndata: x\n\nid: 2\ndata: y\n")
    assert decoder.last_event_id == "1"
    decoder.feed(b"\n")
    assert decoder.last_event_id == "2"


def test_retry_does_not_wait_for_the_blank_line():
    decoder = EventDecoder()
    decoder.feed(b"retry: 250")
    assert decoder.retry is None
    decoder.feed(b"\r")
    assert decoder.retry == 250


def test_id_and_retry_outlive_a_connection():
    """As in Chromium; test_lesson_06.py holds a whole reader against it."""
    decoder = EventDecoder("7", 250)
    assert decoder.feed(b": ping\n\n") == []
    assert (decoder.last_event_id, decoder.retry) == ("7", 250)
    assert decoder.feed(b"data: x\n\n") == [Event("message", "x", "7")]
    assert decoder.feed(b"id\nretry: 0\n\n") == []
    assert (decoder.last_event_id, decoder.retry) == ("", 0)


# Single fields


@pytest.mark.parametrize(
    ("value", "milliseconds"),
    [
        (b"0", 0),
        (b"0000000000000000000000000000250", 250),
        (b"9223372036854775807", 2**63 - 1),
        (b"9223372036854775808", 2**63 - 1),
        (b"10000000000000000000", 2**63 - 1),
        (b"1" * 100_000, 2**63 - 1),
        (b"0" * 100_000 + b"7", 7),
    ],
    ids=lambda value: repr(value)[:24],
)
def test_retry_of_any_length(value, milliseconds):
    assert decode(b"retry: " + value + b"\n") == ([], "", milliseconds)


@pytest.mark.parametrize(
    "value", ["", "+1", "1_0", "1 0", "\t1", "1\0", "0x10", "1e3", "²", "\u0661", "\uff11"]
)
def test_retry_of_anything_but_ascii_digits_is_ignored(value):
    assert decode(b"retry: 1500\nretry: " + value.encode() + b"\n") == ([], "", 1500)


@pytest.mark.parametrize("line", ["Data: y", "EVENT: y", "Id: y", "ID: y", "Retry: 1", "dat: y"])
def test_field_names_are_compared_as_they_are_written(line):
    assert decode(f"{line}\ndata: x\n\n".encode()) == (messages("x"), "", None)


@pytest.mark.parametrize("character", "\v\f\x1c\x1d\x1e\x85\u2028\u2029\0\ufeff")
def test_characters_that_end_no_line(character):
    assert decode(f"data: a{character}b\n\n".encode())[0] == messages(f"a{character}b")


@pytest.mark.parametrize("pieces", [[b"\xef\xbb\xbf"], [b"\xef", b"\xbb", b"\xbf"]])
def test_byte_order_mark_that_comes_apart_from_the_first_line(pieces):
    assert decode(*pieces, b"data: x\n\n")[0] == messages("x")


def test_byte_order_mark_after_an_empty_first_line_is_text():
    assert decode(b"\n\xef\xbb\xbfdata: x\n\n")[0] == []


@pytest.mark.parametrize(
    "content_type",
    [
        "text/event-stream",
        "TEXT/Event-Stream",
        " text/event-stream\t",
        "text/event-stream; charset=utf-8",
        "text/event-stream ;charset=utf-8",
        "text/event-stream;",
        "text/event-stream;charset=windows-1252",
    ],
)
def test_is_event_stream(content_type):
    assert is_event_stream(content_type)


@pytest.mark.parametrize(
    "content_type",
    [
        "",
        "text/plain",
        "text/event-stream2",
        "x-text/event-stream",
        "text/plain; note=text/event-stream",
        "text/event-\u017ftream",  # casefold() would make this long s an s
        "event-stream",
    ],
)
def test_is_no_event_stream(content_type):
    assert not is_event_stream(content_type)


# Any bytes, cut anywhere. No database, so that a run leaves no file of examples behind.

any_bytes = settings(max_examples=500, deadline=None, database=None)

FIELDS = [b"data", b"event", b"id", b"retry", b":", b": ", b"data: x", b"id: 1", b"retry: 7"]
ENDS = [b"\n", b"\n", b"\r", b"\r", b"\r\n", b"\n\n", b"\r\r", b"\r\n\r\n"]
TEXTS = [b"\0", b"0", b" ", b"\xef\xbb\xbf", b"\xc2\x85", b"\xe2\x80\xa8", b"\xf0\x9f\x98\x80"]
BROKEN = [
    b"\xef",
    b"\xbb",
    b"\xbf",
    b"\xf0",
    b"\x9f",
    b"\xe2\x82",
    b"\xed\xa0\x80",
    b"\xc0",
    b"\xff",
]
parts = st.sampled_from([*FIELDS, *ENDS, *TEXTS, *BROKEN])
streams = st.lists(parts | st.binary(max_size=3), max_size=40).map(b"".join)
positions = st.lists(st.integers(0, 120), max_size=12)


@any_bytes
@given(streams, positions)
@example(b"data: x\r\r\n\r\ndata: y\r\r", [8, 9, 10])
def test_any_cuts_give_the_same_events(body, positions):
    whole = decode(body)
    assert decode(*cut(body, positions)) == whole
    assert decode(*single_bytes(body)) == whole


@any_bytes
@given(streams)
@example(b"\xef\xbb\xbf\xef\xbb\xbfdata: x\n\ndata: y\n\n")
def test_any_stream_is_read_as_the_standard_words_it(body):
    assert decode(body) == by_the_letter(body)


@any_bytes
@given(st.binary(max_size=4000), positions)
def test_random_bytes_never_raise(body, positions):
    events, last_event_id, retry = decode(*cut(body, positions))
    assert all(isinstance(event, Event) for event in events)
    assert isinstance(last_event_id, str)
    assert retry is None or retry >= 0


def by_the_letter(body):
    """Sections 9.2.5 and 9.2.6, a sentence a line: buffers are strings, the body is whole."""
    text = utf8_decode(body)
    data = event_type = id_buffer = last_event_id = ""
    retry, events = None, []
    for line in re.split("\r\n|\n|\r", text)[:-1]:
        if line == "":
            last_event_id = id_buffer
            if data:
                events.append(Event(event_type or "message", data[:-1], last_event_id))
            data = event_type = ""
            continue
        if line.startswith(":"):
            continue
        field, value = line.split(":", 1) if ":" in line else (line, "")
        if value.startswith(" "):
            value = value[1:]
        if field == "event":
            event_type = value
        elif field == "data":
            data += value + "\n"
        elif field == "id" and "\0" not in value:
            id_buffer = value
        elif field == "retry" and re.fullmatch("[0-9]+", value):
            retry = min(int(value), 2**63 - 1)
    return events, last_event_id, retry


def utf8_decode(body):
    """ "UTF-8 decode" of the Encoding standard, a byte a step as in its section 8.1.1."""
    body = body[3:] if body.startswith(b"\xef\xbb\xbf") else body
    text, point, needed, lower, upper, i = [], 0, 0, 0x80, 0xBF, 0
    while i < len(body):
        byte = body[i]
        if needed == 0:
            i += 1
            if byte <= 0x7F:
                text.append(chr(byte))
            elif 0xC2 <= byte <= 0xDF:
                needed, point = 1, byte & 0x1F
            elif 0xE0 <= byte <= 0xEF:
                lower, upper = 0xA0 if byte == 0xE0 else 0x80, 0x9F if byte == 0xED else 0xBF
                needed, point = 2, byte & 0xF
            elif 0xF0 <= byte <= 0xF4:
                lower, upper = 0x90 if byte == 0xF0 else 0x80, 0x8F if byte == 0xF4 else 0xBF
                needed, point = 3, byte & 0x7
            else:
                text.append("\ufffd")
        elif lower <= byte <= upper:
            i += 1
            needed, point, lower, upper = needed - 1, point << 6 | byte & 0x3F, 0x80, 0xBF
            if needed == 0:
                text.append(chr(point))
        else:  # the byte is looked at again, as the start of the next character
            needed, lower, upper = 0, 0x80, 0xBF
            text.append("\ufffd")
    return "".join(text) + ("\ufffd" if needed else "")


# What a server encodes comes back

LINE_ENDS = ["\n", "\r", "\r\n"]

characters = st.characters(exclude_categories=["Cs"])  # no surrogates: UTF-8 has none
one_line = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\r\n"), max_size=12
)
many_lines = st.lists(characters | st.sampled_from(LINE_ENDS), max_size=40).map("".join)
ids = one_line.filter(lambda text: "\0" not in text)
sent_events = st.builds(Event, one_line, many_lines, ids)


def encode(events, ends):
    """Events by hand, each line with the next of `ends`."""
    text = ""
    for event, data, last_event_id in events:
        fields = [f"event: {event}", f"id: {last_event_id}"]
        fields += [f"data: {line}" for line in re.split("\r\n|\n|\r", data)]
        for line in [*fields, ""]:
            end = next(ends)
            # An empty line between CR and LF would be none: the two are one line end.
            text += line + ("\r\n" if not line and text[-1] == "\r" and end == "\n" else end)
    return text.encode()


def received(events):
    """The events as they arrive: no name is "message", line ends in data are LF."""
    return [
        Event(event or "message", re.sub("\r\n?", "\n", data), last_event_id)
        for event, data, last_event_id in events
    ]


@any_bytes
@given(st.lists(sent_events, max_size=4), st.randoms(use_true_random=False), positions)
def test_encoded_events_come_back_whatever_the_line_ends(events, rng, positions):
    body = encode(events, iter(lambda: rng.choice(LINE_ENDS), None))
    assert decode(*cut(body, positions))[0] == received(events)


# What it costs

KIB = 1024


def processor_time(prefix, piece, count):
    """Seconds of this thread to feed `count` pieces and one blank line; the best of three."""
    best = float("inf")
    for _ in range(3):
        decoder = EventDecoder()
        started = time.thread_time()
        decoder.feed(prefix)
        for _ in range(count):
            decoder.feed(piece)
        decoder.feed(b"\n\n")
        best = min(best, time.thread_time() - started)
    return best


@pytest.mark.parametrize(
    ("prefix", "piece"),
    [(b"data: ", b"x" * 128), (b": ", b"x" * 128), (b"", b"data: x\n" * 16)],
    ids=["one data line", "one comment", "one event of many data lines"],
)
def test_time_grows_with_the_bytes_not_with_their_square(prefix, piece):
    small = processor_time(prefix, piece, 4 * KIB)
    large = processor_time(prefix, piece, 32 * KIB)  # 4 MiB
    assert large / small < 8 * 4  # 8 times the bytes; the square would be 64 times


def test_cuts_do_not_lose_or_mix_a_long_line():
    body = b"data: " + bytes(random.Random(9).choices(b"abc \xc3\xa9:", k=512 * KIB)) + b"\n\n"
    pieces = [body[i : i + KIB] for i in range(0, len(body), KIB)]
    assert decode(*pieces) == by_the_letter(body)


@pytest.mark.parametrize(
    "piece",
    [b": ping\n\n" * 2000, b"id: 7\nevent: e\ndata: x\n\n" * 700, b"event: e\nunknown: x\n" * 800],
    ids=["comments", "events", "fields without data"],
)
def test_nothing_is_kept_but_the_event_under_way(piece):
    decoder = EventDecoder()
    decoder.feed(piece)
    tracemalloc.start()
    try:
        for _ in range(20):
            decoder.feed(piece)
        kept, _peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert kept < len(piece)  # 20 times as much went through
