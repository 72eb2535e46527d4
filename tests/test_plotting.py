"""timeline: what is drawn, what is said of it, and that it leaves nothing behind."""

import html
import io
import re
from dataclasses import dataclass, field

import httpx
import pytest
from matplotlib import pyplot
from matplotlib.collections import LineCollection

from labserver.plotting import timeline
from labserver.recording import Ending


@dataclass
class Recording:
    """As much of a recording as timeline may rely on."""

    url: str = "http://127.0.0.1:8000/export?rows=3"
    headers_at: float = 0.003
    chunks: list = field(default_factory=list)
    events: list = field(default_factory=list)
    sent: list = field(default_factory=list)
    seconds: float = 2.014
    response: httpx.Response = field(default_factory=lambda: httpx.Response(200))
    ending: Ending = Ending.WHOLE


def chunks(*times):
    return [(at, 5, b"tick\n") for at in times]


TIMES = (0.004, 0.504, 1.006, 1.508, 2.013)
STREAMED = Recording(chunks=chunks(*TIMES), sent=[at - 0.001 for at in TIMES])
RETURNED = Recording(headers_at=2.508, chunks=chunks(2.509), sent=[2.507], seconds=2.51)
SILENT = Recording(seconds=3.0)


def lanes(shown) -> list[tuple[str, list[float]]]:
    """The lanes as drawn, from the top: word and the times of its ticks."""
    drawn = [c for c in shown.figure.axes[0].collections if isinstance(c, LineCollection)]
    return [
        (c.get_label(), [float(segment[0][0]) for segment in c.get_segments()])
        for c in drawn
        if c.get_label() in ("made", "arrived")
    ]


def texts(shown) -> list[str]:
    return [text.get_text() for text in shown.figure.axes[0].texts]


def alt(shown) -> str:
    data, _ = shown._repr_mimebundle_()
    return re.fullmatch(r'<img alt="([^"]*)" width="\d+" src="[^"]*">', data["text/html"])[1]


def test_a_tick_a_chunk_made_above_arrived():
    shown = timeline(returned=RETURNED, streamed=STREAMED)
    assert lanes(shown) == [
        ("made", [2.507]),
        ("arrived", [2.509]),
        ("made", pytest.approx(STREAMED.sent)),
        ("arrived", list(TIMES)),
    ]
    feet = [
        c.get_segments()[0][1][1]
        for c in shown.figure.axes[0].collections
        if len(c.get_label()) < 8
    ]
    assert shown.figure.axes[0].yaxis_inverted() and feet == sorted(feet)


def test_made_only_where_the_servers_side_is_known():
    shown = timeline(theirs=Recording(chunks=chunks(0.1, 0.2)), ours=STREAMED)
    assert [word for word, _ in lanes(shown)] == ["arrived", "made", "arrived"]
    assert "made" not in str(shown).splitlines()[0]


def test_events_are_drawn_in_place_of_chunks():
    events = [(at, "message", "tick", "1") for at in (0.1, 0.2, 0.3)]
    shown = timeline(sse=Recording(chunks=chunks(0.1, 0.3), events=events))
    assert lanes(shown) == [("arrived", [0.1, 0.2, 0.3])]
    assert "3 events arrived at 0.100, 0.200, 0.300 s" in alt(shown)


def test_made_and_arrived_differ_by_more_than_colour():
    made, arrived = (
        c
        for c in timeline(one=STREAMED).figure.axes[0].collections
        if c.get_label() in ("made", "arrived")
    )
    assert arrived.get_linewidth()[0] >= 2 * made.get_linewidth()[0]
    (top, foot), (made_top, made_foot) = (c.get_segments()[0][:, 1] for c in (arrived, made))
    assert foot - top > made_foot - made_top and made_foot < top


def test_labels_stand_beside_what_they_name():
    assert texts(timeline(returned=RETURNED, streamed=STREAMED)) == [
        "1 made", "1 arrived", "returned", "end 2.510 s",
        "5 made", "5 arrived", "streamed", "end 2.014 s",
        "headers",
    ]  # fmt: skip


