# %% anyio cancels the wait
import anyio
import httpx


async def read_for(url, seconds):
    data = bytearray()
    client = httpx.AsyncClient(timeout=None, trust_env=False)
    with anyio.move_on_after(seconds):
        async with client, client.stream("GET", url) as response:
            async for piece in response.aiter_raw():
                data += piece
    return bytes(data)


# %% a plain function: a thread reads, the deadline joins it
import threading

import httpx


def read_for(url, seconds):
    pieces = []

    def read():
        try:
            with httpx.stream("GET", url, timeout=None, trust_env=False) as response:
                for piece in response.iter_bytes():
                    pieces.append(piece)
        except httpx.HTTPError:
            pass

    thread = threading.Thread(target=read, daemon=True)
    thread.start()
    thread.join(seconds)
    return b"".join(pieces)


# %% a plain function with a loop of its own
import asyncio

import httpx


def read_for(url, seconds):
    data = b""

    async def read():
        nonlocal data
        async with httpx.AsyncClient(timeout=None, trust_env=False) as client:
            async with client.stream("GET", url) as response:
                async for piece in response.aiter_bytes():
                    data += piece

    async def main():
        try:
            await asyncio.wait_for(read(), seconds)
        except asyncio.TimeoutError:
            pass

    asyncio.run(main())
    return data


# %% a task that is cancelled when its time is over
import asyncio

import httpx


async def read_for(url, seconds):
    data = []

    async def read():
        limits = httpx.Timeout(None)
        async with httpx.AsyncClient(timeout=limits, trust_env=False) as client:
            async with client.stream("GET", url) as response:
                async for piece in response.aiter_bytes():
                    data.append(piece)

    task = asyncio.create_task(read())
    done, waiting = await asyncio.wait([task], timeout=seconds)
    for one in waiting:
        one.cancel()
    print("done" if done else "cancelled")
    return b"".join(data)


# %% a socket, and what is left of the time at each read
import socket
import time
from urllib.parse import urlsplit


def read_for(url, seconds):
    end, parts, raw = time.monotonic() + seconds, urlsplit(url), b""
    with socket.create_connection((parts.hostname, parts.port), seconds) as line:
        line.sendall(
            f"GET {parts.path} HTTP/1.1\r\nHost: {parts.netloc}\r\n"
            "Connection: close\r\n\r\n".encode()
        )
        try:
            while (left := end - time.monotonic()) > 0:
                line.settimeout(left)
                piece = line.recv(65536)
                if not piece:
                    break
                raw += piece
        except TimeoutError:
            pass
    chunked, data = raw.partition(b"\r\n\r\n")[2], b""
    while chunked:
        size, _, chunked = chunked.partition(b"\r\n")
        data += chunked[: int(size, 16)]
        chunked = chunked[int(size, 16) + 2 :]
    return data


# %% blocks its own event loop => nothing else on its event loop runs
import queue
import threading
import time

import httpx


async def read_for(url, seconds):
    end, pieces, data = time.monotonic() + seconds, queue.Queue(), b""

    def read():
        try:
            with httpx.stream("GET", url, timeout=None, trust_env=False) as response:
                for piece in response.iter_bytes():
                    pieces.put(piece)
        except httpx.HTTPError:
            pass
        pieces.put(None)

    threading.Thread(target=read, daemon=True).start()
    try:
        while piece := pieces.get(timeout=max(0, end - time.monotonic())):
            data += piece
    except queue.Empty:
        pass
    return data


# %% what is left of the time, for each piece
import asyncio
import time

import httpx


async def read_for(url, seconds):
    end = time.monotonic() + seconds
    data = b""
    async with httpx.AsyncClient(timeout=None, trust_env=False) as client:
        try:
            req = client.build_request("GET", url)
            r = await asyncio.wait_for(client.send(req, stream=True), seconds)
            it = r.aiter_bytes().__aiter__()
            while True:
                data += await asyncio.wait_for(anext(it), end - time.monotonic())
        except (TimeoutError, StopAsyncIteration):
            pass
    return data


# %% one list for all calls, emptied at each
import asyncio

import httpx

pieces = []


async def read(url):
    async with httpx.AsyncClient(timeout=None, trust_env=False) as client:
        async with client.stream("GET", url) as response:
            async for piece in response.aiter_bytes():
                pieces.append(piece)


async def read_for(url, seconds):
    pieces.clear()
    try:
        await asyncio.wait_for(read(url), seconds)
    except TimeoutError:
        pass
    return b"".join(pieces)
