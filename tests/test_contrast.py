"""The picture of the README: a loop that ends in the still, which those see who want no motion."""

import httpx
from contrast import IMAGES, frames_of
from PIL import Image

from labserver import timeline
from labserver.recording import Chunk, Recording

LIGHT = 200  # of 255: a pixel as light as this is paper, or the edge of a line


def ink(frame):
    """How many pixels are dark."""
    return sum(frame.convert("L").histogram()[:LIGHT])


def test_a_picture_grows_until_it_is_whole():
    chunks = [Chunk(at, 4, b"tick") for at in (0.2, 0.4, 0.6)]
    response = httpx.Response(200)
    recording = Recording("GET", "http://127.0.0.1/", response, 0.0, chunks, seconds=0.6)
    inks = [ink(frame) for frame in frames_of(timeline(recording).figure, 0.1)]
    assert inks == sorted(inks) and inks[0] < 0.8 * inks[-1]
    assert len(inks) >= 6


def test_the_loop_is_small_and_ends_in_the_still():
    assert (IMAGES / "contrast.gif").stat().st_size < 500_000
    with Image.open(IMAGES / "contrast.gif") as loop, Image.open(IMAGES / "contrast.png") as still:
        assert loop.info["loop"] == 0  # for ever
        first = ink(loop)
        loop.seek(loop.n_frames - 1)
        assert loop.size == still.size
        assert first < 0.8 * ink(still) and abs(ink(loop) - ink(still)) < 0.05 * ink(still)
