"""One function an exercise: it tries the learner's answer over HTTP and says what is missing.

Each prints "Solved." or "Not yet: …", returns a bool and never raises. An app is served apart from
the learner's own server, which no check touches.
"""

import asyncio
import csv
import inspect
import io
import json
import random
import re
import threading
import time
from codecs import BOM_UTF8
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import Future, wait
from contextlib import contextmanager
from functools import wraps
from itertools import pairwise, zip_longest
from statistics import median
from typing import Any

import httpx

from labserver.recording import RecordedEvent, Recording, record
from labserver.server import Server

SECONDS = 10.0  # for one request of a check, so that an endless answer ends


class NotYet(Exception):
    """What is still missing, in words that help the learner on."""


def exercise(judge: Callable[[Any], None]) -> Callable[[Any], bool]:
    """Make a check of a function that raises NotYet for an answer that is not right yet."""

    @wraps(judge)
    def check(answer: Any) -> bool:
        try:
            judge(answer)
        except NotYet as missing:
            print(f"Not yet: {missing}")
        except Exception as error:
            print(f"Not yet: {type(error).__name__}: {error}")
        else:
            print("Solved.")
            return True
        return False

    return check


@contextmanager
def served(app: Any) -> Iterator[str]:
    """Serve an answer on a server of its own. Gives its URL; tells what its log says."""
    try:
        server = Server(app)
        server.start()
    except (TypeError, RuntimeError, OSError) as error:
        raise NotYet(str(error)) from None
    try:
        yield server.url
    except NotYet as missing:
        server.stop()  # an error is logged only after its status 500 was sent
        if not server.log:
            raise
        raise NotYet(f"{missing} The server says: {server.log.splitlines()[-1]}") from None
    finally:
        server.stop()


def fetched(url: str, **options: Any) -> Recording:
    """Record an answer's response, and insist on a whole one with status 200."""
    recording = record(url, quiet=True, **{"seconds": SECONDS, **options})
    path = recording.response.url.path
    if recording.response.status_code != 200:
        raise NotYet(f"{path} answered with status {recording.response.status_code}.")
    if not recording.whole:
        raise NotYet(f"{path} did not come whole: {recording.ended}")
    return recording


def require(condition: Any, missing: str) -> None:
    """Raise NotYet with what is missing, unless the condition holds."""
    if not condition:
        raise NotYet(missing)


# Lesson 01


@exercise
def countdown(app: Any) -> None:
    """Counts down from 3 to lift-off: four lines of text, one after another."""
    with served(app) as url:
        recording = fetched(f"{url}/countdown")
    body = _body(recording)
    require(body == b"3\n2\n1\nlift-off\n", f"the lines are 3, 2, 1, lift-off; {body!r} came.")
    pieces = len(recording.chunks)
    require(pieces == 4, f"four lines came as {pieces} chunk(s): each item of the content is one.")
    gap = median(after.at - before.at for before, after in pairwise(recording.chunks))
    require(gap > 0.1, f"the lines came {gap:.3f} s apart: wait 0.2 s between one and the next.")
    kind = recording.response.headers.get("content-type", "no content-type")
    require(kind.startswith("text/plain"), f"/countdown has {kind}: declare it as text/plain.")


@exercise
def noted(app: Any) -> None:
    """Streams letters, says beforehand how many, and notes the time when the stream has ended."""
    with served(app) as url:
        before = len(_ended(url))
        start = time.time()
        recording = fetched(f"{url}/letters")
        body, pieces = _body(recording), len(recording.chunks)
        require(body == b"abc" and pieces == 3, f"/letters sent {body!r} in {pieces} chunks.")
        number = recording.response.headers.get("x-num-letters")
        require(number == "3", f"the header X-Num-Letters is {number!r}, not '3'.")
        for _ in range(20):  # the task runs when the response is over: a moment later
            if noted := _ended(url)[before:]:
                break
            time.sleep(0.05)
    require(
        noted, "the stream is over, and /ended has no new time: is there a task that notes it?"
    )
    require(len(noted) == 1, f"one stream is over, and /ended has {len(noted)} new times.")
    require(isinstance(noted[0], float), f"/ended has {noted[0]!r}, which is no time.time().")
    late = noted[0] - start
    reads = "let the task itself read the clock, when it runs."
    require(late > recording.seconds / 2, f"noted {late:.3f} s after the request: {reads}")


