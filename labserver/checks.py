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
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from functools import wraps
from itertools import islice, pairwise, zip_longest
from statistics import median
from typing import Any

import httpx

from labserver.recorder import record
from labserver.recording import RecordedEvent, Recording
from labserver.server import Server

SECONDS = 10.0  # for one request of a check, so that an endless answer ends
MEANS = {  # what a beginner's slip looks like from the server
    "'coroutine' object is not iterable": "An async function without yield is no generator.",
    "'function' object is not iterable": "Call the generator function.",
}


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
        except (Exception, SystemExit) as error:  # a learner's exit() too
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
        # The last line that says something: a group of exceptions ends in a ruler.
        says = [line for line in server.log.splitlines() if re.search(r"\w", line)][-1].strip(" |")
        means = "".join(f". {words}" for slip, words in MEANS.items() if slip in says)
        raise NotYet(f"{missing} The server says: {says}{means}") from None
    finally:
        server.stop()


def fetched(url: str, **options: Any) -> Recording:
    """Record an answer's response, and insist on a whole one with status 200."""
    recording = record(url, quiet=True, **{"seconds": SECONDS, **options})
    path, status = recording.response.url.path, recording.response.status_code
    if status == 404:
        raise NotYet(f"{path} answered with status 404: no such route. Has your cell run?")
    if status != 200:
        raise NotYet(f"{path} answered with status {status}.")
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
    kind = recording.response.headers.get("content-type", "no content-type")
    own = "a route that yields itself sends JSON Lines. Yield in a function of its own."
    require(kind != "application/jsonl", own)
    body = _body(recording)
    require(body == b"3\n2\n1\nlift-off\n", f"the lines are 3, 2, 1, lift-off; {body!r} came.")
    pieces = len(recording.chunks)
    require(pieces == 4, f"four lines came as {pieces} chunk(s): each item of the content is one.")
    gap = median(after.at - before.at for before, after in pairwise(recording.chunks))
    require(gap > 0.1, f"the lines came {gap:.3f} s apart: wait 0.2 s between one and the next.")
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
        unnoted = "the stream is over, and /ended has no new time: is there a task that notes it?"
        require(noted, unnoted)
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
        given, result = [], progress(url)
        kind = type(result).__name__
        require(hasattr(result, "__iter__"), f"it returned {kind}: yield them, in a plain def.")
        for fraction in result:
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
        except (KeyError, TypeError, ValueError, ZeroDivisionError) as error:
            raise NotYet(f"no content-length: {type(error).__name__}. Yield None then.") from None
    require(given, "no content-length: nothing was yielded. Yield None after each chunk.")
    require(set(given) == {None}, f"no content-length: yield None, not {given[:4]}.")


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
            require(re.match("bytes=[1-9]", asked[1]), f"{again}: name the rest, as bytes=N-.")
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


def _returned(function: Callable[[Any], Any], given: Any, seconds: float = SECONDS) -> Any:
    """What a learner's function returns; one that does not end is left behind."""
    future: Future[Any] = Future()

    def call() -> None:
        try:
            future.set_result(function(given))
        except BaseException as error:
            future.set_exception(error)

    threading.Thread(target=call, daemon=True).start()
    wait([future], seconds)
    require(future.done(), f"{function.__name__}({given!r}) did not end within {seconds:.0f} s.")
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
    apart = len(export.chunks) > len(body) / 2
    require(not apart, "each character came as a chunk: hand over a generator of rows, no text.")
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
        wrong = next(((i, id) for i, id in enumerate(ids) if id != str(i)), None)
        require(not wrong, wrong and f"row {wrong[0]} starts with {wrong[1][-9:]!r}.")
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


# Lesson 04


@exercise
def deadline(read_for: Any) -> None:
    """Returns in time what came, from a stream that falls silent and from one without end."""
    _require_function(read_for)

    @wraps(read_for)
    def read(url: str) -> tuple[Any, float]:
        start = time.perf_counter()
        try:
            got = _awaited(read_for(url, float(url.rpartition("=")[2])))
        except (httpx.TimeoutException, TimeoutError) as error:
            out = f"{type(error).__name__} came out"
            raise NotYet(f"{out}: catch it around the whole, return what came.") from None
        return got, time.perf_counter() - start

    with Server(_unending()) as server:
        got, took = _returned(read, f"{server.url}/ends?seconds=4")
        require(got == b"abc", f"for a stream of b'abc' that ends, it returned {got!r}.")
        require(took < 2, f"the stream ended at once, and with seconds=4 it took {took:.1f} s.")
        got, took = _returned(read, f"{server.url}/silent?seconds=1", 4)
        came = f"b'ab' came, b'c' after 0.8 s, then nothing; with seconds=1 it returned {got!r}"
        require(got == b"abc" or (got == b"ab" and took > 1), f"{came}.")
        require(took < 1.5, f"{came} after {took:.1f} s: did b'c' start the time anew?")
        got, took = _returned(read, f"{server.url}/endless?seconds=0.5", 4)
        require(got and not got.strip(b"x"), f"for an endless stream of b'x' it gave {got!r}.")
        require(took < 1.5, f"for an endless stream and seconds=0.5 it took {took:.1f} s.")


