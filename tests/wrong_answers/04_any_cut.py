# %% Drops halves of characters
def lines_of(chunks):
    for chunk in chunks:
        yield from chunk.decode(errors="ignore").splitlines()


# %% Waits for whole characters, not for whole lines
import codecs


def lines_of(chunks):
    decoder = codecs.getincrementaldecoder("utf-8")()
    for chunk in chunks:
        yield from decoder.decode(chunk).splitlines()


# %% Takes CR and LF for two ends when they come apart
import codecs
import re


def lines_of(chunks):
    decoder = codecs.getincrementaldecoder("utf-8")()
    rest = ""
    for chunk in chunks:
        *whole, rest = re.split(r"\r\n|\r|\n", rest + decoder.decode(chunk))
        yield from whole
    if rest:
        yield rest


# %% Leaves the CR on its line
def lines_of(chunks):
    rest = b""
    for chunk in chunks:
        *whole, rest = (rest + chunk).split(b"\n")
        for line in whole:
            yield line.decode()
    if rest:
        yield rest.decode()


# %% Knows too many line ends
def lines_of(chunks):
    rest = b""
    for chunk in chunks:
        *whole, rest = (rest + chunk).split(b"\n")
        for line in whole:
            yield from line.decode().splitlines() or [""]
    if rest:
        yield rest.decode()


# %% Forgets a last line without an end
def lines_of(chunks):
    rest = b""
    for chunk in chunks:
        *whole, rest = (rest + chunk).split(b"\n")
        for line in whole:
            yield line.removesuffix(b"\r").decode()


# %% Collects everything first
import re


def lines_of(chunks):
    text = b"".join(chunks).decode()
    return re.split(r"\r?\n", text.removesuffix("\n"))


# %% Adds an empty line at the end
def lines_of(chunks):
    rest = b""
    for chunk in chunks:
        *whole, rest = (rest + chunk).split(b"\n")
        for line in whole:
            yield line.removesuffix(b"\r").decode()
    yield rest.decode()


# %% Bytes, not text
def lines_of(chunks):
    rest = b""
    for chunk in chunks:
        *whole, rest = (rest + chunk).split(b"\n")
        for line in whole:
            yield line.removesuffix(b"\r")
    if rest:
        yield rest


# %% strip() eats the data's spaces => ' 1, Ann '
def lines_of(chunks):
    rest = b""
    for chunk in chunks:
        *whole, rest = (rest + chunk).split(b"\n")
        for line in whole:
            yield line.decode().strip()
    if rest:
        yield rest.decode().strip()


# %% rstrip() eats spaces at the end => ' 1, Ann '
def lines_of(chunks):
    rest = b""
    for chunk in chunks:
        *whole, rest = (rest + chunk).split(b"\n")
        for line in whole:
            yield line.decode().rstrip()
    if rest:
        yield rest.decode()


# %% rstrip of every CR => '1,a\r'
def lines_of(chunks):
    rest = b""
    for chunk in chunks:
        *whole, rest = (rest + chunk).split(b"\n")
        for line in whole:
            yield line.rstrip(b"\r").decode()
    if rest:
        yield rest.decode()


# %% every CR goes => '3,a\rb'
def lines_of(chunks):
    rest = b""
    for chunk in chunks:
        *whole, rest = (rest + chunk).split(b"\n")
        for line in whole:
            yield line.decode().replace("\r", "")
    if rest:
        yield rest.decode()


# %% the last line loses its spaces => expected
def lines_of(chunks):
    rest = b""
    for chunk in chunks:
        *whole, rest = (rest + chunk).split(b"\n")
        for line in whole:
            yield line.removesuffix(b"\r").decode()
    if rest:
        yield rest.strip().decode()


# %% looks a chunk ahead => yield it at once
def lines_of(chunks):
    lines, rest = [], b""
    for chunk in chunks:
        yield from lines
        *whole, rest = (rest + chunk).split(b"\n")
        lines = [line.removesuffix(b"\r").decode() for line in whole]
    yield from lines
    if rest:
        yield rest.decode()


# %% lines with their ends => expected
def lines_of(chunks):
    rest = b""
    for chunk in chunks:
        *whole, rest = (rest + chunk).split(b"\n")
        for line in whole:
            yield line.decode() + "\n"
    if rest:
        yield rest.decode()


# %% empty lines left out => expected
def lines_of(chunks):
    rest = b""
    for chunk in chunks:
        *whole, rest = (rest + chunk).split(b"\n")
        for line in whole:
            if line.strip():
                yield line.removesuffix(b"\r").decode()
    if rest:
        yield rest.decode()


# %% one line for ever => expected
def lines_of(chunks):
    while True:
        yield "1"


# %% hangs => did not end
import threading


def lines_of(chunks):
    threading.Event().wait()


# %% httpx does it, with too many ends => expected
import httpx


class Stream(httpx.SyncByteStream):
    def __init__(self, chunks):
        self.chunks = chunks

    def __iter__(self):
        yield from self.chunks


def lines_of(chunks):
    return httpx.Response(200, stream=Stream(chunks)).iter_lines()


# %% the first line at once, the others in the end => the line 'two'
def lines_of(chunks):
    it = iter(chunks)
    rest = b""
    for c in it:
        rest += c
        if b"\n" in rest:
            break
    l, nl, rest = rest.partition(b"\n")
    if nl:
        yield l.removesuffix(b"\r").decode()
    elif l:
        yield l.decode()
    rest += b"".join(it)
    lines = rest.split(b"\n")
    for l in lines[:-1]:
        yield l.removesuffix(b"\r").decode()
    if lines[-1]:
        yield lines[-1].decode()


# %% what is left stays for the next call => expected
rest = b""


def lines_of(chunks):
    global rest
    for c in chunks:
        *w, rest = (rest + c).split(b"\n")
        for l in w:
            yield l.removesuffix(b"\r").decode()
    if rest:
        yield rest.decode()
