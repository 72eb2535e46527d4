"""The first exercise of the lesson "Choose one"; `outliving.py` has the second."""

import inspect
import re
from collections.abc import Callable
from functools import partial
from itertools import pairwise
from typing import Any

from labserver.checks.calling import judged_twice
from labserver.checks.exercise import (
    AWAITED,
    SECONDS,
    Late,
    ask,
    exercise,
    fetched,
    line_times,
    patiently,
    require,
    served,
    shown,
)
from labserver.checks.meanwhile import Held, remark_on
from labserver.recording import Recording

BIDS = ("10", "20", "30")
PAUSE = 0.2  # seconds before each bid
SOON = 0.5  # seconds: the first bid is made after 0.2, the last one after 0.6
NAMES = ("podcast", "archive", "auction")


@exercise
def choices(chosen: Any) -> str | None:
    """Three cases, each with the response that suits what its client does with a piece."""
    functions = chosen if isinstance(chosen, dict) else {}
    missing = [name for name in NAMES if not _is_function(functions.get(name))]
    require(not missing, f"choices names no function for {', '.join(missing)}.")
    held = Held()
    with held.told(), served(_routes(functions), held.layer) as url:
        _judge_podcast(f"{url}/podcast")
        for path, judge in (("/archive", _judge_archive), ("/auction", _judge_auction)):
            call = partial(judge, url + path)
            patiently(partial(judged_twice, call, path, 2 * SECONDS))
        return remark_on(f"{url}/auction", held, held.share("/auction"))


def _judge_podcast(url: str) -> None:
    """Any file on disk will do: of a large one, only the beginning is known here."""
    all_of_it = ask(url)
    status, known = all_of_it.response.status_code, all_of_it.body
    require(status == 200, f"/podcast answered with status {status}, expected: 200.")
    require(known, "/podcast sends no bytes: choose a file that is not empty.")
    size = str(len(known)) if all_of_it.whole else r"\d+"
    start = min(100, len(known) // 2)
    for asked in (f"{start}-{min(start + 100, len(known)) - 1}", f"{start}-"):
        part = ask(url, headers={"Range": f"bytes={asked}"})
        _judge_part(part, f"bytes={asked}", start, known, size)


def _judge_part(part: Recording, asked: str, start: int, known: bytes, size: str) -> None:
    """Content-Range says which bytes came: they may be fewer than asked (RFC 9110, 15.3.7)."""
    hint = "Which response knows parts of a file?"
    status, got = part.response.status_code, part.body
    came = f"asked for {asked}, /podcast answered with status {status}"
    require(status == 206, f"{came}, expected: 206. {hint}")
    place = part.response.headers.get("content-range", "none")
    found = re.fullmatch(rf"bytes {start}-(\d+)/({size}|\*)", place)
    length = int(found[1]) - start + 1 if found else 0
    require(
        length == len(got) or (found and not part.whole),
        f"{came} and Content-Range: {place}. {hint}",
    )
    both = min(len(got), len(known) - start)
    right = both and got[:both] == known[start : start + both]
    require(right, f"{came} and other bytes than the file has there. {hint}")


def _judge_archive(url: str) -> None:
    archive = fetched(url)
    saved = archive.body
    labelled = archive.has_events or saved.startswith((b"data:", b"event:", b"id:"))
    require(not labelled, "/archive sends events: the script would save `data: ` too.")
    lines = saved.decode(errors="replace").splitlines()
    right = len(lines) == len(BIDS) and all(map(_tells, lines, BIDS))
    require(right, f"/archive: yours: {shown(saved)}, expected: a line a bid, 10, 20 and 30.")
    times = line_times(archive) or [archive.seconds]
    _require_as_made(times[0], archive.seconds, "/archive")


def _judge_auction(url: str) -> None:
    auction = fetched(url)
    kind = auction.media_type
    react = "and the page has to react to each bid"
    require(auction.events, f"/auction sends no events (as {kind or 'no type'}), {react}.")
    bids = [event for event in auction.events if event.event == "bid"]
    data = [event.data for event in bids]
    right = len(bids) == len(BIDS) and all(map(_tells, data, BIDS))
    expected = "expected: three events named bid, with 10, 20 and 30"
    require(right, f"/auction: yours: {shown(auction.events)}, {expected}.")
    _require_as_made(bids[0].at, bids[-1].at, "/auction")
    closest = min(after.at - before.at for before, after in pairwise(bids))
    together = "/auction sends two bids at once, expected: each as it comes"
    require(closest > PAUSE / 4, f"{together}, {PAUSE} s apart.", Late)


def _require_as_made(first: float, last: float, path: str) -> None:
    paced = f"{path} has the last bid after {last:.1f} s, expected: 0.6 s. {AWAITED}"
    require(last > SOON / 2, paced)
    late = f"{path} waits for the last bid before it sends the first"
    require(first < 0.8 * last and first < SOON, f"{late} (after {first:.1f} s).", Late)


def _tells(text: str, price: str) -> bool:
    return price in re.findall(r"\d+", text)


def _is_function(answer: Any) -> bool:
    return inspect.isroutine(answer) or isinstance(answer, partial)  # no class, no response


def _routes(functions: dict[str, Callable[..., Any]]) -> Any:
    from fastapi import FastAPI

    app = FastAPI()
    for name in NAMES:
        app.get(f"/{name}", response_model=None)(functions[name])
    return app
