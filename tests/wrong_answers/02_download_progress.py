import httpx


# Each chunk's share, not added up
def progress(url):
    with httpx.stream("GET", url, trust_env=False) as response:
        size = int(response.headers["content-length"])
        for chunk in response.iter_raw():
            yield len(chunk) / size


# %% No content-length is an error
def progress(url):
    with httpx.stream("GET", url, trust_env=False) as response:
        size = int(response.headers["content-length"])
        came = 0
        for chunk in response.iter_raw():
            came += len(chunk)
            yield came / size


# %% Everything first, then fractions
def progress(url):
    response = httpx.get(url, trust_env=False)
    size = len(response.content)
    yield from (0.25, 0.5, 0.75, 1.0) if size else ()


# %% Per cent
def progress(url):
    with httpx.stream("GET", url, trust_env=False) as response:
        size = response.headers.get("content-length")
        came = 0
        for chunk in response.iter_raw():
            came += len(chunk)
            yield round(100 * came / int(size)) if size else None


# %% 0 where the size is not known
def progress(url):
    with httpx.stream("GET", url, trust_env=False) as response:
        size = int(response.headers.get("content-length", 0))
        came = 0
        for chunk in response.iter_raw():
            came += len(chunk)
            yield came / size if size else 0


# %% One number at the end
def progress(url):
    return httpx.get(url, trust_env=False).num_bytes_downloaded
