"""The exercises of the lesson "Move to FastAPI SSE"."""

import json
from typing import Any

from labserver.checks.exercise import ask, body, exercise, fetched, in_words, require, served


@exercise
def moved(app: Any) -> None:
    """A client reads the events of before, is refused as before; fastapi.sse makes them."""
    path = "/race?laps=2"
    wanted = [("message", "Ready", ""), ("lap", {"lap": 1}, "1"), ("lap", {"lap": 2}, "2")]
    wanted += [("end", "done", "2")]
    with served(app) as url:
        race = fetched(url + path)
        require(b"\r" not in body(race), "the lines end in CR LF: sse-starlette made them.")
        came = f"{path} is {race.response.headers['content-type']}, with {in_words(race.events)}"
        require(len(race.events) == len(wanted), f"{came}, expected: four events.")
        for (_, name, data, id), right in zip(race.events, wanted, strict=True):
            data = json.loads(data) if data.startswith(("{", '"{')) else data  # as a client does
            seen, meant = (f"{e} {d!r} with id {i!r}" for e, d, i in ((name, data, id), right))
            twice = isinstance(data, str) and data.startswith("{")
            inside = " (text inside JSON)" if twice else ""
            require(seen == meant, f"an event is wrong. Yours: {seen}{inside}, expected: {meant}.")
        refused = ask(f"{url}/race?laps=4").response.status_code
        require(refused == 400, f"four laps are answered with status {refused}, expected: 400.")
        document = json.loads(body(fetched(f"{url}/openapi.json")))["paths"]["/race"]["get"]
    kinds = document["responses"]["200"].get("content", {})
    native = "itemSchema" in kinds.get("text/event-stream", {})
    document = f"the OpenAPI document has {list(kinds)} for /race and no schema of an event"
    require(native, f"{document}: a route of fastapi.sse yields, and has the response_class.")
