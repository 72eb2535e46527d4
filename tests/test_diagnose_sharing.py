"""diagnose: who takes from whom."""

import asyncio
import itertools
import time
from contextlib import contextmanager
from dataclasses import replace
from typing import Annotated

import pytest
from fastapi import Depends, Header, Request, Response
from fastapi.responses import StreamingResponse
from services import (
    DONE,
    EVENTS,
    LINES,
    NOSNIFF,
    SSE,
    TEXT,
    UNCACHED,
    healthy,
    named,
    observed,
    paced,
    routed,
    said_of,
    sse,
    text,
)

from labserver.diagnosis import rules
from labserver.diagnosis.observation import Pair
from labserver.recording import Ending


@named("shared-source")
def test_one_generator_for_all():
    once = paced(*LINES)
    return routed(lambda: StreamingResponse(once, media_type=TEXT))


@named("shared-source")
def test_one_counter_for_all():
    count = itertools.count()

    async def route():
        async def body():
            for _ in range(8):
                yield f"data: {next(count)}\n\n"
                await asyncio.sleep(0.2)

        return StreamingResponse(body(), media_type=SSE)

    return routed(route)


@named("shared-source")
def test_one_iterator_in_threads():
    def rows():
        for i in itertools.count():
            time.sleep(0.15)
            yield f"row {i}\n"

    once = rows()
    return routed(lambda: StreamingResponse(itertools.islice(once, 10), media_type=TEXT))


@named("shared-source")
def test_one_queue_for_an_address():
    queues = {}

    async def route(request: Request):
        mine = queues[request.client.host] = asyncio.Queue()

        async def events():
            for i in range(200):
                for queue in queues.values():
                    queue.put_nowait(i)
                while not mine.empty():
                    yield f"data: {mine.get_nowait()}\n\n"
                await asyncio.sleep(0.1)

        return StreamingResponse(events(), media_type=SSE)

    return routed(route)


@named("runs-out")
def test_slots_that_are_not_given_back():
    return slots(500)


@named("advice-runs-out")
def test_slots_that_are_not_given_back_and_a_refusal_on_purpose():
    """Which may be a quota."""
    return slots(503)


def slots(status):
    taken = []

    async def route():
        if len(taken) == 2:
            return Response("busy", status)
        taken.append(1)

        async def body():
            async for piece in paced(*LINES, *LINES):
                yield piece
            taken.pop()

        return StreamingResponse(body(), media_type=TEXT, headers=NOSNIFF)

    return routed(route)


@named("runs-out")
def test_a_slot_that_is_never_given_back():
    slot = asyncio.Semaphore(1)

    async def route():
        await slot.acquire()
        return text(*LINES)

    return routed(route)


def answered(*pieces, seconds, **more):
    """An answer that is left after so many seconds."""
    answer = observed(*pieces, type=TEXT, ending=Ending.SECONDS, **more).alone
    answer.seconds = seconds
    return answer


def test_a_lock_that_is_given_back_late_or_never():
    """The first asked alone got lines at once; of two at once, neither got one."""
    alone = observed(*LINES, type=TEXT, ending=Ending.ENOUGH, server="uvicorn")
    dry = Pair([answered(seconds=5.0), answered(seconds=5.0)], waits=[0.01])
    assert said_of(replace(alone, pair=dry))["advice-runs-out"] == (
        "first bytes after 0.000 s, the first time; of two later requests, neither got bytes in "
        "5.0 s"
    )
    # What is as quiet alone for as long shows nothing.
    slow = observed(*LINES, type=TEXT, ending=Ending.ENOUGH, every=3.0, server="uvicorn")
    assert "advice-runs-out" not in said_of(replace(slow, pair=dry))
    # A second that waits for a first may be seen so once: the first, once left, holds it for ever.
    queued = replace(alone, pair=Pair([answered(*LINES, seconds=3.0), answered(seconds=5.0)]))
    for pair, code in ((dry, ["one-at-a-time"]), (queued.pair, ["one-at-a-time"]), (Pair(), [])):
        second = replace(alone, pair=pair, repeated=True)
        found = [finding.code for finding in rules.findings(queued, second)]
        assert [one for one in found if "nosniff" not in one] == code


def quota(times, status):
    """Events with ids, so many times; from then on everybody is refused."""
    asked = itertools.count(1)

    async def route(last_event_id: int = Header(0)):
        if next(asked) > times:
            return Response("no more", status)
        if last_event_id == 8:
            return Response(status_code=204)
        return sse(*[f"id: {i}\ndata: {i}\n\n" for i in range(last_event_id + 1, 9)], every=0.1)

    return routed(route)


@named("advice-runs-out")
def test_what_can_be_had_once():
    return quota(1, 410)


