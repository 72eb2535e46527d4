"""diagnose: when enough of a stream was seen."""

import pytest

from labserver.diagnosis.stopping import StopAfter
from labserver.recording import Chunk


def test_what_comes_in_bursts_is_watched_for_two_periods():
    stop = StopAfter(10, seconds=8.0, pauses=3)
    moments = [9.0] * 12 + [18.0] * 12 + [27.0]
    assert [stop.chunk(Chunk(at, 1, b"x")) for at in moments] == [False] * 24 + [True]


def test_a_pause_that_does_not_come_again_is_waited_for_twice_as_long():
    stop = StopAfter(10, seconds=8.0, pauses=3)
    moments = [i / 10 for i in range(70)] + [8.0 + i / 10 for i in range(30)]
    said = [stop.chunk(Chunk(at, 1, b"x")) for at in moments]
    assert moments[said.index(True)] == pytest.approx(8.0 + 2 * 1.1)


def test_a_steady_stream_is_left_after_eight_seconds():
    stop = StopAfter(10, seconds=8.0, pauses=3)
    moments = [i / 10 for i in range(200)]
    said = [stop.chunk(Chunk(at, 1, b"x")) for at in moments]
    assert moments[said.index(True)] == 8.0
