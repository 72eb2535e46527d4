"""diagnose: bursts of whole chunks whose bytes something on the way has counted."""

import random
from itertools import accumulate, pairwise

import pytest
from services import SSE, observed, said_of

from labserver.diagnosis.rules.counted_bursts import advice_pipe_bursts, counted_bursts

HEAD = "HTTP/1.1 200 OK\r\ncontent-type: {}\r\ntransfer-encoding: chunked\r\n\r\n"


def on_the_wire(piece):
    return len(f"{len(piece):x}\r\n{piece}\r\n")


def waits_for(size, pieces, head):
    """How many pieces a proxy passes on each time, which waits for so many bytes."""
    held, counts, number = head, [], 0
    for piece in pieces:
        held, number = held + on_the_wire(piece), number + 1
        if held >= size:
            counts.append(number)
            held = number = 0
    return [*counts, number]


def has_room_for(size, pieces, head):
    """The same for one that keeps what fits into so many bytes."""
    held, counts, number = head, [], 0
    for piece in pieces:
        if held + on_the_wire(piece) > size:
            counts.append(number)
            held = number = 0
        held, number = held + on_the_wire(piece), number + 1
    return [*counts, number]


def in_bursts(counts, pieces, moments, type=SSE):
    """An observation of these pieces, so many at a time."""
    seen = observed(*pieces, type=type, transfer_encoding="chunked")
    at = [moment for moment, number in zip(moments, counts, strict=True) for _ in range(number)]
    seen.alone.chunks = [
        c._replace(at=t + i * 1e-5)
        for i, (c, t) in enumerate(zip(seen.alone.chunks, at, strict=True))
    ]
    events = seen.alone.events
    seen.alone.events = [e._replace(at=seen.alone.chunks[i].at) for i, e in enumerate(events)]
    seen.alone.headers_at = seen.alone.chunks[0].at
    seen.alone.seconds = seen.alone.chunks[-1].at
    return seen


def rows(size, spread, type):
    """Events or rows of about this size, enough for four bursts of 16 KiB."""
    pick = random.Random(1)
    sizes = [size + pick.randrange(spread) for _ in range(70_000 // size)]
    if type == SSE:
        return [f"data: {'x' * n}\n\n" for n in sizes]
    return [f"{i},{'x' * n}\n" for i, n in enumerate(sizes)]


@pytest.mark.parametrize("buffer", [waits_for, has_room_for])
@pytest.mark.parametrize("size", [1024, 2048, 4096, 8192, 16384])
@pytest.mark.parametrize(
    ("type", "codes"),
    [
        (SSE, {"bursts", "advice-bursts"}),  # advice where all bursts have one number of events
        ("application/x-ndjson", {"advice-bursts"}),
        ("text/csv", {"advice-bursts"}),
    ],
)
def test_a_buffer_that_keeps_chunks_whole_is_seen(buffer, size, type, codes):
    pieces = rows(90, 40, type)
    counts = buffer(size, pieces, len(HEAD.format(type)))
    pace = len(counts) / sum(counts)  # they are made one by one
    moments = [number * pace for number in accumulate(counts)]
    found = said_of(in_bursts(counts, pieces, moments, type))
    (code,) = {*found} & {"bursts", "advice-bursts"}
    assert code in codes
    if size <= 4096 and type == SSE:  # several bursts, and the headers in the first
        assert code == "bursts" and f"{size:,} bytes" in found[code]


@pytest.mark.parametrize("type", [SSE, "application/x-ndjson"])
@pytest.mark.parametrize("counts", [[5] * 6, [5, 4, 6, 5, 3, 7], [1, 9, 2, 8, 3, 7]])
def test_what_an_app_makes_several_at_a_time_is_no_fault(type, counts):
    """By a clock, or as it finds them: whatever the bytes are."""
    for size in (20, 90, 180, 400, 900):
        pieces = rows(size, 40, type)[: sum(counts)]
        moments = range(1, 1 + len(counts))
        assert "bursts" not in said_of(in_bursts(counts, pieces, moments, type))


@pytest.mark.parametrize(
    ("least", "most", "size"), [(3, 4, 295), (5, 6, 183), (8, 9, 112), (9, 40, 60)]
)
def test_batches_of_unlike_sizes_that_fit_by_chance_are_no_fault(least, most, size):
    """In 100 feeds whose batches have about 1,024 bytes, many a batch ends at that size."""
    pick = random.Random(1)
    for _ in range(100):
        counts = [pick.randint(least, most) for _ in range(pick.choice([7, 8, 9]))]
        pieces = [
            f"data: {'x' * int(pick.gauss(size, size / 15))}\n\n" for _ in range(sum(counts))
        ]
        moments = [*accumulate(pick.uniform(0.9, 1.1) for _ in counts)]
        assert not counted_bursts.evidence(in_bursts(counts, pieces, moments))


def test_unlike_batches_take_one_time_and_a_buffers_bursts_do_not():
    """The same counts of the same pieces, once made one by one, once made together."""
    pieces = rows(90, 40, SSE)
    counts = waits_for(1024, pieces, len(HEAD.format(SSE)))[:8]
    pieces = pieces[: sum(counts)]
    together = range(1, 1 + len(counts))
    one_by_one = [number / 9 for number in accumulate(counts)]
    assert "bursts" in said_of(in_bursts(counts, pieces, one_by_one))
    assert "bursts" not in said_of(in_bursts(counts, pieces, together))


def through_a_pipe(buffer, lines):
    """How many lines come each time a program has filled its buffer, but for the one it cuts."""
    ends = [*accumulate(map(len, lines))]
    whole = [sum(end <= n * buffer for end in ends) for n in range(1, ends[-1] // buffer + 1)]
    return [b - a for a, b in pairwise([0, *whole])]


def piped(buffer, lines, type, wrapped="{}"):
    """An observation of these lines, as an app passes them on from a pipe."""
    counts = through_a_pipe(buffer, lines)
    pieces = [wrapped.format(line) for line in lines[: sum(counts)]]
    seen = in_bursts(counts, pieces, [i * 0.7 for i in range(1, 99)][: len(counts)], type)
    seen.alone.headers_at = 0.0
    return seen


@pytest.mark.parametrize("buffer", [4096, 8192])  # of stdio, of Python
@pytest.mark.parametrize(
    ("line", "type", "wrapped"),
    [
        ("line {} of a log that a program prints\n", "text/plain", "{}"),
        ('{{"n": {}, "text": "what it prints"}}\n', "application/x-ndjson", "{}"),
        ("{},12,what it prints of a row\n", "text/csv", "{}"),
        ("data: {} of what a program prints\n\n", SSE, "{}"),
        ("line {} of a log that a program prints\n", SSE, "data: {}\n"),  # framed by the app
    ],
)
def test_a_pipe_that_is_not_flushed(buffer, line, type, wrapped):
    told = said_of(piped(buffer, [line.format(n) for n in range(900)], type, wrapped))
    assert f"{buffer:,} bytes were full" in told["advice-bursts"]


@pytest.mark.parametrize("type", [SSE, "text/plain", "text/csv"])
def test_batches_of_lines_are_no_pipe(type):
    pick = random.Random(2)
    for _ in range(40):
        lines = [f"data: {'x' * pick.randrange(20, 90)}\n\n" for _ in range(400)]
        counts = [pick.randrange(20, 90) for _ in range(4)]
        seen = in_bursts(counts, lines[: sum(counts)], [1.0, 2.0, 3.0, 4.0], type)
        assert not advice_pipe_bursts.evidence(seen)
