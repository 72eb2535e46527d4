"""Apps that the tests of the server serve, and clients that read them in odd ways."""

import asyncio
import socket
import time

from fastapi import FastAPI
from fastapi.responses import StreamingResponse
from sse_starlette import EventSourceResponse


def answering(word):
    app = FastAPI()
    app.get("/word")(lambda: word)
    return app


def streaming(finished):
    """An app of endless streams, each of which notes in `finished` that its `finally` ran."""
    app = FastAPI()

    def note(name, lines):
        try:
            yield from lines
        finally:
            finished.append(name)

    async def anote(name, item):
        try:
            while True:
                yield item
                await asyncio.sleep(0.02)
        finally:
            finished.append(name)

    def slow_lines():
        while True:
            yield "x\n"
            time.sleep(0.05)

    async def flood():
        while True:
            yield b"x" * 65536

    app.get("/plain")(lambda: StreamingResponse(anote("plain", "x\n")))
    app.get("/sync")(lambda: StreamingResponse(note("sync", slow_lines())))
    app.get("/sse")(lambda: EventSourceResponse(anote("sse", {"data": "x"})))
    app.get("/flood")(lambda: StreamingResponse(flood()))
    return app


def asking(line, path, *headers):
    """A request written out, for the server at the other end of a socket."""
    lines = [f"GET {path} HTTP/1.1", "Host: {}:{}".format(*line.getpeername()), *headers]
    return "\r\n".join([*lines, "", ""]).encode()


def open_streams(server, client, stack, count=10):
    """Streams of each kind that have begun to come, and a client that reads nothing."""
    paths = ["/plain", "/sync", "/sse"]
    for n in range(count):
        response = stack.enter_context(client.stream("GET", server.url + paths[n % 3]))
        chunks = response.iter_raw()
        next(chunks)
        stack.callback(chunks.close)  # and so kept: a generator that is dropped ends the stream
    idle = stack.enter_context(socket.create_connection(("127.0.0.1", server.port)))
    idle.sendall(asking(idle, "/flood"))
    return [paths[n % 3][1:] for n in range(count)]
