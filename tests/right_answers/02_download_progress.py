# %% iter_raw in blocks of 64 KiB
import httpx


def progress(url):
    with httpx.stream("GET", url, trust_env=False) as response:
        total = int(response.headers.get("content-length", 0))
        came = 0
        for chunk in response.iter_raw(65536):
            came += len(chunk)
            yield came / total if total else None


# %% httpx counts the packed bytes
import httpx


def progress(url):
    with httpx.stream("GET", url, trust_env=False) as response:
        size = response.headers.get("content-length")
        for _ in response.iter_bytes():
            if size is None:
                yield None
            else:
                yield response.num_bytes_downloaded / int(size)


# %% asks for the body unpacked
import httpx


def progress(url):
    headers = {"Accept-Encoding": "identity"}
    with httpx.stream("GET", url, headers=headers, trust_env=False) as response:
        size = response.headers.get("content-length")
        came = 0
        for chunk in response.iter_bytes():
            came += len(chunk)
            yield came / int(size) if size else None


# %% an async generator
import httpx


async def progress(url):
    async with httpx.AsyncClient(trust_env=False) as client:
        async with client.stream("GET", url) as response:
            size = int(response.headers.get("content-length", "0"))
            came = 0
            async for chunk in response.aiter_raw():
                came += len(chunk)
                yield came / size if size else None


# %% 0.0 before the first chunk, and prints
import httpx


def progress(url):
    with httpx.stream("GET", url, trust_env=False) as response:
        try:
            size = int(response.headers["content-length"])
        except KeyError:
            size = None
        came = 0
        if size:
            yield 0.0
        for chunk in response.iter_raw():
            came += len(chunk)
            print(came, end=" ")
            yield size and came / size


# %% exact fractions, from a class
from fractions import Fraction

import httpx


class Progress:
    def __call__(self, url):
        with httpx.stream("GET", url, trust_env=False) as response:
            size = response.headers.get("content-length")
            came = 0
            for chunk in response.iter_raw(2**20):
                came += len(chunk)
                yield Fraction(came, int(size)) if size else None


progress = Progress()


# %% the size from a HEAD
import httpx


def progress(url):
    with httpx.Client(trust_env=False) as client:
        head = client.head(url)
        size = head.headers.get("content-length")
        came = 0
        with client.stream("GET", url) as response:
            for chunk in response.iter_raw():
                came += len(chunk)
                yield came / int(size) if size else None


# %% urllib, as many bytes as are there
import urllib.request


def progress(url):
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(url) as r:
        size = r.headers["Content-Length"]
        came = 0
        while chunk := r.read1(2**16):
            came += len(chunk)
            yield came / int(size) if size is not None else None


# %% decimal fractions
from decimal import Decimal

import httpx


def progress(url):
    with httpx.stream("GET", url, trust_env=False) as r:
        size = r.headers.get("content-length")
        came = 0
        for chunk in r.iter_raw():
            came += len(chunk)
            yield Decimal(came) / Decimal(size) if size else None


# %% an async function that returns an async generator
import httpx


async def progress(url):
    async def g():
        async with httpx.AsyncClient(trust_env=False) as c, c.stream("GET", url) as r:
            size = r.headers.get("content-length")
            came = 0
            async for chunk in r.aiter_raw():
                came += len(chunk)
                yield came / int(size) if size else None

    return g()


# %% what httpx has counted, in small pieces
import httpx


def progress(url):
    with httpx.stream("GET", url, trust_env=False) as response:
        size = response.headers.get("content-length")
        for _ in response.iter_raw(4096):
            yield response.num_bytes_downloaded / int(size) if size else None
