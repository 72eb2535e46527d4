"""The exercises of the lesson "Stream a CSV"."""

import csv
import io
from codecs import BOM_UTF8
from collections import Counter
from email.message import Message as Headers
from email.utils import collapse_rfc2231_value
from itertools import pairwise, zip_longest
from statistics import median
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from labserver.checks.exercise import (
    Late,
    exercise,
    fetched,
    patiently,
    require,
    require_equal,
    served,
)
from labserver.checks.meanwhile import Held, require_others_served
from labserver.recording import Recording, counted

AWKWARD = [
    ["id", "name", "note"],
    ["1", "Miller, Ann", 'says "hi"'],
    [" 2", "Bob\nLee", "; and\ttabs "],
    ["3", "Zoë", ""],
    ["4", " spaces ", "C:\\new\r\nand 'more'"],
]
MANY = [[str(i), f"User {i}", 100 * "x"] for i in range(2500)]
SECONDS = 30.0  # for these, should each field come as a piece


@exercise
def awkward_fields(app: Any) -> None:
    """Posted rows come back as a CSV whose fields survive, and which Excel opens right."""
    sizes: list[int] = []
    with served(app, lambda app: _Sizes(app, sizes)) as url:
        exports = [_judge_people(url, rows) for rows in (AWKWARD, AWKWARD[:2])]
        for number, export in enumerate(exports):
            _judge_opening(export, "in a second export, " if number else "")
        for rows in (MANY, 10 * MANY):  # a piece of the first may have a thousand rows, or more
            sizes.clear()
            headers = _judge_people(url, rows).response.headers
            if max(sizes) < sum(sizes) / 2:
                break
    whole = "all is right but one thing: it is not streamed"
    require("content-length" not in headers, f"{whole}.")
    largest = f"for {len(rows):,} rows, one piece has {max(sizes):,} of {sum(sizes):,} bytes"
    some = f"{whole}: {largest}. Yield each row, or some rows at a time."
    require(max(sizes) < sum(sizes) / 2, some)


def _judge_opening(export: Recording, which: str) -> None:
    marked = export.body.startswith(BOM_UTF8)
    require(marked, f"the fields are right; {which}the byte order mark is missing.")
    disposition = export.response.headers.get("content-disposition", "")
    expected = """expected: 'attachment; filename="people.csv"'"""
    right = _download_name(disposition) == "people.csv"
    require(right, f"{which}Content-Disposition: yours: {disposition!r}, {expected}.")


def _download_name(disposition: str) -> str:
    """The name that this header gives a download; filename* goes first (RFC 6266, 4.3)."""
    headers = Headers()
    headers["Content-Disposition"] = disposition
    params = headers.get_params([], "Content-Disposition")
    names = [collapse_rfc2231_value(value) for name, value in params if name.lower() == "filename"]
    return names[-1] if names and headers.get_content_disposition() == "attachment" else ""


def _judge_people(url: str, rows: list[list[str]]) -> Recording:
    export = fetched(f"{url}/people.csv", "POST", json=rows, seconds=SECONDS)
    text = export.body
    apart = len(export.chunks) > len(text) / 2
    require(not apart, "each character came as a chunk: hand over a generator of rows, no text.")
    require_equal(export.media_type, "text/csv", "the media type")
    for sent, came in zip_longest(rows, _csv_rows(text.removeprefix(BOM_UTF8))):
        require(sent is not None, f"one row too many came, after {len(rows)}: {came}.")
        require(came is not None, f"a row is missing: {sent}.")
        require_equal(came, sent, "a row, read back")
    return export


@exercise
def first_row(app: Any) -> None:
    """Rows are sent every 0.2 seconds, as many as there are, whether they come slow or quick."""
    held = Held()
    with held.told(), served(app, held.layer) as url:
        path = f"{url}/report?count={{}}&pause={{}}"
        quick = fetched(path.format(2000, 0))
        _require_rows(quick, 2000)
        _require_few(quick, 2000)
        times = int(min(max(1 / quick.seconds, 2), 10))
        _require_no_batches(fetched(path.format(2000 * times, 0)))
        patiently(lambda: _judge_slow(path.format(36, 0.04), held))
        patiently(lambda: _judge_other_pace(path))
        waited = fetched(path.format(2, 0.6)).seconds
        came = f"2 rows, made 0.6 s apart, were there after {waited:.1f} s"
        wait = "Keep the wait for the database, of `pause` seconds, before each row"
        require(waited > 0.5, f"{came}: they were made beforehand. {wait}.")


