"""diagnose: coming back: ids, Last-Event-ID, and what follows an end."""

import asyncio
import json
import time
import uuid
from dataclasses import replace

import pytest
from fastapi import FastAPI, Header, Response
from fastapi.responses import StreamingResponse
from services import DONE, EVENTS, SSE, UNCACHED, asgi, healthy, named, observed, said_of, sse
from sse_starlette import EventSourceResponse, ServerSentEvent

from labserver.diagnosis.observation import Pair


@named("ids-repeat")
async def test_the_same_id():
    return sse(*[f"id: 1\ndata: {i}\n\n" for i in range(5)], DONE)


@pytest.mark.parametrize("id", ["{}\0", "\0\0{}", "a\0{}"])
def test_an_id_that_clients_ignore(id):
    """By the standard: such an id has no effect (9.2.6)."""
    seen = observed(*[f"id: {id.format(i)}\ndata: {i}\n\n" for i in range(5)])
    assert "5 ids, the first: " in said_of(seen)["ids-missing"]
    assert seen.ids == []  # none to come back by
    assert "ids-missing" not in said_of(observed("id: 1\ndata: a\0b\n\n"))


@named("ignores-last-event-id")
async def test_ids_for_nothing():
    return sse(*[f"id: {i}\ndata: {i}\n\n" for i in range(1, 7)], DONE)


@named("refuses-last-event-id")
async def test_an_id_that_is_no_number(last_event_id: int = Header(0)):
    return sse(*[f"id: a{i}\ndata: {i}\n\n" for i in range(1, 7)], DONE)


@healthy
async def test_an_end_that_is_gone(last_event_id: int = Header(0)):
    if last_event_id >= 6:
        return Response(status_code=410)
    return sse(*[f"id: {i}\ndata: {i}\n\n" for i in range(last_event_id + 1, 7)])


@named("resumes-beside")
async def test_the_last_one_again(last_event_id: int = Header(1)):
    if last_event_id == 6:
        return Response(status_code=204)
    return sse(*[f"id: {i}\ndata: {i}\n\n" for i in range(last_event_id, 7)])


@named("replays")
async def test_begins_again_at_the_end(last_event_id: int = Header(0)):
    start = 1 if last_event_id == 6 else last_event_id + 1
    return sse(*[f"id: {i}\ndata: {i}\n\n" for i in range(start, 7)])


@named("advice-replays")
async def test_ends_without_a_word():
    return sse(*EVENTS)


@named("advice-misses-between")
async def test_a_feed_without_ids_that_is_ended():
    return sse(*[f"data: {time.time()}\n\n" for _ in range(8)])


@pytest.mark.parametrize(
    "change",
    [
        {"again": "data: 0\n\n"},  # which begins again
        {"last": 'data: {"type": "message_stop"}\n\n'},
        {"retry": "retry: 5000\n\n"},  # it is polled
        {"method": "POST"},  # by which no EventSource asks
    ],
)
def test_an_end_at_which_nothing_is_missed(change):
    seen = observed(change.get("retry", ""), *EVENTS, change.get("last", ""), every=0.2)
    seen.alone.method = change.get("method", "GET")
    seen.encoded = observed(change.get("again", "data: 9\n\n")).alone
    assert "advice-misses-between" not in said_of(seen)


@named("ids-missing")
async def test_every_other_id(last_event_id: int = Header(0)):
    left = range(last_event_id + 1, 6)
    if not left:
        return Response(status_code=204)
    return sse(*[f"id: {i}\ndata: a\n\ndata: b\n\n" for i in left], DONE)


@healthy
async def test_an_end_with_the_last_id(last_event_id: int = Header(0)):
    if last_event_id == 5:
        return Response(status_code=204)
    left = [f"id: {i}\ndata: {i}\n\n" for i in range(last_event_id + 1, 6)]
    return sse(*left, f"id: 5\n{DONE}")


@healthy
async def test_events_to_resume(last_event_id: int = Header(0)):
    if last_event_id >= 8:
        return Response(status_code=204)

    async def events():
        for i in range(last_event_id + 1, 9):
            yield ServerSentEvent(json.dumps({"n": i}), id=str(i), event="count")
            await asyncio.sleep(0.1)

    return EventSourceResponse(events())


@healthy
async def test_endless_clock():
    async def body():
        while True:
            yield f"data: {time.time():.3f}\n\n"
            await asyncio.sleep(0.2)

    return StreamingResponse(body(), media_type=SSE, headers=UNCACHED)


@healthy
def test_broadcast():
    """One count for all, told to each: who comes later hears from now on."""
    app, start = FastAPI(), time.monotonic()

    @app.get("/s")
    async def events():
        async def told():
            last = int((time.monotonic() - start) / 0.2)
            while True:
                now = int((time.monotonic() - start) / 0.2)
                if now > last:
                    last = now
                    yield {"data": str(now), "id": str(now)}
                await asyncio.sleep(0.02)

        return EventSourceResponse(told())

    return asgi(app)


@named("new-ids")
async def test_ids_made_for_each_connection():
    events = [f"id: {uuid.uuid4()}\ndata: row {i}\n\n" for i in range(6)]
    return sse(*events, DONE, every=0.05)


@healthy
async def test_a_hub_of_updates_that_are_alike():
    """Each is new, so each has a new id."""

    async def body():
        while True:
            yield f"id: urn:uuid:{uuid.uuid4()}\ndata: changed\n\n"
            await asyncio.sleep(0.2)

    return StreamingResponse(body(), media_type=SSE, headers=UNCACHED)


@healthy
async def test_the_newest_state_alone_for_who_comes_back(last_event_id: int = Header(0)):
    if last_event_id == 8:
        return Response(status_code=204)
    states = [f"id: {i}\ndata: {i * 10} %\n\n" for i in range(1, 9)]
    return sse(*(states[-1:] if last_event_id else states), DONE, every=0.05)


@healthy
async def test_one_event_that_tells_all_that_was_missed(last_event_id: int = Header(0)):
    if last_event_id == 8:
        return Response(status_code=204)
    if last_event_id:
        return sse(f"id: 8\nevent: missed\ndata: {last_event_id + 1} to 8\n\n", DONE)
    return sse(*[f"id: {i}\ndata: {i}\n\n" for i in range(1, 9)], DONE, every=0.05)


def test_one_event_of_a_long_poll_may_be_a_new_one():
    """The same words under a new id: an update that is like the last one."""
    seen, later = observed("id: 1\ndata: x\n\n"), observed("id: 2\ndata: x\n\n").alone
    assert "new-ids" not in said_of(replace(seen, pair=Pair([later, later])))


def test_the_ids_of_a_post_are_its_own():
    """Each request has something done, of which the events tell."""
    seen, later = (observed(*[f"id: {n}{i}\ndata: {i}\n\n" for i in range(4)]) for n in "ab")
    seen = replace(seen, pair=Pair([later.alone, later.alone]))
    assert "new-ids" in said_of(seen)
    seen.alone.method = "POST"
    assert "new-ids" not in said_of(seen)
