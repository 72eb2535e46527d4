# Drops halves of characters
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
