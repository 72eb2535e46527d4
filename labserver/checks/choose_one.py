"""The exercises of the lesson "Choose one"."""

import inspect
import time
from collections.abc import Callable, Sequence
from typing import Any

from labserver.checks.exercise import ask, body, exercise, fetched, in_words, require, served
from labserver.recording import Chunk, RecordedEvent, Recording, counted


@exercise
def choices(chosen: Any) -> None:
    """Three cases, each with the response that suits what its client does with a piece."""
    names = ("podcast", "archive", "auction")
    functions = chosen if isinstance(chosen, dict) else {}
    missing = [name for name in names if not inspect.isfunction(functions.get(name))]
    require(not missing, f"choices names no function for {', '.join(missing)}.")
    with served(_routes(functions, names)) as url:
        whole, part = body(fetched(f"{url}/podcast")), {"Range": "bytes=100-199"}
        got = ask(f"{url}/podcast", headers=part)
        sent = f"asked for bytes 100-199, /podcast sent {counted(got.size, 'byte')}"
        require(body(got) == whole[100:200], f"{sent}. Which response knows parts of a file?")
        archive = fetched(f"{url}/archive")
        require(not archive.events, "/archive sends events: the script would save `data: ` too.")
        saved = body(archive)
        lines = b"10\n20\n30\n"
        require(
            saved == lines, f"/archive is no line a bid. Yours: {saved!r}, expected: {lines!r}."
        )
        _require_as_made(archive.chunks, "/archive")
        auction = fetched(f"{url}/auction")
        require(auction.events, "/auction sends no events, and the page has to react to each bid.")
        _require_as_made(auction.events, "/auction")
        events = [(event, data) for _, event, data, _ in auction.events]
        wanted = [("bid", "10"), ("bid", "20"), ("bid", "30")]
        require(
            events == wanted,
            f"/auction is wrong. Yours: {in_words(auction.events)}, expected: bid '10' ….",
        )


@exercise
def outlives(app: Any) -> None:
    """A job goes on when its listener leaves; who comes back gets the rest, and at once."""
    with served(app) as url:
        job = ask(f"{url}/job", "POST")
        require(job.response.is_success, f"POST /job answered with {job.response.status_code}.")
        require(job.seconds < 0.8, f"POST /job took {job.seconds:.1f} s: it waits for the job.")
        left = ask(f"{url}/progress", max_rows=2)
        ids = _percent(left)
        require(ids == [20, 40], f"the first two ids are wrong. Yours: {ids}, expected: [20, 40].")
        time.sleep(1.2)  # twice what the rest of the job takes
        last = {"Last-Event-ID": "40"}
        back = ask(f"{url}/progress", seconds=4, headers=last)
        ids = _percent(back)
        came = f"back after 40, the client got {ids}"
        require(ids[-1:] == [100], f"{came}, never 100: did the job end with its listener?")
        require(back.whole, f"{came}, and no end to the stream.")
        require(ids[0] > 40, f"{came}: it had some of these already.")
        require(ids == [60, 80, 100], f"{came}, expected: [60, 80, 100].")
        late = back.events[-1].at - back.events[0].at
        require(late < 0.3, f"{came}, but over {late:.1f} s: does the work wait for a listener?")


def _routes(functions: dict[str, Callable[..., Any]], names: tuple[str, ...]) -> Any:
    from fastapi import FastAPI

    app = FastAPI()
    for name in names:
        app.get(f"/{name}", response_model=None)(functions[name])
    return app


def _require_as_made(pieces: Sequence[Chunk | RecordedEvent], path: str) -> None:
    spread = pieces[-1].at - pieces[0].at
    require(spread > 0.1, f"{path} waits for the last bid before it sends the first.")


def _percent(recording: Recording) -> list[int]:
    """The ids of events as numbers."""
    bare = [data for _, _, data, id in recording.events if not id.isdecimal()]
    require(not bare, f"the id is no percentage where the data is {bare[:1]}.")
    return [int(id) for *_, id in recording.events]
