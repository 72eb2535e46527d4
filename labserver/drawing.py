"""The picture of a timeline: each recording is a row, from `top` to `top + 1`.

    name of    8 made       | | | | | | | |            ticks on the foot of a lane
    the row    8 arrived     | | | | | | | |  # end    a square; a cross where it was cut
                            ^ headers                  named in the first row alone

The texts are as wide as their letters, so the axes get the room that is left between them.
"""

import textwrap
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, NamedTuple

import httpx

from labserver.recording import Ending, Recording

if TYPE_CHECKING:  # matplotlib takes 0.3 s, and most cells that import labserver draw nothing
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.text import Annotation

DPI = 100  # of the figure, and pixels an inch on the page
POINTS = 72  # an inch
WIDTH = 8.0  # inches, of the figure
ROW, AXIS = 0.7, 0.65  # inches, of a row's height and of the axis below all rows
PIXELS = 2000  # finer than the picture: of more ticks than this, those on one pixel are one
TEXT_SIZE, NAME_SIZE = 10.5, 13  # points
NAME_INCHES = 2  # the widest name; letters of a wider one are smaller
NAME_LETTERS, LINE_LETTERS = 32, 16  # of a name, and of a line of it
BETWEEN = 0.3  # inches between a row's name and the words of its lanes
BESIDE, AFTER = 0.42, 0.25  # inches more than the words need, left and right of the axes
BELOW, TOP = 0.6, 0.98  # inches below the axes, and their upper edge, of the figure's height
NAME_OF_TWO, NAME_OF_ONE = 0.41, 0.6  # where a name stands in a row of two lanes, of one
END_WORD = 0.6  # where the word of the end stands in a row
FREE = 1.3  # times the width of the word "headers" that the word needs
HEADERS, HEADERS_WORD = 0.9, 0.91  # where the mark of the headers stands in a row, and its word


class _Look(NamedTuple):
    """How a lane's ticks look: their foot and height in rows, told apart in grey too."""

    foot: float
    tall: float
    color: str
    linewidth: float


LOOKS = {
    "made": _Look(0.34, 0.2, "#b35900", 1.4),
    "arrived": _Look(0.74, 0.3, "#123f6d", 3),
}


def draw(rows: list[tuple[str, Recording]]) -> "Figure":
    """Draw these rows, each a name and its recording."""
    from matplotlib.figure import Figure  # not pyplot, which would keep it open

    size = (WIDTH, AXIS + ROW * len(rows))
    figure = Figure(figsize=size, dpi=DPI, facecolor="white")
    axes = figure.add_axes((0, 0, 1, 1), facecolor="none")
    texts = [_draw_row(axes, top, *row) for top, row in enumerate(rows)]
    name = _inches(title for title, _, _ in texts)
    lane = _inches(count for _, counts, _ in texts for count in counts)
    end = _inches(text for _, _, text in texts)
    for title, _, _ in texts:
        title.xyann = (-POINTS * (name + lane + BETWEEN), 0)
    left, bottom = (name + lane + BESIDE) / WIDTH, BELOW / figure.get_figheight()
    axes.set_position((left, bottom, 1 - left - (end + AFTER) / WIDTH, TOP - bottom))
    _style_axes(axes, len(rows))
    _label_headers(axes, rows[0][1])
    return figure


def lanes_of(recording: Recording) -> dict[str, list[float]]:
    """Times in seconds, from the top: made only where the server's side is known."""
    arrived = [item[0] for item in recording.events or recording.chunks]
    return ({"made": recording.sent} if recording.sent else {}) | {"arrived": arrived}


def other_status(recording: Recording) -> int | None:
    """The status, if it is not a good one: without it, a 404 or a 307 looks as neat as a 200."""
    # Lesson 06 draws a client of its own, whose recording has no response.
    response: httpx.Response | None = recording.response
    return None if response is None or response.is_success else response.status_code


