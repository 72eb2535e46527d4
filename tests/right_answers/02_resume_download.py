# %% Range from the start, each answer looked at
import httpx


def download(url):
    data = bytearray()
    for _ in range(3):
        headers = {"Accept-Encoding": "identity", "Range": f"bytes={len(data)}-"}
        try:
            with httpx.stream("GET", url, headers=headers, trust_env=False) as response:
                if response.status_code == 416:
                    return data
                if response.status_code == 200:
                    data.clear()
                elif response.status_code != 206:
                    raise OSError(f"status {response.status_code}")
                for chunk in response.iter_bytes():
                    data.extend(chunk)
                return data
        except httpx.TransportError:
            continue
    raise OSError("broken off three times")


# %% an async function
import httpx


async def download(url):
    data = b""
    async with httpx.AsyncClient(
        trust_env=False, headers={"Accept-Encoding": "identity"}
    ) as client:
        for _ in range(4):
            rest = {"Range": f"bytes={len(data)}-"} if data else {}
            try:
                async with client.stream("GET", url, headers=rest) as response:
                    if response.status_code == 416:
                        break
                    response.raise_for_status()
                    if response.status_code == 200:
                        data = b""
                    async for chunk in response.aiter_raw():
                        data += chunk
                break
            except httpx.RemoteProtocolError:
                pass
    return data


# %% a page is an error, 416 too => nothing is left
import httpx


def download(url):
    data = b""
    while True:
        headers = {"Accept-Encoding": "identity"}
        if data:
            headers["Range"] = f"bytes={len(data)}-"
        try:
            with httpx.stream("GET", url, headers=headers, trust_env=False) as response:
                response.raise_for_status()
                if response.status_code == 200:
                    data = b""
                for chunk in response.iter_raw():
                    data += chunk
            return data
        except httpx.RemoteProtocolError:
            pass


# %% tries again after a 503
import time

import httpx


def download(url):
    data, busy = b"", 0
    while True:
        headers = {"Accept-Encoding": "identity"}
        if data:
            headers["Range"] = f"bytes={len(data)}-"
        try:
            with httpx.stream("GET", url, headers=headers, trust_env=False) as response:
                if response.status_code == 503 and busy < 3:
                    busy += 1
                    time.sleep(0.1)
                    continue
                if response.status_code == 416:
                    return data
                response.raise_for_status()
                if response.status_code == 200:
                    data = b""
                for chunk in response.iter_raw():
                    data += chunk
            return data
        except httpx.RemoteProtocolError:
            pass


# %% knows the size from a HEAD, and asks until it is there
import httpx


def download(url):
    headers = {"Accept-Encoding": "identity"}
    head = httpx.head(url, headers=headers, trust_env=False)
    head.raise_for_status()
    size, data = int(head.headers["content-length"]), b""
    while len(data) < size:
        if data:
            headers["Range"] = f"bytes={len(data)}-"
        with httpx.stream("GET", url, headers=headers, trust_env=False) as response:
            if response.raise_for_status().status_code == 200:
                data = b""
            try:
                for chunk in response.iter_raw():
                    data += chunk
            except httpx.RemoteProtocolError:
                pass
    return data


# %% unpacks at the end what it resumed packed
import gzip

import httpx


def download(url):
    data, packed = b"", False
    while True:
        headers = {"Range": f"bytes={len(data)}-"} if data else {}
        try:
            with httpx.stream("GET", url, headers=headers, trust_env=False) as response:
                if response.status_code != 416:
                    if response.raise_for_status().status_code == 200:
                        data = b""
                    packed = response.headers.get("content-encoding") == "gzip"
                    for chunk in response.iter_raw():
                        data += chunk
            return gzip.decompress(data) if packed else data
        except httpx.RemoteProtocolError:
            pass


# %% urllib, and what came before the break
import http.client
import urllib.error
import urllib.request


def download(url):
    data = b""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    while True:
        req = urllib.request.Request(url, headers={"Range": f"bytes={len(data)}-"} if data else {})
        try:
            with opener.open(req) as r:
                if r.status == 200:
                    data = b""
                try:
                    data += r.read()
                except http.client.IncompleteRead as e:
                    data += e.partial
                    continue
                return data
        except urllib.error.HTTPError as e:
            if e.code == 416:
                return data
            raise