@exercise
def any_cut(lines_of: Any) -> None:
    """Yields lines of text, each when its end is there, from bytes cut anywhere."""
    _require_function(lines_of)

    def read(chunks: list[bytes]) -> list[Any]:
        return list(islice(lines_of(iter(chunks)), 10))

    for text in CUT:
        data, wanted = text.encode(), re.split("\r?\n", text.removesuffix("\n"))
        cuts = [[data[:i], data[i:]] for i in range(len(data) + 1)]
        for chunks in (*cuts, [bytes([byte]) for byte in data]):
            given = f"for {chunks}" if len(chunks) == 2 else "for single bytes"
            try:
                got = _returned(read, chunks)
            except UnicodeDecodeError:
                raise NotYet(f"{given}, half a character was decoded; wait for more.") from None
            require(got == wanted, f"{given}, the lines are {got}, not {wanted}.")
    asked = []

    def two_chunks() -> Iterator[bytes]:
        yield b"one\ntw"
        asked.append("for the second")
        yield b"o\n"

    next(iter(lines_of(two_chunks())))
    require(not asked, "the first line was there, and a second chunk was read: yield it at once.")


CUT = ("1,Zoë\n2,5 €\n\n", "1,Ann\r\n\r\n2,Bob", "1,a\u2028b\n2,a\fb\n3,a\rb\n")


def _unending() -> Any:
    """An app whose streams end, fall silent after 0.8 s, or go on."""
    from fastapi import FastAPI
    from fastapi.responses import StreamingResponse

    app = FastAPI()

    async def pieces(name: str) -> AsyncIterator[bytes]:
        yield b"x" if name == "endless" else b"ab"
        while name == "endless":
            await asyncio.sleep(0.05)
            yield b"x"
        await asyncio.sleep(0.8 if name == "silent" else 0)
        yield b"c"
        await asyncio.sleep(3600 if name == "silent" else 0)

    app.get("/{name}")(lambda name: StreamingResponse(pieces(name)))
    return app


def _awaited(result: Any) -> Any:
    """What an answer returns, also one that is an async function."""
    if not inspect.isawaitable(result):
        return result
    loop = asyncio.new_event_loop()  # not asyncio.run, which nest_asyncio replaces
    try:
        return loop.run_until_complete(result)
    finally:
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.close()


# Lesson 05


@exercise
def named_events(app: Any) -> None:
    """Three events named `stock`, whose data is JSON, for an item of any name."""
    with served(app) as url:
        for item in ("tea", 'a "big" box,\nof two lines'):
            stock = fetched(f"{url}/stock", params={"item": item})
            events, kind = stock.events, stock.response.headers.get("content-type", "nothing")
            came = f"{_body(stock)[-20:]!r} at the end, declared as {kind}"
            require(events, f"/stock sent no event: {came}.")
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


# Lesson 06


@exercise
def resumable(app: Any) -> None:
    """Counts down, and goes on below the number that a client had last, whichever that is."""
    path = "/countdown?start=4"
    with served(app) as url:
        events = fetched(url + path).events
        data = _data(events)
        require(data == ["4", "3", "2", "1", "0"], f"{path} counts {data}, not from 4 to 0.")
        ids = [event.id for event in events]
        bare = [event.data for event in events if not event.id]
        require(not bare, f"{' and '.join(bare[:2])} came without an id: nothing to send back.")
        require(len(set(ids)) == 5, f"the five events have the ids {ids}: give each its own.")
        for had, left in (("3", data[2:]), ("0", []), ("4", data[1:])):
            last_id = ids[data.index(had)]
            rest, status = _asked_again(url + path, last_id)
            came = f"a client that had {had} came back with Last-Event-ID: {last_id}"
            require(status in (200, 204), f"{came}, and got the status {status}.")
            require(rest != data, f"{came}, and got {rest}, as a client that had none.")
            require(rest == left, f"{came}, and got {rest}, not {left}.")
        new, _ = _asked_again(url + path)
        require(new == data, f"a new client, without Last-Event-ID, got {new}: it starts at 4.")


