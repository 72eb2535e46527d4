"""diagnose: what is held back until the end, and what is whole by design."""

import asyncio
import io
import itertools
import json
import time
import zipfile
from contextlib import contextmanager
from dataclasses import replace

from fastapi import FastAPI, Request, Response
from fastapi.responses import StreamingResponse
from services import (
    DONE,
    EVENTS,
    LINES,
    NOSNIFF,
    SSE,
    TEXT,
    UNCACHED,
    asgi,
    handler,
    healthy,
    named,
    observed,
    paced,
    routed,
    said_of,
    sse,
    text,
    through,
)

from labserver.diagnosis import rules
from labserver.diagnosis.observation import Pair


@named("held-until-end")
async def test_proxy_that_collects_events():
    return Response("".join([piece async for piece in paced(*EVENTS)]), media_type=SSE)


@named("advice-whole")
async def test_proxy_that_collects_text():
    async def collected():
        yield "".join([piece async for piece in paced(*LINES)])

    return StreamingResponse(collected(), media_type=TEXT)


@named("held-until-end")
def test_middleware_that_reads_the_body():
    app = FastAPI()
    app.get("/s")(lambda: sse(*EVENTS))

    @app.middleware("http")
    async def log_bodies(request, call_next):
        response = await call_next(request)
        body = b"".join([chunk async for chunk in response.body_iterator])
        return Response(body, response.status_code, dict(response.headers))

    return asgi(app)


@named("accept-decides")
async def test_streams_to_eventsource_only(request: Request):
    if request.headers["accept"] == SSE:
        return sse(*EVENTS)
    return Response("".join([piece async for piece in paced(*EVENTS)]), media_type=SSE)


@named("no-headers")
async def test_proxy_of_an_endless_stream():
    await asyncio.sleep(60)


@named("advice-headers-late")
def test_route_that_awaits_the_first_event():
    async def route():
        await asyncio.sleep(1.3)
        return sse(*EVENTS)

    return routed(route)


@healthy
def test_slow_the_first_time():
    made = []

    async def route():
        async def report():
            await asyncio.sleep(0 if made else 1.0)
            made.append(1)
            yield "a,b\n" * 50

        return StreamingResponse(report(), media_type="text/csv", headers=NOSNIFF)

    return routed(route)


@healthy
async def test_no_events_to_be_had(request: Request):
    if request.headers.get("accept") == SSE:
        return Response(status_code=406)
    return text("a,b\n" * 50, media_type="text/csv", first=1.0)


@healthy
async def test_events_after_a_query():
    return sse(*EVENTS, DONE, first=0.7, every=0)


@healthy
async def test_export_after_a_query():
    return text(*LINES * 20, every=0, first=1.0, media_type="text/csv")


@healthy
async def test_export_after_a_query_in_the_route():
    await asyncio.sleep(1.0)
    return text(*LINES * 20, every=0, media_type="text/csv")


@healthy
async def test_json_by_design():
    await asyncio.sleep(1.0)
    return [{"n": i} for i in range(50)]


@healthy
def test_json_from_a_thread():
    def route():
        time.sleep(0.7)
        return {"rows": [{"n": i} for i in range(50)]}

    return routed(route)


@healthy
async def test_one_event():
    return sse("data: ready\n\n", first=0.5)


@healthy
async def test_late_first_chunk():
    return text(*LINES, first=3.0)


@healthy
async def test_late_events():
    await asyncio.sleep(2)
    return sse("event: progress\ndata: 100\n\n", DONE)


@healthy
def test_slow_whatever_the_path():
    """By hand, without routes: another request gets its headers as late as the first."""

    async def app(scope, receive, send):
        if scope["type"] == "http":
            await asyncio.sleep(1.2)
            headers = [(b"content-type", b"text/event-stream"), (b"cache-control", b"no-cache")]
            await send({"type": "http.response.start", "status": 200, "headers": headers})
            for i in itertools.count():
                body = b"data: it's %d\n\n" % i
                await send({"type": "http.response.body", "body": body, "more_body": True})
                await asyncio.sleep(0.2)

    return asgi(app)


# Whole by design: from outside it looks as if it were held back


def report(*pieces, wait=1.0, **options):
    """A route that works first, then sends everything."""

    async def route():
        await asyncio.sleep(wait)
        return Response("".join(pieces), **options)

    return routed(route)


METRICS = [f"# TYPE m{i} counter\nm{i} {i}.0\n" for i in range(12)]
ROWS = [json.dumps({"group": i, "n": i}) + "\n" for i in range(12)]


@named("advice-whole")
def test_a_slow_page_of_metrics():
    return report(*METRICS, media_type="text/plain; version=0.0.4")


@named("advice-whole")
def test_a_report_by_groups_with_a_length():
    return report(*ROWS, media_type="application/x-ndjson")


