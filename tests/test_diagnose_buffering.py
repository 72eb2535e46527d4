"""diagnose: buffering."""

import asyncio
import itertools
import time

from fastapi import FastAPI, Request, Response
from fastapi.responses import StreamingResponse
from services import (
    DONE,
    EVENTS,
    LINES,
    NOSNIFF,
    SSE,
    TEXT,
    asgi,
    healthy,
    named,
    paced,
    routed,
    sse,
    text,
)


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
