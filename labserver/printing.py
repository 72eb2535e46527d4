"""What may be shown of a stranger's text: no control characters, no secrets of an address."""

import re

import httpx

# A parameter whose name ends in one of these words, as access_token or X-Amz-Signature do, in a
# query or a fragment, also where the whole address is itself the value of another's parameter.
_SECRET = re.compile(
    r"""((?:[?&#;]|%3F|%26|%23)[\w.~%-]{,60}?
        (?:token|api[_-]?key|access[_-]?key|secret|password|passwd|ticket|signature|sig)
        (?:\[\]|%5B%5D|%5D|\])?(?:=|%3D))
        [^&#\s"<>]*[^&#\s"'<>:;.,)\]]  # not what a sentence puts behind an address
    """,
    re.IGNORECASE | re.VERBOSE,
)
_USER = re.compile(r"//[^/@\s?#]*@")  # of an address: a name and a password


def printable(text: str) -> str:
    """Text with its control characters, and those that turn its direction, written as escapes."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def masked(text: str) -> str:
    """Text in which addresses keep the names of secrets in a query, but not their values."""
    return _USER.sub("//", _SECRET.sub(r"\1***", text))


def shown_url(url: httpx.URL) -> str:
    """A URL without its password, and without the secrets of its query."""
    return masked(str(url.copy_with(userinfo=b"")))
