"""diagnose: the format of server-sent events."""

import asyncio
import json

import pytest
from fastapi import FastAPI
from fastapi.sse import EventSourceResponse as NativeResponse
from services import DONE, EVENTS, asgi, healthy, named, observed, said_of, sse, text

from labserver.recording import Ending


@named("no-blank-line")
async def test_one_newline_only():
    return sse(*[f"data: {i}\n" for i in range(6)])


@named("no-blank-line")
async def test_escaped_newlines():
    return sse(*[rf"data: {i}\n\n" for i in range(6)])


@pytest.mark.parametrize("end", ["\u2028", "\u2029", "\x85", "\f"])
@pytest.mark.parametrize("ending", [Ending.WHOLE, Ending.ENOUGH])
def test_what_is_no_line_end_here_is_named(end, ending):
    events = [f"event: tick{end}data: {i}{end}{end}" for i in range(5)]
    said = said_of(observed(*events, cache_control="no-store", ending=ending))
    assert [*said] == ["no-blank-line"] and said["no-blank-line"].startswith(f"U+{ord(end):04X} ")
    assert "no-blank-line" not in said_of(observed(f"data: a{end}{end}b\n\n"))


@pytest.mark.parametrize(
    ("name", "told"),
    [('"tick"', True), ("'tick'", True), (" tick", True), ("tick ", True), ("o'clock", False)],
)
def test_a_name_that_no_listener_asks_for(name, told):
    events = [f"event: {name}\ndata: {i}\n\n" for i in range(4)]
    assert ("advice-event-name" in said_of(observed(*events))) is told


@named("no-blank-line")
async def test_a_blank_line_in_front_of_the_next():
    return sse(*[f"\ndata: {i}\n" for i in range(6)], "\n", every=0.4)


def test_how_late_an_event_ends_is_told():
    late = observed(*["\ndata: 1\n"] * 6, every=0.5)
    assert said_of(late)["no-blank-line"] == (
        "5 events, most of them 0.500 s after their last line"
    )
    lines = ["event: tick\n", "data: 1\n", "\n"]  # line by line, each soon after the other
    assert "no-blank-line" not in said_of(observed(*lines * 4, every=0.05))


@named("unfinished-event")
async def test_last_without_a_blank_line():
    return sse(*EVENTS[:4], "event: done\ndata: the result")


@named("not-labelled")
async def test_events_as_text():
    return text(*EVENTS)


@named("not-labelled")
async def test_events_as_json():
    return text(*EVENTS, media_type="application/json")


@named("no-events")
async def test_rows_labelled_as_events():
    return sse(*[json.dumps({"n": i}) + "\n" for i in range(5)])


@healthy
def test_native_events():
    app = FastAPI()

    @app.get("/s", response_class=NativeResponse)
    async def events():
        for i in range(8):
            yield {"n": i}
            await asyncio.sleep(0.15)
        yield {"done": True}

    return asgi(app)


@healthy
def test_asgi_by_hand():
    async def app(scope, receive, send):
        if scope["type"] != "http":
            return
        headers = [(b"content-type", b"text/event-stream"), (b"cache-control", b"no-cache")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        for piece in ("\ufeff: hello\r\r", *EVENTS, DONE):
            body = piece.replace("\n", "\r").encode()
            await send({"type": "http.response.body", "body": body, "more_body": True})
            await asyncio.sleep(0.1)
        await send({"type": "http.response.body", "body": b""})

    return asgi(app)


@healthy
async def test_events_of_a_job():
    stages = [f"event: progress\ndata: {p}\n\n" for p in range(0, 100, 20)]
    return sse(": started\n\nretry: 3000\n\n", *stages, DONE)


@pytest.mark.parametrize("ending", [Ending.WHOLE, Ending.SECONDS])
@pytest.mark.parametrize("frame", ["  data: 1\n\n", "\tdata: 1\n\n", "text\n\n", "Data: 1\n\n"])
def test_frames_without_an_event_are_a_finding_also_without_an_end(frame, ending):
    assert "no-events" in said_of(observed(*[frame] * 89, ending=ending))


@pytest.mark.parametrize("frame", [": ping\n\n", "retry: 500\n\n", "id: 1\n\n", "\n"])
def test_a_stream_may_have_nothing_to_say_yet(frame):
    assert "no-events" not in said_of(observed(*[frame] * 9, ending=Ending.SECONDS))


def test_an_indented_frame_whose_name_alone_is_not_is_one_fault():
    found = said_of(observed(*["event: x\n  data: 1\n\n"] * 6, cache_control="no-store"))
    assert [code for code in found if not code.startswith("advice")] == ["no-events"]
