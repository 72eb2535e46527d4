"""The exercises of the lesson "Send events"."""

import json
from typing import Any

from labserver.checks.exercise import (
    NotYet,
    exercise,
    fetched,
    require,
    require_equal,
    served,
    shown,
)
from labserver.checks.meanwhile import Held, remark_on
from labserver.recording import RecordedEvent

ITEMS = ("tea", 'a "big" box,\nof two\r\nor three\rlines', "\tcafe\u0301 \\ 5 €\u2028\0😀 ")
MOST = 9  # events that are read, where three are expected

FORGED = "hi\n\nevent: admin\ndata: I am root"
TEXTS = (
    "hello",
    FORGED,
    FORGED.replace("\n", "\r"),
    "hi\r\nid: 7\r\nretry: 1",
    "",
    " a space on either side ",
    "line\u2028separator, tab\t, form\ffeed, next\x85line",
    "\ufeffe\u0301 \ufb01 😀 \0\x0b\x1c\x1f\x7f\xa0\u2029",
    "\nbegins and ends\n\n",
    "ends\r",
    ": no comment\ndata: x",
    '2 < 3 & "quotes" \\n',
)


@exercise
def named_events(app: Any) -> str | None:
    """Three events named `stock`, whose data is JSON, for an item of any name."""
    held = Held()
    with held.told(), served(app, held.layer) as url:
        for item in ITEMS:
            stock = fetched(f"{url}/stock", params={"item": item}, max_rows=MOST)
            last = f"{shown(stock.body[-20:])}, declared as {stock.media_type or 'nothing'}"
            require(stock.events, f"/stock sent no event: its last bytes are {last}.")
            came = f"/stock: yours: {shown(stock.events)}"
            require(len(stock.events) == 3, f"{came}, expected: 3 events.")
            for left, event in zip((2, 1, 0), stock.events, strict=True):
                _judge_stock(event, {"item": item, "left": left})
        return remark_on(f"{url}/stock", held, held.share("/stock"), params={"item": "tea"})


def _judge_stock(event: RecordedEvent, expected: dict[str, Any]) -> None:
    named = "has no name" if event.event == "message" else f"is named {event.event!r}"
    unnamed = f"the event with data {shown(event.data)} {named}: name it 'stock'."
    require(event.event == "stock", unnamed)
    try:
        data = json.loads(event.data)
    except ValueError:
        raise NotYet(f"the data {shown(event.data)} is not JSON.") from None
    require_equal(data, expected, "the data, read as JSON")


@exercise
def no_forgery(app: Any) -> None:
    """Whatever a user's text, one event with all of it; each line end may become a line feed."""
    with served(app) as url:
        for text in TEXTS:
            events = fetched(f"{url}/say", params={"text": text}).events
            data = text.replace("\r\n", "\n").replace("\r", "\n")
            came = f"for text={text!r}, yours: {shown(events)}, expected"
            require(len(events) == 1, f"{came}: one event.")
            require(events[0].event == "chat", f"{came}: an event named 'chat'.")
            require(events[0].data == data, f"{came}: chat {data!r}.")
