import httpx


def download(url):
    data = b""
    for _ in range(5):
        headers = {"Accept-Encoding": "identity"}  # the file's own bytes
        if data:
            headers["Range"] = f"bytes={len(data)}-"
        stream = httpx.stream("GET", url, headers=headers, trust_env=False)
        try:
            with stream as response:
                if response.status_code == 416:  # nothing is left
                    return data
                response.raise_for_status()  # a page is no part of the file
                if response.status_code == 200:  # all of it, from the start
                    data = b""
                for chunk in response.iter_raw():
                    data += chunk
            return data
        except httpx.RemoteProtocolError:
            pass
    raise OSError(f"{url} broke off five times")
