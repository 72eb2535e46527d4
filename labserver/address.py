"""What is asked for, a path of the lab's server or any URL, made an address."""

import re

import httpx

from labserver import current
from labserver.connections import HOST
from labserver.masking import masked
from labserver.server import Server

# "token@host" or "ann:pass/word@host", where http:// is missing; "host:8000/a@b" has none.
USER = re.compile(r"\A(?:[^/?#]*@|[^/?#@]*:(?!\d*[/?#]).*@)")


def resolve(url: str | httpx.URL) -> tuple[httpx.URL, Server | None]:
    """The whole URL asked for, and the lab's server where it is one of its own.

    Raises TypeError, ValueError or RuntimeError as `record` does.
    """
    if not isinstance(url, str | httpx.URL):
        raise TypeError(f"A path such as '/export' or a URL is needed, not {type(url).__name__}.")
    lab = current.running()
    try:
        if str(url).startswith("/"):
            if lab is None:
                raise RuntimeError("No server is running: serve an app first, with serve(app).")
            return httpx.URL(lab.url + str(url)), lab
        address = httpx.URL(url)
    except (httpx.InvalidURL, UnicodeError) as error:
        # In a password, a / or # makes the rest of it a port or a path, which the error quotes.
        shown = re.sub("//.*@", "//", masked(repr(url)))
        reason = "a password has %2F for /, %3F for ? and %23 for #" if "@" in str(url) else error
        raise ValueError(f"{shown} is not a URL: {reason}") from None
    if address.scheme not in ("http", "https") or not address.host or (address.port or 0) > 65535:
        shown = USER.sub("", masked(str(url)))
        raise ValueError(
            f"A path that starts with / or a whole URL is needed, such as "
            f"http://127.0.0.1:8000/export, not {shown!r}."
        )
    ours = lab and address.host in (HOST, "localhost") and address.port == lab.port
    return address, lab if ours else None
