"""What may be shown of a stranger's text: no control characters, no secrets of an address."""

import re

import httpx

# A parameter of a query whose name ends in one of these, as access_token or X-Amz-Signature do.
_SECRET = re.compile(
    r"""([?&](?:[\w.~-]*[_.-])?
        (?:token|api_?key|secret|password|passwd|ticket|signature|sig)=)
        [^&#\s"'<>]*[^&#\s"'<>:;.,)\]]  # not what a sentence puts behind an address
    """,
    re.IGNORECASE | re.VERBOSE,
)


def printable(text: str) -> str:
    """Text with its control characters, and those that turn its direction, written as escapes."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def masked(text: str) -> str:
    """Text in which addresses keep the names of secrets in a query, but not their values."""
    return _SECRET.sub(r"\1***", text)


def shown_url(url: httpx.URL) -> str:
    """A URL without its password, and without the secrets of its query."""
    return masked(str(url.copy_with(userinfo=b"")))
