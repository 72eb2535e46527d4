"""The exercise of the lesson "Move to FastAPI SSE"."""

import json
from typing import Any

from labserver.checks.exercise import (
    ask,
    exercise,
    fetched,
    require,
    require_equal,
    served,
    shown,
)
from labserver.recording import RecordedEvent


@exercise
def moved(app: Any) -> None:
    """A client reads the events of before, is refused as before; fastapi.sse makes them."""
    with served(app) as url:
        for laps in (2, 3, 1):
            _judge_race(url, laps)
        refused = ask(f"{url}/race?laps=4").response.status_code
        require_equal(refused, 400, "the status for four laps")
        document = json.loads(fetched(f"{url}/openapi.json").body)
    paths = document["paths"]
    require("/race" in paths, f"the OpenAPI document has no /race, but {list(paths)}.")
    kinds = paths["/race"]["get"]["responses"]["200"].get("content", {})
    native = "itemSchema" in kinds.get("text/event-stream", {})
    seen = f"the OpenAPI document has {list(kinds)} for /race and no schema of an event"
    require(native, f"{seen}: a route of fastapi.sse yields, and has the response_class.")


def _judge_race(url: str, laps: int) -> None:
    path = f"/race?laps={laps}"
    race = fetched(url + path)
    require(b"\r" not in race.body, "the lines end in CR LF: sse-starlette made them.")
    expected: list[tuple[str, Any, str]] = [("message", "Ready", "")]
    expected += [("lap", {"lap": lap}, str(lap)) for lap in range(1, laps + 1)]
    expected += [("end", "done", str(laps))]
    came = f"{path} is {race.media_type or 'of no type'}, with {shown(race.events)}"
    require(len(race.events) == len(expected), f"{came}, expected: {len(expected)} events.")
    for event, right in zip(race.events, expected, strict=True):
        read = (event.event, _as_read(event), event.id)
        inside = isinstance(read[1], str) and read[1].startswith("{")
        note = " (text inside JSON)" if inside else ""
        require_equal(read, right, f"{path}{note}: name, data and id of an event")


def _as_read(event: RecordedEvent) -> Any:
    """The data as a client of this service reads it: JSON for a lap, text for the others."""
    is_json = event.data.startswith(("{", '"{'))
    return json.loads(event.data) if is_json else event.data
