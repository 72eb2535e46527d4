"""Rules about tables as text: a header that is written for each batch, rows that are no rows.

name,size | a,1 | b,2 | name,size | c,3 | d,4
"""

import csv
import re
from codecs import BOM_UTF8
from itertools import pairwise

from labserver.diagnosis.finding import Level, quoted, rule, some
from labserver.diagnosis.items import MAX_LINES
from labserver.diagnosis.observation import Observation
from labserver.recording import counted

TABLES = {"text/csv", "application/csv", "text/tab-separated-values"}
SEPARATOR, NUMBER = re.compile(rb"[,;\t]"), re.compile(rb'[" +-]*\d[\d.:" -]*')
NO_VALUES = {*b"nan null none na n/a inf -inf infinity true false yes no".split()}
HEADER_TIMES = 3  # at which a first line comes again by no chance


@rule(
    "header-repeated",
    Level.FAULT,
    """The first line of this CSV comes again at the start of later pieces, so a reader takes it
    for data. This is consistent with a header that is written for each batch. Write it once.""",
)
def header_repeated(seen: Observation) -> str:
    if seen.alone.media_type not in TABLES:
        return ""
    lines = _rows(seen.body)
    header, rows = lines[0], [line for line in lines[:-1] if line not in (b"", lines[0])]
    names, columns = SEPARATOR.split(header), [*zip(*map(SEPARATOR.split, rows), strict=False)]
    # Each cell of a header is a name. Over a column of numbers, that is no row that comes again.
    telling = all(map(_is_name, names)) and all(map(_is_over, names, columns))
    sure = any(map(_is_of_numbers, columns))
    starts = [_rows(chunk.data)[0] for chunk in seen.alone.chunks]
    batches = len(starts) > 1 and {*starts} == {header}
    times = len(starts) if batches else lines.count(header)
    if not batches and not (sure and _evenly(header, lines)):
        return ""  # a word among numbers, as for a sensor that is off; a log has rows between
    least = 2 if batches and sure else HEADER_TIMES
    telling = telling and bool(sure or SEPARATOR.search(header))
    told = f"{quoted(header.decode(errors='replace'))} {counted(times, 'time')}"
    return told if telling and least <= times < len(lines) / 2 + 1 else ""


@rule(
    "advice-rows",
    Level.ADVICE,
    """Some rows of this CSV have more cells than its first line, or the rest of it stands in one
    cell, so readers take values for others. This is consistent with separators or quotes in values
    that are written as they are. Write each row with a CSV writer, which quotes them.""",
)
def advice_rows(seen: Observation) -> str:
    lines = seen.text.splitlines(keepends=True)[:MAX_LINES]
    named = lines and all(map(_is_name, SEPARATOR.split(lines[0].strip().encode())))
    if seen.alone.media_type not in TABLES or not named or not all(map(str.strip, lines)):
        return ""  # an empty line may begin another table
    separator = max(",;\t", key=lines[0].count)
    try:
        header, *rows = csv.reader(lines, delimiter=separator)
    except csv.Error as error:  # a cell of more than 128 KiB, as after a quote without its other
        return f"no CSV reader reads it: {error}"
    longer = [row for row in rows if any(row[len(header) :])]
    # Where rows have names, all but the first are longer.
    if longer and 2 * len(longer) < len(rows):
        return some([separator.join(row) for row in longer], "row")
    swallowed = [cell for row in rows[-1:] for cell in row if "\n" in cell]
    tabs = separator == "\t"  # between them, a quote may be part of a value
    odd = seen.alone.whole and seen.text.count('"') % 2 and not tabs
    told = f"a quote without its other one, before {quoted(swallowed[-1])}" if swallowed else ""
    return told if odd else ""


def _rows(data: bytes) -> list[bytes]:
    """The first lines of a table, without what may stand around them."""
    lines = data.split(b"\n", MAX_LINES)[:MAX_LINES]
    return [line.removeprefix(BOM_UTF8).rstrip(b"\r") for line in lines]


def _is_of_numbers(column: tuple[bytes, ...]) -> bool:
    return any(column) and all(not cell or NUMBER.fullmatch(cell) for cell in column)


def _is_name(cell: bytes) -> bool:
    text = cell.strip(b' "').lower()
    return text not in NO_VALUES and any(map(str.isalpha, text.decode(errors="replace")))


def _is_over(name: bytes, column: tuple[bytes, ...]) -> bool:
    """Whether no other row has that name in its column, where it would be a value."""
    return name not in column


def _evenly(header: bytes, lines: list[bytes]) -> bool:
    """Whether it comes again after so many rows each time."""
    places = [place for place, line in enumerate(lines) if line == header]
    return len({b - a for a, b in pairwise(places)}) == 1