def test_alternative_text_says_what_the_picture_shows():
    words = alt(timeline(returned=RETURNED, streamed=STREAMED))
    assert words == (
        "Timeline, seconds since the request. "
        "returned: headers 2.508 s, 1 made at 2.507 s, 1 chunk arrived at 2.509 s, "
        "ended 2.510 s. "
        "streamed: headers 0.003 s, 5 made at 0.003, 0.503, 1.005, 1.507, 2.012 s, "
        "5 chunks arrived at 0.004, 0.504, 1.006, 1.508, 2.013 s, gaps 0.502 s median, "
        "ended 2.014 s."
    )


def test_alternative_text_stays_short_for_many_chunks():
    words = alt(timeline(many=Recording(chunks=chunks(*(i / 10 for i in range(21))))))
    assert "21 chunks arrived 0.000 to 2.000 s, gaps 0.100 s median" in words


def test_names_are_escaped_in_html_and_no_formula_in_the_picture():
    name = 'a"b<c>&$x$'
    shown = timeline(**{name: STREAMED})
    assert html.unescape(alt(shown)).count(name) == 1
    assert "<c>" not in shown._repr_mimebundle_()[0]["text/html"]
    title = next(text for text in shown.figure.axes[0].texts if text.get_text() == name)
    assert not title.get_parse_math()


def test_shows_as_html_png_and_words():
    shown = timeline(one=STREAMED, two=RETURNED)
    data, metadata = shown._repr_mimebundle_(include=None, exclude=None)
    assert set(data) == {"text/html", "image/png", "text/plain"}
    assert data["image/png"].startswith("iVBORw0KGgo") and data["image/png"] in data["text/html"]
    assert metadata == {"image/png": {"width": 800}}
    assert data["text/plain"] == str(shown)
    assert [line.split(":")[0] for line in str(shown).splitlines()] == ["one", "two"]


def test_repr_is_one_line():
    assert (
        repr(timeline(returned=RETURNED, streamed=STREAMED)) == "<Timeline of returned, streamed>"
    )
    assert "\n" not in repr(timeline(**{"two\nlines": STREAMED}))


def test_a_recording_without_a_name_is_labelled_with_its_path():
    shown = timeline(STREAMED, Recording(url="http://127.0.0.1:8000"), third=SILENT)
    assert [line.split(":")[0] for line in str(shown).splitlines()] == [
        "/export?rows=3",
        "/",
        "third",
    ]


def test_nothing_arrived():
    shown = timeline(silent=SILENT)
    assert lanes(shown) == [("arrived", [])]
    assert "nothing arrived" in texts(shown)
    assert alt(shown).endswith("silent: headers 0.003 s, nothing arrived, ended 3.000 s.")


@pytest.mark.parametrize("seconds", [0.0, 0.5])
def test_one_moment(seconds):
    moment = Recording(headers_at=seconds, chunks=chunks(*[seconds] * 3), seconds=seconds)
    shown = timeline(moment=moment)
    assert lanes(shown) == [("arrived", [seconds] * 3)]
    assert f"3 chunks arrived at {', '.join([f'{seconds:.3f}'] * 3)} s" in alt(shown)


def test_what_was_made_after_the_client_left_is_on_the_picture():
    shown = timeline(left=Recording(chunks=chunks(0.1), sent=[0.1, 4.0], seconds=0.2))
    assert shown.figure.axes[0].get_xlim() == (0, 4)


def test_a_hundred_thousand_chunks_are_a_small_picture():
    times = [i * 2e-4 for i in range(100_000)]
    shown = timeline(many=Recording(chunks=chunks(*times), sent=times, seconds=20.0))
    data, _ = shown._repr_mimebundle_()
    (_, made), (_, arrived) = lanes(shown)
    assert 1500 < len(made) == len(arrived) < 2500
    assert min(arrived) == 0 and max(arrived) == pytest.approx(times[-1], abs=0.01)
    assert "100,000 arrived" in texts(shown) and "100,000 chunks" in alt(shown)
    assert len(data["text/html"]) < 200_000


