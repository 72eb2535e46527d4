"""Make the README's picture from a real recording of lesson 01's first two programs.

    .venv/bin/python tests/contrast.py

It writes two files into notebooks/images: contrast.png, a timeline, and contrast.gif, in which
the same timeline appears at the speed at which it was recorded, again and again.
"""

import io

from lessons import lesson, run_cells
from machine import ROOT
from matplotlib.patches import Rectangle
from PIL import Image

from labserver import record, serve, timeline

IMAGES = ROOT / "notebooks/images"
PROGRAMS = {"returned whole": ("returned-program", "/returned")}
PROGRAMS |= {"streamed": ("streamed-program", "/streamed")}
STEP, HOLD = 0.05, 3.0  # seconds that a frame is shown, and the last one
DPI = 200
COLORS = 32


def main():
    recordings = {name: recorded(*program) for name, program in PROGRAMS.items()}
    figure = timeline(**recordings).figure
    figure.savefig(IMAGES / "contrast.png", dpi=DPI)
    save_loop(frames_of(figure, STEP), IMAGES / "contrast.gif")


def recorded(cell, path):
    """The recording of a program of lesson 01, not of the first request that it answers."""
    with serve(run_cells(lesson(1), cell)["app"]):
        record(path, quiet=True)
        return record(path)


def frames_of(figure, step):
    """The timeline as it comes to be: a picture every `step` seconds, the last one whole."""
    axes = figure.axes[0]
    end, rows = axes.get_xlim()[1], axes.get_ylim()[0]
    curtain = Rectangle((0, 0), 2 * end, rows, color="white", clip_on=False)
    curtain.set_zorder(2.4)  # above the ticks, below the axis
    axes.add_patch(curtain)
    texts = [text for text in axes.texts if text.xy[0] > 0]
    for number in range(1, int(end / step) + 3):
        curtain.set_x(number * step)
        for text in texts:
            text.set_visible(text.xy[0] <= number * step)
        buffer = io.BytesIO()
        figure.savefig(buffer, format="png", dpi=DPI)
        yield Image.open(buffer).convert("RGB").quantize(COLORS, Image.Quantize.MAXCOVERAGE)


def save_loop(frames, path):
    first, *rest = frames
    times = [round(1000 * seconds) for seconds in [STEP] * len(rest) + [HOLD]]
    first.save(path, save_all=True, append_images=rest, duration=times, loop=0, optimize=True)


if __name__ == "__main__":
    main()
