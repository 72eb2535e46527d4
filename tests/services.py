"""Services to diagnose: the ways to serve one, what it may send, and what is to be found in it."""

import asyncio
import http.server
import inspect
import re
import socket
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager

import httpx
from fastapi import FastAPI
from fastapi.responses import StreamingResponse
from machine import NO_PROXIES

from labserver import diagnose
from labserver.diagnosis import Level, rules
from labserver.diagnosis.observation import Observation
from labserver.events import EventDecoder
from labserver.recording import Chunk, Ending, RecordedEvent, Recording
from labserver.server import Server

SSE, TEXT = "text/event-stream", "text/plain"
NOSNIFF = {"X-Content-Type-Options": "nosniff"}
UNCACHED = {"Cache-Control": "no-store"}
LINES = [f"Chunk {i}\n" for i in range(8)]
EVENTS = [f"data: {i}\n\n" for i in range(8)]
DONE = "event: done\ndata: bye\n\n"


# What is to be found


def named(*codes):
    """A test that diagnose names these codes in a service, and no other fault."""

    def tested(service):
        def test(diagnoses):
            look_for(*codes, service=service, diagnoses=diagnoses)

        test.service = service
        return test

    return tested


def healthy(service):
    """A test that diagnose finds no fault in a service."""
    return named()(service)


def look_for(*codes, service, diagnoses):
    """Assert that diagnose finds these codes in a service, and no other fault.

    A busy machine may hide a fault, so where one is missing the service is diagnosed up to five
    times. No other fault is excused, but for what that one suppresses.
    """
    found = diagnoses[service].result()
    for _ in range(4):
        if not is_hidden(codes, found):
            break
        found = diagnosed(service)
    only(*codes, found=found)


def only(*codes, found):
    """Assert that these codes were found, and no other fault."""
    assert is_found(codes, found), found


def is_found(codes, found):
    """Whether these codes were found, and no other fault."""
    return not is_hidden(codes, found) and not _others(codes, found)


def is_hidden(codes, found):
    """Whether one of these codes is missing, and no other fault was found."""
    return not {*codes} <= {finding.code for finding in found} and not _others(codes, found)


def _others(codes, found):
    faults = {finding.code for finding in found if finding.level is Level.FAULT} - {*codes}
    return {code for code in faults if not rules.SUPPRESSED_BY.get(code, set()) & {*codes}}


# A route is made while warnings are changed for the whole process: one thread at a time.
STARTING = threading.Lock()


@contextmanager
def together(services):
    """What is found in each of several services, at once and as futures.

    A machine that is busy with all of them is part of the test.
    """
    with ThreadPoolExecutor(12) as threads:
        try:
            yield {service: threads.submit(diagnosed, service) for service in services}
        finally:
            threads.shutdown(cancel_futures=True)


def diagnosed(service):
    """What is found in a service: a coroutine function is its route, others serve it whole."""
    with ExitStack() as stack:
        with STARTING:
            one = routed(service) if inspect.iscoroutinefunction(service) else service()
            url = stack.enter_context(one)
        return diagnose(url, quiet=True)


# What was seen, without a service


def observed(*pieces, type=SSE, every=0.1, ending=Ending.WHOLE, **headers):
    """The observation of a body that came in these pieces, one every so many seconds."""
    headers = {name.replace("_", "-"): value for name, value in headers.items()}
    response = httpx.Response(
        200,
        headers={"content-type": type} | headers,
        request=httpx.Request("GET", "http://127.0.0.1"),
    )
    data = [piece.encode() if isinstance(piece, str) else piece for piece in pieces]
    chunks = [Chunk(i * every, len(piece), piece) for i, piece in enumerate(data)]
    recording = Recording("GET", "http://127.0.0.1/s", response, 0.0, chunks)
    recording.seconds, recording.ending = len(pieces) * every, ending
    decoder = EventDecoder()
    for at, _, piece in chunks if recording.has_events else ():
        recording.events += [RecordedEvent(at, *event) for event in decoder.feed(piece)]
    return Observation(recording)


def said_of(observation):
    """What the rules find in an observation: evidence by code."""
    return {finding.code: finding.evidence for finding in rules.findings(observation)}


# How a service is served: each gives its URL


@contextmanager
def asgi(app, path="/s"):
    """An app, on a server of the lab."""
    with Server(app) as server:
        yield server.url + path


def routed(route):
    """A route, in an app of its own."""
    app = FastAPI()
    app.get("/s", response_model=None)(route)
    return asgi(app)


@contextmanager
def apart(program, path):
    """A program in a process of its own, which it may freeze."""
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


@contextmanager
def raw(answer, threaded=True):
    """A service of bare sockets: `answer(connection)` after each request's head was read."""
    listener = socket.create_server(("127.0.0.1", 0))

    def talk(connection):
        with connection:
            try:
                if connection.recv(65536):
                    answer(connection)
                    connection.shutdown(socket.SHUT_WR)
                    connection.recv(1)
            except OSError:
                pass

    def accept():
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            if threaded:
                threading.Thread(target=talk, args=[connection], daemon=True).start()
            else:
                talk(connection)

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/s"
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()


@contextmanager
def handler(do_GET, server=http.server.ThreadingHTTPServer, version="HTTP/1.1"):
    """A handler of the standard library's server."""

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


@contextmanager
def through(url, forward):
    """A proxy of bytes in front of a service: `forward(answers, send)` passes its answers on."""
    host, _, rest = url.removeprefix("http://").partition(":")
    port, _, path = rest.partition("/")
    listener = socket.create_server(("127.0.0.1", 0))

    def talk(client):
        with client, socket.create_connection((host, int(port))) as server:
            threading.Thread(target=ask, args=[client, server], daemon=True).start()
            try:
                forward(iter(lambda: server.recv(65536), b""), client.sendall)
                client.shutdown(socket.SHUT_WR)
            except OSError:
                pass

    def ask(client, server):
        try:
            while data := client.recv(65536):
                server.sendall(data)
            server.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass

    def accept():
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=talk, args=[client], daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/{path}"
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()


# What it sends


async def paced(*pieces, every=0.15, first=0.0):
    """Pieces, one every so many seconds."""
    await asyncio.sleep(first)
    for piece in pieces:
        yield piece
        await asyncio.sleep(every)


def text(*pieces, media_type=TEXT, headers=NOSNIFF, **pace):
    """A response of text, piece by piece."""
    return StreamingResponse(paced(*pieces, **pace), media_type=media_type, headers=headers)


def sse(*pieces, **pace):
    """A response of events, as they are written."""
    return text(*pieces, media_type=SSE, headers=UNCACHED, **pace)
