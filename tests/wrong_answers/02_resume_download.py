# %% Gives what came
import httpx


def download(url):
    data = b""
    try:
        with httpx.stream("GET", url, trust_env=False) as response:
            for chunk in response.iter_raw():
                data += chunk
    except httpx.RemoteProtocolError:
        pass
    return data


# %% Starts over
import httpx


def download(url):
    while True:
        try:
            return httpx.get(url, trust_env=False).content
        except httpx.RemoteProtocolError:
            pass


# %% Leaves out a byte
import httpx


def download(url):
    data = b""
    while True:
        rest = {"Range": f"bytes={len(data) + 1}-"} if data else {}
        try:
            with httpx.stream("GET", url, headers=rest, trust_env=False) as response:
                if response.status_code == 200:
                    data = b""
                for chunk in response.iter_raw():
                    data += chunk
            return data
        except httpx.RemoteProtocolError:
            pass


# %% Does not look at the status
import httpx


def download(url):
    data = b""
    while True:
        try:
            rest = {"Range": f"bytes={len(data)}-"}
            with httpx.stream("GET", url, headers=rest, trust_env=False) as response:
                for chunk in response.iter_raw():
                    data += chunk
            return data
        except httpx.RemoteProtocolError:
            pass


# %% The first half, and not bytes
import httpx


def download(url):
    with httpx.stream("GET", url, trust_env=False) as response:
        return response.iter_raw()


# %% a page is added to the file => 404 after the break
import httpx


def download(url):
    data = b""
    while True:
        headers = {"Accept-Encoding": "identity"}
        if data:
            headers["Range"] = f"bytes={len(data)}-"
        try:
            with httpx.stream("GET", url, headers=headers, trust_env=False) as response:
                if response.status_code == 200:
                    data = b""
                for chunk in response.iter_raw():
                    data += chunk
            return data
        except httpx.RemoteProtocolError:
            pass


# %% a page is added, but for a 404 => 503 once
import httpx


def download(url):
    data = b""
    while True:
        headers = {"Accept-Encoding": "identity"}
        if data:
            headers["Range"] = f"bytes={len(data)}-"
        try:
            with httpx.stream("GET", url, headers=headers, trust_env=False) as response:
                if response.status_code == 404:
                    raise OSError("not found")
                if response.status_code == 200:
                    data = b""
                for chunk in response.iter_raw():
                    data += chunk
            return data
        except httpx.RemoteProtocolError:
            pass


# %% what came is returned for a page => 404 after the break
import httpx


def download(url):
    data = b""
    while True:
        headers = {"Accept-Encoding": "identity"}
        if data:
            headers["Range"] = f"bytes={len(data)}-"
        try:
            with httpx.stream("GET", url, headers=headers, trust_env=False) as response:
                if response.status_code >= 400:
                    return data
                if response.status_code == 200:
                    data = b""
                for chunk in response.iter_raw():
                    data += chunk
            return data
        except httpx.RemoteProtocolError:
            pass


# %% None for a page => expected: an error
import httpx


def download(url):
    data = b""
    while True:
        headers = {"Accept-Encoding": "identity"}
        if data:
            headers["Range"] = f"bytes={len(data)}-"
        try:
            with httpx.stream("GET", url, headers=headers, trust_env=False) as response:
                if response.status_code >= 400:
                    return None
                if response.status_code == 200:
                    data = b""
                for chunk in response.iter_raw():
                    data += chunk
            return data
        except httpx.RemoteProtocolError:
            pass


# %% packed bytes => packs with gzip
import httpx


def download(url):
    data = b""
    while True:
        rest = {"Range": f"bytes={len(data)}-"} if data else {}
        try:
            with httpx.stream("GET", url, headers=rest, trust_env=False) as response:
                response.raise_for_status()
                if response.status_code == 200:
                    data = b""
                for chunk in response.iter_raw():
                    data += chunk
            return data
        except httpx.RemoteProtocolError:
            pass


# %% unpacked on the way: the count is of other bytes => packs with gzip
import httpx


def download(url):
    data = b""
    while True:
        rest = {"Range": f"bytes={len(data)}-"} if data else {}
        try:
            with httpx.stream("GET", url, headers=rest, trust_env=False) as response:
                response.raise_for_status()
                if response.status_code == 200:
                    data = b""
                for chunk in response.iter_bytes():
                    data += chunk
            return data
        except httpx.RemoteProtocolError:
            pass


# %% the page of a 416 is added => 416 after the break
import httpx


def download(url):
    data = b""
    while True:
        headers = {"Accept-Encoding": "identity"}
        if data:
            headers["Range"] = f"bytes={len(data)}-"
        try:
            with httpx.stream("GET", url, headers=headers, trust_env=False) as response:
                if response.status_code not in (200, 206, 416):
                    raise OSError(response.status_code)
                if response.status_code == 200:
                    data = b""
                for chunk in response.iter_raw():
                    data += chunk
            return data
        except httpx.RemoteProtocolError:
            pass


# %% lets the break out => catch it
import httpx


def download(url):
    return httpx.get(url, trust_env=False).content


# %% tries for ever => did not end within 10 s
import httpx


def download(url):
    while True:
        try:
            return httpx.get(url, headers={"Range": "bytes=-10"}, trust_env=False).json()
        except Exception:
            pass


# %% text, not bytes => expected: bytes
import httpx


def download(url):
    text = ""
    while True:
        rest = {"Range": f"bytes={len(text)}-"} if text else {}
        try:
            with httpx.stream("GET", url, headers=rest, trust_env=False) as response:
                for piece in response.iter_text():
                    text += piece
            return text
        except httpx.RemoteProtocolError:
            pass


# %% unpacked at first, packed after the break => packs with gzip
import httpx


def download(url):
    data = b""
    headers = {"Accept-Encoding": "identity"}
    while True:
        try:
            with httpx.stream("GET", url, headers=headers, trust_env=False) as r:
                if r.status_code == 416:
                    return data
                r.raise_for_status()
                if r.status_code == 200:
                    data = b""
                for c in r.iter_raw():
                    data += c
                return data
        except httpx.RemoteProtocolError:
            headers = {"Range": f"bytes={len(data)}-"}


# %% a range without its end: no Range at all => name the rest, as bytes=N-
import httpx


def download(url):
    data = b""
    while True:
        headers = {"Accept-Encoding": "identity"}
        if data:
            headers["Range"] = f"bytes={len(data)}"
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


# %% each chunk stripped => and not the file's
import httpx


def download(url):
    data = b""
    while True:
        headers = {"Accept-Encoding": "identity", "Range": f"bytes={len(data)}-"}
        try:
            with httpx.stream("GET", url, headers=headers, trust_env=False) as response:
                response.raise_for_status()
                if response.status_code == 200:
                    data = b""
                for chunk in response.iter_raw():
                    data += chunk.strip()
            return data
        except httpx.RemoteProtocolError:
            pass
