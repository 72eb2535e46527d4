"""The exercise of the lesson "Run behind nginx"."""

import asyncio
from collections.abc import AsyncIterator
from functools import partial
from typing import Any

from labserver import proxy
from labserver.checks.exercise import (
    Late,
    NotYet,
    ask,
    exercise,
    fetched,
    line_times,
    patiently,
    require,
    require_equal,
    shown,
)
from labserver.recording import counted
from labserver.server import Server

STEP = 0.2  # seconds between two rows
ROWS = [f"row {i}\n" for i in range(5)]
BREAKS_AT = 2  # rows of /broken


@exercise
def passes_on(settings: Any) -> None:
    """Lines for nginx that pass on rows and a file of known size as they are made, and a cut."""
    text = isinstance(settings, str)
    require(text, f"hand the check the text of your configuration, not {shown(settings)}.")
    require(proxy.find(), "no nginx is to be had here, and this exercise needs one.")
    with Server(_service()) as server:
        try:
            with proxy.nginx(settings, server.url, quiet=True) as front:
                _judge(front.url)
        except (ValueError, RuntimeError) as error:
            raise NotYet(f"{error}.") from None


def _judge(url: str) -> None:
    for path in ("/rows", "/sized"):
        patiently(partial(_judge_live, url, path))
    cut = ask(f"{url}/broken")
    rows = f"{counted(cut.body.count(b'row'), 'row')} of {len(ROWS)}"
    ends = f"/broken breaks off, and through nginx it ends well, with {rows}"
    require(not cut.whole, f"{ends}: its client cannot tell that it was cut.")
    status = cut.response.status_code
    require(status == 200, f"/broken answered with status {status}, expected: 200 and a cut.")


def _judge_live(url: str, path: str) -> None:
    came = fetched(url + path)
    require_equal(came.body, "".join(ROWS).encode(), f"the body of {path}")
    times = line_times(came)
    took = times[-1] - times[0]
    first = f"the first of {len(ROWS)} rows of {path} came after {times[0]:.1f} s"
    last = f"the last {took:.1f} s later; the app makes one each {STEP} s"
    one_by_one = took > (len(ROWS) - 1) * STEP / 2
    require(one_by_one, f"{first}, {last}. Something holds them back.", Late)


def _service() -> Any:
    from fastapi import FastAPI  # here, not for every cell that imports labserver
    from fastapi.responses import StreamingResponse

    app = FastAPI()
    sized = {"Content-Length": str(len("".join(ROWS)))}
    text = partial(StreamingResponse, media_type="text/plain")
    answers = {
        "/rows": lambda: text(_rows()),
        "/sized": lambda: text(_rows(), headers=sized),
        "/broken": lambda: text(_rows(BREAKS_AT)),
    }
    for path, answer in answers.items():
        app.add_api_route(path, answer)
    return app


async def _rows(breaks_at: int = len(ROWS)) -> AsyncIterator[str]:
    for row in ROWS[:breaks_at]:
        yield row
        await asyncio.sleep(STEP)
    if breaks_at < len(ROWS):
        raise RuntimeError("this report breaks off, on purpose")
