# %% an incremental decoder, and the ends by hand
import codecs
import re


def lines_of(chunks):
    decoder = codecs.getincrementaldecoder("utf-8")()
    rest = ""
    for chunk in chunks:
        *whole, rest = (rest + decoder.decode(chunk)).split("\n")
        for line in whole:
            yield re.sub("\r$", "", line)
    rest += decoder.decode(b"", final=True)
    if rest:
        yield rest


# %% a buffer, cut at each line feed
def lines_of(chunks):
    buffer = bytearray()
    for chunk in chunks:
        buffer += chunk
        while (end := buffer.find(b"\n")) >= 0:
            line = bytes(buffer[:end])
            del buffer[: end + 1]
            yield (line[:-1] if line.endswith(b"\r") else line).decode("utf-8")
    if buffer:
        yield buffer.decode("utf-8")


# %% a byte at a time
def lines_of(chunks):
    line = b""
    for chunk in chunks:
        for i in range(len(chunk)):
            if chunk[i : i + 1] == b"\n":
                if line[-1:] == b"\r":
                    line = line[:-1]
                yield line.decode()
                line = b""
            else:
                line += chunk[i : i + 1]
    if line:
        yield line.decode()


# %% a file object that reads the chunks
import io


class Chunks(io.RawIOBase):
    def __init__(self, chunks):
        self.chunks, self.rest = iter(chunks), b""

    def readable(self):
        return True

    def readinto(self, buffer):
        while not self.rest:
            try:
                self.rest = next(self.chunks)
            except StopIteration:
                return 0
        size = min(len(buffer), len(self.rest))
        buffer[:size], self.rest = self.rest[:size], self.rest[size:]
        return size


def lines_of(chunks):
    lines = iter(io.BufferedReader(Chunks(chunks)).readline, b"")
    for line in lines:
        yield (
            line.removesuffix(b"\n").removesuffix(b"\r").decode()
            if (line.endswith(b"\n"))
            else line.decode()
        )


# %% lines kept with their ends, and prints
def lines_of(chunks):
    rest = b""
    for chunk in chunks:
        parts = (rest + chunk).split(b"\n")
        rest = parts.pop()
        print(len(parts), "lines")
        yield from (part[: -1 if part.endswith(b"\r") else None].decode() for part in parts)
    yield from [rest.decode()] if rest else []


# %% an async generator
async def lines_of(chunks):
    rest = b""
    for chunk in chunks:
        rest += chunk
        while b"\n" in rest:
            line, _, rest = rest.partition(b"\n")
            yield line.removesuffix(b"\r").decode()
    if rest:
        yield rest.decode()


# %% parts in a deque, joined at each end
from collections import deque


def lines_of(chunks):
    parts = deque()
    for chunk in chunks:
        first, *more = chunk.split(b"\n")
        parts.append(first)
        for m in more:
            line = b"".join(parts)
            parts.clear()
            parts.append(m)
            if line.endswith(b"\r"):
                line = line[:-1]
            yield str(line, "utf-8")
    last = b"".join(parts)
    if last:
        yield str(last, "utf-8")


# %% an async function that returns a generator
async def lines_of(chunks):
    def g():
        rest = b""
        for c in chunks:
            *w, rest = (rest + c).split(b"\n")
            yield from (l.removesuffix(b"\r").decode() for l in w)
        if rest:
            yield rest.decode()

    return g()
