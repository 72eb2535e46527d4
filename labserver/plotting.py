"""Recordings drawn against time: a row a recording, a tick a chunk, made above arrived."""

import base64
import html
import io
import textwrap
from itertools import chain, pairwise
from statistics import median
from urllib.parse import urlsplit

NEEDED = ("url", "headers_at", "chunks", "events", "sent", "seconds")
PIXELS = 2000  # finer than the picture: of more ticks than this, those on one pixel are one
# Told apart by place, height and weight as well as colour, so that grey is enough.
MADE = {"foot": 0.34, "tall": 0.2, "color": "#b35900", "linewidth": 1.4}
ARRIVED = {"foot": 0.74, "tall": 0.3, "color": "#123f6d", "linewidth": 3}


class Timeline:
    """Shows itself, with alternative text, as the last line of a cell; `str()` gives the words.

    `figure` is a matplotlib Figure, to restyle or to save.
    """

    def __init__(self, rows: list):
        self.names = [name for name, _ in rows]
        self.words = [_words(name, recording) for name, recording in rows]
        self.figure = _draw(rows)

    def __repr__(self) -> str:
        return f"<Timeline of {', '.join(self.names)}>"

    def __str__(self) -> str:
        return "\n".join(self.words)

    def _repr_mimebundle_(self, include=None, exclude=None):
        buffer = io.BytesIO()
        self.figure.savefig(buffer, format="png", dpi=200)  # shown at half its pixels: crisp
        png = base64.b64encode(buffer.getvalue()).decode()
        alt = html.escape(f"Timeline, seconds since the request. {' '.join(self.words)}")
        size = {"width": round(100 * self.figure.get_figwidth())}
        # JupyterLab gives a PNG no alternative text, but prefers HTML, which brings its own.
        img = f'<img alt="{alt}" width="{size["width"]}" src="data:image/png;base64,{png}">'
        return {"text/html": img, "image/png": png, "text/plain": str(self)}, {"image/png": size}


def timeline(*recordings, **named) -> Timeline:
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


def _lanes(recording) -> dict[str, list[float]]:
    """Times in seconds, from the top: made only where the server's side is known."""
    arrived = [item[0] for item in recording.events or recording.chunks]
    return ({"made": recording.sent} if recording.sent else {}) | {"arrived": arrived}


def _words(name: str, recording) -> str:
    """One row as a sentence: for a screen reader and for a terminal."""
    parts = [f"headers {recording.headers_at:.3f} s"]
    for lane, times in _lanes(recording).items():
        noun = "" if lane == "made" else " event" if recording.events else " chunk"
        noun += "s" if noun and len(times) != 1 else ""
        parts.append(f"{len(times):,}{noun} {lane} {_span(times)}" if times else f"nothing {lane}")
    if len(times) > 1:
        parts.append(f"gaps {median(b - a for a, b in pairwise(times)):.3f} s median")
    return f"{name}: {', '.join(parts)}, ended {recording.seconds:.3f} s."


def _span(times: list[float]) -> str:
    if len(times) <= 6:
        return f"at {', '.join(f'{at:.3f}' for at in times)} s"
    return f"{times[0]:.3f} to {times[-1]:.3f} s"


def _draw(rows: list):
    # Imported here: matplotlib takes 0.3 s, and most cells that import labserver draw nothing.
    from matplotlib.figure import Figure  # not pyplot, which would keep it open

    figure = Figure(figsize=(8, 0.65 + 0.7 * len(rows)), dpi=100, facecolor="white")
    axes = figure.add_axes((0, 0, 1, 1), facecolor="none")
    texts = [_draw_row(axes, top, *row) for top, row in enumerate(rows)]
    name, lane, end = (_inches(chain(*column)) for column in zip(*texts, strict=True))
    for (title,), *_ in texts:
        title.xyann = (-72 * (name + lane + 0.3), 0)
    left, bottom = (name + lane + 0.42) / 8, 0.6 / figure.get_figheight()
    axes.set_position((left, bottom, 1 - left - (end + 0.25) / 8, 0.98 - bottom))
    _label(axes, "headers", (rows[0][1].headers_at, 0.91), (7, 0))  # once: the mark is the same
    _style_axes(axes, len(rows))
    return figure


def _draw_row(axes, top: int, name: str, recording) -> tuple[list, list, list]:
    """Draw one row between `top` and `top + 1`; return its texts: name, lanes, end."""
    lanes, end = _lanes(recording), recording.seconds
    counts = [_draw_lane(axes, top, lane, times, end) for lane, times in lanes.items()]
    axes.plot(recording.headers_at, top + 0.9, "^k", markersize=6, clip_on=False)
    axes.plot(end, top + 0.74, "sk", markersize=6, clip_on=False)
    name = name if len(name) <= 32 else f"{name[:15]}…{name[-16:]}"
    middle = top + (0.41 if recording.sent else 0.6)
    title = _label(axes, "\n".join(textwrap.wrap(name, 16)), (0, middle), weight="bold", size=13)
    title.set_size(13 * min(1, 2 / _inches([title])))
    return [title], counts, [_label(axes, f"end {end:.3f} s", (end, top + 0.6), (9, 0))]


def _draw_lane(axes, top: int, lane: str, times: list[float], end: float):
    look = dict(MADE if lane == "made" else ARRIVED)
    foot, tall = top + look.pop("foot"), look.pop("tall")
    last = max([end, *times])
    axes.hlines(foot, 0, last, color="#bbbbbb", linewidth=1, zorder=2, clip_on=False)
    count = f"{len(times):,}" if times else "nothing"
    if len(times) > PIXELS:
        times = list({round(at / (last or 1) * PIXELS) * last / PIXELS for at in times})
    axes.vlines(times, foot - tall, foot, label=lane, zorder=2, clip_on=False, **look)
    return _label(axes, f"{count} {lane}", (0, foot - 0.13), (-7, 0), ha="right")


def _label(axes, text: str, at, shift=(0, 0), **style):
    """Text at (seconds, row), moved by `shift` points; a $ in a path is no formula."""
    style = {"size": 10.5, "va": "center", "color": "black", "parse_math": False} | style
    style |= {"textcoords": "offset points", "annotation_clip": False}
    return axes.annotate(text, at, shift, **style)


def _style_axes(axes, rows: int):
    axes.set(xlim=(0, axes.dataLim.x1 or 1), ylim=(rows, 0), yticks=[])
    axes.set_xlabel("seconds since the request", size=10.5, color="black")
    axes.spines[["left", "right", "top"]].set_visible(False)
    axes.spines["bottom"].set_color("black")
    axes.tick_params(axis="x", labelsize=10.5, colors="black")
    axes.ticklabel_format(axis="x", style="plain", useOffset=False)
    axes.grid(axis="x", color="#e6e6e6")


def _inches(texts: list) -> float:
    return max(text.get_window_extent().width / text.figure.dpi for text in texts)
