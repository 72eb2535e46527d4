"""Rules about what the data says: JSON, text, letters."""

import html
import json
import re
from base64 import b64decode
from contextlib import suppress
from itertools import pairwise
from urllib.parse import unquote_plus

from labserver.diagnosis.finding import Level, quoted, rule, some
from labserver.diagnosis.frames import TEXT_BYTES
from labserver.diagnosis.items import is_binary
from labserver.diagnosis.observation import SEVERAL, Observation
from labserver.diagnosis.rules.event_lines import no_utf_8_in
from labserver.diagnosis.rules.objects import is_json, is_repr

MOST = 200  # texts that are parsed twice
DOCUMENT_BYTES = 2**18  # of a JSON document that is parsed
NEIGHBOURS = 999  # characters of two texts that may hold the two halves of a letter
OBJECT = re.compile(r'\{\s*"')  # the start of one in JSON
# One whose names have no quotes, or those of a word processor. {color: red} is of CSS or YAML.
OF_JAVASCRIPT = re.compile(
    r"""\{\s*(\w+|[“”]\w+[“”])\s*:\s*(['"`\[{\d-]|true|false|null).*\}\s*""", re.S
)
LOST = "\ufffd"
RS = "\x1e"  # in front of each document of a sequence (RFC 7464, 2.2)


@rule(
    "torn-letters",
    Level.FAULT,
    """Letters came as U+FFFD, the sign for what cannot be decoded. This is consistent with bytes
    that are decoded piece by piece, which cuts letters in two. Use one incremental decoder for the
    whole stream.""",
)
def torn_letters(seen: Observation) -> str:
    if LOST.encode() not in seen.body and rb"\ufffd" not in seen.body:
        return ""  # then it is not U+FFFD that came, but what is no UTF-8
    texts = [item.text.replace(r"\ufffd", LOST) for item in seen.items]
    pairs = [a for a, b in pairwise(texts) if _torn_between(a, b)]
    return some(pairs or [text for text in texts if 2 * LOST in text], "text")


def _torn_between(one: str, other: str) -> bool:
    return LOST in one and LOST in other and len(one + other) < NEIGHBOURS


@rule(
    "not-utf-8",
    Level.FAULT,
    """JSON is always UTF-8 (RFC 8259, 8.1), and this is not, so parsers refuse it. Encode it as
    UTF-8, whatever the charset of the data was.""",
)
def json_not_utf_8(seen: Observation) -> str:
    json = seen.json_lines or seen.alone.media_type.endswith("/json")
    return no_utf_8_in(seen) if json and not is_binary(seen.alone) else ""


@rule(
    "bad-json",
    Level.FAULT,
    """The data looks like JSON, or is labelled so, but a parser refuses it. Common reasons: NaN,
    names without quotes, several documents in one, a newline inside a text. Make each document
    with one call of json.dumps (allow_nan=False), and parse one in a test.""",
)
def bad_json(seen: Observation) -> str:
    if _lines_of_one(seen):
        return ""
    texts = [text for text in _documents(seen) if text.strip()]  # an empty line is a ping
    bad = [text for text in texts if not is_json(text) and not is_repr(text)]
    if not seen.sse:
        return some(bad, "document")
    # One by one, events may be pieces of one document.
    good = [text for text in texts if text[:1] == "{" and is_json(text)]
    bad = [text for text in bad if OBJECT.match(text) or OF_JAVASCRIPT.fullmatch(text)]
    sure = 2 * len(bad) > len(texts) or len(good) > 2 + len(bad)
    return some(bad, "text") if len(texts) > 1 and sure else ""


@rule(
    "bad-json",
    Level.FAULT,
    """In a sequence of JSON documents each has the character RS (U+001E) in front of it and a
    newline at its end (RFC 7464). Without RS a client finds no document. Write it, or label the
    lines application/x-ndjson.""",
)
def bad_sequence(seen: Observation) -> str:
    begun = seen.text.lstrip("\n ")[:1] if _is_sequence(seen) else ""
    return f"the body begins with {quoted(seen.text)}" if begun not in ("", RS) else ""


def _is_sequence(seen: Observation) -> bool:
    return seen.alone.media_type.endswith("json-seq")


def _documents(seen: Observation) -> list[str]:
    """What ought to be JSON."""
    if _is_sequence(seen):
        finished = seen.alone.whole and len(seen.body) < TEXT_BYTES
        return seen.text.split(RS)[1 : None if finished else -1]
    if seen.alone.media_type.endswith("/json"):
        return [seen.text] if seen.alone.whole and len(seen.body) < DOCUMENT_BYTES else []
    if not (seen.sse or seen.json_lines):
        return []
    items = seen.items if seen.alone.whole else seen.items[:-1]
    return [item.text for item in items]


