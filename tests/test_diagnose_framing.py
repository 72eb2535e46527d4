"""diagnose: events that are framed twice."""

import asyncio
import json
import warnings

import pytest
from fastapi import FastAPI
from fastapi.sse import EventSourceResponse as NativeResponse
from services import DONE, SSE, asgi, healthy, named, observed, said_of, sse, text
from sse_starlette import EventSourceResponse


@named("framed-twice")
async def test_formatted_and_then_framed():
    async def events():
        for i in range(4):
            yield f"data: {i}\n\n"
            await asyncio.sleep(0.1)

    return EventSourceResponse(events())


@named("framed-twice")
async def test_keep_alive_framed_again():
    async def events():
        for i in range(6):
            yield ": keep-alive\n\n" if i % 3 == 1 else {"data": json.dumps({"n": i})}
            await asyncio.sleep(0.1)

    return EventSourceResponse(events())


def native(*values):
    """A service of fastapi.sse that yields these."""
    app = FastAPI()

    @app.get("/s", response_class=NativeResponse)
    async def events():
        for value in values:
            yield value
            await asyncio.sleep(0.05)
        yield {"done": True}

    return asgi(app)


@named("framed-twice")
def test_frames_given_to_fastapi():
    return native(*[f"data: {i}\n\n" for i in range(5)])


@named("advice-framed-twice")
def test_dicts_of_a_name_and_data_given_to_fastapi():
    """They may be meant so: nothing tells them from the next one."""
    return native(*[{"event": "tick", "data": i} for i in range(5)])


@pytest.mark.parametrize(
    ("value", "told"),
    [
        (lambda frame: {"message": frame}, True),
        (lambda frame: [frame], True),
        (lambda frame: {"text": f"Write it as\n{frame}"}, False),
        (lambda frame: {"text": frame.strip()}, False),
    ],
)
def test_frames_inside_an_object_of_json(value, told):
    events = [f"data: {json.dumps(value(f'data: {i}{chr(10) * 2}'))}\n\n" for i in range(5)]
    assert ("advice-framed-twice" in said_of(observed(*events))) is told


@pytest.mark.parametrize(
    ("data", "told"),
    [(":)", False), (":tada: :tada:", False), (":param x: a number", False), (": ping", True)],
)
def test_a_colon_makes_no_comment_of_what_people_write(data, told):
    assert ("framed-twice" in said_of(observed(*[f"data: {data}\n\n"] * 5))) is told


@pytest.mark.parametrize(
    ("data", "told"),
    [
        ("event%3A+tick%0Adata%3A+1%0A%0A", True),
        ("ZGF0YTogMQoK", True),
        ("data&#58; 1&#10;&#10;", True),
        ('["event: tick", "data: 1", ""]', True),
        ('["event: tick", "data: 1"]', True),
        ('["note: 1", "data: 1"]', False),
        ('["data: 1"]', False),
        ("ZGF0YTogMQ==", False),
        ("100%0A%0A", False),
    ],
)
def test_frames_in_lines_or_in_an_escape(data, told):
    said = said_of(observed(*[f"data: {data}\n\n"] * 5))
    assert ("advice-framed-twice" in said) is told


@pytest.mark.parametrize("frame", [b"data: 1\r\n\r\n", b"event: tick\ndata: 1\n\n"])
def test_the_repr_of_a_frame_in_bytes(frame):
    for data in (repr(frame), json.dumps(repr(frame))):
        assert "framed-twice" in said_of(observed(*[f"data: {data}\n\n"] * 5))


@named("framed-twice")
async def test_the_repr_of_frames():
    return sse(*[f"data: {f'data: {i}' + chr(10) * 2!r}\n\n" for i in range(5)], DONE)


@named("framed-twice")
def test_dicts_with_ids_given_to_fastapi():
    return native(*[{"id": str(i), "event": "tick", "data": "x"} for i in range(5)])


@healthy
def test_objects_that_have_other_keys_too():
    return native(*[{"event": "tick", "data": i, "at": 0.1} for i in range(5)])


@named("advice-framed-twice")
async def test_a_name_and_data_in_json():
    """Which many a service sends, and means, with headers as those of fastapi.sse."""
    objects = [{"event": "token", "data": str(i)} for i in range(5)]
    headers = {"Cache-Control": "no-cache", "X-Accel-Buffering": "no"}
    pieces = [f"data: {json.dumps(value)}\n\n" for value in objects]
    return text(*pieces, DONE, media_type=SSE, headers=headers, every=0.05)


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"id": "1", "event": "x", "data": "y"}, "framed-twice"),
        ({"data": "y", "retry": 500}, "framed-twice"),
        ({"id": 1, "data": "y"}, "advice-framed-twice"),
        ({"data": "y"}, None),
        ({"data": '{"n": 1}'}, "advice-framed-twice"),
        ({"data": {"n": 1}}, None),
        ({"data": "y", "comment": "z"}, None),
        ({"event": "x"}, None),
    ],
)
def test_which_objects_are_an_events_fields(fields, code):
    found = said_of(observed(*[f"data: {json.dumps(fields)}\n\n"] * 5, DONE))
    assert {*found} & {"framed-twice", "advice-framed-twice"} == ({code} if code else set())


def test_an_event_that_has_its_name_needs_no_other():
    text = json.dumps({"id": "1", "event": "x", "data": "y"})
    found = said_of(observed(*[f"id: 1\nevent: x\ndata: {text}\n\n"] * 5, DONE))
    assert "framed-twice" not in found


@pytest.mark.parametrize(
    "data",
    [
        json.dumps("data: 1\n\n"),
        json.dumps("data: 1\r\n\r\n"),
        json.dumps("data: 1\r\r"),
        json.dumps({"data": "data: 1\n\n"}),
        json.dumps({"event": "x", "data": "event: y\ndata: 1\n\n"}),
        "data: data: 1",
        "data:1",
    ],
)
def test_a_frame_is_one_in_json_and_by_each_line_end_too(data):
    assert "framed-twice" in said_of(observed(*[f"data: {data}\n\n"] * 5, DONE))


@pytest.mark.parametrize(
    "data", [{"text": "data: 1\n\n"}, {"data": "data: is"}, ["data: 1\n\n"], "x: y"]
)
def test_what_an_object_of_ones_own_says_is_no_frame(data):
    assert "framed-twice" not in said_of(observed(*[f"data: {json.dumps(data)}\n\n"] * 5, DONE))


def test_what_python_warns_of_when_it_reads_a_text_is_not_printed():
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        said_of(observed(*[rf"data: '\d+ {i}'" + "\n\n" for i in range(4)]))
    assert warned == []
