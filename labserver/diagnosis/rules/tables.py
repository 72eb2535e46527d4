"""A rule about tables as text: a header that is written for each batch.

name,size | a,1 | b,2 | name,size | c,3 | d,4
"""

import re
from codecs import BOM_UTF8

from labserver.diagnosis.finding import Level, quoted, rule
from labserver.diagnosis.items import MAX_LINES
from labserver.diagnosis.observation import Observation
from labserver.recording import counted

TABLES = {"text/csv", "application/csv", "text/tab-separated-values"}
SEPARATOR, NUMBER = re.compile(rb"[,;\t]"), re.compile(rb'[" +-]*\d[\d.:" -]*')
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
    # Each cell of a header is a name. In a column of numbers, that is no row that comes again.
    sure = any(map(_is_of_numbers, zip(*map(SEPARATOR.split, rows), strict=False)))
    times = lines.count(header)
    if not sure:
        starts = [_rows(chunk.data)[0] == header for chunk in seen.alone.chunks]
        times = sum(starts) if all(starts) else 0  # once for each batch; a log has rows between
    telling = (sure or SEPARATOR.search(header)) and all(map(_is_name, SEPARATOR.split(header)))
    least = 2 if sure else HEADER_TIMES
    told = f"{quoted(header.decode(errors='replace'))} {counted(times, 'time')}"
    return told if telling and least <= times < len(lines) / 2 + 1 else ""


def _rows(data: bytes) -> list[bytes]:
    """The first lines of a table, without what may stand around them."""
    lines = data.split(b"\n", MAX_LINES)[:MAX_LINES]
    return [line.removeprefix(BOM_UTF8).rstrip(b"\r") for line in lines]


def _is_of_numbers(column: tuple[bytes, ...]) -> bool:
    return any(column) and all(not cell or NUMBER.fullmatch(cell) for cell in column)


def _is_name(cell: bytes) -> bool:
    return any(map(str.isalpha, cell.decode(errors="replace")))