def _ended(url: str) -> list[Any]:
    body = _body(fetched(f"{url}/ended"))
    require(body.startswith(b"["), f"/ended answered {body[:40]!r}, not with a list.")
    return json.loads(body)


# Lesson 02


@exercise
def download_progress(progress: Any) -> None:
    """Gives the fraction of a download that is there while it comes; None where it cannot know."""
    _require_function(progress)
    app, hurry, waited = _in_halves()

    def fractions(url: str) -> list[Any]:
        given = []
        for fraction in progress(url):
            given.append(fraction)
            require(len(given) < 1000, "two chunks came, and there is no end to the fractions.")
            if fraction != 0:  # 0 may be given before anything came
                hurry.set()
        return given

    with Server(app) as server:
        given = _returned(fractions, f"{server.url}/sized")
        came = f"for two halves it yielded {given[:4]}"
        require(given, "nothing was yielded: yield a fraction after each chunk.")
        require(all(isinstance(one, int | float) for one in given), f"{came}, not numbers.")
        right = 0.5 in given and given[-1] == 1
        require(right, f"{came}, not 0.5 and 1.0: divide what came so far by the size.")
        require(not waited, "the fractions came when all was over: yield after each chunk.")
        try:
            given = _returned(fractions, f"{server.url}/unsized")
        except (KeyError, TypeError, ValueError) as error:
            raise NotYet(f"no content-length: {type(error).__name__}. Yield None then.") from None
    require(given and set(given) == {None}, f"no content-length: yield None, not {given[:4]}.")


@exercise
def resume_download(download: Any) -> None:
    """Returns all bytes of a download that breaks off once, by a request for the rest alone."""
    _require_function(download)
    data, cut = random.Random(2).randbytes(200_000), 80_000
    for knows_range in (True, False):
        app, asked = _breaking_off(data, cut, knows_range)
        with Server(app) as server:
            try:
                got = _returned(download, f"{server.url}/file")
            except httpx.TransportError as error:
                what = f"the download broke off and {type(error).__name__} came out"
                raise NotYet(f"{what}: catch it, and ask for the rest.") from None
        require(isinstance(got, bytes), f"it returned a {type(got).__name__}, not bytes.")
        came = f"{len(got):,} bytes came back of {len(data):,}"
        require(len(asked) > 1, f"{came}: when it breaks off, make a second request.")
        if knows_range:
            again = f"the second request asked for {asked[1] or 'everything'}"
            require(re.match("bytes=[1-9]", asked[1]), f"{again}: name the rest in Range.")
            require(got == data, f"{came} and not the same ones; {again}, after {cut:,} bytes.")
        require(got == data, f"{came} where the server answers 200, with all from the start.")


def _in_halves() -> tuple[Any, threading.Event, list[str]]:
    """An app that holds a second half back until told to hurry; in the list, where nobody did."""
    from fastapi import FastAPI
    from fastapi.responses import StreamingResponse

    app, hurry, waited = FastAPI(), threading.Event(), []

    def halves() -> Iterator[bytes]:
        yield bytes(1000)
        if not hurry.wait(2.0):
            waited.append("for the first half")
        yield bytes(1000)

    headers = {"Content-Length": "2000"}
    app.get("/sized")(lambda: StreamingResponse(halves(), headers=headers))
    app.get("/unsized")(lambda: StreamingResponse(halves()))
    return app, hurry, waited


