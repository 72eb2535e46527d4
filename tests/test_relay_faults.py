"""The relay, asked by pages that leave, send garbage, or take nothing: no traceback in the log."""

import asyncio
import gzip
import json
import socket
import struct
from contextlib import contextmanager, suppress

import httpx
import pytest
from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse, PlainTextResponse, StreamingResponse
from waiting import LONG, PATIENT, wait_until
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from labserver import relay
from labserver.server import Server

UPGRADE = [
    *("GET /relay HTTP/1.1", "Upgrade: websocket", "Connection: Upgrade"),
    *("Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA=="),
]
PACKED = gzip.compress(b"packed", mtime=0)
TEXT, BINARY, CLOSE, PING = 0x1, 0x2, 0x8, 0x9  # RFC 6455, 5.2


def endless():
    async def pieces():
        while True:
            yield bytes(65536)
            await asyncio.sleep(0)  # or it freezes the server once its client has left

    return StreamingResponse(pieces())


def told_id(request: Request):
    return PlainTextResponse(request.headers["last-event-id"])


@pytest.fixture
def server():
    app = FastAPI()
    app.include_router(relay.router)
    app.get("/endless")(endless)
    app.get("/busy")(lambda: JSONResponse("busy", 503, headers={"Retry-After": "1"}))
    app.get("/packed")(lambda: Response(PACKED, headers={"Content-Encoding": "gzip"}))
    app.get("/id")(told_id)
    app.get("/named")(lambda: Response(headers={"X-Name": "Łódź".encode().decode("latin-1")}))
    with Server(app) as server:
        yield server


def opened(server):
    """A plain socket, with the request for a WebSocket to the relay sent."""
    wire = socket.create_connection(("127.0.0.1", server.port), timeout=LONG)
    lines = [*UPGRADE, f"Host: {server.url[7:]}", f"Origin: {server.url}"]
    wire.sendall("\r\n".join([*lines, "", ""]).encode())
    return wire


@contextmanager
def relaying(server):
    url = server.url.replace("http", "ws") + "/relay"
    with connect(url, origin=server.url, proxy=None, open_timeout=LONG) as wire:
        yield wire


def frame(opcode, payload, fin=0x80, size=None):
    size = len(payload) if size is None else size
    if size > 65535:
        length = struct.pack("!BQ", 0x80 | 127, size)
    elif size > 125:
        length = struct.pack("!BH", 0x80 | 126, size)
    else:
        length = bytes([0x80 | size])
    return bytes([fin | opcode]) + length + bytes(4) + payload


def relays_of(server):
    """Those that are open: the set is made with the first."""
    return getattr(server.sends.app.state, "relays", ())


ASK = frame(TEXT, b'{"path": "/endless"}')
LEAVING = {
    "with the handshake": [],
    "after a close frame": [frame(CLOSE, struct.pack("!H", 1001))],
    "after an empty close frame": [frame(CLOSE, b"")],
    "after a close frame of one byte": [frame(CLOSE, b"x")],
    "after a ping": [frame(PING, b"x")],
    "in the middle of a frame": [ASK[:9]],
    "in the middle of a message": [frame(TEXT, b'{"pa', fin=0)],
    "after garbage": [bytes(range(256))],
    "after the request": [ASK],
    "after two requests": [ASK, ASK],
    "after a binary message": [frame(BINARY, b'{"path": "/endless"}')],
    "after a message without a mask": [b"\x81\x02hi"],
    "after a message that is announced too long": [frame(TEXT, b"x", size=2**40)],
    "after a message that is too long": [frame(TEXT, b"x" * (17 * 2**20))],
    "after many messages": [frame(TEXT, b"x")] * 1000,
}


@pytest.mark.parametrize("reset", [False, True], ids=["closed", "reset"])
@pytest.mark.parametrize("sent", LEAVING.values(), ids=LEAVING)
def test_a_page_that_leaves_leaves_no_traceback(sent, reset, server):
    for wait in (True, False):
        wire = opened(server)
        with suppress(OSError):  # the server may close first
            assert not wait or wire.recv(1024)
            for data in sent:
                wire.sendall(data)
        if reset:  # no FIN, but RST
            wire.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        wire.close()
    httpx.get(server.url + "/named", **PATIENT)  # accepted after them, so they are known
    wait_until(lambda: not relays_of(server) and not server._uvicorn.server_state.tasks)
    assert not server.log


def test_a_binary_message_is_answered(server):
    with relaying(server) as wire:
        wire.send(b'{"path": "/named"}')
        assert json.loads(wire.recv(LONG))["end"] == "cut"


def test_text_that_is_not_utf8_ends_it_with_a_note_of_the_protocol_alone(server):
    with opened(server) as wire:
        wire.recv(1024)
        wire.sendall(frame(TEXT, b"\xff\xfe"))
        wait_until(lambda: not relays_of(server) and not server._uvicorn.server_state.tasks)
    assert server.log.count("\nTraceback") == 1  # uvicorn's own: it logs how decoding failed
    assert "Invalid UTF-8 sequence" in server.log and "ASGI" not in server.log


def test_a_message_over_the_limit_is_refused_by_the_protocol(server):
    with relaying(server) as wire, pytest.raises(ConnectionClosed) as caught:
        wire.send("x" * (17 * 2**20))
        wire.recv(LONG)
    assert caught.value.rcvd.code == 1009  # RFC 6455, 7.4.1: message too big
    assert not server.log


def test_a_page_that_asks_nothing_is_let_go(server, monkeypatch):
    monkeypatch.setattr(relay, "ASK_SECONDS", 0.1)
    with relaying(server) as wire, pytest.raises(ConnectionClosed) as caught:
        wire.recv(LONG)
    assert (caught.value.rcvd.code, caught.value.rcvd.reason[:15]) == (1008, "No request came")
    assert not server.log


def test_a_page_that_takes_nothing_is_let_go(server, monkeypatch):
    monkeypatch.setattr(relay, "TAKE_SECONDS", 0.1)
    with opened(server) as wire:
        wire.recv(1024)
        wire.sendall(ASK)
        wait_until(lambda: relays_of(server))
        wait_until(lambda: not relays_of(server))
    assert not server.log


@pytest.mark.parametrize(
    ("path", "status", "headers", "body"),
    [
        ("/busy", 503, {"content-type": "application/json", "retry-after": "1"}, b'"busy"'),
        ("/packed", 200, {"content-encoding": "gzip"}, PACKED),
        ("/nothing", 404, {"content-type": "application/json"}, b'{"detail":"Not Found"}'),
    ],
)
def test_status_and_labels_are_passed_on(path, status, headers, body, server):
    with relaying(server) as wire:
        wire.send(json.dumps({"path": path}))
        head, *pieces, end = wire
    start = json.loads(head)
    assert start["status"] == status and headers.items() <= start["headers"].items()
    assert (b"".join(pieces), json.loads(end)) == (body, {"end": "whole"})


def test_an_event_id_goes_as_utf8(server):
    with relaying(server) as wire:
        wire.send(json.dumps({"path": "/id", "headers": {"Last-Event-ID": "Łódź"}}))
        _, piece, _ = wire
    assert piece.decode().encode("latin-1") == "Łódź".encode()


def test_headers_are_what_a_browser_makes_of_their_bytes(server):
    """Text that is not Latin-1 would be an error there: `new Response` takes byte strings."""
    with relaying(server) as wire:
        wire.send('{"path": "/named"}')
        assert (
            json.loads(wire.recv(LONG))["headers"]["x-name"].encode("latin-1") == "Łódź".encode()
        )
