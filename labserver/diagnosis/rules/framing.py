"""Rules about events that are framed twice: an event's text as the data of another."""

import ast
import json
import re
from contextlib import suppress

from labserver.diagnosis.finding import Level, rule, some
from labserver.diagnosis.observation import Observation
from labserver.diagnosis.rules.content import unescaped
from labserver.diagnosis.rules.objects import NO_ESCAPE, is_json

FIELD = re.compile(r"(data|event|id|retry):|: ?\S")
SMILEY = re.compile(r":\S")  # or ":tada:", or a field of a text in reStructuredText
ENDED = re.compile(r"(\n|\r\n|\r)\1\Z")
LINE_END = re.compile(r"\r\n|\n|\r")
KEYS = {"data", "event", "id", "retry", "comment"}  # of the dict that sse-starlette takes
MOST = 200  # texts that are parsed


@rule(
    "framed-twice",
    Level.FAULT,
    """The data of these events is itself a frame: data:, another field or a comment. This is
    consistent with formatted text that was given to a library, which frames it again. Give the
    library the bare text, or send formatted text as a plain response.""",
)
def framed_twice(seen: Observation) -> str:
    texts = [_from_json(event.data) for event in seen.alone.events[:MOST]]
    framed = [text for text in texts if _is_frame(text)]
    # A frame ends in an empty line; what is not so may be prose.
    likely = [text for text in framed if not SMILEY.match(text)]
    sure = 2 * len(likely) > len(texts) or any(text[-1] in "\r\n" for text in framed)
    return some(framed, "event") if sure else ""


def _from_json(text: str) -> str:
    """The text, or what it says as a string of JSON or Python, or in a dict of fields."""
    with suppress(ValueError, SyntaxError, RecursionError, MemoryError):
        value = json.loads(text) if text[:1] in ('"', "{") else None
        python = text.startswith(("'", "b'")) and not NO_ESCAPE.search(text)
        value = ast.literal_eval(text) if python else value
        value = value.decode() if isinstance(value, bytes) else value
        if isinstance(value, dict) and {*value} <= KEYS:
            data = value.get("data")
            value = data if str(data).endswith(("\n", "\r")) else None
        return _from_json(value) if isinstance(value, str) and value else text
    return text


def _inside(text: str) -> list[str]:
    """What is a whole frame with its empty line: in a JSON object or array, or in an escape."""
    values: list[object] = [*unescaped(text)]
    with suppress(ValueError, RecursionError):
        value = json.loads(text) if text[:1] in ("{", "[") else None
        values += value.values() if isinstance(value, dict) else value or []
        if (
            isinstance(value, list)
            and len(value) > 1
            and all(isinstance(one, str) for one in value)
        ):
            values.append("\n".join([*value, "", ""]))  # a frame's lines
    ended = [one for one in values if isinstance(one, str) and ENDED.search(one)]
    return [one for one in ended if _is_frame(one)]


def _is_frame(text: str) -> bool:
    return all(FIELD.match(line) for line in LINE_END.split(text.rstrip("\r\n")))


@rule(
    "framed-twice",
    Level.FAULT,
    """The data of these events is a JSON object of an event's own fields: event, id, retry. This
    is consistent with a dict of fields given to a library that sends any dict as data. Give it
    its own event object (fastapi.sse: ServerSentEvent).""",
)
def fields_as_data(seen: Observation) -> str:
    found = _field_dicts(seen)
    return some(found, "event") if all(map(_more_than_a_name, found)) else ""


@rule(
    "advice-framed-twice",
    Level.ADVICE,
    """The data of these events is a JSON object of an event's fields ("data", "event"), while the
    events themselves have no name. If a dict of fields was given to a library that sends any dict
    as data, give it its own event object (fastapi.sse: ServerSentEvent); if the object is meant
    so, nothing is wrong.""",
)
def advice_fields_as_data(seen: Observation) -> str:
    return some(_field_dicts(seen), "event")


@rule(
    "advice-framed-twice",
    Level.ADVICE,
    """The data of these events has whole frames inside, in JSON or in an escape (base64, %0A):
    data:, and an empty line at the end. If formatted text was packed so, pack the bare text; if
    the frames are passed on as they are, nothing is wrong.""",
)
def advice_frames_inside(seen: Observation) -> str:
    events = seen.alone.events[:MOST]
    framed = [frame for event in events for frame in _inside(event.data)[:1]]
    return some(framed, "event") if 2 * len(framed) > len(events) else ""


def _field_dicts(seen: Observation) -> list[str]:
    """The data that are JSON objects of an event's fields, where most are so."""
    events, found = seen.alone.events[:MOST], []
    for event in events:
        keys = _keys(event.data)
        bare = event.event == "message" and not event.id
        fields = "data" in keys and keys <= KEYS and keys & {"event", "id", "retry"}
        if bare and (fields or (keys == {"data"} and _has_json(event.data))):
            found.append(event.data)
    return found if 2 * len(found) > len(events) else []


def _keys(text: str) -> set[str]:
    with suppress(ValueError, RecursionError):
        value = json.loads(text) if text[:1] == "{" else None
        return set(value) if isinstance(value, dict) else set()
    return set()


def _has_json(text: str) -> bool:
    """Whether its data are a text that is JSON, as sse-starlette takes them."""
    data = json.loads(text)["data"]
    return isinstance(data, str) and data[:1] in {*"{["} and is_json(data)


def _more_than_a_name(text: str) -> bool:
    """Whether more than an event's name is in it; many a service means {"event": …, "data": …}."""
    keys = _keys(text)
    return "retry" in keys or {"event", "id"} <= keys