@named("advice-whole")
async def test_a_report_by_groups_in_one_chunk():
    return text("".join(ROWS), first=1.0, media_type="application/x-ndjson")


@named("advice-whole")
async def test_a_csv_in_chunks():
    return text(*[f"{i},x\n" for i in range(12)], first=1.0, every=0, media_type="text/csv")


@named("advice-whole")
async def test_events_of_a_query_in_chunks_of_their_own():
    return sse(*EVENTS, DONE, first=1.0, every=0)


@named("held-until-end")
async def test_events_joined_after_the_headers():
    return sse("".join([*EVENTS, DONE]), first=1.0)


@named("held-until-end")
async def test_events_joined_with_a_length():
    joined = "".join([piece async for piece in paced(*EVENTS, DONE)])
    return Response(joined, media_type=SSE, headers=UNCACHED)


@named("held-until-end")
async def test_events_joined_after_a_first_comment():
    joined = "".join([piece async for piece in paced(*EVENTS, DONE)])

    async def body():
        yield ": hello\n\n"
        await asyncio.sleep(1.0)
        yield joined

    return StreamingResponse(body(), media_type=SSE, headers=UNCACHED)


@named("held-until-end")
@contextmanager
def test_a_proxy_that_waits_for_the_end_of_the_connection():
    """It knows no HTTP: the chunks survive, twelve within one instant."""

    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Type", SSE)
        self.send_header("Cache-Control", "no-store")
        self.end_headers()
        for i in range(12):
            self.wfile.write(b"data: %d\n\n" % i)
            time.sleep(0.1)
        self.wfile.write(DONE.encode())

    with (
        handler(do_GET, version="HTTP/1.0") as url,
        through(url, lambda answer, send: send(b"".join(answer))) as proxied,
    ):
        yield proxied


def test_the_words_fit_what_was_seen():
    early = observed("".join(ROWS), type="application/x-ndjson")
    late = observed("".join(ROWS), type="application/x-ndjson")
    for seen, headers_at in ((early, 0.1), (late, 4.8)):
        seen.alone.chunks = [chunk._replace(at=4.8) for chunk in seen.alone.chunks]
        seen.alone.headers_at, seen.alone.seconds = headers_at, 4.81
    (early,) = [f for f in rules.findings(early) if f.code == "advice-whole"]
    (late,) = [f for f in rules.findings(late) if f.code == "advice-whole"]
    assert early.evidence.startswith(
        "headers at 0.100 s, then nothing until 4.800 s, then 12 lines"
    )
    assert "before its first yield" in early.text and "proxy" not in early.text
    assert late.evidence.startswith("nothing for 4.800 s, then 12 lines")
    assert "proxy" in late.text


def test_an_answer_that_was_slow_just_once_is_not_held_back():
    slow, quick = observed("".join([*EVENTS, DONE])), observed("".join([*EVENTS, DONE]))
    events = [event._replace(at=1.0) for event in slow.alone.events]
    slow.alone.chunks, slow.alone.events = [slow.alone.chunks[0]._replace(at=1.0)], events
    slow.alone.headers_at = 1.0
    assert "held-until-end" in said_of(slow)
    assert "held-until-end" not in said_of(replace(slow, pair=Pair([quick.alone, quick.alone])))
    # How long others wait, through the same proxy, does not matter.
    assert "held-until-end" in said_of(replace(slow, pair=Pair(calm=[0.9]), before=0.9))


def test_caches_that_were_cold_for_the_first_requests_hold_nothing_back():
    """As many workers, each with a cache of its own; whichever request is the first quick one."""
    slow, quick = observed("".join([*EVENTS, DONE])), observed("".join([*EVENTS, DONE])).alone
    events = [event._replace(at=1.0) for event in slow.alone.events]
    slow.alone.chunks, slow.alone.events = [slow.alone.chunks[0]._replace(at=1.0)], events
    slow.alone.headers_at = 1.0
    seen = replace(slow, pair=Pair([slow.alone, slow.alone]), encoded=slow.alone)
    assert "held-until-end" in said_of(seen)
    assert "held-until-end" not in said_of(replace(seen, encoded=quick))
    for accepted, code in ((None, "held-until-end"), (quick, "accept-decides")):
        seen.accepted = accepted
        for plain, codes in ((slow.alone, {code}), (None, {code}), (quick, set())):
            second = replace(seen, plain=plain, repeated=True)
            found = {finding.code for finding in rules.findings(seen, second)}
            assert found & {"held-until-end", "accept-decides"} == codes


@healthy
async def test_an_archive_with_events_in_it():
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as whole:
        whole.writestr("events.txt", "".join(EVENTS))
    return Response(archive.getvalue(), media_type="application/zip")
