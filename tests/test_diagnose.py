"""diagnose: it names what is wrong with a stream, and lets those alone that are well."""

import asyncio
import gzip
import http.server
import itertools
import json
import os
import random
import re
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import zlib
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import httpx
import pytest
from fastapi import FastAPI, Header, HTTPException, Request, Response
from fastapi.middleware.gzip import GZipMiddleware
from fastapi.responses import FileResponse, RedirectResponse, StreamingResponse
from fastapi.sse import EventSourceResponse as NativeResponse
from lessons import LESSONS, cells_of
from machine import NO_PROXIES
from sse_starlette import EventSourceResponse, ServerSentEvent

from labserver import diagnose, events, recorder, recording, serve, symptoms
from labserver.app import app as finished
from labserver.server import Server

SSE, TEXT = "text/event-stream", "text/plain"
NOSNIFF = {"X-Content-Type-Options": "nosniff"}
UNCACHED = {"Cache-Control": "no-store"}
BROKEN, HEALTHY = {}, {}


# How a service is served: each gives its URL


@contextmanager
def asgi(app, path="/s"):
    with Server(app) as server:
        yield server.url + path


def routed(route):
    app = FastAPI()
    app.get("/s", response_model=None)(route)
    return asgi(app)


def broken(code):
    """Register a route, or what makes a service of its own, as one with this fault."""
    return lambda make: BROKEN.setdefault(make.__name__, (code, make)) and make


def healthy(make):
    HEALTHY[make.__name__] = make
    return make


@contextmanager
def raw(answer, threaded=True):
    """A service of bare sockets: `answer(line)` after each request's head was read."""
    listener = socket.create_server(("127.0.0.1", 0))

    def talk(line):
        with line:
            try:
                if line.recv(65536):
                    answer(line)
                    line.shutdown(socket.SHUT_WR)
                    line.recv(1)
            except OSError:
                pass

    def accept():
        while True:
            try:
                line, _ = listener.accept()
            except OSError:
                return
            if threaded:
                threading.Thread(target=talk, args=[line], daemon=True).start()
            else:
                talk(line)

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/s"
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()