@pytest.mark.parametrize("name", ["a_name_that_goes_on_" * 9 + "end", "W" * 60, "short", " "])
@pytest.mark.parametrize("rows", [1, 8])
def test_every_label_is_inside_the_picture_and_clear_of_the_others(name, rows):
    brief = Recording(headers_at=0.0, chunks=chunks(0.0), sent=[0.0], seconds=0.0)
    kinds = [brief, RETURNED, STREAMED, SILENT] * 2
    named = {f"{name}{i}": kinds[i] for i in range(rows)}
    figure = timeline(**named).figure
    boxes = [text.get_window_extent() for text in figure.axes[0].texts]
    inside = figure.bbox
    assert all(inside.x0 <= box.x0 and box.x1 <= inside.x1 for box in boxes)
    assert all(inside.y0 <= box.y0 and box.y1 <= inside.y1 for box in boxes)
    assert figure.axes[0].bbox.width > inside.width * 0.4
    assert not [(a, b) for i, a in enumerate(boxes) for b in boxes[:i] if a.overlaps(b)]


def test_headers_are_marked_in_each_row_and_labelled_once():
    shown = timeline(returned=RETURNED, streamed=STREAMED)
    marks = [
        line.get_xdata()[0] for line in shown.figure.axes[0].lines if line.get_marker() == "^"
    ]
    assert marks == [2.508, 0.003]
    assert texts(shown).count("headers") == 1


@pytest.mark.parametrize("longest", [1.0, 5.0])
@pytest.mark.parametrize("headers_at", [0.0, 0.002, 0.1, 0.5, 0.9, 0.995, 1.0])
def test_the_word_headers_is_clear_of_the_marks(headers_at, longest):
    first = Recording(headers_at=headers_at, chunks=chunks(1.0), seconds=1.0)
    figure = timeline(first=first, second=Recording(seconds=longest)).figure
    [word] = [text for text in figure.axes[0].texts if text.get_text() == "headers"]
    box = word.get_window_extent()
    for line in figure.axes[0].lines:
        [(x, y)] = line.get_transform().transform(line.get_xydata())
        half = line.get_markersize() / 2 / 72 * figure.dpi
        apart = x + half < box.x0 or box.x1 < x - half or y + half < box.y0 or box.y1 < y - half
        assert apart, (line.get_marker(), x, y, box)


def test_a_cut_and_a_failed_request_are_told_from_an_end():
    cut = Recording(ending=Ending.CUT, chunks=chunks(0.1), seconds=0.9)
    failed = Recording(response=httpx.Response(404), chunks=chunks(0.1), seconds=0.2)
    shown = timeline(cut=cut, failed=failed, whole=STREAMED)
    assert {"cut 0.900 s", "404, end 0.200 s", "end 2.014 s"} <= set(texts(shown))
    marks = [line.get_marker() for line in shown.figure.axes[0].lines]
    assert [mark for mark in marks if mark != "^"] == ["x", "s", "s"]
    words = str(shown).splitlines()
    assert words[0].endswith("cut 0.900 s.") and ", status 404, " in words[1]
    assert ", status 307, " in str(timeline(Recording(response=httpx.Response(307))))


def test_the_figure_is_there_to_restyle_and_save():
    shown = timeline(one=STREAMED)
    shown.figure.set_figwidth(4)
    shown.figure.savefig(file := io.BytesIO(), format="svg")
    assert b"<svg" in file.getvalue()
    assert 'width="400"' in shown._repr_mimebundle_()[0]["text/html"]


def test_no_figure_is_left_open_and_no_setting_changed():
    before = dict(pyplot.rcParams)
    timeline(one=STREAMED)._repr_mimebundle_()
    assert pyplot.get_fignums() == []
    assert dict(pyplot.rcParams) == before


def test_readable_whatever_style_was_chosen():
    with pyplot.style.context("dark_background"):
        figure = timeline(one=STREAMED).figure
        axes = figure.axes[0]
        inks = [
            text.get_color() for text in (*axes.texts, *axes.get_xticklabels(), axes.xaxis.label)
        ]
    assert figure.get_facecolor() == (1, 1, 1, 1) and set(inks) == {"black"}


@pytest.mark.parametrize("thing", [None, 3, [STREAMED, RETURNED], {"chunks": []}, "/export"])
def test_what_is_no_recording_is_refused_in_one_line(thing):
    with pytest.raises(
        TypeError, match=rf"^timeline.*mine is a {type(thing).__name__}, .*record"
    ) as error:
        timeline(fine=STREAMED, mine=thing)
    assert "\n" not in str(error.value)
    with pytest.raises(TypeError, match="an argument is"):
        timeline(thing)


def test_no_recording_at_all_is_refused():
    with pytest.raises(TypeError, match=r"timeline\(\) needs a recording: timeline\(streamed="):
        timeline()
