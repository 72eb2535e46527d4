"""What lesson 05 says about sse-starlette and httpx-sse, held to the versions pinned."""

import asyncio
import json

import httpx
import pytest
from fastapi import FastAPI
from httpx_sse import connect_sse
from lessons import lesson, run_cells
from sse_starlette import EventSourceResponse, JSONServerSentEvent, ServerSentEvent
from waiting import PATIENT

from labserver.recorder import record
from labserver.server import Server


def recorded(*yields, wait=0, **options):
    """A recording of the events that were yielded, `wait` seconds after each."""
    app = FastAPI()

    @app.get("/")
    async def events():
        async def made():
            for item in yields:
                yield item
                await asyncio.sleep(wait)

        return EventSourceResponse(made(), **options)

    with Server(app) as server:
        recording = record(server.url, quiet=True)
        with (
            httpx.Client(**PATIENT) as client,
            connect_sse(client, "GET", server.url) as source,
        ):
            try:
                recording.by_httpx_sse = list(source.iter_sse())
            except httpx.RemoteProtocolError:
                assert not recording.whole
        recording.log = server.log
    return recording


@pytest.mark.parametrize(
    ("yielded", "sent"),
    [
        ("one\ntwo", b"data: one\r\ndata: two\r\n\r\n"),
        ({"data": "x", "event": "price", "id": "7"}, b"id: 7\r\nevent: price\r\ndata: x\r\n\r\n"),
        (ServerSentEvent("x", retry=2000), b"data: x\r\nretry: 2000\r\n\r\n"),
        (JSONServerSentEvent({"sold": True}), b'data: {"sold":true}\r\n\r\n'),
        ({"data": json.dumps({"tea": 3})}, b'data: {"tea": 3}\r\n\r\n'),
        ({"comment": "x"}, b": x\r\n\r\n"),
        ({"data": {"sold": True}}, b"data: {'sold': True}\r\n\r\n"),
        (None, b"data: None\r\n\r\n"),
        ("\n\nevent: x", b"data: \r\ndata: \r\ndata: event: x\r\n\r\n"),
        (b"event: x\ndata: 1\n\n", b"event: x\ndata: 1\n\n"),
    ],
)
def test_what_is_yielded_goes_out_as(yielded, sent):
    assert [chunk.data for chunk in recorded(yielded).chunks] == [sent]


def test_dict_whose_keys_are_no_fields_cuts_the_stream():
    recording = recorded("before", {"tea": 4}, "after")
    assert recording.response.status_code == 200
    assert [event.data for event in recording.events] == ["before"]
    assert not recording.whole
    assert recording.log.splitlines()[-1].startswith("TypeError")


def test_ping_after_an_id_is_an_empty_event_to_httpx_sse_alone():
    recording = recorded({"data": "x", "id": "1"}, wait=1, ping=0.3, sep="\n")
    assert [event.data for event in recording.events] == ["x"]
    comments = [chunk.data for chunk in recording.chunks[1:]]
    assert comments and all(c.startswith(b": ping") and c.endswith(b"\n\n") for c in comments)
    first, *others = recording.by_httpx_sse
    assert first.data == "x"
    assert others and all(event.data == "" and event.id == "1" for event in others)


def test_ping_without_an_id_before_is_no_event_to_httpx_sse():
    recording = recorded("x", wait=0.7, ping=0.3)
    assert len(recording.chunks) > 1
    assert [event.data for event in recording.by_httpx_sse] == ["x"]


def test_time_sleep_stops_the_pings():
    app = run_cells(lesson(5), "quiet-program")["app"]
    with Server(app) as server:
        awaited, blocked = (
            record(f"{server.url}/quiet?ping=0.3&block={block}", quiet=True) for block in (0, 1)
        )
    assert len(awaited.events) == len(blocked.events) == len(blocked.chunks) == 2
    assert len(awaited.chunks) > 2


def test_httpx_gives_up_before_the_first_ping():
    timeout = httpx.Client(trust_env=False).timeout.read
    assert timeout == 5 < EventSourceResponse.DEFAULT_PING_INTERVAL == 15 < 20


def test_connect_sse_gives_up_on_a_quiet_stream():
    app = FastAPI()

    async def quiet():
        yield {"data": "before", "id": "1"}
        await asyncio.sleep(3600)

    app.get("/")(lambda: EventSourceResponse(quiet()))
    with (
        Server(app) as server,
        httpx.Client(trust_env=False, timeout=httpx.Timeout(5, read=0.5)) as client,
        connect_sse(client, "GET", server.url) as source,
        pytest.raises(httpx.ReadTimeout),
    ):
        list(source.iter_sse())
