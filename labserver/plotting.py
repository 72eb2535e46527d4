"""Recordings drawn against time: a row a recording, a tick a chunk, made above arrived."""

import base64
import html
import io
import textwrap
from collections.abc import Iterable
from itertools import pairwise
from statistics import median
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlsplit

import httpx

from labserver.recording import Ending, Recording, counted

if TYPE_CHECKING:  # matplotlib takes 0.3 s, and most cells that import labserver draw nothing
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.text import Annotation

NEEDED = ("url", "headers_at", "chunks", "events", "sent", "seconds", "response", "ending")
PIXELS = 2000  # finer than the picture: of more ticks than this, those on one pixel are one
TEXT_SIZE = 10.5  # points
DPI = 100  # of the figure, and pixels an inch on the page


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


class Timeline:
    """Shows itself, with alternative text, as the last line of a cell; `str()` gives the words.

    `figure` is a matplotlib Figure, to restyle or to save.
    """

    def __init__(self, rows: list[tuple[str, Recording]]) -> None:
        self.names = [name for name, _ in rows]
        self.words = [_words(name, recording) for name, recording in rows]
        self.figure = _draw(rows)

    def __repr__(self) -> str:
        return f"<Timeline of {', '.join(self.names)}>"

    def __str__(self) -> str:
        return "\n".join(self.words)

    def _repr_mimebundle_(
        self, include: object = None, exclude: object = None
    ) -> tuple[dict[str, str], dict[str, Any]]:
        buffer = io.BytesIO()
        self.figure.savefig(buffer, format="png", dpi=2 * DPI)  # shown at half its pixels: crisp
        png = base64.b64encode(buffer.getvalue()).decode()
        alt = html.escape(f"Timeline, seconds since the request. {' '.join(self.words)}")
        size = {"width": round(DPI * self.figure.get_figwidth())}
        # JupyterLab gives a PNG no alternative text, but prefers HTML, which brings its own.
        img = f'<img alt="{alt}" width="{size["width"]}" src="data:image/png;base64,{png}">'
        bundle = {"text/html": img, "image/png": png, "text/plain": str(self)}
        return bundle, {"image/png": size}


def timeline(*recordings: Recording, **named: Recording) -> Timeline:
    """Draw recordings against time: `timeline(returned=a, streamed=b)`.

    A row each, labelled with its keyword, or with its path where it has none; a tick an event
    where a recording has any, else a chunk. Raises TypeError for what is not a recording.
    """
    rows = [*(("", recording) for recording in recordings), *named.items()]
    if not rows:
        raise TypeError('timeline() needs a recording: timeline(streamed=record("/export"))')
    for name, thing in rows:
        if not all(hasattr(thing, needed) for needed in NEEDED):
            what = f"{name or 'an argument'} is a {type(thing).__name__}, not a recording"
            raise TypeError(f'timeline(): {what}; pass what record("/export") returned')
    return Timeline([(" ".join(name.split()) or _path(one.url), one) for name, one in rows])


def _path(url: str) -> str:
    return urlsplit(url)._replace(scheme="", netloc="").geturl() or "/"


def _lanes(recording: Recording) -> dict[str, list[float]]:
    """Times in seconds, from the top: made only where the server's side is known."""
    arrived = [item[0] for item in recording.events or recording.chunks]
    return ({"made": recording.sent} if recording.sent else {}) | {"arrived": arrived}


def _words(name: str, recording: Recording) -> str:
    """One row as a sentence: for a screen reader and for a terminal."""
    parts = [f"headers {recording.headers_at:.3f} s"]
    if status := _error_status(recording):
        parts.append(f"status {status}")
    for lane, times in _lanes(recording).items():
        noun = "event" if recording.events else "chunk"
        number = f"{len(times):,}" if lane == "made" else counted(times, noun)
        parts.append(f"{number} {lane} {_span(times)}" if times else f"nothing {lane}")
    if len(times) > 1:
        parts.append(f"gaps {median(b - a for a, b in pairwise(times)):.3f} s median")
    ended = "cut" if recording.ending is Ending.CUT else "ended"
    return f"{name}: {', '.join(parts)}, {ended} {recording.seconds:.3f} s."


def _error_status(recording: Recording) -> int | None:
    # Lesson 06 draws a client of its own, whose recording has no response.
    response: httpx.Response | None = recording.response
    return response.status_code if response is not None and response.is_error else None


def _span(times: list[float]) -> str:
    if len(times) <= 6:
        return f"at {', '.join(f'{at:.3f}' for at in times)} s"
    return f"{times[0]:.3f} to {times[-1]:.3f} s"


def _draw(rows: list[tuple[str, Recording]]) -> "Figure":
    from matplotlib.figure import Figure  # not pyplot, which would keep it open

    figure = Figure(figsize=(8, 0.65 + 0.7 * len(rows)), dpi=DPI, facecolor="white")
    axes = figure.add_axes((0, 0, 1, 1), facecolor="none")
    texts = [_draw_row(axes, top, *row) for top, row in enumerate(rows)]
    name = _inches(title for title, _, _ in texts)
    lane = _inches(count for _, counts, _ in texts for count in counts)
    end = _inches(text for _, _, text in texts)
    for title, _, _ in texts:
        title.xyann = (-72 * (name + lane + 0.3), 0)
    left, bottom = (name + lane + 0.42) / 8, 0.6 / figure.get_figheight()
    axes.set_position((left, bottom, 1 - left - (end + 0.25) / 8, 0.98 - bottom))
    _style_axes(axes, len(rows))
    _label_headers(axes, rows[0][1])
    return figure


def _draw_row(
    axes: "Axes", top: int, name: str, recording: Recording
) -> "tuple[Annotation, list[Annotation], Annotation]":
    """Draw one row between `top` and `top + 1`; return its texts: name, lanes, end."""
    lanes, end = _lanes(recording), recording.seconds
    counts = [_draw_lane(axes, top, lane, times, end) for lane, times in lanes.items()]
    axes.plot(recording.headers_at, top + 0.9, "^k", markersize=6, clip_on=False)
    cut = recording.ending is Ending.CUT
    axes.plot(end, top + 0.74, "xk" if cut else "sk", markersize=6, clip_on=False)
    name = name if len(name) <= 32 else f"{name[:15]}…{name[-16:]}"
    middle = top + (0.41 if recording.sent else 0.6)
    title = _label(axes, "\n".join(textwrap.wrap(name, 16)), (0, middle), weight="bold", size=13)
    title.set_fontsize(13 * min(1, 2 / _inches([title])))
    status = _error_status(recording)  # without it, a 404 looks as neat as a 200
    words = f"{f'{status}, ' if status else ''}{'cut' if cut else 'end'} {end:.3f} s"
    return title, counts, _label(axes, words, (end, top + 0.6), (9, 0))


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
    word = _label(axes, "headers", (0, 0.91), (7, 0))
    wide = 1.3 * _inches([word]) * DPI / axes.bbox.width * axes.get_xlim()[1]  # seconds
    at, end = recording.headers_at, recording.seconds
    if end - at > wide:
        word.xy = at, 0.91  # between both marks
    elif at > wide:
        word.xy, word.xyann = (at, 0.91), (-7, 0)  # left of both
        word.set_horizontalalignment("right")
    else:
        word.xy = end, 0.91  # right of both


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
