# %% Catches the timeout of one silence
import httpx


async def read_for(url, seconds):
    data = b""
    client = httpx.AsyncClient(timeout=seconds, trust_env=False)
    try:
        async with client, client.stream("GET", url) as response:
            async for piece in response.aiter_bytes():
                data += piece
    except httpx.ReadTimeout:
        pass
    return data


# %% Looks at the clock after each piece, and waits for the next as long again
import time

import httpx


def read_for(url, seconds):
    data = b""
    end = time.monotonic() + seconds
    try:
        with httpx.stream("GET", url, timeout=seconds, trust_env=False) as response:
            for piece in response.iter_bytes():
                data += piece
                if time.monotonic() > end:
                    break
    except httpx.ReadTimeout:
        pass
    return data


# %% Lets the deadline's error out
import asyncio

import httpx


async def read_for(url, seconds):
    data = b""
    client = httpx.AsyncClient(timeout=None, trust_env=False)
    async with asyncio.timeout(seconds), client, client.stream("GET", url) as response:
        async for piece in response.aiter_bytes():
            data += piece
    return data


# %% Always takes all the time
import asyncio

import httpx


async def read_for(url, seconds):
    data = b""

    async def read():
        nonlocal data
        client = httpx.AsyncClient(timeout=None, trust_env=False)
        async with client, client.stream("GET", url) as response:
            async for piece in response.aiter_bytes():
                data += piece

    task = asyncio.create_task(read())
    await asyncio.sleep(seconds)
    task.cancel()
    return data


# %% Loses what came
import asyncio

import httpx


async def read_for(url, seconds):
    client = httpx.AsyncClient(timeout=None, trust_env=False)
    try:
        async with asyncio.timeout(seconds), client:
            return (await client.get(url)).content
    except TimeoutError:
        return b""


# %% httpx's own 5 s are left in => ReadTimeout came out after 5
import asyncio

import httpx


async def read_for(url, seconds):
    data = b""
    try:
        async with (
            asyncio.timeout(seconds),
            httpx.AsyncClient(trust_env=False) as client,
            client.stream("GET", url) as response,
        ):
            async for piece in response.aiter_bytes():
                data += piece
    except TimeoutError:
        pass
    return data


# %% httpx's own 5 s are left in, and caught => of its own, of 5 s
import asyncio

import httpx


async def read_for(url, seconds):
    data = b""
    try:
        async with (
            asyncio.timeout(seconds),
            httpx.AsyncClient(trust_env=False) as client,
            client.stream("GET", url) as response,
        ):
            async for piece in response.aiter_bytes():
                data += piece
    except (TimeoutError, httpx.TimeoutException):
        pass
    return data


# %% lets the error of a late response out
import asyncio

import httpx


async def read_for(url, seconds):
    data = b""
    client = httpx.AsyncClient(timeout=None, trust_env=False)
    async with asyncio.timeout(seconds):
        response = await client.send(client.build_request("GET", url), stream=True)
    try:
        async with asyncio.timeout(seconds):
            async for piece in response.aiter_bytes():
                data += piece
    except TimeoutError:
        pass
    await client.aclose()
    return data


# %% text, not bytes => expected: b'abc'
import asyncio

import httpx


async def read_for(url, seconds):
    data = ""
    try:
        async with (
            asyncio.timeout(seconds),
            httpx.AsyncClient(timeout=None, trust_env=False) as client,
            client.stream("GET", url) as response,
        ):
            async for piece in response.aiter_text():
                data += piece
    except TimeoutError:
        pass
    return data


# %% prints, and returns nothing => yours: None
import asyncio

import httpx


async def read_for(url, seconds):
    data = b""
    try:
        async with (
            asyncio.timeout(seconds),
            httpx.AsyncClient(timeout=None, trust_env=False) as client,
            client.stream("GET", url) as response,
        ):
            async for piece in response.aiter_bytes():
                data += piece
    except TimeoutError:
        pass
    print(data)


# %% the first piece is enough => yours: b'ab'
import httpx


async def read_for(url, seconds):
    async with httpx.AsyncClient(timeout=None, trust_env=False) as client:
        async with client.stream("GET", url) as response:
            async for piece in response.aiter_bytes():
                return piece


# %% called, and handed over => without the brackets
import httpx


async def read(url, seconds):
    return b""


read_for = read("http://127.0.0.1:9/", 1)


# %% a deadline for the headers, and one more for the body => start the time again
import asyncio

import httpx


async def read_for(url, seconds):
    data = b""
    async with httpx.AsyncClient(timeout=None, trust_env=False) as c:
        try:
            async with asyncio.timeout(seconds):
                r = await c.send(c.build_request("GET", url), stream=True)
            async with asyncio.timeout(seconds):
                async for p in r.aiter_bytes():
                    data += p
        except TimeoutError:
            pass
    return data


# %% a signal ends the wait => Let read_for work in any thread
import signal
from threading import Timer

import httpx


def over(*args):
    raise TimeoutError


def read_for(url, seconds):
    data = b""
    signal.signal(signal.SIGINT, over)
    Timer(seconds, signal.raise_signal, [signal.SIGINT]).start()
    try:
        with httpx.stream("GET", url, timeout=None, trust_env=False) as response:
            for piece in response.iter_bytes():
                data += piece
    except TimeoutError:
        pass
    return data
