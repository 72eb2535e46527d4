# %% Each chunk's share, not added up
import httpx


def progress(url):
    with httpx.stream("GET", url, trust_env=False) as response:
        size = int(response.headers["content-length"])
        for chunk in response.iter_raw():
            yield len(chunk) / size


# %% No content-length is an error
import httpx


def progress(url):
    with httpx.stream("GET", url, trust_env=False) as response:
        size = int(response.headers["content-length"])
        came = 0
        for chunk in response.iter_raw():
            came += len(chunk)
            yield came / size


# %% Everything first, then fractions
import httpx


def progress(url):
    response = httpx.get(url, trust_env=False)
    size = len(response.content)
    yield from (0.25, 0.5, 0.75, 1.0) if size else ()


# %% Per cent
import httpx


def progress(url):
    with httpx.stream("GET", url, trust_env=False) as response:
        size = response.headers.get("content-length")
        came = 0
        for chunk in response.iter_raw():
            came += len(chunk)
            yield round(100 * came / int(size)) if size else None


# %% 0 where the size is not known
import httpx


def progress(url):
    with httpx.stream("GET", url, trust_env=False) as response:
        size = int(response.headers.get("content-length", 0))
        came = 0
        for chunk in response.iter_raw():
            came += len(chunk)
            yield came / size if size else 0


# %% One number at the end
import httpx


def progress(url):
    return httpx.get(url, trust_env=False).num_bytes_downloaded


# %% iter_bytes under gzip => packed with gzip
import httpx


def progress(url):
    with httpx.stream("GET", url, trust_env=False) as response:
        size = response.headers.get("content-length")
        came = 0
        for chunk in response.iter_bytes():
            came += len(chunk)
            yield came / int(size) if size else None


# %% iter_bytes under gzip, never more than 1.0 => packed with gzip
import httpx


def progress(url):
    with httpx.stream("GET", url, trust_env=False) as response:
        size = response.headers.get("content-length")
        came = 0
        for chunk in response.iter_bytes():
            came += len(chunk)
            yield min(1.0, came / int(size)) if size else None


# %% None once, and no more => expected: None after each chunk
import httpx


def progress(url):
    with httpx.stream("GET", url, trust_env=False) as response:
        size = response.headers.get("content-length")
        if size is None:
            yield None
            return
        came = 0
        for chunk in response.iter_raw():
            came += len(chunk)
            yield came / int(size)


# %% None once, and then nothing => expected: None after each chunk
import httpx


def progress(url):
    with httpx.stream("GET", url, trust_env=False) as response:
        size = response.headers.get("content-length")
        if size is None:
            yield None
        came = 0
        for chunk in response.iter_raw():
            came += len(chunk)
            if size:
                yield came / int(size)


# %% what is left, not what came => expected: 1.0 as the last
import httpx


def progress(url):
    with httpx.stream("GET", url, trust_env=False) as response:
        size = response.headers.get("content-length")
        left = int(size or 0)
        for chunk in response.iter_raw():
            left -= len(chunk)
            yield left / int(size) if size else None


# %% a list, when all is over => when all was over
import httpx


def progress(url):
    fractions = []
    with httpx.stream("GET", url, trust_env=False) as response:
        size = response.headers.get("content-length")
        came = 0
        for chunk in response.iter_raw():
            came += len(chunk)
            fractions.append(came / int(size) if size else None)
    return fractions


# %% called, and handed over => without the brackets
import httpx


def progress(url):
    yield 1.0


progress = progress("http://127.0.0.1:9/")


# %% 1.0 for ever => do not
import httpx


def progress(url):
    while True:
        yield 1.0


# %% shows the fractions, and yields none => expected: a generator
import httpx


def progress(url):
    with httpx.stream("GET", url, trust_env=False) as response:
        size = int(response.headers.get("content-length", "1"))
        came = 0
        for chunk in response.iter_raw():
            came += len(chunk)
            print(came / size)


# %% whole numbers, by // => between 0 and 1
import httpx


def progress(url):
    with httpx.stream("GET", url, trust_env=False) as r:
        size = r.headers.get("content-length")
        came = 0
        for chunk in r.iter_raw():
            came += len(chunk)
            yield came // int(size) if size else None


# %% the whole as one chunk => between 0 and 1
import httpx


def progress(url):
    came = 0
    with httpx.stream("GET", url, trust_env=False) as r:
        size = r.headers.get("content-length")
        for chunk in r.iter_raw(2**21):
            came += len(chunk)
            yield came / int(size) if size else None
