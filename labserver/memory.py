"""Notifications in the memory of one process: its listeners share the newest ones.

A queue for each listener would hold the same notes again and again. Here each listener remembers
its own place, so that a slow one takes no memory and never blocks the others.
"""

import asyncio
import time
from collections import deque
from contextlib import suppress
from typing import NamedTuple

KEPT = 1000  # notes, for listeners that come back or do not keep up


class Note(NamedTuple):
    """A notification under its id. One without text only marks a place to go on from."""

    id: str
    text: str | None


class Tail:
    """The newest notes, KEPT at most. A listener that falls further behind loses its place."""

    def __init__(self, notes: list[Note]) -> None:
        self._notes = deque[Note](maxlen=KEPT)
        self._numbers: dict[str, int] = {}  # of the notes, by id
        self._added = 0
        self._news = asyncio.Event()
        for note in notes:
            self.add(note)

    def __contains__(self, id: str) -> bool:
        return id in self._numbers

    @property
    def last(self) -> str:
        """The id of the newest."""
        return self._notes[-1].id

    def add(self, note: Note) -> None:
        """Add a note, forget the oldest where there are too many, and wake all who wait."""
        if len(self._notes) == self._notes.maxlen:
            del self._numbers[self._notes[0].id]
        self._notes.append(note)
        self._numbers[note.id] = self._added
        self._added += 1
        self.wake()

    def wake(self) -> None:
        """Let all who wait look again."""
        self._news.set()
        self._news = asyncio.Event()  # for the next wait; those who wait now have the old one

    def after(self, id: str) -> list[Note]:
        """The notes after that one; raises LookupError for one that is not here."""
        count = self._added - self._numbers[id] - 1 if id else len(self._notes)
        return [self._notes[-i] for i in range(count, 0, -1)]  # a deque is quick near its ends

    async def wait(self, seconds: float) -> None:
        """Wait for the next note, so long at most."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._news.wait()


class MemoryStore:
    """Notes in the memory of this process; another one does not hear of them."""

    def __init__(self) -> None:
        self._life = time.time_ns() // 1_000_000  # the ids of an earlier process are unknown
        self._count = 0
        self._tail = Tail([Note(f"{self._life}-0", None)])

    async def publish(self, text: str) -> str:
        """Keep a note; returns its id."""
        self._count += 1
        self._tail.add(Note(f"{self._life}-{self._count}", text))
        return self._tail.last

    async def last(self) -> str:
        """The id of the newest note."""
        return self._tail.last

    async def after(self, id: str, seconds: float) -> list[Note]:
        """The notes after that one, as `stores.Store` says."""
        if not self._tail.after(id):
            await self._tail.wait(seconds)
        return self._tail.after(id)
