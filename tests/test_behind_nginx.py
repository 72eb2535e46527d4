"""The twelve lines of lesson 12 in front of the finished app, in a browser, and at a restart."""

import re

import httpx
import pytest
from behind import PROGRAMS, each_nginx
from lab import see_streams, start
from lessons import cell_of, lesson, run_cells
from playwright.sync_api import expect
from waiting import PATIENT, wait_until

from labserver import serve
from labserver.app import app
from labserver.proxy import nginx as in_front
from labserver.recorder import record
from labserver.server import Server

LESSON = lesson(12)
TWELVE = run_cells(LESSON, "twelve")["twelve"]
PLAIN = "proxy_http_version 1.1;"

LISTEN = """() => { window.heard = []; window.source = new EventSource("/notes");
  source.onmessage = (event) => heard.push(Number(event.lastEventId)); }"""


@pytest.fixture
def named(nginx, monkeypatch):
    """The nginx that is used from here on."""
    monkeypatch.setenv("LABSERVER_NGINX", PROGRAMS[nginx]())


@pytest.fixture
def front(named):
    """The finished app, through the twelve lines."""
    with Server(app) as server, in_front(TWELVE, server.url) as proxy:
        yield proxy.url


@each_nginx
def test_fetch_and_event_source_fill_while_they_come(front, page):
    page.goto(front)
    see_streams(page)
    assert page.errors == []


@each_nginx
def test_a_cut_line_is_an_error_for_one_and_nothing_lost_for_the_other(front, page):
    page.goto(front)
    start(page, 10, 0.2)
    page.locator("#events tbody tr:nth-child(3)").wait_for(state="attached")
    page.click("#cut")
    expect(page.locator("#status")).to_contain_text("Both have ended")
    expect(page.locator("#fetch .state")).to_contain_text("Error: network error.")
    expect(page.locator("#events .state")).to_contain_text("10 of 10 came, none twice.")


@each_nginx
@pytest.mark.parametrize(
    "path",
    ["/plain-stream", "/sse", "/stream", "/events", "/progress", "/logs", "/export.jsonl?rows=3"],
)
def test_every_stream_comes_whole(path, front):
    seen = record(front + path, quiet=True, seconds=30)
    assert seen.response.status_code == 200 and seen.size
    assert seen.whole or seen.has_events


@each_nginx
def test_a_page_s_own_post_is_taken_and_without_the_line_for_host_refused(named):
    without = "".join(line for line in TWELVE.splitlines(True) if " Host " not in line)
    with Server(app) as server:
        for lines, taken in ((TWELVE, True), (without, False)):
            with in_front(lines, server.url) as proxy:
                note = {"json": "hello", "headers": {"Origin": proxy.url}}
                answer = httpx.post(f"{proxy.url}/notifications", **PATIENT, **note)
            assert answer.is_success is taken, answer.text


# A restart


@pytest.fixture
def notes():
    """The program of the lesson, as `serve` takes it."""
    yield run_cells(LESSON, "restart-program")["app"]


def heard(page, count):
    page.wait_for_function(f"heard.length >= {count}")
    return page.evaluate("heard")


@each_nginx
def test_a_502_sends_an_event_source_away_for_good(named, notes, page):
    with serve(notes) as server, in_front(PLAIN, server.url) as proxy:
        page.goto(f"{proxy.url}/openapi.json")
        page.evaluate(LISTEN)
        heard(page, 2)
        server.stop()
        page.wait_for_function("source.readyState === EventSource.CLOSED")
        before = heard(page, 2)
        with serve(notes):
            assert record(f"{proxy.url}/notes", max_chunks=2, quiet=True).events
            assert page.evaluate("source.readyState") == 2
            assert page.evaluate("heard") == before


def test_refused_by_the_app_itself_it_comes_back(notes, page):
    with serve(notes) as server:
        page.goto(f"{server.url}/openapi.json")
        page.evaluate(LISTEN)
        page.evaluate("() => { window.errors = 0; source.onerror = () => { errors += 1; } }")
        heard(page, 2)
        server.stop()
        page.wait_for_function("errors >= 2")  # the cut, and a refused connection
        with serve(notes):
            assert heard(page, 20)[:20] == [*range(20)]
            page.evaluate("source.close()")


@each_nginx
def test_told_to_come_back_it_loses_nothing(named, notes, page):
    down = run_cells(LESSON, "down-lines")["down"]
    with serve(notes) as server, in_front(down, server.url) as proxy:
        page.goto(f"{proxy.url}/openapi.json")
        page.evaluate(LISTEN)
        heard(page, 2)
        server.stop()
        wait_until(lambda: "refused" in proxy.log)
        with serve(notes):
            assert heard(page, 20)[:20] == [*range(20)]
            page.evaluate("source.close()")


def test_the_lines_are_the_lesson_s():
    down = cell_of(LESSON, "down-lines").source
    assert re.search(r"error_page.*}\n", down, re.DOTALL)[0] in TWELVE
