"""The probe and the relay, over sockets."""

import asyncio
import json
import logging
import socket
import threading
import time
from contextlib import ExitStack, contextmanager, suppress
from itertools import pairwise
from urllib.parse import urlsplit

import httpx
import pytest
from fastapi import FastAPI, Response
from fastapi.responses import StreamingResponse
from waiting import LONG, PATIENT
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

from labserver import record, relay, serve
from labserver.app import app as finished
from labserver.guard import SECRET, SECRET_NAME
from labserver.server import Server


@pytest.fixture(scope="module")
def url():
    with Server(finished) as server:
        yield server.url


# The probe


def test_the_probe_comes_piece_by_piece():
    with serve(finished):
        recording = record("/probe?n=4&every=0.05", quiet=True)
    assert [chunk.data for chunk in recording.chunks] == [b"0\n", b"1\n", b"2\n", b"3\n"]
    gaps = [later - at for at, later in pairwise(recording.sent)]
    assert len(gaps) == 3 and min(gaps) > 0.9 * 0.05, "a sleep is never shorter"


@pytest.mark.parametrize("query", ["n=1000", "n=0", "every=60", "every=-1"])
def test_the_probe_is_bounded(query, url):
    assert httpx.get(f"{url}/probe?{query}", **PATIENT).status_code == 422


# The relay


@contextmanager
def relaying(url, origin=None, path="/relay", **headers):
    """A WebSocket to the relay, from the server's own page unless said otherwise."""
    address = url.replace("http", "ws") + path
    origin = origin or url
    options = {"additional_headers": headers, "proxy": None, "open_timeout": LONG}
    host = headers.pop("Host", None)
    if host:  # the client writes that header itself, from the address
        address, options["sock"] = (
            f"ws://{host}{path}",
            socket.create_connection(("127.0.0.1", urlsplit(url).port)),
        )
    with connect(address, origin=None if origin == "none" else origin, **options) as wire:
        yield wire


def relayed(url, asked, **options):
    """What the relay answers to a message: its JSON messages, and the pieces between."""
    with relaying(url, **options) as wire:
        wire.send(asked if isinstance(asked, str | bytes) else json.dumps(asked))
        messages = list(wire)
    pieces = [message for message in messages if isinstance(message, bytes)]
    return [json.loads(message) for message in messages if isinstance(message, str)], pieces


@pytest.mark.parametrize("path", ["/plain-stream?count=3&every=0.05", "/sse?count=3&every=0.05"])
def test_the_relay_hands_on_the_same_pieces(path, url):
    direct = record(url + path, quiet=True)
    headers = {"Accept": "text/event-stream"}
    (start, end), pieces = relayed(url, {"method": "GET", "path": path, "headers": headers})
    assert start["status"] == 200
    assert start["headers"]["content-type"] == direct.response.headers["content-type"]
    assert pieces == [chunk.data for chunk in direct.chunks]
    assert end == {"end": "whole"}


def test_the_relay_passes_on_what_a_page_may_say(url):
    (start, end), pieces = relayed(
        url, {"path": "/events?count=3&every=0", "headers": {"Last-Event-ID": "2"}}
    )
    assert b"".join(pieces).startswith(b"id: 3\r\n") and end == {"end": "whole"}
    (start, end), pieces = relayed(
        url, {"path": "/events?count=3", "headers": {"Last-Event-ID": "3"}}
    )
    assert (start["status"], pieces) == (204, [])
    post = {"method": "POST", "path": "/notifications", "body": '"x"'}
    (start, end), pieces = relayed(url, post | {"headers": {"Content-Type": "application/json"}})
    assert start["status"] == 202 and json.loads(b"".join(pieces)) == {"listeners": 0}


class Gated:
    """An app with the relay, whose stream says "first", waits for `opened`, and then ends."""

    def __init__(self, then=None):
        self.opened, self.finished = asyncio.Event(), threading.Event()
        self.then = then
        self.app = FastAPI()
        self.app.include_router(relay.router)
        self.app.get("/")(self.stream)
        self.app.post("/open")(self.open)

    async def open(self):
        self.opened.set()

    async def stream(self):
        async def pieces():
            try:
                yield "first"
                await self.opened.wait()
                if self.then:
                    raise self.then
                yield "last"
            finally:
                self.finished.set()

        return StreamingResponse(pieces(), headers={"Set-Cookie": "session=hidden"})


def test_the_relay_hands_on_each_piece_when_it_comes():
    gated = Gated()
    with Server(gated.app) as server, relaying(server.url) as wire:
        wire.send('{"path": "/"}')
        start = json.loads(wire.recv(LONG))
        assert start["status"] == 200 and "set-cookie" not in start["headers"]
        assert wire.recv(LONG) == b"first" and not gated.finished.is_set()
        httpx.post(server.url + "/open", **PATIENT)
        assert [*wire] == [b"last", '{"end":"whole"}']


def test_a_stream_that_is_cut_is_said():
    gated = Gated(then=ZeroDivisionError("on purpose"))
    gated.opened.set()
    with Server(gated.app) as server:
        (_, end), pieces = relayed(server.url, {"path": "/"})
    assert pieces == [b"first"] and end["end"] == "cut" and "incomplete" in end["reason"]


@pytest.mark.parametrize("leave", [lambda wire: wire.close(), lambda wire: wire.send("second")])
def test_who_leaves_or_asks_twice_ends_the_request(leave):
    gated = Gated()
    with Server(gated.app) as server:
        with relaying(server.url) as wire:
            wire.send('{"path": "/"}')
            assert wire.recv(LONG) and wire.recv(LONG)
            leave(wire)
            assert gated.finished.wait(LONG)
        assert not server.log


