"""The layer that notes when each body message was sent."""

import asyncio
import socket
import threading
import time
from contextlib import ExitStack

import pytest
from apps import asking
from fastapi import FastAPI
from fastapi.responses import StreamingResponse
from waiting import LONG, wait_until

from labserver import sends
from labserver.sends import Sends
from labserver.server import Server


async def hand_written(scope, receive, send):
    """An app below every framework, whose messages can be compared one by one."""
    await receive()
    await send({"type": "http.response.start", "status": 200, "headers": []})
    for body in (b"one", b"", b"two"):
        await send({"type": "http.response.body", "body": body, "more_body": True})
    await send({"type": "http.response.body", "body": b"", "more_body": False})


def raw_answer(app):
    with Server(app) as server, socket.create_connection(("127.0.0.1", server.port)) as line:
        line.sendall(asking(line, "/", "Connection: close"))
        return b"".join(iter(lambda: line.recv(65536), b"")).partition(b"\r\n\r\n")[2]


def test_the_layer_changes_no_byte():
    class Watched:
        def __init__(self, app):
            self.layer = Sends(app)
            self.watch = self.layer.watching()
            self.watch.__enter__()

        async def __call__(self, scope, receive, send):
            await self.layer(scope, receive, send)

    assert raw_answer(hand_written) == raw_answer(Watched(hand_written))


@pytest.mark.parametrize("watched", [False, True])
def test_the_layer_keeps_backpressure_and_cancellation(watched, client):
    """The app waits for a client that does not read, and is told when that client leaves."""
    handed, ended = [], threading.Event()
    app = FastAPI()

    async def flood():
        try:
            while True:
                handed.append(65536)
                yield b"x" * 65536
                await asyncio.sleep(0)
        finally:
            ended.set()

    app.get("/")(lambda: StreamingResponse(flood()))
    with Server(app) as server, ExitStack() as stack:
        moments = stack.enter_context(server.sends.watching()) if watched else {}
        with socket.create_connection(("127.0.0.1", server.port)) as line:
            line.sendall(asking(line, "/"))
            ahead = -1
            while ahead != len(handed) or not handed:
                ahead = len(handed)
                time.sleep(0.3)
            assert sum(handed) < 64 * 2**20
            if watched:  # the last one may wait still
                wait_until(lambda: len(handed) - len(moments[line.getsockname()]) in (0, 1))
            line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        assert ended.wait(LONG)
    assert not moments


def test_what_strangers_make_it_note_is_bounded_until_the_next_watch(monkeypatch, client):
    monkeypatch.setattr(sends, "MOST_NOTED", 3)
    with Server(hand_written) as server:
        for _ in range(2):
            with server.sends.watching() as moments:
                for _ in range(2):
                    client.get(server.url)
                assert sum(map(len, moments.values())) == 2
