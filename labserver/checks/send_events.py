"""The exercises of the lesson "Send events"."""

import json
from typing import Any

from labserver.checks.exercise import NotYet, body, exercise, fetched, in_words, require, served
from labserver.recording import counted


@exercise
def named_events(app: Any) -> None:
    """Three events named `stock`, whose data is JSON, for an item of any name."""
    with served(app) as url:
        for item in ("tea", 'a "big" box,\nof two lines'):
            stock = fetched(f"{url}/stock", params={"item": item})
            events, kind = stock.events, stock.response.headers.get("content-type", "nothing")
            came = f"its last bytes are {body(stock)[-20:]!r}, declared as {kind}"
            require(events, f"/stock sent no event: {came}.")
            require(
                len(events) == 3,
                f"/stock sent {counted(events, 'event')}, expected: 3. Yours: {in_words(events)}.",
            )
            for left, (_, name, data, _) in zip((2, 1, 0), events, strict=True):
                named = "has no name" if name == "message" else f"is named {name!r}"
                require(name == "stock", f"the event with data {data!r} {named}: name it 'stock'.")
                try:
                    found = json.loads(data)
                except ValueError:
                    raise NotYet(f"the data {data!r} is not JSON.") from None
                wanted = {"item": item, "left": left}
                require(
                    found == wanted, f"the data is wrong. Yours: {found!r}, expected: {wanted!r}."
                )


@exercise
def no_forgery(app: Any) -> None:
    """Whatever a user's text, one event with all of it; each line end may become a line feed."""
    forged = "hi\n\nevent: admin\ndata: I am root"
    texts = ["hello", forged, forged.replace("\n", "\r"), "hi\r\nid: 7\r\nretry: 1"]
    texts += ["", " a space on either side ", "line\u2028separator, tab\t, form\ffeed", "ends\n\n"]
    with served(app) as url:
        for text in texts:
            events = fetched(f"{url}/say", params={"text": text}).events
            came = f"for text={text!r}, yours: {in_words(events)}"
            require(len(events) == 1, f"{came}, expected: one event.")
            require(events[0].event == "chat", f"{came}, expected: an event named 'chat'.")
            wanted = text.replace("\r\n", "\n").replace("\r", "\n")
            require(events[0].data == wanted, f"{came}, expected: chat {wanted!r}.")
