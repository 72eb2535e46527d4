"""The exercises of the lesson "Stream a CSV"."""

import csv
import io
from codecs import BOM_UTF8
from itertools import pairwise, zip_longest
from typing import Any

from labserver.checks.exercise import body, exercise, fetched, require, served
from labserver.recording import counted

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
    headers, text = export.response.headers, body(export)
    apart = len(export.chunks) > len(text) / 2
    require(not apart, "each character came as a chunk: hand over a generator of rows, no text.")
    require(
        headers.get("content-type", "").startswith("text/csv"),
        "the media type is wrong. Expected: text/csv.",
    )
    for sent, came in zip_longest(AWKWARD, _csv_rows(text.removeprefix(BOM_UTF8))):
        require(sent is not None, f"one row too many came: {came}.")
        require(came is not None, f"the row {sent} did not come.")
        require(sent == came, f"a field did not survive. Yours: {came}, expected: {sent}.")
    require(text.startswith(BOM_UTF8), "the fields are right; the byte order mark is missing.")
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
        ids = [row[0] for row in _csv_rows(body(report)) if row]
        hint = "Is the buffer empty at the end?" if len(ids) < count else "Is the buffer emptied?"
        require(len(ids) == count, f"of {count:,} rows came {len(ids):,}. {hint}")
        wrong = [(id[-9:], i) for i, id in enumerate(ids) if id != str(i)]
        first = "a row has a wrong id. Yours: {}, expected: {}.".format(*(wrong or [("", 0)])[0])
        require(not wrong, first)
    times = [0.0, *(chunk.at for chunk in slow.chunks)]
    silence = max(after - before for before, after in pairwise(times)) / slow.seconds
    require(silence < 0.5, f"while 30 rows were made, nothing came for {silence:.0%} of the time.")
    for report, count in ((slow, 30), (quick, 2000)):
        came, most = len(report.chunks), 2 + 2 * report.seconds / 0.2
        took = f"{count:,} rows took {report.seconds:.1f} s and {counted(came, 'chunk')}"
        require(came <= most, f"{took}: one chunk every 0.2 s is enough.")


def _csv_rows(text: bytes) -> list[list[str]]:
    return list(csv.reader(io.StringIO(text.decode(errors="replace"), newline="")))
