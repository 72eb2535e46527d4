"""Undoes a content-encoding (RFC 9110, 8.4) up to its very end.

httpx stops after the first member of a gzip body, and takes one that breaks off for a whole one.
A stream whose every row is a member of its own would lose all rows but one.
"""

import zlib
from collections.abc import Callable, Iterator
from contextlib import suppress
from importlib import import_module
from typing import Any

import httpx

STEP_BYTES = 2**20  # decoded at a time, since a few bytes may stand for gigabytes
ZSTD_STEP_BYTES = 64  # given to zstandard at a time: it has no bound on what it gives
MOST_CODINGS = 2  # of one body; each may make a thousand bytes of one


class _Zlib:
    """zlib's decompressor."""

    def __init__(self, wbits: int) -> None:
        self._inner = zlib.decompressobj(wbits)

    @property
    def eof(self) -> bool:
        return self._inner.eof

    @property
    def unused_data(self) -> bytes:
        return self._inner.unused_data

    def steps(self, data: bytes) -> Iterator[bytes]:
        """What the data give, a step at a time."""
        while True:
            decoded = self._inner.decompress(data, STEP_BYTES)
            yield decoded
            data = self._inner.unconsumed_tail  # at its end, that is unused_data once more
            if self.eof or (not data and len(decoded) < STEP_BYTES):
                return


_MAKERS: dict[str, Callable[[bytes], Any]] = {
    "gzip": lambda start: _Zlib(16 + zlib.MAX_WBITS),
    "deflate": lambda start: _Zlib(zlib.MAX_WBITS if _is_zlib(start) else -zlib.MAX_WBITS),
}

with suppress(ImportError):
    brotli: Any = import_module("brotli")

    class _Brotli:
        """brotli's decompressor. It refuses what follows its end."""

        unused_data = b""

        def __init__(self) -> None:
            self._inner = brotli.Decompressor()

        @property
        def eof(self) -> bool:
            return bool(self._inner.is_finished())

        def steps(self, data: bytes) -> Iterator[bytes]:
            """What the data give, a step at a time."""
            while decoded := bytes(self._inner.process(data, output_buffer_limit=STEP_BYTES)):
                yield decoded
                if self.eof:
                    return
                data = b""  # it may accept more data, and still hold some back

    if hasattr(brotli.Decompressor, "can_accept_more_data"):  # from 1.2 on
        _MAKERS["br"] = lambda start: _Brotli()

with suppress(ImportError):
    zstandard: Any = import_module("zstandard")

    class _Zstd:
        """zstandard's decompressor."""

        unused_data = b""

        def __init__(self) -> None:
            self._inner = zstandard.ZstdDecompressor().decompressobj()

        @property
        def eof(self) -> bool:
            return bool(self._inner.eof)

        def steps(self, data: bytes) -> Iterator[bytes]:
            """What the data give, a step at a time."""
            for place in range(0, len(data), ZSTD_STEP_BYTES):
                end = place + ZSTD_STEP_BYTES
                yield self._inner.decompress(data[place:end])
                if self.eof:
                    self.unused_data = self._inner.unused_data + data[end:]
                    return

    _MAKERS["zstd"] = lambda start: _Zstd()

ACCEPTED = ", ".join(_MAKERS)  # what is undone here, for Accept-Encoding


def decoders_for(response: httpx.Response) -> "list[Decoder] | None":
    """What undoes a response's encodings, the last one first.

    None where one is unknown, or where there are more than two.
    """
    names = response.headers.get_list("content-encoding", split_commas=True)
    codings = [name.strip().lower().removeprefix("x-") for name in names]
    codings = [coding for coding in codings if coding not in ("", "identity")]
    if len(codings) > MOST_CODINGS or not all(coding in _MAKERS for coding in codings):
        return None
    return [Decoder(coding) for coding in reversed(codings)]


class Decoder:
    """Undoes one coding, whatever number of members it has (RFC 1952, 2.2; RFC 8878, 3.1)."""

    def __init__(self, coding: str) -> None:
        self._coding = coding
        self._decompressor: Any = None
        self._start = b""  # too little to tell which kind of deflate it is
        self._members = 0  # that have ended

    def decode(self, pieces: Iterator[bytes]) -> Iterator[bytes]:
        """What these pieces of a body give. Raises httpx.DecodingError where it is not whole."""
        for piece in pieces:
            yield from self._feed(piece)
        if self._decompressor is not None or self._start:
            raise httpx.DecodingError(f"the {self._coding} data stop before their end")

    def _feed(self, data: bytes) -> Iterator[bytes]:
        data, self._start = self._start + data, b""
        while data:
            if self._decompressor is None:
                if self._coding == "gzip" and self._members:
                    data = data.lstrip(b"\0")  # padding after a member
                if not data:
                    return
                if self._coding == "br" and self._members:  # RFC 7932 knows one stream alone
                    raise httpx.DecodingError("br cannot be undone: bytes follow its end")
                if len(data) < 2 and self._coding == "deflate":
                    self._start = data
                    return
                self._decompressor = _MAKERS[self._coding](data)
            yield from filter(None, self._steps(data))
            if not self._decompressor.eof:
                return
            data = self._decompressor.unused_data
            self._decompressor = None
            self._members += 1

    def _steps(self, data: bytes) -> Iterator[bytes]:
        steps = self._decompressor.steps(data)
        while True:
            try:
                decoded = next(steps)
            except StopIteration:
                return
            except Exception as error:  # each library has its own
                raise httpx.DecodingError(f"{self._coding} cannot be undone: {error}") from None
            yield decoded


def _is_zlib(start: bytes) -> bool:
    # "deflate" means zlib's format (RFC 1950), and some servers send the bare one (RFC 1951).
    return start[0] & 15 == zlib.DEFLATED and int.from_bytes(start[:2], "big") % 31 == 0