def _draw_row(
    axes: "Axes", top: int, name: str, recording: Recording
) -> "tuple[Annotation, list[Annotation], Annotation]":
    """Draw one row between `top` and `top + 1`; return its texts: name, lanes, end."""
    lanes, end = lanes_of(recording), recording.seconds
    counts = [_draw_lane(axes, top, lane, times, end) for lane, times in lanes.items()]
    axes.plot(recording.headers_at, top + HEADERS, "^k", markersize=6, clip_on=False)
    cut = recording.ending is Ending.CUT
    axes.plot(end, top + LOOKS["arrived"].foot, "xk" if cut else "sk", markersize=6, clip_on=False)
    name = name if len(name) <= NAME_LETTERS else f"{name[:15]}…{name[-16:]}"
    lines = "\n".join(textwrap.wrap(name, LINE_LETTERS))
    middle = top + (NAME_OF_TWO if recording.sent else NAME_OF_ONE)
    title = _label(axes, lines, (0, middle), weight="bold", size=NAME_SIZE)
    title.set_fontsize(NAME_SIZE * min(1, NAME_INCHES / _inches([title])))
    status = other_status(recording)
    words = f"{f'{status}, ' if status else ''}{'cut' if cut else 'end'} {end:.3f} s"
    return title, counts, _label(axes, words, (end, top + END_WORD), (9, 0))


def _draw_lane(axes: "Axes", top: int, lane: str, times: list[float], end: float) -> "Annotation":
    look = LOOKS[lane]
    foot, last = top + look.foot, max([end, *times])
    axes.hlines(foot, 0, last, color="#bbbbbb", linewidth=1, zorder=2, clip_on=False)
    count = f"{len(times):,}" if times else "nothing"
    if len(times) > PIXELS:
        times = list({round(at / (last or 1) * PIXELS) * last / PIXELS for at in times})
    style: dict[str, Any] = {"color": look.color, "linewidth": look.linewidth}
    axes.vlines(times, foot - look.tall, foot, label=lane, zorder=2, clip_on=False, **style)
    return _label(axes, f"{count} {lane}", (0, foot - 0.13), (-7, 0), ha="right")


def _label_headers(axes: "Axes", recording: Recording) -> None:
    """Name the mark once, in the first row, and never on the mark of the end."""
    word = _label(axes, "headers", (0, HEADERS_WORD), (7, 0))
    wide = FREE * _inches([word]) * DPI / axes.bbox.width * axes.get_xlim()[1]  # seconds
    at, end = recording.headers_at, recording.seconds
    if end - at > wide:
        word.xy = at, HEADERS_WORD  # between both marks
    elif at > wide:
        word.xy, word.xyann = (at, HEADERS_WORD), (-7, 0)  # left of both
        word.set_horizontalalignment("right")
    else:
        word.xy = end, HEADERS_WORD  # right of both


def _label(
    axes: "Axes", text: str, at: tuple[float, float], shift: tuple[int, int] = (0, 0), **style: Any
) -> "Annotation":
    """Text at (seconds, row), moved by `shift` points; a $ in a path is no formula."""
    look: dict[str, Any] = {"size": TEXT_SIZE, "va": "center", "color": "black"}
    look |= {"parse_math": False, "textcoords": "offset points", "annotation_clip": False}
    return axes.annotate(text, at, shift, **look | style)


def _style_axes(axes: "Axes", rows: int) -> None:
    axes.set(xlim=(0, axes.dataLim.x1 or 1), ylim=(rows, 0), yticks=[])
    axes.set_xlabel("seconds since the request", size=TEXT_SIZE, color="black")
    axes.spines[["left", "right", "top"]].set_visible(False)
    axes.spines["bottom"].set_color("black")
    axes.tick_params(axis="x", labelsize=TEXT_SIZE, colors="black")
    axes.ticklabel_format(axis="x", style="plain", useOffset=False)
    axes.grid(axis="x", color="#e6e6e6")


def _inches(texts: "Iterable[Annotation]") -> float:
    """The width of the widest text."""
    return max(text.get_window_extent().width / DPI for text in texts)
