"""What is shown of secrets: their names, and no value.

By name, in an address or in a pair such as 'cookie': '…'; and by value, those that a request sends
in its headers, while they are `hidden`, since its answer may quote them.
"""

import base64
import html
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from functools import lru_cache
from urllib.parse import quote, quote_plus

import httpx

from labserver.printing import printable

_NAMES = (
    "token|(?:api|access|private|secret|subscription)[_-]?key|secret|password|passwd|pwd|passphrase"
    "|ticket|signature|sig|jwt|auth|authorization|credentials?|sess(?:ion)?[_-]?id"
)
# A parameter whose name ends in one of these words, in a query or a fragment: "?access_token=…",
# "#X-Amz-Signature=…". Also where the whole address is itself the value of another's parameter,
# or of one in there: "?next=%2Fa%3Ftoken%3D…", "?a=%253Ftoken%253D…".
_SECRET = re.compile(
    rf"""((?:[?&#;]|%(?:25)*(?:3F|26|23|3B))[\w.~%\[-]{{,60}}?(?:{_NAMES})
        (?:\[\w*\]|%5B\w*%5D|%5D|\])*(?:=|%(?:25)*3D))
        ["<]?[^&#\s"<>]*[^&#\s"'<>:;.,)\]]  # not what a sentence puts behind an address
    """,
    re.IGNORECASE | re.VERBOSE,
)
_SECRET_HEADER = re.compile("auth|cookie|token|key|secret|passw|signature|jwt|credential|session")
_KEPT = ":/%#?=@[]!$&'()*+,;"  # what Starlette leaves as it is in an address
_LEAST = 4  # characters of a secret: a shorter one would hide parts of words
_sent = ContextVar[tuple[httpx.Headers, ...]]("_sent", default=())  # a server may quote them
# Of an address: a name and a password, "//ann:…@host". The host is what follows the last @.
_USER = re.compile(
    r"""(//)[^/\s?#]*@
        |((?:%(?:25)*2F){2})(?:(?!%(?:25)*(?:2F|3F|23))[^/\s?#&])*(?:@|%(?:25)*40)
    """,
    re.IGNORECASE | re.VERBOSE,
)
# As Python and JSON write pairs, "'cookie': '…'" and '"api_key": "…"', and Python those of bytes,
# "(b'cookie', b'…')": an app's error may quote the headers of a request, or its body.
_PAIR = re.compile(
    rf"""(["'][\w-]*(?:cookie|{_NAMES})["']
        \s?[:,]\s?b?(["']))(?:(?!\2).)+""",
    re.IGNORECASE | re.VERBOSE,
)


def shown_lines(text: str) -> str:
    """The lines of a log, `masked` and `printable`: others choose parts of what stands in it."""
    return "\n".join(map(printable, masked(text).split("\n")))


def masked(text: str) -> str:
    """Text in which the names of secrets stay, in a query or before a value in quotes; no values.

    Nor are there the secrets of headers that are `hidden` at the moment. By design it does not
    know a name that has encoded letters, as `to%6Ben`, nor one in a parameter of a media type.
    """
    text = _PAIR.sub(r"\1***", _SECRET.sub(r"\1***", without_secrets(text)))
    return _USER.sub(r"\1\2", text)


def without_secrets(text: str) -> str:
    """Text in which the secrets of headers that are `hidden` at the moment are masked."""
    values = {value for sent in _sent.get() for value in _secrets(sent)}
    for secret in sorted(values, key=len, reverse=True):  # the whole before its parts
        text = text.replace(secret, "***")
    return text


@contextmanager
def hidden(headers: httpx.Headers) -> Iterator[None]:
    """Mask, while it lasts, what these headers of a request keep secret: its answer may quote it.

    A header is secret if its name has a word such as auth, cookie, token or key in it.
    """
    before = _sent.set((*_sent.get(), headers))
    try:
        yield
    finally:
        _sent.reset(before)


def _secrets(headers: httpx.Headers) -> list[str]:
    values = [value for name, value in headers.items() if _SECRET_HEADER.search(name)]
    parts = [part for value in values for part in _parts(value) if len(part) >= _LEAST]
    return [form for part in parts for form in _forms(part)]


@lru_cache(1024)  # each row that is printed asks for them
def _forms(text: str) -> set[str]:
    """A text, and what addresses, HTML, JSON and bytes that are read as latin-1 make of it."""
    coded = {quote(text, safe) for safe in ("", "/", _KEPT)} | {quote_plus(text)}
    small = {re.sub("%..", lambda code: code[0].lower(), one) for one in coded}
    entities = {html.escape(text), html.escape(text).replace("&#x27;", "&#39;")}
    in_json = {json.dumps(text)[1:-1], json.dumps(text, ensure_ascii=False)[1:-1]}
    escaped = {one.replace("/", r"\/") for one in in_json}
    return {text, text.encode().decode("latin-1")} | coded | small | entities | in_json | escaped


def _parts(value: str) -> Iterator[str]:
    """A secret value, and what a server may quote of it alone: what follows a scheme or a name."""
    yield value
    scheme, _, credentials = value.partition(" ")
    yield credentials
    yield from (cookie.partition("=")[2].strip('" ') for cookie in value.split(";"))
    if scheme.lower() == "basic":
        with suppress(ValueError):  # it is no base64
            plain = base64.b64decode(credentials).decode()
            yield from (plain, plain.partition(":")[2])


def shown_url(url: httpx.URL) -> str:
    """A URL without its password, and without the secrets of its query."""
    return masked(str(url.copy_with(userinfo=b"")))
