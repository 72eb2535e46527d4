# Catches the timeout of one silence
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
