"""diagnose: several requests at once."""

import asyncio
import http.server
import itertools
import json
import time
from contextlib import contextmanager
from typing import Annotated

from fastapi import Depends, Request, Response
from fastapi.responses import StreamingResponse
from services import (
    DONE,
    EVENTS,
    LINES,
    NOSNIFF,
    SSE,
    TEXT,
    UNCACHED,
    apart,
    handler,
    healthy,
    named,
    paced,
    raw,
    routed,
    text,
)


@named("starved")
async def test_sleeps_in_async():
    async def body():
        for line in LINES[:6]:
            time.sleep(0.3)
            yield line

    return StreamingResponse(body(), media_type=TEXT)


@named("starved")
async def test_sleeps_before_the_stream():
    time.sleep(1.5)
    return text(*LINES[:3])


@named("starved")
async def test_sleeps_and_awaits():
    async def body():
        for i in range(8):
            time.sleep(0.4)
            yield f"data: {i}\n\n"
            await asyncio.sleep(0.01)

    return StreamingResponse(body(), media_type=SSE)


ENDLESS = """
from fastapi import FastAPI
from fastapi.responses import StreamingResponse
app = FastAPI()
async def rows():
    i = 0
    while True:
        yield f"row {i}, and some more text to fill it\\n" * 30
        i += 1
app.get("/s")(lambda: StreamingResponse(rows(), media_type="text/plain"))
"""


@named("never-awaits")
def test_endless_without_an_await():
    return apart(ENDLESS, "/s")


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


@named("one-at-a-time")
def test_lock_for_the_whole_stream():
    lock = asyncio.Lock()

    async def route():
        async def body():
            async with lock:
                async for piece in paced(*LINES):
                    yield piece

        return StreamingResponse(body(), media_type=TEXT)

    return routed(route)


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
    taken = []

    async def route():
        if len(taken) == 2:
            return Response("busy", 503)
        taken.append(1)

        async def body():
            async for piece in paced(*LINES, *LINES):
                yield piece
            taken.pop()

        return StreamingResponse(body(), media_type=TEXT, headers=NOSNIFF)

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


@healthy
def test_threads_of_the_standard_library():
    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Type", "application/x-ndjson")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for i in range(8):
            row = json.dumps({"n": i}).encode() + b"\n"
            self.wfile.write(b"%x\r\n%s\r\n" % (len(row), row))
            time.sleep(0.15)
        self.wfile.write(b"0\r\n\r\n")

    return handler(do_GET)


@healthy
def test_one_client_after_another():
    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Type", "text/csv")
        self.end_headers()
        for i in range(8):
            self.wfile.write(b"%d,user\n" % i)
            time.sleep(0.1)

    return handler(do_GET, http.server.HTTPServer, "HTTP/1.0")


@healthy
def test_one_socket_after_another():
    def answer(line):
        line.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n")
        line.sendall(b"Cache-Control: no-cache\r\n\r\n")
        for piece in (*EVENTS, DONE):
            line.sendall(piece.encode())
            time.sleep(0.1)

    return raw(answer, threaded=False)


@healthy
async def test_fast_export():
    rows = ["".join(f"{i},user {i},note\n" for i in range(500))] * 200
    return text(*rows, every=0, media_type="text/csv")


@healthy
def test_fast_export_from_a_thread():
    rows = ["".join(f"{i},user {i},note\n" for i in range(500))] * 300
    return routed(lambda: StreamingResponse(iter(rows), media_type="text/csv"))


@healthy
def test_only_two_at_a_time():
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
async def test_fast_but_fair():
    async def body():
        for i in range(20000):
            yield f"{i}, and some more text to fill the row\n" * 20
            await asyncio.sleep(0)

    return StreamingResponse(body(), media_type="text/csv")


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


@named("one-at-a-time")
def test_an_endless_stream_under_a_lock():
    lock = asyncio.Lock()

    async def route():
        async def body():
            async with lock:
                for i in itertools.count():
                    yield f"data: {i}\n\n"
                    await asyncio.sleep(0.2)

        return StreamingResponse(body(), media_type=SSE, headers=UNCACHED)

    return routed(route)


@named("one-at-a-time")
def test_a_lock_that_holds_the_headers_too():
    lock = asyncio.Lock()

    async def alone():
        async with lock:
            yield

    async def route(held: Annotated[None, Depends(alone)]):
        return text(*LINES, *LINES, *LINES, *LINES)

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