def _judge_slow(url: str, held: Held) -> None:
    slow = fetched(url)
    _require_rows(slow, 36)
    require_others_served("/report", held)  # before the pace, which a busy machine upsets, too
    gaps = _gaps(slow)[:-1] or _gaps(slow)  # what is left in the end may come sooner
    came = f"36 rows, made 0.04 s apart, came in {counted(slow.chunks, 'chunk')}"
    between = f", {median(gaps):.2f} s apart" if len(slow.chunks) > 1 else ""
    apart = f"{came}{between} (first after {gaps[0]:.2f} s), expected: 0.2 s."
    require(0.15 < median(gaps) < 0.29 and max(gaps) < 0.45, apart, Late)
    _require_few(slow, 36)


def _judge_other_pace(path: str) -> None:
    """A pause that no clock keeps: asyncio.sleep(0.00001) takes a hundred times as long."""
    pause = "0.00001"
    row = fetched(path.format(100, pause)).seconds / 100
    count = min(max(int(1.2 / row), 100), 50_000)
    report = fetched(path.format(count, pause))
    _require_rows(report, count)
    silence = max(_gaps(report))
    made = f"while {count:,} rows were made in {report.seconds:.1f} s"
    hint = "Let the clock decide, not the number of rows, nor `pause`"
    came = f"{made}, nothing came for {silence:.1f} s, expected: 0.2 s. {hint}."
    require(silence < max(report.seconds / 2, 0.3), came, Late)
    _require_few(report, count)


def _require_rows(report: Recording, count: int) -> None:
    ids = [row[0] for row in _csv_rows(report.body) if row]
    hint = "Is the buffer empty at the end?" if len(ids) < count else "Is the buffer emptied?"
    require(len(ids) == count, f"yours: {counted(ids, 'row')}, expected: {count:,}. {hint}")
    wrong = [(id[-9:], str(i)) for i, id in enumerate(ids) if id != str(i)]
    if wrong:
        require_equal(*wrong[0], "the first field of a row")


def _require_few(report: Recording, count: int) -> None:
    cut = report.size / 2**15  # what is large comes in pieces
    came, most = len(report.chunks), 2 + 1.25 * report.seconds / 0.2 + cut
    took = f"{count:,} rows took {report.seconds:.1f} s and {counted(came, 'chunk')}"
    require(came <= most, f"{took}: one chunk every 0.2 s is enough.", Late)


def _require_no_batches(report: Recording) -> None:
    """Raise NotYet where most chunks have the same number of rows, of rows made without a wait."""
    rows = [0]
    for chunk in report.chunks:
        rows[-1] += chunk.data.count(b"\n")
        if chunk.data.endswith(b"\n"):  # what is large comes in pieces
            rows.append(0)
    hint = "Let the clock alone decide, however many rows there are"
    for number, times in Counter(rows[:-1]).most_common(1):
        same = f"{times} of {counted(rows[:-1], 'chunk')} have {counted(number, 'row')} each"
        require(times < max(3, len(rows) / 2), f"while rows cost no time, {same}. {hint}.")


def _gaps(report: Recording) -> list[float]:
    """The seconds from the request to the first chunk, and from chunk to chunk."""
    return [after - before for before, after in pairwise([0, *(c.at for c in report.chunks)])]


def _csv_rows(text: bytes) -> list[list[str]]:
    return list(csv.reader(io.StringIO(text.decode(errors="replace"), newline="")))


class _Sizes:
    """An ASGI layer that notes the size of each body message, in bytes."""

    def __init__(self, app: ASGIApp, sizes: list[int]) -> None:
        self.app, self.sizes = app, sizes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Call the app, as an ASGI server does."""

        async def noting_send(message: Message) -> None:
            self.sizes.append(len(message.get("body", b"")))
            await send(message)

        await self.app(scope, receive, noting_send)
