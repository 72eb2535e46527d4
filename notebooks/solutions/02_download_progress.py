import httpx


def progress(url):
    with httpx.stream("GET", url, trust_env=False) as response:
        size = response.headers.get("content-length")
        came = 0
        for chunk in response.iter_raw():
            came += len(chunk)
            yield came / int(size) if size else None
