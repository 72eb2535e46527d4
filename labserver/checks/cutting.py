"""The second exercise of the lesson "Read a stream": lines out of bytes that are cut anywhere."""

import re
from collections.abc import Iterator
from functools import wraps
from itertools import islice
from typing import Any

from labserver.checks.calling import items, require_function, returned
from labserver.checks.exercise import NotYet, exercise, require, shown
from labserver.recording import counted

CUT = (
    "1,Zoë\n2,5 €\n\n",
    "1,Ann\r\n\r\n2,Bob",
    "1,a\u2028b\n2,a\fb\n3,a\rb\n",
    " 1, Ann \n\t2,Bob\t\r\n  ",
    "1,a\r\r\n2,\x85\x0b\x1cb\n",
)


@exercise
def any_cut(lines_of: Any) -> None:
    """Yields lines of text, each when its end is there, from bytes cut anywhere."""
    require_function(lines_of)
    for text in CUT:
        data = text.encode()
        lines = re.split("\r?\n", text)
        lines = lines if lines[-1] else lines[:-1]
        cuts = [[data[:i], data[i:]] for i in range(len(data) + 1)]
        for chunks in (*cuts, [bytes([byte]) for byte in data]):
            _judge_lines(lines_of, chunks, lines)
    _judge_lines(lines_of, [], [])
    _judge_at_once(lines_of)


def _judge_at_once(lines_of: Any) -> None:
    read: list[bytes] = []

    def chunks() -> Iterator[bytes]:
        for chunk in (b"one\ntw", b"o\nthree\nfo", b"ur\n", b"five"):
            read.append(chunk)
            yield chunk

    @wraps(lines_of)
    def numbered(chunks: Iterator[bytes]) -> list[tuple[Any, int]]:
        return [(line, len(read)) for line in islice(items(lines_of(chunks)), 5)]

    expected = (("one", 1), ("two", 2), ("three", 2), ("four", 3))
    for (line, due), (_, number) in zip(expected, returned(numbered, chunks()), strict=False):
        came = f"the line {line!r} was there after {counted(due, 'chunk')}"
        require(number == due, f"{came}, yours after {number}: yield it at once.")


def _judge_lines(lines_of: Any, chunks: list[bytes], expected: list[str]) -> None:
    @wraps(lines_of)
    def lines(chunks: list[bytes]) -> list[Any]:
        return list(islice(items(lines_of(iter(chunks))), len(expected) + 2))

    given = f"for the chunks {shown(chunks)}" if len(chunks) <= 2 else "for single bytes"
    try:
        got = returned(lines, chunks)
    except UnicodeDecodeError:
        raise NotYet(f"{given}, half a character was decoded; wait for more.") from None
    require(got == expected, f"{given}, yours: {shown(got)}, expected: {expected}.")
