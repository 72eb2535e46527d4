"""The page's size, in the notebook and alone: what is live is seen, and stays where it is."""

import pytest
from between import Buffering, between
from lab import FRAME, open_notebook, run_all, shown, start
from playwright.sync_api import expect

from labserver.app import app
from labserver.server import Server

PANES = ("fetch", "events")


def box(locator):
    """Its left, top, right and bottom, in pixels of the window, also from within a frame."""
    at = locator.bounding_box()
    return at["x"], at["y"], at["x"] + at["width"], at["y"] + at["height"]


def is_inside(inner, outer):
    """Whether a box is inside another, but for a part of a pixel."""
    (left, top), (right, bottom) = inner[:2], inner[2:]
    return (
        left > outer[0] - 1
        and top > outer[1] - 1
        and right < outer[2] + 1
        and bottom < outer[3] + 1
    )


def last_rows_are_inside(inside, frame):
    rows = [inside.locator(f"#{pane} tbody tr").last for pane in PANES]
    boxes = [inside.locator(f"#{pane} .rows") for pane in PANES]
    return all(
        is_inside(box(row), box(rows_box)) and is_inside(box(rows_box), frame)
        for row, rows_box in zip(rows, boxes, strict=True)
    )


@pytest.mark.parametrize("held_back", [False, True])
def test_in_jupyterlab_with_its_sidebar_what_is_live_is_seen(held_back, page, hub_like):
    host = "lab.test" if held_back else "127.0.0.1"
    with between(Buffering, hub_like.port) as port:
        open_notebook(page, hub_like, host, port if held_back else 0)
        run_all(page)
        inside = shown(page)
        if held_back:
            expect(inside.locator("#held")).to_contain_text("comes over a WebSocket")
        for width in (1366, 1280, 1024):
            page.set_viewport_size({"width": width, "height": 768})
            page.locator(FRAME).evaluate("frame => frame.scrollIntoView()")
            start(inside, 30, 0.05)
            expect(inside.locator("#status")).to_contain_text("Both have ended")
            expect(inside.locator("#fetch tbody tr").last).to_contain_text("Chunk 29")
            expect(inside.locator("#events tbody tr").last).to_contain_text("all sent")
            frame, seen = box(page.locator(FRAME)), box(page.locator(".jp-NotebookPanel-notebook"))
            assert is_inside(frame, seen), (width, frame, seen)
            assert last_rows_are_inside(inside, frame), width
            left, right = (box(inside.locator(f"#{pane}")) for pane in PANES)
            assert left[1] == right[1] and left[2] < right[0], "side by side"
            held, hint = (inside.locator(id).bounding_box() for id in ("#held", "#hint"))
            assert held["height"] == (hint["height"] if held_back else 0), "in one line"


@pytest.mark.parametrize("width", [540, 720, 900, 1280])
@pytest.mark.parametrize("source", ["lines", "csv", "log"])
def test_nothing_jumps_when_a_run_ends(width, source, page):
    page.set_viewport_size({"width": width, "height": 600})
    places = """() => [...document.querySelectorAll("svg, h2, .rows")].map((one) => {
        const { top, bottom } = one.getBoundingClientRect(); return [top, bottom]; })"""
    with Server(app) as server:
        page.goto(server.url)
        page.select_option("#source", source)
        start(page, 4, 0.1)
        page.locator("#fetch tbody tr").first.wait_for(state="attached")
        during = page.evaluate(places)
        expect(page.locator("#status")).to_contain_text("Both have ended")
        assert page.evaluate(places) == during


@pytest.mark.parametrize("height", [480, 600, 1000])
def test_the_boxes_take_the_height_that_is_left(height, page):
    page.set_viewport_size({"width": 900, "height": height})
    with Server(app) as server:
        page.goto(server.url)
        boxes = [box(page.locator(f"#{pane} .rows")) for pane in PANES]
        for _, top, _, bottom in boxes:
            assert height - 20 < bottom <= height and bottom - top >= 100


def test_a_reader_who_scrolls_up_is_left_there(page):
    page.set_viewport_size({"width": 900, "height": 600})
    with Server(app) as server:
        page.goto(server.url)
        start(page, 60, 0.02)
        page.locator("#events tbody tr:nth-child(25)").wait_for(state="attached")
        rows = page.locator("#events .rows")
        rows.evaluate("box => box.scrollBy(0, -10000)")
        expect(page.locator("#status")).to_contain_text("Both have ended")
        assert not is_inside(box(rows.locator("tbody tr").last), box(rows))
