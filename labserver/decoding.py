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

_MAKERS: dict[str, Callable[[bytes], Any]] = {
    "gzip": lambda start: zlib.decompressobj(16 + zlib.MAX_WBITS),
    "deflate": lambda start: zlib.decompressobj(zlib.MAX_WBITS if _is_zlib(start) else -15),
}

with suppress(ImportError):
    brotli: Any = import_module("brotli")

    class _Brotli:
        """brotli's decompressor with the names of zlib's. It refuses what follows its end."""

        unused_data = b""

        def __init__(self) -> None:
            self._decompressor = brotli.Decompressor()

        @property
        def eof(self) -> bool:
            return bool(self._decompressor.is_finished())

        def decompress(self, data: bytes) -> bytes:
            return bytes(self._decompressor.process(data))

    _MAKERS["br"] = lambda start: _Brotli()

with suppress(ImportError):
    zstandard: Any = import_module("zstandard")

    _MAKERS["zstd"] = lambda start: zstandard.ZstdDecompressor().decompressobj()


def decoders_for(response: httpx.Response) -> "list[Decoder] | None":
    """What undoes a response's encodings, the last one first; None where one is unknown."""
    names = response.headers.get_list("content-encoding", split_commas=True)
    codings = [name.strip().lower().removeprefix("x-") for name in names]
    codings = [coding for coding in codings if coding not in ("", "identity")]
    if not all(coding in _MAKERS for coding in codings):
        return None
    return [Decoder(coding) for coding in reversed(codings)]


class Decoder:
    """Undoes one coding, whatever number of members it has (RFC 1952, 2.2; RFC 8878, 3.1)."""

    def __init__(self, coding: str) -> None:
        self._coding = coding
        self._decompressor: Any = None
        self._start = b""  # too little to tell which kind of deflate it is

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
                if self._coding == "gzip":
                    data = data.lstrip(b"\0")  # padding between members
                if not data:
                    return
                if len(data) < 2 and self._coding == "deflate":
                    self._start = data
                    return
                self._decompressor = _MAKERS[self._coding](data)
            try:
                decoded = self._decompressor.decompress(data)
            except Exception as error:  # each library has its own
                raise httpx.DecodingError(f"{self._coding} cannot be undone: {error}") from None
            if decoded:
                yield decoded
            if not self._decompressor.eof:
                return
            data = self._decompressor.unused_data
            self._decompressor = None


def _is_zlib(start: bytes) -> bool:
    # "deflate" means zlib's format (RFC 1950), and some servers send the bare one (RFC 1951).
    return start[0] & 15 == zlib.DEFLATED and int.from_bytes(start[:2], "big") % 31 == 0