@exercise
def ends_for_good(app: Any) -> None:
    """Resumes after each stage; the last event is `end`; who had that is answered 204."""
    stages = ["queued", "running", "saving", "done"]
    with served(app) as url:
        events = fetched(f"{url}/job").events
        require(_data(events) == stages, f"/job sends {_data(events)}, not {stages}.")
        named = [event.data for event in events if event.event == "end"]
        require(named, "no event named end came. (Without data, none is handed out.)")
        require(named == ["done"], f"{' and '.join(named)} are named end; only done is the last.")
        for place, had in enumerate(events, 1):
            rest, status = _asked_again(f"{url}/job", had.id)
            came = f"a client that had {had.data} came back, and got the status {status}"
            if place < len(stages):
                left = stages[place:]
                require(rest == left, f"{came} and {rest}, not {left}.")
            else:
                require(status != 200, f"{came}: it would come back for ever. Answer 204.")
                require(status == 204, f"{came}: that ends it too, but as a fault. Answer 204.")
        new, status = _asked_again(f"{url}/job")
        require(new == stages, f"a new client, without Last-Event-ID, got {status} and {new}.")


def _asked_again(url: str, last_id: str = "") -> tuple[list[str], int]:
    """The data and the status that a client gets which comes back with an ID, or with none."""
    headers = {"Last-Event-ID": last_id.encode()} if last_id else {}
    recording = record(url, quiet=True, seconds=SECONDS, headers=headers)
    status, came = recording.response.status_code, f"asked with Last-Event-ID: {last_id}"
    require(recording.whole, f"{came}, it did not come whole: {recording.ended}")
    return _data(recording.events) if status == 200 else [], status


def _data(events: list[RecordedEvent]) -> list[str]:
    return [event.data for event in events]


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
    require(
        not wrong, f"{sum(right)} of 5 hold. {'; '.join(wrong)}. Serve it, record /steps, and see."
    )


# Lesson 08


@exercise
def choices(chosen: Any) -> None:
    """Three cases, each with the response that suits what its client does with a piece."""
    names = ("podcast", "archive", "auction")
    functions = chosen if isinstance(chosen, dict) else {}
    missing = [name for name in names if not inspect.isfunction(functions.get(name))]
    require(not missing, f"choices names no function for {', '.join(missing)}.")
    with served(_routes(functions, names)) as url:
        whole, part = _body(fetched(f"{url}/podcast")), {"Range": "bytes=100-199"}
        got = record(f"{url}/podcast", headers=part, quiet=True, seconds=SECONDS)
        sent = f"asked for bytes 100-199, /podcast sent {got.size:,} bytes"
        require(_body(got) == whole[100:200], f"{sent}. Which response knows parts of a file?")
        archive = fetched(f"{url}/archive")
        require(not archive.events, "/archive sends events: the script would save `data: ` too.")
        saved = _body(archive)
        require(saved == b"10\n20\n30\n", f"/archive sent {saved!r}, not a line a bid.")
        _require_as_made(archive.chunks, "/archive")
        auction = fetched(f"{url}/auction")
        require(auction.events, "/auction sends no events, and the page has to react to each bid.")
        _require_as_made(auction.events, "/auction")
        events = [(event, data) for _, event, data, _ in auction.events]
        wanted = [("bid", "10"), ("bid", "20"), ("bid", "30")]
        require(events == wanted, f"/auction sent {_events(auction.events)}; wanted: bid '10' ….")


@exercise
def outlives(app: Any) -> None:
    """A job goes on when its listener leaves; who comes back gets the rest, and at once."""
    with served(app) as url:
        job = record(f"{url}/job", "POST", quiet=True, seconds=SECONDS)
        require(job.response.is_success, f"POST /job answered with {job.response.status_code}.")
        require(job.seconds < 0.8, f"POST /job took {job.seconds:.1f} s: it waits for the job.")
        left = record(f"{url}/progress", max_chunks=2, quiet=True, seconds=SECONDS)
        ids = _percent(left)
        require(ids == [20, 40], f"the first two events have the ids {ids}, not 20 and 40.")
        time.sleep(1.2)  # twice what the rest of the job takes
        last = {"Last-Event-ID": "40"}
        back = record(f"{url}/progress", headers=last, quiet=True, seconds=4)
        ids = _percent(back)
        came = f"back after 40, the client got {ids}"
        require(ids[-1:] == [100], f"{came}, never 100: did the job end with its listener?")
        require(back.whole, f"{came}, and no end to the stream.")
        require(ids[0] > 40, f"{came}: it had some of these already.")
        require(ids == [60, 80, 100], f"{came}, not 60, 80 and 100.")
        late = back.events[-1].at - back.events[0].at
        require(late < 0.3, f"{came}, but over {late:.1f} s: does the work wait for a listener?")