def _breaking_off(data: bytes, cut: int, knows_range: bool) -> tuple[Any, list[str]]:
    """An app whose first answer breaks off; in the list, what Range each request asked for."""
    from fastapi import FastAPI, Request, Response
    from fastapi.responses import StreamingResponse

    app, asked = FastAPI(), []

    @app.get("/file")
    def file(request: Request) -> Response:
        asked.append(request.headers.get("range", ""))
        if len(asked) == 1:
            size = {"Content-Length": str(len(data))}
            return StreamingResponse(iter([data[:cut]]), headers=size)
        part = re.fullmatch(r"bytes=(\d+)-(\d*)", asked[-1])
        if not knows_range or not part:
            return Response(data)
        start, end = int(part[1]), int(part[2] or len(data) - 1)
        headers = {"Content-Range": f"bytes {start}-{end}/{len(data)}"}
        return Response(data[start : end + 1], 206, headers)

    return app, asked


def _require_function(answer: Any) -> None:
    require(inspect.isfunction(answer), "hand the check the function that you wrote.")


def _returned(function: Callable[[str], Any], url: str) -> Any:
    """What a learner's function returns; one that does not end is left behind."""
    future: Future[Any] = Future()

    def call() -> None:
        try:
            future.set_result(function(url))
        except BaseException as error:
            future.set_exception(error)

    threading.Thread(target=call, daemon=True).start()
    wait([future], SECONDS)
    require(future.done(), f"{function.__name__}(url) did not end within {SECONDS:.0f} s.")
    return future.result()


# Lesson 03

AWKWARD = [
    ["id", "name", "note"],
    ["1", "Miller, Ann", 'says "hi"'],
    ["2", "Bob\nLee", "; and\ttabs"],
    ["3", "Zoë", ""],
]


@exercise
def awkward_fields(app: Any) -> None:
    """Posted rows come back as a CSV whose fields survive, and which Excel opens right."""
    with served(app) as url:
        export = fetched(f"{url}/people.csv", method="POST", json=AWKWARD)
    headers, body = export.response.headers, _body(export)
    require(headers.get("content-type", "").startswith("text/csv"), "the media type is text/csv.")
    for sent, came in zip_longest(AWKWARD, _csv_rows(body.removeprefix(BOM_UTF8))):
        require(sent is not None, f"one row too many came: {came}.")
        require(came is not None, f"the row {sent} did not come.")
        require(sent == came, f"the row {sent} came as {came}.")
    require(body.startswith(BOM_UTF8), "the fields are right; the byte order mark is missing.")
    disposition = headers.get("content-disposition", "")
    download = "attachment" in disposition and "people.csv" in disposition
    require(download, "Content-Disposition does not make it a download named people.csv.")
    require("content-length" not in headers, "all is right but one thing: it is not streamed.")


@exercise
def first_row(app: Any) -> None:
    """Rows are sent every 0.2 seconds, as many as there are, whether they come slow or quick."""
    with served(app) as url:
        slow = fetched(f"{url}/report?count=30&pause=0.05")
        quick = fetched(f"{url}/report?count=2000&pause=0")
    for report, count in ((slow, 30), (quick, 2000)):
        ids = [row[0] for row in _csv_rows(_body(report)) if row]
        hint = "Is the buffer empty at the end?" if len(ids) < count else "Is the buffer emptied?"
        require(len(ids) == count, f"of {count:,} rows, {len(ids):,} came. {hint}")
        require(ids == [str(i) for i in range(count)], "the rows came in another order.")
    times = [0.0, *(chunk.at for chunk in slow.chunks)]
    silence = max(after - before for before, after in pairwise(times)) / slow.seconds
    require(silence < 0.5, f"while 30 rows were made, nothing came for {silence:.0%} of the time.")
    for report, count in ((slow, 30), (quick, 2000)):
        came, most = len(report.chunks), 2 + 2 * report.seconds / 0.2
        required = f"{count:,} rows took {report.seconds:.1f} s and {came:,} chunks"
        require(came <= most, f"{required}; one chunk every 0.2 s is enough.")