@contextmanager
def handler(do_GET, server=http.server.ThreadingHTTPServer, version="HTTP/1.1"):
    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = version
        log_message = lambda *words: None  # noqa: E731

    Handler.do_GET = do_GET
    server = server(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    server.handle_error = lambda *words: None
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/s"
    finally:
        server.shutdown()
        server.server_close()


async def paced(*pieces, every=0.15, first=0.0):
    await asyncio.sleep(first)
    for piece in pieces:
        yield piece
        await asyncio.sleep(every)


def text(*pieces, media_type=TEXT, headers=NOSNIFF, **pace):
    return StreamingResponse(paced(*pieces, **pace), media_type=media_type, headers=headers)


def sse(*pieces, **pace):
    return text(*pieces, media_type=SSE, headers=UNCACHED, **pace)


LINES = [f"Chunk {i}\n" for i in range(8)]
EVENTS = [f"data: {i}\n\n" for i in range(8)]
DONE = "event: done\ndata: bye\n\n"


# Broken


@broken("held-until-end")
async def proxy_that_collects_events():
    return Response("".join([piece async for piece in paced(*EVENTS)]), media_type=SSE)


@broken("held-until-end")
async def proxy_that_collects_text():
    async def collected():
        yield "".join([piece async for piece in paced(*LINES)])

    return StreamingResponse(collected(), media_type=TEXT)


@broken("held-until-end")
def middleware_that_reads_the_body():
    app = FastAPI()
    app.get("/s")(lambda: sse(*EVENTS))

    @app.middleware("http")
    async def log_bodies(request, call_next):
        response = await call_next(request)
        body = b"".join([chunk async for chunk in response.body_iterator])
        return Response(body, response.status_code, dict(response.headers))

    return asgi(app)


async def by_fives(pieces):
    collected = []
    async for piece in pieces:
        collected.append(piece)
        if len(collected) == 5:
            yield "".join(collected)
            collected.clear()
    yield "".join(collected)


@broken("bursts")
async def proxy_that_lets_fives_through():
    pieces = paced(*[f"data: {i}\n\n" for i in range(23)], every=0.1)
    return StreamingResponse(by_fives(pieces), media_type=SSE)


@broken("bursts")
async def buffer_of_five_lines():
    pieces = paced(*[f"Chunk {i}\n" for i in range(18)], every=0.1)
    return StreamingResponse(by_fives(pieces), media_type=TEXT)


@broken("bursts")
async def buffer_of_a_size():
    async def body():
        left = ""
        async for piece in paced(*[f"line {i} of a log\n" for i in range(60)], every=0.05):
            left += piece
            while len(left) >= 128:
                yield left[:128]
                left = left[128:]
        yield left

    return StreamingResponse(body(), media_type=TEXT)


@broken("gzip-holds-headers")
def gzip_that_waits_for_the_first_chunk():
    app = FastAPI()
    app.add_middleware(GZipMiddleware)
    app.get("/s")(lambda: text(*LINES, first=0.7))
    return asgi(app)


def compressed(flush):
    async def route(request: Request):
        if "gzip" not in request.headers["accept-encoding"]:
            return text(*LINES)

        async def body():
            zipper = zlib.compressobj(wbits=31)
            async for piece in paced(*LINES):
                yield zipper.compress(piece.encode()) + (
                    zipper.flush(zlib.Z_SYNC_FLUSH) if flush else b""
                )
            yield zipper.flush()

        return StreamingResponse(
            body(), media_type=TEXT, headers=NOSNIFF | {"Content-Encoding": "gzip"}
        )

    return route


@broken("gzip-holds-body")
def gzip_that_never_flushes():
    return routed(compressed(flush=False))


@broken("cut-short")
async def error_after_the_first_byte():
    async def body():
        async for piece in paced(*LINES[:3]):
            yield piece
        raise LookupError("on purpose")

    return StreamingResponse(body(), media_type=TEXT)


@broken("cut-short")
def length_that_is_not_reached():
    def answer(line):
        line.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf\n")
        time.sleep(0.1)

    return raw(answer)


@broken("cut-before-first")
async def forbidden_too_late():
    async def events():
        raise HTTPException(403)
        yield

    return EventSourceResponse(events())


@broken("bad-framing")
def chunk_sizes_in_decimal():
    def answer(line):
        line.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        for _ in range(3):
            line.sendall(b"12\r\nhello, world\r\n")
            time.sleep(0.1)
        line.sendall(b"0\r\n\r\n")

    return raw(answer)


@broken("not-decodable")
async def gzip_by_name_only():
    return StreamingResponse(paced(*LINES), headers={"Content-Encoding": "gzip"})


@broken("python-repr")
async def dict_as_data():
    async def events():
        for i in range(4):
            yield {"data": {"n": i, "ok": True}}
            await asyncio.sleep(0.1)

    return EventSourceResponse(events())


@broken("python-repr")
async def dicts_as_lines():
    return text(
        *[f"{ {'n': i, 'x': None} }\n" for i in range(5)], media_type="application/x-ndjson"
    )


@broken("framed-twice")
async def formatted_and_then_framed():
    async def events():
        for i in range(4):
            yield f"data: {i}\n\n"
            await asyncio.sleep(0.1)

    return EventSourceResponse(events())


@broken("no-blank-line")
async def one_newline_only():
    return sse(*[f"data: {i}\n" for i in range(6)])


@broken("no-blank-line")
async def escaped_newlines():
    return sse(*[rf"data: {i}\n\n" for i in range(6)])


@broken("unfinished-event")
async def last_without_a_blank_line():
    return sse(*EVENTS[:4], "event: done\ndata: the result")


@broken("lost-lines")
async def json_on_several_lines():
    return sse(*[f"data: {json.dumps({'n': i}, indent=1)}\n\n" for i in range(4)])


@broken("none-as-data")
async def none_as_data():
    async def events():
        for value in ("a", None, "b", None):
            yield value
            await asyncio.sleep(0.1)

    return EventSourceResponse(events())


@broken("event-without-data")
async def end_event_without_data():
    return sse(*EVENTS[:4], "event: done\n\n")


@broken("not-utf-8")
async def latin_1():
    return sse(*[f"data: caf\u00e9 {i}\n\n".encode("latin-1") for i in range(4)])


@broken("not-labelled")
async def events_as_text():
    return text(*EVENTS)


@broken("not-labelled")
async def events_as_json():
    return text(*EVENTS, media_type="application/json")


@broken("no-events")
async def rows_labelled_as_events():
    return sse(*[json.dumps({"n": i}) + "\n" for i in range(5)])


@broken("ids-repeat")
async def the_same_id():
    return sse(*[f"id: 1\ndata: {i}\n\n" for i in range(5)], DONE)


@broken("ignores-last-event-id")
async def ids_for_nothing():
    return sse(*[f"id: {i}\ndata: {i}\n\n" for i in range(1, 7)], DONE)


@broken("resumes-beside")
async def the_last_one_again(last_event_id: int = Header(1)):
    if last_event_id == 6:
        return Response(status_code=204)
    return sse(*[f"id: {i}\ndata: {i}\n\n" for i in range(last_event_id, 7)])


@broken("replays")
async def begins_again_at_the_end(last_event_id: int = Header(0)):
    start = 1 if last_event_id == 6 else last_event_id + 1
    return sse(*[f"id: {i}\ndata: {i}\n\n" for i in range(start, 7)])


@broken("advice-replays")
async def ends_without_a_word():
    return sse(*EVENTS)


@broken("starved")
async def sleeps_in_async():
    async def body():
        for line in LINES[:6]:
            time.sleep(0.3)
            yield line

    return StreamingResponse(body(), media_type=TEXT)


@broken("starved")
async def sleeps_before_the_stream():
    time.sleep(1.5)
    return text(*LINES[:3])


@broken("starved")
async def sleeps_and_awaits():
    async def body():
        for i in range(8):
            time.sleep(0.4)
            yield f"data: {i}\n\n"
            await asyncio.sleep(0.01)

    return StreamingResponse(body(), media_type=SSE)


@contextmanager
def apart(program, path):
    """In a process of its own, which it may freeze."""
    code = f"{program}\nimport uvicorn\nuvicorn.run(app, port=0, access_log=False)\n"
    process = subprocess.Popen(
        [sys.executable, "-c", code], stderr=subprocess.PIPE, text=True, env=NO_PROXIES
    )
    try:
        line = next(line for line in process.stderr if "running on" in line)
        yield re.search(r"http://\S+", line)[0] + path
    finally:
        process.kill()
        process.communicate()


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


@broken("never-awaits")
def endless_without_an_await():
    return apart(ENDLESS, "/s")


@broken("shared-source")
def one_generator_for_all():
    once = paced(*LINES)
    return routed(lambda: StreamingResponse(once, media_type=TEXT))


@broken("shared-source")
def one_counter_for_all():
    count = itertools.count()

    async def route():
        async def body():
            for _ in range(8):
                yield f"data: {next(count)}\n\n"
                await asyncio.sleep(0.2)

        return StreamingResponse(body(), media_type=SSE)

    return routed(route)


@broken("shared-source")
def one_iterator_in_threads():
    def rows():
        for i in itertools.count():
            time.sleep(0.15)
            yield f"row {i}\n"

    once = rows()
    return routed(lambda: StreamingResponse(itertools.islice(once, 10), media_type=TEXT))


@broken("one-at-a-time")
def lock_for_the_whole_stream():
    lock = asyncio.Lock()

    async def route():
        async def body():
            async with lock:
                async for piece in paced(*LINES):
                    yield piece

        return StreamingResponse(body(), media_type=TEXT)

    return routed(route)


@broken("no-ping")
async def silence():
    return sse("data: hello\n\n", every=60)


@broken("stalled")
async def stuck_in_the_middle():
    async def body():
        async for piece in paced(*LINES[:5]):
            yield piece
        await asyncio.sleep(60)

    return StreamingResponse(body(), media_type=TEXT)


@broken("advice-small-chunks")
async def a_row_a_chunk():
    return StreamingResponse(iter([f"{i},user {i}\n" for i in range(3000)]), media_type="text/csv")


@broken("tiny-chunks")
async def a_letter_a_chunk():
    return StreamingResponse("".join(LINES) * 10, media_type=TEXT)


@broken("cumulative")
async def buffer_never_emptied():
    rows = [f"{i},user {i}\n" for i in range(6)]
    return text(*["".join(rows[: i + 1]) for i in range(6)], media_type="text/csv")


@broken("accept-decides")
async def streams_to_eventsource_only(request: Request):
    if request.headers["accept"] == SSE:
        return sse(*EVENTS)
    return Response("".join([piece async for piece in paced(*EVENTS)]), media_type=SSE)


@broken("status")
async def internal_error():
    return Response("boom", 500)


@broken("status")
def post_only():
    app = FastAPI()
    app.post("/s")(lambda: text(*LINES))
    return asgi(app)


@broken("redirect")
async def round_and_round():
    return RedirectResponse("/s")


@broken("cacheable")
async def events_to_keep():
    headers = {"Cache-Control": "public, max-age=3600"}
    return text(*EVENTS, DONE, media_type=SSE, headers=headers)


@broken("bad-json")
async def several_documents_in_one():
    return text(*[json.dumps({"n": i}) + "\n" for i in range(5)], media_type="application/json")


@broken("bad-json")
async def not_a_number():
    return sse(*[f"data: {json.dumps({'n': float('nan')})}\n\n" for _ in range(4)], DONE)


@broken("error-inside")
async def error_under_a_200():
    return text(
        *['{"n": 1}\n'] * 3, '{"error": "database is gone"}\n', media_type="application/jsonl"
    )


@broken("no-headers")
async def proxy_of_an_endless_stream():
    await asyncio.sleep(60)


@broken("advice-nosniff")
async def text_in_a_tab():
    return text(*LINES, headers=None)


@broken("bad-retry")
async def retry_in_words():
    return sse("retry: 3s\n\n", *EVENTS[:3], DONE)


@broken("json-twice")
def json_in_json():
    app = FastAPI()

    @app.get("/s", response_class=NativeResponse)
    async def events():
        for i in range(5):
            yield json.dumps({"n": i})
            await asyncio.sleep(0.1)

    return asgi(app)


@broken("ids-missing")
async def every_other_id():
    return sse(*[f"id: {i}\ndata: a\n\ndata: b\n\n" for i in range(4)], DONE)


@broken("bad-framing")
async def chunked_by_hand_too():
    return text(*[f"{len(line):x}\r\n{line}\r\n" for line in LINES], "0\r\n\r\n")


@broken("bursts")
async def released_by_a_clock():
    async def body():
        start, left = time.monotonic(), []
        async for piece in paced(*[f"data: {i}\n\n" for i in range(22)], every=0.17, first=0.17):
            left.append(piece)
            if time.monotonic() - start > 0.6:
                yield "".join(left)
                left.clear()
                start = time.monotonic()
        yield "".join(left)

    return StreamingResponse(body(), media_type=SSE)


@broken("wrong-length")
def length_in_characters():
    body = "é" * 10 + "\n"

    def answer(line):
        line.sendall(f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\n\r\n".encode())
        line.sendall(body.encode())

    return raw(answer)


@broken("framed-twice")
async def keep_alive_framed_again():
    async def events():
        for i in range(6):
            yield ": keep-alive\n\n" if i % 3 == 1 else {"data": json.dumps({"n": i})}
            await asyncio.sleep(0.1)

    return EventSourceResponse(events())


@broken("bad-json")
async def a_newline_inside_json():
    async def events():
        for n, words in enumerate(["one", "two", "three\u2028four", "five", "six"]):
            text = json.dumps({"n": n, "said": words}, ensure_ascii=False)
            yield "".join(f"data: {line}\n" for line in text.splitlines()) + "\n"
            await asyncio.sleep(0.1)

    return StreamingResponse(events(), media_type=SSE)


@broken("torn-letters")
async def bytes_decoded_one_by_one():
    pieces = [b"caf", b"\xc3", b"\xa9 au lait, ", b"15 ", b"\xe2\x82", b"\xac"]
    texts = [piece.decode(errors="replace") for piece in pieces]
    return sse(*[f"data: {json.dumps({'text': text})}\n\n" for text in texts], DONE)


@broken("torn-letters")
async def blocks_decoded_one_by_one():
    text = "Größe, Höhe, Fläche\n".encode() * 8
    return StreamingResponse(
        paced(*[text[i : i + 9].decode(errors="replace") for i in range(0, len(text), 9)]),
        media_type=TEXT,
    )


@broken("tiny-chunks")
def letters_the_second_time():
    answers = []

    async def route():
        words = answers[0] if answers else ["it is ", "a quarter ", "past ten "] * 4
        answers.append("".join(words))
        return sse(*[f"data: {json.dumps({'text': word})}\n\n" for word in words], every=0.02)

    return routed(route)


@broken("shared-source")
def one_queue_for_an_address():
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


@broken("runs-out")
def slots_that_are_not_given_back():
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


@broken("headers-late")
def route_that_awaits_the_first_event():
    async def route():
        await asyncio.sleep(1.3)
        return sse(*EVENTS)

    return routed(route)


@broken("shared-source")
def some_for_one_reader_alone():
    readers = []

    async def route():
        mine = object()
        readers.append(mine)

        async def body():
            try:
                for n in range(60):
                    if n % 4 or readers[0] is mine:
                        yield f"{n}\n"
                    await asyncio.sleep(0.1)
            finally:
                readers.remove(mine)

        return StreamingResponse(body(), media_type=TEXT, headers=NOSNIFF)

    return routed(route)


# Healthy


@healthy
async def an_end_with_the_last_id(last_event_id: int = Header(0)):
    if last_event_id == 5:
        return Response(status_code=204)
    left = [f"id: {i}\ndata: {i}\n\n" for i in range(last_event_id + 1, 6)]
    return sse(*left, f"id: 5\n{DONE}")


@healthy
async def the_last_few_then_a_wait():
    async def events():
        for i in range(10):
            yield {"data": i}
        await asyncio.sleep(60)

    return EventSourceResponse(events(), ping=5)


@healthy
def slow_the_first_time():
    made = []

    async def route():
        async def report():
            await asyncio.sleep(0 if made else 1.0)
            made.append(1)
            yield "a,b\n" * 50

        return StreamingResponse(report(), media_type="text/csv", headers=NOSNIFF)

    return routed(route)


@healthy
async def no_events_to_be_had(request: Request):
    if request.headers.get("accept") == SSE:
        return Response(status_code=406)
    return text("a,b\n" * 50, media_type="text/csv", first=1.0)


@healthy
async def batches_as_advised():
    async def body():
        rows = [f"{i},{i}\n" for i in range(110)]
        for i in range(0, 110, 25):
            await asyncio.sleep(0.02 * len(rows[i : i + 25]))
            yield "".join(rows[i : i + 25])

    return StreamingResponse(body(), media_type="text/csv")


@healthy
async def events_after_a_query():
    return sse(*EVENTS, DONE, first=0.7, every=0)


@healthy
def gzip_of_a_slow_route():
    app = FastAPI()
    app.add_middleware(GZipMiddleware)

    @app.get("/s")
    async def route():
        await asyncio.sleep(0.6)
        return text(*LINES)

    return asgi(app)


@healthy
async def an_error_told_as_an_event():
    return sse(*EVENTS[:4], 'event: error\ndata: {"message": "upstream is gone"}\n\n')


@healthy
async def what_a_program_prints():
    words = ["start", "None", "{'a': 1}", ":", '"[]"', "so it", "went on", "to the end"]
    return sse(*[f"data: {word}\n\n" for word in words], DONE)


@healthy
async def about_events_and_errors():
    """What looks like a fault is what the text is about."""
    error = "Traceback (most recent call last):\n  File 'a.py', line 1\nKeyError: 'n'\nSo it ends."
    frame = "HTTP/1.1 200 OK\ncontent-type: text/event-stream\n\nid: 7\ndata: 8"
    texts = [error, frame, "A lone \ufffd is U+FFFD.", "None is", "data: too", "done"]
    return sse(*["".join(f"data: {line}\n" for line in t.split("\n")) + "\n" for t in texts], DONE)


@healthy
async def a_log_with_an_error_in_it():
    error = "Traceback (most recent call last):\n  File 'a.py', line 1\nKeyError: 'n'\n"
    return text("start\n", error, *LINES)


@healthy
async def plain_latin_1():
    words = ["é è ê\n".encode("latin-1")] * 6
    return text(*words, media_type="text/plain; charset=iso-8859-1")


@healthy
async def batches_of_json_lines():
    rows = [json.dumps({"n": n}) for n in range(24)]
    batches = ["\n".join(rows[i : i + 4]) for i in range(0, 24, 4)]
    pieces = [batches[0], *[f"\n{batch}" for batch in batches[1:]]]
    return text(*pieces, media_type="application/x-ndjson", every=0.4)


@healthy
async def lines():
    return text(*LINES)


@healthy
def lines_from_a_thread():
    def body():
        for line in LINES:
            time.sleep(0.15)
            yield line

    return StreamingResponse(body(), media_type=TEXT, headers=NOSNIFF)


@healthy
async def events_to_resume(last_event_id: int = Header(0)):
    if last_event_id >= 8:
        return Response(status_code=204)

    async def events():
        for i in range(last_event_id + 1, 9):
            yield ServerSentEvent(json.dumps({"n": i}), id=str(i), event="count")
            await asyncio.sleep(0.1)

    return EventSourceResponse(events())


@healthy
def native_events():
    app = FastAPI()

    @app.get("/s", response_class=NativeResponse)
    async def events():
        for i in range(8):
            yield {"n": i}
            await asyncio.sleep(0.15)
        yield {"done": True}

    return asgi(app)


@healthy
def asgi_by_hand():
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
def threads_of_the_standard_library():
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
def closed_at_the_end():
    def answer(line):
        line.sendall(b"HTTP/1.0 200 OK\r\nContent-Type: text/csv\r\n\r\n")
        for i in range(8):
            line.sendall(b"%d,user\n" % i)
            time.sleep(0.1)

    return raw(answer)


@healthy
def one_client_after_another():
    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Type", "text/csv")
        self.end_headers()
        for i in range(8):
            self.wfile.write(b"%d,user\n" % i)
            time.sleep(0.1)

    return handler(do_GET, http.server.HTTPServer, "HTTP/1.0")


@healthy
def one_socket_after_another():
    def answer(line):
        line.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n")
        line.sendall(b"Cache-Control: no-cache\r\n\r\n")
        for piece in (*EVENTS, DONE):
            line.sendall(piece.encode())
            time.sleep(0.1)

    return raw(answer, threaded=False)


@healthy
async def fast_export():
    rows = ["".join(f"{i},user {i},note\n" for i in range(500))] * 200
    return text(*rows, every=0, media_type="text/csv")


@healthy
def fast_export_from_a_thread():
    rows = ["".join(f"{i},user {i},note\n" for i in range(500))] * 300
    return StreamingResponse(iter(rows), media_type="text/csv")


@healthy
async def export_after_a_query():
    return text(*LINES * 20, every=0, first=1.0, media_type="text/csv")


@healthy
async def export_after_a_query_in_the_route():
    await asyncio.sleep(1.0)
    return text(*LINES * 20, every=0, media_type="text/csv")


@healthy
@contextmanager
def a_file():
    with tempfile.NamedTemporaryFile(suffix=".bin") as file:
        file.write(bytes(range(256)) * 2**14)
        file.flush()
        with routed(lambda: FileResponse(file.name)) as url:
            yield url


@healthy
async def a_text_file():
    with tempfile.NamedTemporaryFile(suffix=".txt", delete=False) as file:
        file.write(b"a line of a text file\n" * 5000)
    return FileResponse(file.name)


@healthy
async def json_by_design():
    await asyncio.sleep(1.0)
    return [{"n": i} for i in range(50)]


@healthy
def json_from_a_thread():
    time.sleep(0.7)
    return {"rows": [{"n": i} for i in range(50)]}


@healthy
async def idle_with_pings():
    async def events():
        await asyncio.sleep(60)
        yield {"data": "at last"}

    return EventSourceResponse(events(), ping=2)


@healthy
async def idle_with_the_usual_pings():
    async def events():
        yield {"data": "hello"}
        await asyncio.sleep(60)

    return EventSourceResponse(events())


@healthy
def gzip_that_flushes():
    return routed(compressed(flush=True))


@healthy
def gzip_of_starlette():
    app = FastAPI()
    app.add_middleware(GZipMiddleware, minimum_size=10)
    app.get("/s")(lambda: text(*LINES))
    return asgi(app)


@healthy
def events_beside_gzip():
    app = FastAPI()
    app.add_middleware(GZipMiddleware)
    app.get("/s")(lambda: sse(*EVENTS, DONE, first=0.5))
    return asgi(app)


@healthy
async def compressed_whole():
    body = gzip.compress(json.dumps(list(range(5000))).encode())
    return Response(body, media_type="application/json", headers={"Content-Encoding": "gzip"})


@healthy
async def endless():
    return sse(*[f"data: {i}\n\n" for i in range(10000)], every=0.05)


@healthy
async def endless_clock():
    async def body():
        while True:
            yield f"data: {time.time():.3f}\n\n"
            await asyncio.sleep(0.2)

    return StreamingResponse(body(), media_type=SSE, headers=UNCACHED)


@healthy
def broadcast():
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


@healthy
async def one_event():
    return sse("data: ready\n\n", first=0.5)


@healthy
async def one_event_and_length():
    return Response("data: ready\n\n", media_type=SSE, headers=UNCACHED)


@healthy
async def late_first_chunk():
    return text(*LINES, first=3.0)


@healthy
async def late_events():
    await asyncio.sleep(2)
    return sse("event: progress\ndata: 100\n\n", DONE)


@healthy
async def batches():
    rows = ["".join(f"{i},{j}\n" for j in range(40)) for i in range(6)]
    return text(*rows, every=0.5, media_type="text/csv")


@healthy
async def batches_after_a_wait():
    async def body():
        for i in range(6):
            await asyncio.sleep(0.5)
            yield "".join(json.dumps({"n": j}) + "\n" for j in range(40 if i < 5 else 13))

    return StreamingResponse(body(), media_type="application/x-ndjson")


@healthy
async def events_in_rows():
    async def body():
        for i in range(4):
            await asyncio.sleep(0.5)
            for j in range(5):
                yield f"data: {i} {j}\n\n"
        yield DONE

    return StreamingResponse(body(), media_type=SSE, headers=UNCACHED)


WORDS = ["so", "it", "goes", "on", "and", "on"]


@healthy
async def tokens():
    words = [f"data: {json.dumps({'delta': word})}\n\n" for word in WORDS * 20]
    return sse(*words, "data: [DONE]\n\n", every=0.01)


@healthy
async def events_of_a_job():
    stages = [f"event: progress\ndata: {p}\n\n" for p in range(0, 100, 20)]
    return sse(": started\n\nretry: 3000\n\n", *stages, DONE)


@healthy
async def moved(request: Request):
    if "there" not in request.query_params:
        return RedirectResponse("/s?there=1")
    return text(*LINES)


@healthy
def only_two_at_a_time():
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
async def binary():
    return StreamingResponse(paced(*[bytes(range(256)) * 256] * 8, every=0.05))


@healthy
async def fast_but_fair():
    async def body():
        for i in range(20000):
            yield f"{i}, and some more text to fill the row\n" * 20
            await asyncio.sleep(0)

    return StreamingResponse(body(), media_type="text/csv")


@healthy
def slow_whatever_the_path():
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


@healthy
def a_write_a_line():
    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Type", SSE)
        self.send_header("Cache-Control", "no-cache")
        self.end_headers()
        for i in range(6):
            for line in ("event: log\n", "data: a\n", "data: b\n", f"data: {i}\n", "\n"):
                self.wfile.write(line.encode())
            time.sleep(0.2)
        self.wfile.write(DONE.encode())

    return handler(do_GET, version="HTTP/1.0")


@healthy
async def words_with_apostrophes():
    texts = ["it's", "a\n\nb\n\nc", "{'a': 1} is Python"]
    events = [f"data: {json.dumps({'text': one})}\n\n" for one in texts * 3]
    return sse(*events, "data: [DONE]\n\n")


@healthy
async def rows_of_json_with_blank_lines():
    rows = [json.dumps({"text": "it's"}) + "\n\n" for _ in range(6)]
    return text(*rows, media_type="application/x-ndjson")


@broken("gzip-holds-headers")
def gzip_of_an_endless_stream():
    async def route(request: Request):
        async def body():
            async for piece in paced(*LINES * 99):
                yield piece

        if "gzip" in request.headers["accept-encoding"]:
            await asyncio.sleep(60)
        return StreamingResponse(body(), media_type=TEXT)

    return routed(route)


# Lesson 09: what can be seen of its faults over HTTP, and their twins

LESSON_FAULTS = {
    "blocking-fault /report": "starved",
    "never-awaits-fault /numbers": "never-awaits",
    "proxy-fault /proxied": "held-until-end",
    "compression-fault /rows": "gzip-holds-headers",
    "error-fault /rates": "cut-short",
    "forbidden-fault /orders": "cut-before-first",
    "forbidden-mended /orders": "status",
    "dependency-program /early": "cut-before-first",
    "blank-tab-program /blank": "advice-nosniff",
    "shared-program /shared": "shared-source",
    "small-chunks-program /letters": "tiny-chunks",
    "mend-starter /steps": "cut-before-first",
    "mend-starter /steps?key=tea": "starved",
}
LESSON_TWINS = [
    "blocking-mended /report",
    "never-awaits-mended /numbers",
    "collects-program /report",
    "proxy-mended /proxied",
    "compression-mended /rows",
    "error-mended /rates",
    "forbidden-mended /orders?key=tea",
    "left-async /rows",
    "left-fault /rows",
    "left-mended /rows",
    "slow-program /blocks?room=8",
    "dependency-program /open",
    "blank-tab-program /live",
    "shared-program /own",
    "small-chunks-program /page",
    "reload-program /ticks",
]


def of_the_lesson(name):
    id, path = name.split()

    def make():
        lesson = next(path for path in LESSONS if path.name.startswith("09_"))
        program = next(cell.source for cell in cells_of(lesson) if cell.id == id)
        if id.startswith("never-awaits"):
            return apart(program, path)
        main = {"__name__": "main"}
        exec(program, main)
        return asgi(main["app"], path)

    return make


if any(path.name.startswith("09_") for path in LESSONS):
    BROKEN |= {name: (code, of_the_lesson(name)) for name, code in LESSON_FAULTS.items()}
    HEALTHY |= {name: of_the_lesson(name) for name in LESSON_TWINS}


# The tests


def served(make):
    """The service's URL, in a context manager, whichever way it is made."""
    is_route = asyncio.iscoroutinefunction(make) or make.__name__ in ROUTES
    return routed(make) if is_route else make()


ROUTES = {"lines_from_a_thread", "fast_export_from_a_thread", "json_from_a_thread"}


def examined(make):
    """What is found, and in how many seconds."""
    with served(make) as url:
        start = time.perf_counter()
        return diagnose(url, quiet=True), time.perf_counter() - start


@pytest.fixture(scope="module")
def findings(request):
    """What is found in each service, several at once: a machine that is busy is part of it."""
    asked = " ".join(item.name for item in request.session.items)
    makes = {name: make for name, (_, make) in BROKEN.items()} | HEALTHY
    with ThreadPoolExecutor(10) as threads:
        wanted = [name for name in makes if f"[{name}]" in asked]
        yield {name: threads.submit(examined, makes[name]) for name in wanted}


@pytest.mark.parametrize("name", BROKEN)
def test_what_is_broken_is_named(name, findings):
    found, took = findings[name].result()
    codes, expected = {finding.code for finding in found}, BROKEN[name][0]
    # On a busy machine times no longer prove that bursts are somebody's doing.
    assert codes & {expected, f"advice-{expected}"}, found
    assert took < 31


@pytest.mark.parametrize("name", HEALTHY)
def test_what_is_healthy_is_let_alone(name, findings):
    found, took = findings[name].result()
    assert [finding for finding in found if not finding.is_advice] == []
    assert took < 31


def test_every_code_is_in_the_docstring():
    told = diagnose.__doc__.partition("The codes are:")[2]
    codes = [rule.__name__.replace("_", "-") for rule in symptoms.RULES]
    assert re.findall(r"[a-z0-9-]+", told) == ["no-headers", *codes]
    assert all(rule.__doc__ for rule in symptoms.RULES)


def test_what_it_prints(capsys):
    with routed(lambda: text(*LINES[:3])) as url:
        assert diagnose(url) == []
        first, second, *_, last = capsys.readouterr().out.splitlines()
        assert first.startswith(f"GET {url}: 200, 24 bytes in 3 chunks, ")
        assert second.startswith("text/plain, headers after 0.")
        assert "09_find_what_breaks" in last
        diagnose(url, quiet=True)
        assert capsys.readouterr().out == ""
    with routed(lambda: Response("gone", 410)) as url:
        (finding,) = diagnose(url)
        assert finding == ("status", finding.text, "410 Gone: 'gone'")
        assert f"status: {finding.text}\n    Seen: 410 Gone: 'gone'\n" in capsys.readouterr().out


def test_it_says_what_it_saw_of_a_healthy_stream_too(capsys):
    with asgi(finished, "/logs?count=6&every=0.1") as url:
        assert diagnose(url) == []
    said = capsys.readouterr().out
    assert re.search(r"6 events, the first after 0\.\d{3} s, then one every 0\.\d{3} s", said)
    for fact in (
        "transfer-encoding: chunked, cache-control: no-store, x-accel-buffering: no",
        "asked for gzip: not compressed, headers after 0.",
        "beside two of them, other requests waited at most 0.",
        "0 comments (pings); 6 events with ids",
        "asked with Last-Event-ID: 4, the answer: id 5",
        "asked with Last-Event-ID: 6, the answer: 204",
    ):
        assert f"\n{fact}" in said


@pytest.mark.parametrize("id", ["é1", "1 2", "\u2028"])
def test_an_id_is_any_text(id):
    events = "".join(f"id: {id}{i}\ndata: {i}\n\n" for i in range(4))
    with routed(lambda: Response(events, media_type=SSE, headers=UNCACHED)) as url:
        assert "ignores-last-event-id" in [finding.code for finding in diagnose(url, quiet=True)]


def test_a_path_is_any_text():
    app = FastAPI()
    app.get("/files/{name}")(lambda name: text(*LINES[:3]))
    with Server(app) as server:
        assert diagnose(f"{server.url}/files/what%3F.txt", quiet=True) == []


@pytest.mark.parametrize("piece", ["x" * 2**16, "data: x\n", ": x\n"])
def test_a_flood_takes_little_memory(piece):
    """Of an event stream that never comes to an event."""
    with asgi(flood(piece)) as url:
        bounds = recorder.Bounds(seconds=30, max_bytes=2**20)
        seen = recorder.record_watched(None, url, "GET", bounds)
    assert seen.ended == "stopped at max_bytes=1,048,576." and seen.size < 2**21


def flood(piece):
    app = FastAPI()

    @app.get("/s")
    async def route():
        async def body():
            while True:
                yield piece
                await asyncio.sleep(0)

        return StreamingResponse(body(), media_type=SSE)

    return app


def test_it_uses_get_alone_and_the_headers_it_is_given():
    seen = []

    async def app(scope, receive, send):
        if scope["type"] == "http":
            seen.append((scope["method"], dict(scope["headers"]).get(b"x-key")))
            status = 200 if scope["path"] == "/s" else 404
            await send({"type": "http.response.start", "status": status, "headers": []})
            await send({"type": "http.response.body", "body": b"hello"})

    with asgi(app) as url:
        assert diagnose(url, quiet=True, headers={"X-Key": "tea"}) == []
    assert len(seen) > 3 and set(seen) == {("GET", b"tea")}


def test_a_path_of_the_served_app(capsys):
    app = FastAPI()
    app.get("/s")(lambda: text(*LINES[:3]))
    with serve(app):
        assert diagnose("/s", quiet=True) == []


@pytest.mark.parametrize(
    ("target", "error"),
    [
        ("nonsense", ValueError),
        (None, TypeError),
        ("http://127.0.0.1:1/", ConnectionError),
    ],
)
def test_what_cannot_be_asked_is_one_line(target, error):
    with pytest.raises(error) as caught:
        diagnose(target, quiet=True)
    assert "\n" not in str(caught.value)
    with pytest.raises(ValueError, match="seconds"):
        diagnose("http://127.0.0.1:1/", seconds=0)


def test_what_is_not_http_is_one_line():
    with (
        raw(lambda line: line.sendall(b"SSH-2.0-OpenSSH\r\n")) as url,
        pytest.raises(OSError) as c,
    ):
        diagnose(url, quiet=True)
    assert "\n" not in str(c.value)


def test_it_ends_in_time():
    """Also where all that is asked takes as long as it may."""
    for first in (0.0, 60.0):
        with routed(lambda first=first: sse(*EVENTS * 999, first=first, every=0.5)) as url:
            start = time.perf_counter()
            diagnose(url, quiet=True, seconds=3)
            assert time.perf_counter() - start < 5


@pytest.mark.skipif(sys.platform == "win32", reason="sends itself a signal")
@pytest.mark.parametrize("seconds", [0.3, 3.0])
def test_an_interrupt_keeps_what_was_found(seconds, capsys):
    before = signal.getsignal(signal.SIGINT)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    timer = threading.Timer(seconds, os.kill, (os.getpid(), signal.SIGINT))
    try:
        with routed(lambda: sse(*[f"data: {i}\n" for i in range(9)])) as url:
            timer.start()
            start = time.perf_counter()
            found = diagnose(url)
            assert time.perf_counter() - start < seconds + 3
    finally:
        timer.join()
        signal.signal(signal.SIGINT, before)
    assert "interrupted." in capsys.readouterr().out
    assert seconds < 1 or "no-blank-line" in [finding.code for finding in found]


def test_no_bytes_upset_the_rules():
    """Whatever a stranger sends, whole or cut."""
    pick = random.Random(9)
    words = [
        b"data: ",
        b"id: 1",
        b"\n",
        b"\n\n",
        b"\r\n",
        b"{'a'",
        b"[" * 3000,
        b"9" * 5000,
        b"\0",
    ]
    words += [b"\xff", b"5\r\n", b"None", b"retry: ", b"event: x", b'"', b":", "\u0663".encode()]
    for kind in [SSE, TEXT, "application/json", "application/x-ndjson", ""] * 100:
        response = httpx.Response(200, headers={"content-type": kind, "server": "uvicorn"})
        data = [
            b"".join(pick.choices(words, k=pick.randrange(9))) for _ in range(pick.randrange(9))
        ]
        chunks = [recording.Chunk(i / 9, len(piece), piece) for i, piece in enumerate(data)]
        seen = recording.Recording("GET", "http://x/", response, 0.0, chunks, seconds=20.0)
        seen.ending = pick.choice([recording.Ending.WHOLE, recording.Ending.CUT])
        decoder = events.EventDecoder() if kind == SSE else None
        for at, _, piece in chunks if decoder else ():
            found = decoder.feed(piece)
            seen.events += [recording.RecordedEvent(at, *event) for event in found]
        everything = symptoms.Seen(seen, zipped=seen, pair=[seen, seen], waits=[0.1])
        for finding in symptoms.findings(everything):
            assert finding.code and finding.text and finding.evidence
        assert len([*symptoms.facts(everything)]) >= 3


# In a terminal


COMMAND = [sys.executable, "-m", "labserver", "diagnose"]


def in_a_terminal(*words):
    command = [*COMMAND, *words]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, env=NO_PROXIES)


def test_people_read_it_in_a_terminal():
    with routed(lambda: text(*LINES[:3])) as url:
        done = in_a_terminal(url)
    assert (done.returncode, done.stderr) == (0, "")
    assert "Nothing found." in done.stdout


def test_machines_read_it_line_by_line():
    async def route(request: Request):
        return Response("no key", 403 if request.headers.get("x-key") != "tea" else 410)

    with routed(route) as url:
        done = in_a_terminal(url, "--json", "-H", "X-Key: tea", "--seconds", "10")
    assert done.returncode == 1
    (row,) = map(json.loads, done.stdout.splitlines())
    assert (row["code"], row["evidence"]) == ("status", "410 Gone: 'no key'")
    assert list(row) == ["code", "text", "evidence"]


def test_advice_is_no_failure():
    with routed(lambda: sse(*EVENTS[:4])) as url:
        done = in_a_terminal(url)
    assert "advice-replays: " in done.stdout and done.returncode == 0


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["http://127.0.0.1:1/"], 1),
        (["nonsense"], 2),
        (["/path"], 2),
        ([], 2),
        (["http://127.0.0.1:1/", "-H", "nonsense"], 2),
        (["http://127.0.0.1:1/", "--seconds", "0"], 2),
    ],
)
def test_wrong_usage_is_said_without_a_traceback(words, code):
    done = in_a_terminal(*words)
    assert done.returncode == code
    assert done.stderr and "Traceback" not in done.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="no SIGINT to send there")
def test_an_interrupt_in_a_terminal():
    with routed(lambda: sse(*EVENTS * 9)) as url:
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        process = subprocess.Popen([*COMMAND, url], env=NO_PROXIES, **pipes)
        time.sleep(2.5)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=10)
    assert (process.returncode, err) == (130, "")
    assert "interrupted." in out
