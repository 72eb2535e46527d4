"""Where notifications live: in this process's memory, or in a stream of a Valkey or Redis.

Both keep the newest notes in order, each under an id that a client sends back to go on after it.
An id that Valkey gave means the same in every process, so any of them can resume any client.
"""

import asyncio
import logging
import os
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager, suppress
from typing import Protocol, TypeVar

from labserver.memory import KEPT, MemoryStore, Note, Tail
from labserver.printing import printable

KEY = "labserver:notifications"  # the stream's
ANSWER_SECONDS = 2.0  # that a store has for one command
BLOCK_SECONDS = 1.0  # that the store lets the reader wait for a note; less than ANSWER_SECONDS
LIVE_SECONDS = 1.0  # that a listener waits until the reader follows the stream
AGAIN_SECONDS = 0.2  # after which a lost store is tried again

log = logging.getLogger("uvicorn.error")
T = TypeVar("T")


class StoreAway(Exception):
    """The store does not answer now; the text says why, and names no password."""


class Store(Protocol):
    """Where notes are kept, and how a listener reads them."""

    async def publish(self, text: str) -> str:
        """Keep a note and return its id. Raises StoreAway; then it may be kept or not."""

    async def last(self) -> str:
        """The id of the newest note, after which a newcomer begins. Raises StoreAway."""

    async def after(self, id: str, seconds: float) -> list[Note]:
        """The notes after that one, oldest first; "" is before all. Waits for the first.

        Returns none where none comes within `seconds`. Raises LookupError for an id that was never
        given or whose notes are gone, StoreAway where the store does not answer.
        """


class ValkeyStore:
    """Notes in a stream of a Valkey or Redis, which several processes share.

    In each process one task, the reader, does `follow`, for all listeners and by one connection:

        the reader   take a tail ---> feed it: XREAD, XREAD, …, while `_live` is set --+
                          ^                                                            |
                          +--- notes were missed, or an error came: then 0.2 s later --+

        a listener   wait until `_live` is set, a second at most; read the tail; wait for more
    """

    def __init__(self, url: str) -> None:
        from valkey.asyncio import Valkey  # only here: the lab does without it
        from valkey.exceptions import ValkeyError

        # The client tries nothing twice: an XADD whose answer was lost could be there twice then.
        self._client = Valkey.from_url(
            url,
            decode_responses=True,
            encoding_errors="replace",  # of a note that another program put there
            socket_timeout=ANSWER_SECONDS,
            socket_connect_timeout=ANSWER_SECONDS,
        )
        self._away = (ValkeyError, OSError)  # the errors that are not of this program
        self._tail: Tail | None = None  # the reader's; older than the store, if it is not live
        self._live = asyncio.Event()  # set while the reader feeds the tail
        self._why = "it was not asked yet"  # why it is not live
        self._warned = False

    async def publish(self, text: str) -> str:
        """Keep a note (XADD) and return its id."""
        fields = {"text": text}
        return str(await self._answer(self._client.xadd(KEY, fields, maxlen=KEPT)))

    async def last(self) -> str:
        """The id of the newest note that the reader has."""
        return (await self._live_tail(LIVE_SECONDS)).last

    async def after(self, id: str, seconds: float) -> list[Note]:
        """The notes after that one, as Store says."""
        tail = await self._live_tail(seconds)
        if id and id not in tail:
            await self._catch_up(tail)  # another process may have given it a moment ago
        if not tail.after(id):  # LookupError: it is not in the tail even now
            await tail.wait(seconds)
        return tail.after(id)

    async def follow(self) -> None:
        """Read the stream for as long as this task lives, and wait where the store is away.

        It ends at an error of this program, which the log has, and then no listener hears more.
        """
        while True:
            try:
                await self._feed(await self._tail_to_feed())
            except self._away as error:
                self._why = _reason(error)
                if not self._warned:  # told once, not five times a second
                    log.warning("The store does not answer: %s", self._why)
                self._warned = True
                await asyncio.sleep(AGAIN_SECONDS)
            except Exception as error:
                self._why = _reason(error)
                log.exception("The store is not read any more.")
                return

    async def close(self) -> None:
        """Close all connections."""
        await self._client.aclose()

    async def _tail_to_feed(self) -> Tail:
        """The tail to go on with; a new one, where the note that was read last is gone."""
        if self._tail and await self._is_kept(self._tail.last):
            return self._tail
        while not (entries := await self._client.xrevrange(KEY, count=KEPT)):
            # Every listener needs an id to come back with.
            await self._client.xadd(KEY, {"begins": "here"})
        return Tail([Note(id, fields.get("text")) for id, fields in reversed(entries)])

    async def _feed(self, tail: Tail) -> None:
        """Feed the tail until it misses something, or an error says that the store is away."""
        self._tail, self._warned = tail, False
        self._live.set()
        try:
            while await self._read(tail):
                pass
        finally:
            self._live.clear()
            tail.wake()

    async def _is_kept(self, id: str) -> bool:
        return bool(await self._client.xrange(KEY, id, id))

    async def _read(self, tail: Tail) -> bool:
        """Add what came, or wait a second for it. False where the tail has missed something."""
        # Never from "$", which is "new from now" at each read: what comes between two is lost.
        last, block = tail.last, int(BLOCK_SECONDS * 1000)
        for _, entries in await self._client.xread({KEY: last}, count=KEPT, block=block):
            if len(entries) == KEPT and not await self._is_kept(last):
                return False  # so much came while this process paused that some of it is gone
            for id, fields in entries:
                tail.add(Note(id, fields.get("text")))
        return True

    async def _live_tail(self, seconds: float) -> Tail:
        """The tail, once the reader follows the stream; waits a second at most, then StoreAway."""
        with suppress(TimeoutError):
            async with asyncio.timeout(min(seconds, LIVE_SECONDS)):
                await self._live.wait()
        if self._tail is None or not self._live.is_set():
            raise StoreAway(self._why)
        return self._tail

    async def _catch_up(self, tail: Tail) -> None:
        """Wait until the reader has what the store has now."""
        newest = await self._answer(self._client.xrevrange(KEY, count=1))
        with suppress(TimeoutError):
            async with asyncio.timeout(ANSWER_SECONDS):
                while newest and newest[0][0] not in tail and self._tail is tail:
                    await tail.wait(ANSWER_SECONDS)

    async def _answer(self, command: Awaitable[T]) -> T:
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                return await command
        except self._away as error:
            raise StoreAway(_reason(error)) from None


def _reason(error: Exception) -> str:
    return printable(str(error)) or type(error).__name__  # it may quote what the store sent


@asynccontextmanager
async def opened() -> AsyncIterator[Store]:
    """The store that LABSERVER_STORE names, such as valkey://127.0.0.1:6379; without it, memory.

    It need not answer now. Raises ValueError for what is no such address, and ModuleNotFoundError
    where the client, the package valkey, is not installed.
    """
    url = os.environ.get("LABSERVER_STORE")
    if not url:
        yield MemoryStore()
        return
    try:
        store = ValkeyStore(url)
    except ValueError:  # it may quote a part of the password
        example = "such as valkey://127.0.0.1:6379"
        raise ValueError(f"LABSERVER_STORE is no address of a store, {example}.") from None
    reader = asyncio.create_task(store.follow())
    try:
        yield store
    finally:
        reader.cancel()
        with suppress(asyncio.CancelledError):
            await reader
        await store.close()