@named("advice-runs-out")
def test_a_quota_that_ends_with_the_second_of_two():
    return quota(2, 409)


@named("advice-runs-out")
def test_a_quota_that_ends_before_compression_is_asked_for():
    return quota(3, 403)


@named("advice-runs-out")
def test_a_token_that_runs_out_before_a_client_comes_back():
    return quota(4, 401)


@healthy
def test_a_limit_that_counts_a_client_for_a_moment_after_it_left():
    counted = []

    async def route(last_event_id: int = Header(0)):
        if counted:
            return Response("one stream a client", 409)
        counted.append(1)

        async def events():
            try:
                for i in itertools.count(last_event_id + 1):
                    yield f"id: {i}\ndata: tick {i}\n\n"
                    await asyncio.sleep(0.2)
            finally:
                asyncio.get_running_loop().call_later(0.7, counted.clear)

        return StreamingResponse(events(), media_type=SSE, headers=UNCACHED)

    return routed(route)


@pytest.mark.parametrize("status", [302, 401, 403, 404, 409, 410, 429, 502, 503, 504])
def test_who_refuses_everybody_by_now_is_said_to_and_nothing_else(status):
    """Whichever request was the first to be refused."""
    alone, no = observed(*EVENTS, DONE, cache_control="no-store"), answer_of(status)
    well = alone.alone
    for first, second, encoded in [(well, well, no), (well, no, no), (no, no, no)]:
        seen = replace(alone, pair=Pair([first, second]), encoded=encoded, again=no)
        found = said_of(replace(seen, plain=no, repeated=True))
        number = 2 + [first, second, encoded].index(no)
        told = f"from request {number} on, '{status} {no.response.reason_phrase}'"
        assert found == {"advice-runs-out": told}


def answer_of(status):
    """An answer with this status and a page."""
    answer = observed("<p>\nno\n</p>\n", type="text/html").alone
    answer.response.status_code = status
    reason = answer.response.reason_phrase.encode()
    answer.response.extensions["reason_phrase"] = reason
    return answer


def test_a_service_that_restarts_once_shares_nothing():
    """Both streams were cut, and the next two were not."""
    alone = observed(*EVENTS, DONE, cache_control="no-store")
    cut = observed(*EVENTS[:3], ending=Ending.CUT).alone
    seen = replace(alone, pair=Pair([cut, cut]), again=alone.alone)
    well = replace(seen, pair=Pair([alone.alone, alone.alone]))
    for second, codes in ((well, []), (seen, ["refuses-second"])):
        assert [finding.code for finding in rules.findings(seen, second)] == codes


def test_headers_that_travel_with_a_first_event_are_not_waited_for_longer_than_it():
    """The first time it came early by chance; alone, too, there was a pause of so long."""
    alone = observed(*EVENTS[:3], every=6.0, ending=Ending.ENOUGH)
    alone.pair, alone.alone.headers_at = Pair(unanswered=5.0, waits=[0.01]), 0.001
    assert "runs-out" not in said_of(alone)
    quick = observed(*EVENTS, ending=Ending.ENOUGH)
    quick.pair = Pair(unanswered=5.0, waits=[0.01])
    assert "runs-out" in said_of(quick)
    quick.encoded = alone.alone  # it is answered all the same
    assert "runs-out" not in said_of(quick)


@named("advice-takes-over")
def test_a_new_listener_ends_the_last_one():
    newest = []

    async def route():
        mine = object()
        newest[:] = [mine]

        async def events():
            for i in itertools.count():
                if newest != [mine]:
                    return
                yield f"data: {i}\n\n"
                await asyncio.sleep(0.2)

        return StreamingResponse(events(), media_type=SSE, headers=UNCACHED)

    return routed(route)


@named("shared-source")
def test_some_for_one_reader_alone():
    readers = []

    async def route():
        mine = object()
        readers.append(mine)

        async def body():
            try:
                for n in range(120):
                    if n % 4 or readers[0] is mine:
                        yield f"{n}\n"
                    await asyncio.sleep(0.05)
            finally:
                readers.remove(mine)

        return StreamingResponse(body(), media_type=TEXT, headers=NOSNIFF)

    return routed(route)


@named("advice-refuses-second")
def test_only_one_at_a_time():
    open_now = []

    async def route():
        if open_now:
            return Response("busy", 503, {"Retry-After": "1"})

        async def body():
            open_now.append(1)
            try:
                async for piece in paced(*LINES):
                    yield piece
            finally:
                open_now.clear()

        return StreamingResponse(body(), media_type=TEXT, headers=NOSNIFF)

    return routed(route)


@healthy
def test_a_limit_that_is_told():
    now = []

    async def route():
        if now:
            return Response("one stream a client", 429, {"Retry-After": "2"})

        async def body():
            now.append(1)
            try:
                async for piece in paced(*EVENTS, DONE):
                    yield piece
            finally:
                now.clear()

        return StreamingResponse(body(), media_type=SSE, headers=UNCACHED)

    return routed(route)