@rule(
    "advice-json-lines",
    Level.ADVICE,
    """Each line is a JSON document of its own, and the label is that of one document, which a
    client parses as a whole. Label it application/x-ndjson, unless all clients read it line by
    line.""",
)
def advice_json_lines(seen: Observation) -> str:
    lines = _lines_of_one(seen)
    return f"content-type: {seen.alone.media_type}, {some(lines, 'document')}" if lines else ""


def _lines_of_one(seen: Observation) -> list[str]:
    """The documents, where each line is one, though the label is that of one document."""
    items = seen.items if seen.alone.whole else seen.items[:-1]
    texts = [item.text for item in items[:MOST] if item.text.strip()]
    several = seen.alone.media_type.endswith("/json") and len(texts) > 1
    return texts if several and all(OBJECT.match(one) and is_json(one) for one in texts) else []


@rule(
    "advice-not-utf-8",
    Level.ADVICE,
    """It is not in the charset that its Content-Type names, so clients show other letters. Encode
    the text as UTF-8, and name that.""",
)
def advice_not_utf_8(seen: Observation) -> str:
    named = seen.alone.charset
    if is_binary(seen.alone):
        return ""
    letter = re.search(r"[^\x00-\x7f]", seen.text) if named in ("us-ascii", "ascii") else None
    if letter:
        return f"charset {quoted(named)}, and {quoted(letter[0])} came"
    return no_utf_8_in(seen) if named in ("utf-8", "utf8") else ""


@rule(
    "advice-not-utf-8",
    Level.ADVICE,
    """The letters look as if they were encoded as UTF-8 twice, so that clients show two for one:
    "Ã¼" for "ü". This is consistent with bytes of UTF-8 that are decoded as latin-1 before they
    are sent. Decode them as UTF-8.""",
)
def advice_utf_8_twice(seen: Observation) -> str:
    foreign = [item.text for item in seen.items[:MOST] if not item.text.isascii()]
    found = [text for text in foreign if _is_utf_8_twice(text)]
    return some(found, "text") if len(found) >= SEVERAL and 2 * len(found) > len(foreign) else ""


def _is_utf_8_twice(text: str) -> bool:
    for charset in ("latin-1", "cp1252"):
        with suppress(UnicodeError):
            text.encode(charset).decode()
            return True
    return False


@rule(
    "json-twice",
    Level.FAULT,
    """The data is JSON inside a JSON string: it was encoded twice. Give the library the object
    itself, or the finished text as raw data.""",
)
def json_twice(seen: Observation) -> str:
    found = []
    for item in seen.items[:MOST]:
        with suppress(ValueError, RecursionError):
            inner = json.loads(item.text) if item.text[:1] == '"' else None
            value = json.loads(inner or "1")
            found += [item.text] if value and isinstance(value, dict | list) else []
    return some(found, "text") if len(found) > 1 else ""


@rule(
    "advice-escaped-json",
    Level.ADVICE,
    """The data is JSON that was escaped once more, for a page (&quot;), for an address (%22), for
    a string or in base64, so a JSON parser refuses it. Send it as json.dumps makes it, and escape
    it where it is shown. If clients undo it, or show it as it is, nothing is wrong.""",
)
def advice_escaped_json(seen: Observation) -> str:
    texts = [item.text for item in seen.items[:MOST]]
    found = [text for text in texts if _is_escaped(text)]
    return some(found, "text") if 2 * len(found) > len(texts) else ""


def _is_escaped(text: str) -> bool:
    objects = [way for way in unescaped(text) if OBJECT.match(way)]
    return any(map(is_json, objects)) and not is_json(text)


def unescaped(text: str) -> list[str]:
    """What the text may be, where it is for a page, an address, a string, or base64 or hex."""
    ways = [html.unescape(text), unquote_plus(text), text.replace('\\"', '"')]
    with suppress(ValueError):
        base64 = text.translate({ord("-"): "+", ord("_"): "/"}).rstrip("=")
        ways.append(b64decode(base64 + "=" * (-len(base64) % 4), validate=True).decode())
    with suppress(ValueError):
        ways.append(bytes.fromhex(text.removeprefix("\\x")).decode())
    return [way for way in ways if way != text]
