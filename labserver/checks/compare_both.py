"""The exercises of the lesson "Compare both"."""

import asyncio
from collections.abc import AsyncIterator
from decimal import Decimal
from numbers import Real
from typing import Any

from labserver.checks.exercise import exercise, fetched, require, served, shown

PAUSE = 0.5  # seconds before each event


def third_way() -> Any:
    """The program that lesson 07 has the learner predict."""
    from fastapi import FastAPI  # here, not for every cell that imports labserver
    from fastapi.responses import StreamingResponse

    async def steps() -> AsyncIterator[str]:
        for i in range(1, 4):
            await asyncio.sleep(PAUSE)
            yield f"id: {i}\ndata: Step {i}\n\n"

    app = FastAPI()
    app.get("/steps")(lambda: StreamingResponse(steps(), media_type="text/event-stream"))
    return app


@exercise
def predictions(predicted: Any) -> None:
    """Five predictions about hand-formatted events, next to those events."""
    require(isinstance(predicted, dict), "predictions is a dict, one value a row.")
    rows = ("first_event", "events", "body_bytes", "has_cache_control", "first_id_after_2")
    empty = [row for row in rows if predicted.get(row) is None]
    require(not empty, f"still without a prediction: {', '.join(empty)}.")
    with served(third_way()) as url:
        steps = fetched(f"{url}/steps")
        again = fetched(f"{url}/steps", headers={"Last-Event-ID": "2"})
    wait: Any = predicted["first_event"]
    longest = min(1.5 * steps.events[0].at, 1.9 * PAUSE)  # a busy machine may be late
    right = (
        isinstance(wait, Real | Decimal) and PAUSE / 2 < float(wait) < longest,
        predicted["events"] == len(steps.events),
        predicted["body_bytes"] == steps.size,
        predicted["has_cache_control"] == ("cache-control" in steps.response.headers),
        str(predicted["first_id_after_2"]) == again.events[0].id,
    )
    judged = zip(rows, right, strict=True)
    wrong = [f"{row} is not {_named(predicted, row)}" for row, holds in judged if not holds]
    found = f"{sum(right)} of 5 are right. {'; '.join(wrong)}"
    require(not wrong, f"{found}. Serve it, record /steps, and see.")


def _named(predicted: dict[str, Any], row: str) -> str:
    kind = {"has_cache_control": "True or False", "first_id_after_2": ""}.get(row, "a number")
    text = isinstance(predicted[row], str) and kind
    return shown(predicted[row]) + (f" (text, expected: {kind} without quotes)" if text else "")