def test_stop_ends_what_is_relayed():
    gated = Gated()
    server = serve(gated.app)
    with relaying(server.url) as wire:
        wire.send('{"path": "/"}')
        assert wire.recv(LONG) and wire.recv(LONG)
        server.stop()
        assert gated.finished.is_set() and not server._thread.is_alive()
        with pytest.raises(ConnectionClosed):
            wire.recv(LONG)
    assert not server.log
    assert not gated.app.state.relays


def test_the_relay_waits_for_a_page_that_does_not_read():
    handed = []
    app = FastAPI()
    app.include_router(relay.router)

    async def flood():
        while True:
            handed.append(65536)
            yield bytes(65536)
            await asyncio.sleep(0)

    app.get("/flood")(lambda: StreamingResponse(flood()))
    upgrade = [
        *("Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Version: 13"),
        "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==",
    ]
    with Server(app) as server, socket.create_connection(("127.0.0.1", server.port)) as wire:
        lines = ["GET /relay HTTP/1.1", f"Host: {server.url[7:]}", f"Origin: {server.url}"]
        wire.sendall("\r\n".join([*lines, *upgrade, "", ""]).encode())
        assert b" 101 " in wire.recv(1024)
        asked = b'{"path": "/flood"}'
        wire.sendall(bytes([0x81, 0x80 | len(asked), 0, 0, 0, 0]) + asked)  # RFC 6455, 5.2
        ahead = -1
        while ahead != len(handed) or not handed:
            ahead = len(handed)
            time.sleep(0.3)
        assert sum(handed) < 64 * 2**20


@pytest.mark.parametrize(
    "origin", ["none", "null", "http://evil.example", "http://127.0.0.1:1", "http://[::1", "x"]
)
def test_the_relay_is_for_its_own_page(origin, url):
    with pytest.raises(InvalidStatus) as caught, relaying(url, origin):
        pass
    assert caught.value.response.status_code == 403


def test_the_relay_is_for_a_page_behind_a_proxy_too(url):
    path = f"/relay?{SECRET_NAME}={SECRET}"
    (start, _), _ = relayed(
        url,
        {"path": "/stream?count=1"},
        origin="https://hub.example",
        path=path,
        Host="hub.example",
    )
    assert start["status"] == 200


@pytest.mark.parametrize(
    "asked",
    [
        {"path": "http://evil.example/"},
        {"path": "//evil.example/"},
        {"path": "@evil.example/"},
        {"path": ":1/"},
        {"path": "/\r\nHost: evil.example"},
        {"path": "/ HTTP/1.1\r\n\r\nGET /stream"},
        {"path": "/é"},
        {"path": ""},
        {"path": "/relay"},
        {"path": "/%72elay?x"},
        {"path": "/stream", "method": "PUT"},
        {"path": "/stream", "method": "GET /cut HTTP/1.1"},
        {"path": "/stream", "headers": {"Host": "evil.example"}},
        {"path": "/stream", "headers": {"Cookie": "x"}},
        {"path": "/stream", "headers": {"Transfer-Encoding": "chunked"}},
        {"path": "/stream", "headers": {"Accept": "x\r\nCookie: x"}},
        {"path": "/stream", "headers": {"Accept": "é\n"}},
        {"path": "/stream", "host": "evil.example"},
        {"path": "/stream?" + "x" * 20_000},
        {"method": "GET"},
        ["/stream"],
        "GET /stream",
        "",
        b"\xff",
    ],
)
def test_the_relay_cannot_be_pointed_elsewhere(asked, url):
    messages, pieces = relayed(url, asked)
    assert [list(message) for message in messages] == [["end", "reason"]] and not pieces
    assert messages[0]["end"] == "cut" and "\n" not in messages[0]["reason"]


def test_few_relays_at_a_time():
    gated = Gated()
    with Server(gated.app) as server, ExitStack() as stack:
        for _ in range(relay.RELAYS):
            stack.enter_context(relaying(server.url)).send('{"path": "/"}')
        with relaying(server.url) as wire, pytest.raises(ConnectionClosed) as caught:
            refusal = json.loads(wire.recv(LONG))
            wire.recv(LONG)
        assert caught.value.rcvd.code == 1013 and "no more are allowed" in caught.value.rcvd.reason
        assert refusal == {"end": "cut", "reason": caught.value.rcvd.reason}


# What nobody is shown


def test_no_cookie_and_no_token_is_shown(capfd, caplog):
    """Not by record, not by the server's log, however chatty the root logger is."""
    caplog.set_level(logging.DEBUG)
    app = FastAPI()
    app.include_router(relay.router)

    @app.get("/wrong")
    def wrong(response: Response):
        response.set_cookie("session", "hidden")
        raise ZeroDivisionError

    headers = {"Cookie": "_xsrf=hidden", "Authorization": "Bearer hidden"}
    with serve(app) as server:
        assert record("/wrong", headers=headers).response.status_code == 500
        assert record("/nothing", headers=headers).response.status_code == 404
        with pytest.raises(ConnectionError) as caught:  # read from a file, with its line end
            record("/nothing", headers={"Authorization": "Bearer hidden\n"})
        assert "hidden" not in str(caught.value)
        with relaying(server.url, path="/relay?lab_token=hidden", **headers) as wire:
            wire.send('{"path": "/wrong?lab_token=hidden"}')
            assert json.loads(list(wire)[-1]) == {"end": "whole"}
        with suppress(InvalidStatus), relaying(server.url, "http://x", **headers):
            pass
    assert "ZeroDivisionError" in server.log
    of_server = [entry.getMessage() for entry in caplog.records if "uvicorn" in entry.name]
    assert "hidden" not in "".join([*of_server, server.log, *capfd.readouterr()])
