"""The exercises of the lesson "Read a stream"."""

import asyncio
import re
import time
from collections.abc import AsyncIterator, Iterator
from functools import wraps
from itertools import islice
from typing import Any

import httpx

from labserver.checks.exercise import (
    NotYet,
    awaited,
    exercise,
    require,
    require_function,
    returned,
)
from labserver.server import Server


@exercise
def deadline(read_for: Any) -> None:
    """Returns in time what came, from a stream that falls silent and from one without end."""
    require_function(read_for)

    @wraps(read_for)
    def read(url: str) -> tuple[Any, float]:
        start = time.perf_counter()
        try:
            got = awaited(read_for(url, float(url.rpartition("=")[2])))
        except (httpx.TimeoutException, TimeoutError) as error:
            out = f"{type(error).__name__} came out"
            raise NotYet(f"{out}: catch it around the whole, return what came.") from None
        return got, time.perf_counter() - start

    with Server(_unending()) as server:
        got, took = returned(read, f"{server.url}/ends?seconds=4")
        require(got == b"abc", f"for a stream that ends, yours: {got!r}, expected: b'abc'.")
        require(took < 2, f"the stream ended at once, and with seconds=4 it took {took:.1f} s.")
        got, took = returned(read, f"{server.url}/silent?seconds=1", 4)
        came = f"b'ab' came, b'c' after 0.8 s, then nothing; with seconds=1 it returned {got!r}"
        require(got == b"abc" or (got == b"ab" and took > 1), f"{came}.")
        require(took < 1.5, f"{came} after {took:.1f} s: did b'c' start the time anew?")
        got, took = returned(read, f"{server.url}/endless?seconds=0.5", 4)
        require(got and not got.strip(b"x"), f"for an endless stream of b'x', yours: {got!r}.")
        require(took < 1.5, f"for an endless stream and seconds=0.5 it took {took:.1f} s.")


@exercise
def any_cut(lines_of: Any) -> None:
    """Yields lines of text, each when its end is there, from bytes cut anywhere."""
    require_function(lines_of)

    def read(chunks: list[bytes]) -> list[Any]:
        return list(islice(lines_of(iter(chunks)), 10))

    for text in CUT:
        data, wanted = text.encode(), re.split("\r?\n", text.removesuffix("\n"))
        cuts = [[data[:i], data[i:]] for i in range(len(data) + 1)]
        for chunks in (*cuts, [bytes([byte]) for byte in data]):
            given = f"for {chunks}" if len(chunks) == 2 else "for single bytes"
            try:
                got = returned(read, chunks)
            except UnicodeDecodeError:
                raise NotYet(f"{given}, half a character was decoded; wait for more.") from None
            require(got == wanted, f"{given}, yours: {got}, expected: {wanted}.")
    asked = []

    def two_chunks() -> Iterator[bytes]:
        yield b"one\ntw"
        asked.append("for the second")
        yield b"o\n"

    next(iter(lines_of(two_chunks())))
    require(not asked, "the first line was there, and a second chunk was read: yield it at once.")


CUT = ("1,Zoë\n2,5 €\n\n", "1,Ann\r\n\r\n2,Bob", "1,a\u2028b\n2,a\fb\n3,a\rb\n")


def _unending() -> Any:
    """An app whose streams end, fall silent after 0.8 s, or go on."""
    from fastapi import FastAPI
    from fastapi.responses import StreamingResponse

    app = FastAPI()

    async def pieces(name: str) -> AsyncIterator[bytes]:
        yield b"x" if name == "endless" else b"ab"
        while name == "endless":
            await asyncio.sleep(0.05)
            yield b"x"
        await asyncio.sleep(0.8 if name == "silent" else 0)
        yield b"c"
        await asyncio.sleep(3600 if name == "silent" else 0)

    app.get("/{name}")(lambda name: StreamingResponse(pieces(name)))
    return app
