"""Recordings drawn against time: a row a recording, a tick a chunk, made above arrived."""

import base64
import html
import io
from itertools import pairwise
from statistics import median
from typing import Any
from urllib.parse import urlsplit

from labserver.drawing import DPI, draw, lanes_of, other_status
from labserver.recording import Ending, Recording, counted

# What is drawn of a recording. Lesson 06 draws what a client of its own has noted.
NEEDED = ("url", "headers_at", "chunks", "events", "sent", "seconds", "response", "ending")


class Timeline:
    """Shows itself, with alternative text, as the last line of a cell; `str()` gives the words.

    `figure` is a matplotlib Figure, to restyle or to save.
    """

    def __init__(self, rows: list[tuple[str, Recording]]) -> None:
        self.names = [name for name, _ in rows]
        self.words = [_words(name, recording) for name, recording in rows]
        self.figure = draw(rows)

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


def _words(name: str, recording: Recording) -> str:
    """One row as a sentence: for a screen reader and for a terminal."""
    parts = [f"headers {recording.headers_at:.3f} s"]
    if status := other_status(recording):
        parts.append(f"status {status}")
    lanes = lanes_of(recording)
    for lane, times in lanes.items():
        noun = "event" if recording.events else "chunk"
        number = f"{len(times):,}" if lane == "made" else counted(times, noun)
        parts.append(f"{number} {lane} {_span(times)}" if times else f"nothing {lane}")
    if len(arrived := lanes["arrived"]) > 1:
        parts.append(f"gaps {median(b - a for a, b in pairwise(arrived)):.3f} s median")
    ended = "cut" if recording.ending is Ending.CUT else "ended"
    return f"{name}: {', '.join(parts)}, {ended} {recording.seconds:.3f} s."


def _span(times: list[float]) -> str:
    if len(times) <= 6:
        return f"at {', '.join(f'{at:.3f}' for at in times)} s"
    return f"{times[0]:.3f} to {times[-1]:.3f} s"
