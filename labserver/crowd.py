"""Many listeners at once, each of which does what a browser's EventSource does.

A listener asks again whenever its stream ends or breaks, after the `retry` that it was told, with
the id that it had last (HTML standard, 9.2). It stops for good at a status other than 200.
"""

import asyncio
import random
import socket
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress

import httpx

from labserver.events import EventDecoder
from labserver.recording import RecordedEvent, Recording

READY_SECONDS = 30.0
HEARD_SECONDS = 10.0
GAP_SECONDS = 0.02  # between the first requests of two listeners; one second for all, at most
RETRY_SECONDS = 0.2  # until a stream says another time


class Listener:
    """What one listener was answered and heard."""

    def __init__(self, url: str, start: float) -> None:
        self.url = url  # where it asks next
        self.heard: list[RecordedEvent] = []  # `at` is seconds since the crowd's start
        self.responses: list[httpx.Response] = []
        self.headers_at = 0.0  # of the first answer, in seconds since the crowd's start
        self.last_id = ""
        self.retry = RETRY_SECONDS  # seconds
        self._start = start

    def __repr__(self) -> str:
        return f"<Listener of {self.url}: {len(self.heard)} events>"

    @property
    def texts(self) -> list[str]:
        """The data of each event, in order."""
        return [event.data for event in self.heard]

    @property
    def recording(self) -> Recording:
        """What it heard, for a timeline."""
        end = time.perf_counter() - self._start
        last = self.responses[-1]
        got = Recording("GET", self.url, last, self.headers_at, events=self.heard, seconds=end)
        got.last_event_id = self.last_id
        return got

    async def listen(self, client: httpx.AsyncClient) -> None:
        """Listen until cancelled, or until a status says not to come back."""
        while not self.responses or self.responses[-1].status_code == 200:
            with suppress(httpx.TransportError, httpx.StreamError):
                await self._connect(client)
            # At different times: else all who were cut off at once come back at once.
            await asyncio.sleep(self.retry * random.uniform(0.5, 1))

    async def _connect(self, client: httpx.AsyncClient) -> None:
        headers = {"Accept": "text/event-stream"}
        if self.last_id:
            headers["Last-Event-ID"] = self.last_id
        decoder = EventDecoder(self.last_id)
        async with client.stream("GET", self.url, headers=headers) as response:
            self.headers_at = self.headers_at or time.perf_counter() - self._start
            self.responses.append(response)
            async for data in response.aiter_raw():
                at = time.perf_counter() - self._start
                self.heard += [RecordedEvent(at, *event) for event in decoder.feed(data)]
                self.last_id = decoder.last_event_id
                self.retry = self.retry if decoder.retry is None else decoder.retry / 1000


class Crowd(list[Listener]):
    """The listeners of one URL. `start` is the moment, of time.perf_counter(), that they began."""

    def __init__(self, url: str, count: int) -> None:
        self.start = time.perf_counter()
        super().__init__(Listener(url, self.start) for _ in range(count))
        self._loop = asyncio.new_event_loop()  # not asyncio.run, which nest_asyncio replaces
        self._task = self._loop.create_task(self._listen())

    def cut(self, listener: Listener) -> None:
        """Close the connection under a listener, as a bad line would."""

        def shut() -> None:
            stream = listener.responses[-1].extensions["network_stream"]
            with suppress(OSError, AttributeError):  # it is closed already
                stream.get_extra_info("socket").shutdown(socket.SHUT_RDWR)

        self._loop.call_soon_threadsafe(shut)

    def wait(self, seconds: float = READY_SECONDS) -> None:
        """Wait until each has been answered. Raises TimeoutError once none was for so long."""
        answered, deadline = 0, time.perf_counter() + seconds
        while answered < len(self):
            time.sleep(0.01)
            before, answered = answered, sum(bool(listener.responses) for listener in self)
            if answered > before:  # a busy machine takes long for a thousand
                deadline = time.perf_counter() + seconds
            elif time.perf_counter() > deadline:
                raise TimeoutError(f"{answered} of {len(self)} listeners were answered.")
        time.sleep(0.1)  # a generator begins a moment after the headers

    def wait_for(self, texts: Iterable[str], seconds: float = HEARD_SECONDS) -> bool:
        """Wait until each has heard these texts, so many seconds at most; True where each has."""
        deadline, wanted = time.perf_counter() + seconds, {*texts}
        while not (heard := all(wanted <= {*listener.texts} for listener in self)):
            if time.perf_counter() > deadline:
                break
            time.sleep(0.02)
        return heard

    async def _listen(self) -> None:
        limits = httpx.Limits(max_connections=None, max_keepalive_connections=0)
        client = httpx.AsyncClient(trust_env=False, limits=limits, timeout=None)
        async with client, asyncio.TaskGroup() as tasks:
            for listener in self:
                tasks.create_task(listener.listen(client))
                # Of several workers, one alone takes all connections that come at once.
                await asyncio.sleep(min(GAP_SECONDS, 1 / len(self)))

    def _run(self) -> None:
        with suppress(asyncio.CancelledError):
            self._loop.run_until_complete(self._task)
        self._loop.run_until_complete(self._loop.shutdown_asyncgens())
        self._loop.close()


@contextmanager
def crowd(url: str, count: int) -> Iterator[Crowd]:
    """So many listeners of a URL, in a thread, once each was answered; they leave at the end.

    Raises TimeoutError where no more of them are answered for 30 seconds, ConnectionError where
    the answer sends all of them away.
    """
    listeners = Crowd(url, count)
    thread = threading.Thread(target=listeners._run, daemon=True)
    thread.start()
    try:
        listeners.wait()
        first = [listener.responses[0].status_code for listener in listeners]
        if 200 not in first:
            hint = "Run the cell of its program again." if 404 in first else ""
            raise ConnectionError(f"GET {url} answered with status {first[0]}. {hint}".rstrip())
        yield listeners
    finally:
        with suppress(RuntimeError):  # all have stopped for good: the loop is closed
            listeners._loop.call_soon_threadsafe(listeners._task.cancel)
        thread.join(READY_SECONDS)