def _routes(functions: dict[str, Callable[..., Any]], names: tuple[str, ...]) -> Any:
    from fastapi import FastAPI

    app = FastAPI()
    for name in names:
        app.get(f"/{name}", response_model=None)(functions[name])
    return app


def _require_as_made(pieces: list[Any], path: str) -> None:
    spread = pieces[-1].at - pieces[0].at
    require(spread > 0.1, f"{path} waits for the last bid before it sends the first.")


def _percent(recording: Recording) -> list[int]:
    """The ids of events as numbers."""
    bare = [data for _, _, data, id in recording.events if not id.isdecimal()]
    require(not bare, f"the id is no percentage where the data is {bare[:1]}.")
    return [int(id) for *_, id in recording.events]


# Lesson 09


@exercise
def mend(app: Any) -> None:
    """Refuses with a 403; streams step by step to who has the key, others served meanwhile."""
    with served(app) as url, ThreadPoolExecutor(1) as pool:
        for path in ("/steps", "/steps?key=coffee"):
            refused = record(url + path, quiet=True, seconds=SECONDS)
            status, cut = refused.response.status_code, "" if refused.whole else " and was cut"
            require(status == 403, f"{path} answered with a {status}{cut}, not with a 403.")
        streaming = pool.submit(fetched, f"{url}/steps", params={"key": "tea"})
        time.sleep(0.1)
        pings = []
        while not streaming.done():
            pings.append(fetched(f"{url}/ping").seconds)
            time.sleep(0.02)
        chunks, body = streaming.result().chunks, _body(streaming.result())
        wanted = b"".join(b"step %d\n" % i for i in range(4))
        require(body == wanted, f"with the key, /steps sent {body!r}, not {wanted!r}.")
        require(len(chunks) == 4, f"the four steps came as {len(chunks)} chunk(s).")
        gap = median(after.at - before.at for before, after in pairwise(chunks))
        require(gap > 0.1, f"the steps came {gap:.3f} s apart: none is to wait for the next.")
        late = f"while /steps streams, /ping takes {median(pings or [9]):.1f} s to answer"
        require(median(pings or [9]) < gap / 2, f"{late}: what does it wait for?")


# Lesson 10


@exercise
def moved(app: Any) -> None:
    """A client reads the events of before, is refused as before; fastapi.sse makes them."""
    path = "/race?laps=2"
    wanted = [("message", "Ready", ""), ("lap", {"lap": 1}, "1"), ("lap", {"lap": 2}, "2")]
    wanted += [("end", "done", "2")]
    with served(app) as url:
        race = fetched(url + path)
        require(b"\r" not in _body(race), "the lines end in CR LF: sse-starlette made them.")
        came = f"{path} is {race.response.headers['content-type']}, with {_events(race.events)}"
        require(len(race.events) == len(wanted), f"{came}, not with four events.")
        for (_, name, data, id), right in zip(race.events, wanted, strict=True):
            data = json.loads(data) if data.startswith(("{", '"{')) else data  # as a client does
            seen, meant = (f"{e} {d!r} with id {i!r}" for e, d, i in ((name, data, id), right))
            twice = isinstance(data, str) and data.startswith("{")
            inside = " (text inside JSON)" if twice else ""
            require(seen == meant, f"a client reads {seen}{inside}, not {meant}.")
        refused = record(f"{url}/race?laps=4", quiet=True, seconds=SECONDS).response.status_code
        require(refused == 400, f"four laps are answered with status {refused}, not 400.")
        document = json.loads(_body(fetched(f"{url}/openapi.json")))["paths"]["/race"]["get"]
    kinds = document["responses"]["200"].get("content", {})
    native = "itemSchema" in kinds.get("text/event-stream", {})
    document = f"the OpenAPI document has {list(kinds)} for /race and no schema of an event"
    require(native, f"{document}: a route of fastapi.sse yields, and has the response_class.")