def _body(recording: Recording) -> bytes:
    return b"".join(chunk.data for chunk in recording.chunks)


def _csv_rows(body: bytes) -> list[list[str]]:
    return list(csv.reader(io.StringIO(body.decode(errors="replace"), newline="")))


# Lesson 05


@exercise
def named_events(app: Any) -> None:
    """Three events named `stock`, whose data is JSON, for an item of any name."""
    with served(app) as url:
        for item in ("tea", 'a "big" box,\nof two lines'):
            events = fetched(f"{url}/stock", params={"item": item}).events
            require(len(events) == 3, f"/stock sent {_events(events)}, not three events.")
            for left, (_, name, data, _) in zip((2, 1, 0), events, strict=True):
                named = "has no name" if name == "message" else f"is named {name!r}"
                require(name == "stock", f"the event with data {data!r} {named}: name it 'stock'.")
                try:
                    found = json.loads(data)
                except ValueError:
                    raise NotYet(f"the data {data!r} is not JSON.") from None
                wanted = {"item": item, "left": left}
                require(found == wanted, f"the data holds {found!r}, not {wanted!r}.")


@exercise
def no_forgery(app: Any) -> None:
    """Whatever a user's text, one event with all of it; each line end may become a line feed."""
    forged = "hi\n\nevent: admin\ndata: I am root"
    texts = ["hello", forged, forged.replace("\n", "\r"), "hi\r\nid: 7\r\nretry: 1"]
    texts += ["", " a space on either side ", "line\u2028separator, tab\t, form\ffeed", "ends\n\n"]
    with served(app) as url:
        for text in texts:
            events = fetched(f"{url}/say", params={"text": text}).events
            came = f"text={text!r} came out as {_events(events)}"
            require(len(events) == 1, f"{came}, not one event.")
            require(events[0].event == "chat", f"{came}, not as an event named 'chat'.")
            wanted = text.replace("\r\n", "\n").replace("\r", "\n")
            require(events[0].data == wanted, f"{came}, not with data {wanted!r}.")


def _events(events: list[RecordedEvent]) -> str:
    """Events as words: name and data of each."""
    return " and ".join(f"{event} {data!r}" for _, event, data, _ in events) or "no event"


# Lesson 07


def _third_way() -> Any:
    """The program that lesson 07 has the learner predict."""
    from fastapi import FastAPI  # here, not for every cell that imports labserver
    from fastapi.responses import StreamingResponse

    async def steps() -> AsyncIterator[str]:
        for i in range(1, 4):
            await asyncio.sleep(0.5)
            yield f"id: {i}\ndata: Step {i}\n\n"

    app = FastAPI()
    app.get("/steps")(lambda: StreamingResponse(steps(), media_type="text/event-stream"))
    return app


@exercise
def predictions(predicted: Any) -> None:
    """Five predictions about hand-formatted events, held against those events."""
    require(isinstance(predicted, dict), "predictions is a dict, one value a row.")
    rows = ("first_event", "events", "body_bytes", "has_cache_control", "first_id_after_2")
    empty = [row for row in rows if predicted.get(row) is None]
    require(not empty, f"still without a prediction: {', '.join(empty)}.")
    with served(_third_way()) as url:
        steps = fetched(f"{url}/steps")
        again = fetched(f"{url}/steps", headers={"Last-Event-ID": "2"})
    wait, first = predicted["first_event"], steps.events[0].at
    right = (
        isinstance(wait, int | float) and first / 2 < wait < 1.5 * first,
        predicted["events"] == len(steps.events),
        predicted["body_bytes"] == steps.size,
        predicted["has_cache_control"] is ("cache-control" in steps.response.headers),
        str(predicted["first_id_after_2"]) == again.events[0].id,
    )
    judged = zip(rows, right, strict=True)
    wrong = [f"{row} is not {predicted[row]!r}" for row, holds in judged if not holds]
    require(not wrong, f"{sum(right)} of 5 hold. {'; '.join(wrong)}. Record /steps and see.")