# Something limited is held for the whole stream


def pool_of_one(in_the_body=False):
    """A service whose streams each hold the only connection of a pool, and do not wait for it."""
    free = ["connection"]

    def connection():
        taken = free.pop()  # raises IndexError if there is none
        try:
            yield taken
        finally:
            free.append(taken)

    async def held(taken: Annotated[str, Depends(connection)]):
        return text(*LINES)

    async def body():
        with contextmanager(connection)():
            async for piece in paced(*LINES):
                yield piece

    async def taken_later():
        return StreamingResponse(body(), media_type=TEXT, headers=NOSNIFF)

    return routed(taken_later if in_the_body else held)


@named("refuses-second")
def test_a_pool_of_one_held_by_a_dependency():
    return pool_of_one()


@named("refuses-second")
def test_a_pool_of_one_held_by_the_generator():
    return pool_of_one(in_the_body=True)


@pytest.mark.parametrize(("status", "code"), [(500, 1), (502, 1), (504, 1), (503, 0), (429, 0)])
def test_a_refusal_with_its_own_status_is_none_to_accuse(status, code):
    """Whatever answers for a service that has no more: a proxy says 502 or 504."""
    alone, refused = observed(*EVENTS, DONE), observed()
    refused.alone.response.status_code = status
    seen = replace(alone, pair=Pair([alone.alone, refused.alone]), again=alone.alone)
    assert ("refuses-second" in said_of(seen)) == bool(code)


def test_what_failed_before_the_second_came_is_no_matter_of_two_at_once():
    """A service that fails now and then."""
    alone, failed = observed(*EVENTS, DONE), observed(every=0.0)
    failed.alone.response.status_code, failed.alone.seconds = 500, 0.02
    for answers, code in (([failed, alone], 0), ([alone, failed], 1)):
        pair = Pair([one.alone for one in answers], apart=0.25)
        seen = replace(alone, pair=pair, again=alone.alone)
        assert ("refuses-second" in said_of(seen)) == bool(code)


@pytest.mark.parametrize(
    ("alone", "one", "other", "shared"),
    [
        ([1, 2, 3, 4, 5], [6, 8, 10, 12], [7, 9, 11, 13], True),
        ([1, 2, 3, 4, 5], [6, 7, 8, 10, 11, 12, 14], [9, 13], True),  # one is much faster
        ([0, 10, 20, 30], [40, 60, 80, 100], [50, 70, 90], True),
        # A clock, read at moments of their own: one step is longer than the others.
        ([9, 11, 14, 16, 18, 20, 22], [39, 41, 44, 46, 48, 50], [40, 42, 44, 46, 49, 51], False),
        ([86, 87, 88, 89, 90, 92], [82, 83, 84, 85, 87, 88, 89], [84, 85, 86, 88, 89], False),
        ([38, 44, 50, 56, 63, 69], [38, 44, 50, 56, 62, 68], [43, 49, 55, 62, 68], False),
        ([38, 44, 50, 56, 63, 69], [38, 44, 50, 56, 62, 68], [43, 49, 55, 61, 67], False),
    ],
)
def test_a_source_is_dealt_out_where_readers_have_nothing_in_common(alone, one, other, shared):
    seen, *both = (observed(*[f"data: {n}\n\n" for n in ns]) for ns in (alone, one, other))
    for pair in (both, both[::-1]):
        told = said_of(replace(seen, pair=Pair([reader.alone for reader in pair], apart=0.1)))
        assert ("shared-source" in told) is shared


def test_a_stream_whose_end_was_seen_may_be_over():
    """Of what all requests share nothing else is seen, so the words name both."""
    seen = replace(observed(*EVENTS, DONE), encoded=observed().alone)
    told = {finding.code: finding.text for finding in rules.findings(seen)}
    assert "generator" in told["shared-source"] and "over by then" in told["shared-source"]


def test_a_reader_is_silenced_by_another_ones_coming_however_fast_they_are():
    """It was watched to the end of its time and got next to nothing, the other all."""
    for every in (0.01, 0.1, 1.0):
        alone = observed(*EVENTS * 5, every=every, ending=Ending.ENOUGH)
        one = observed(*EVENTS[:3], every=every, ending=Ending.SECONDS).alone
        other = observed(*EVENTS[3:] * 4, every=every, ending=Ending.ENOUGH).alone
        one.seconds = 30 * every
        pair = Pair([one, other], apart=2.5 * every)
        assert "shared-source" in said_of(replace(alone, pair=pair))
        one.ending = Ending.ENOUGH
        assert "shared-source" not in said_of(replace(alone, pair=pair))
