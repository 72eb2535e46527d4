"""What lesson 07 says that an upgrade could make false, and what it says of a browser."""

import re
import shutil
from functools import partial

import httpx
import pytest
from lab import new_page, open_notebook, run_all, see_streams, start
from lessons import lesson, run_cells
from playwright.sync_api import expect
from waiting import Requests, turns

from labserver import record, serve, timeline
from labserver.app import PAGE
from labserver.app import app as finished
from labserver.checks.compare_both import third_way
from labserver.server import Server

LESSON = lesson(7)
run = partial(run_cells, LESSON)
# What the page ends with, to take away.
JAVASCRIPT = re.search(r'<script id="code"[^>]*>(.*?)</script>', PAGE.read_text("utf-8"), re.S)[1]


def served(id):
    """A program cell of the lesson, on a server of its own."""
    return Server(run(id)["app"])


@pytest.fixture(scope="module")
def both():
    with served("both-program") as server:
        paths = ("/plain-stream", "/sse")
        yield [record(server.url + path, quiet=True) for path in paths]


def test_the_event_stream_sets_three_more_headers(both):
    plain, events = (set(recording.response.headers) for recording in both)
    assert events - plain == {"cache-control", "connection", "x-accel-buffering"}


def test_an_event_costs_nine_bytes_more(both):
    plain, events = (recording.chunks[0].data for recording in both)
    assert (plain, events) == (b"Chunk 0\n", b"data: Event 0\r\n\r\n")


def test_neither_class_comes_from_fastapi():
    from fastapi.responses import StreamingResponse
    from sse_starlette import EventSourceResponse
    from starlette.responses import Response

    assert StreamingResponse.__mro__ == (StreamingResponse, Response, object)
    assert EventSourceResponse.__mro__ == (EventSourceResponse, Response, object)


def test_405_for_the_method_401_for_the_missing_header():
    with served("demands-program") as server:
        url = f"{server.url}/answer"
        get = record(url, quiet=True)
        post = record(url, "POST", json="Is it whole", quiet=True)
    assert (get.response.status_code, post.response.status_code) == (405, 401)


def test_the_check_measures_the_program_of_the_lesson():
    answers = []
    with served("steps-program") as mine, Server(third_way()) as theirs:
        for server in (mine, theirs):
            seen = record(f"{server.url}/steps", quiet=True)
            headers = {k: v for k, v in seen.response.headers.items() if k != "date"}
            answers.append((headers, [chunk.data for chunk in seen.chunks]))
    assert answers[0] == answers[1]


def test_jupyters_proxy_goes_by_accept_alone():
    given = {"httpx": httpx, "record": record, "serve": serve, "timeline": timeline}
    cells = ("program", "jupyter", "start", "address", "recorded")
    main = run(*(f"proxy-{id}" for id in cells), given=given)
    proxied, events, accepted = (main[name] for name in ("proxied", "proxied_sse", "accepted"))
    for one in (proxied, events):
        assert "content-length" in one.response.headers and len(one.chunks) == 1
        assert one.headers_at > 0.5 * one.seconds, "it came whole, at the end"
    assert len(events.events) == len(accepted.chunks) == 5
    assert accepted.response.headers["content-type"] == proxied.response.headers["content-type"]
    first, *_, last = accepted.chunks
    assert last.at - first.at > 0.1, "the first four are followed by a sleep of 0.2 s each"


# In a browser


@pytest.fixture
def last_program():
    """The names of the lesson's last program; its app has the finished server's routes too."""
    main = run("seven-program")
    main["app"].include_router(finished.router)
    return main


@pytest.fixture
def beside(last_program):
    with Server(last_program["app"]) as server:
        yield server.url


def evaluate(page, url, script):
    """What a script returns that runs in a page of that server, with the page's JavaScript."""
    page.goto(f"{url}/openapi.json")
    return page.evaluate(f"async () => {{ {JAVASCRIPT} {script} }}")


def test_the_javascript_reads_both_when_it_is_taken_away(page, beside):
    script = """
      const seen = [], show = (...one) => seen.push(one);
      await readStream("plain-stream?count=3", show);
      await new Promise((end) => readEvents("sse?count=2&end=true", (...one) => {
        show(...one);
        if (one[0] === "end") setTimeout(end, 1500); // past its `retry`
      }, ["message", "end"], "end"));
      return seen;"""
    opened, *seen = evaluate(page, beside, script)
    events = [["open"], ["message", "Event 0", "0"], ["message", "Event 1", "1"]]
    assert opened == ["open", 200] and seen[-4:] == [*events, ["end", "all sent", "1"]]
    assert "".join(text for _, text in seen[:-4]) == "Chunk 0\nChunk 1\nChunk 2\n"


def test_onmessage_gets_only_events_without_a_name(page):
    script = """
      const source = new EventSource("sse"), seen = [];
      source.onmessage = () => seen.push("message");
      source.addEventListener("step", () => seen.push("step"));
      await new Promise((end) => { source.onerror = end; });
      source.close();
      return seen;"""
    with served("resume-program") as server:
        assert evaluate(page, server.url, script) == ["step"] * 5


@pytest.mark.parametrize("path", ["/ticks", "/plain-stream?count=1000"])
def test_a_tab_shows_events_and_text_that_is_not_to_be_sniffed(path, page, beside, last_program):
    with turns(last_program):  # none goes on before the end of this block, or of 200 s
        open_tab(page, beside, path)
        page.wait_for_function(f"{SHOWN}.includes('0')")


def test_a_tab_holds_back_plain_text(page, beside, last_program):
    with turns(last_program) as sleeps:
        open_tab(page, beside, "/ticks?kind=plain")
        page.wait_for_timeout(1000)
        assert page.evaluate(SHOWN) == ""
        sleeps.go(6)
        page.wait_for_function(f"{SHOWN}.includes('5')")


SHOWN = "(tab.document.body?.innerText ?? '')"


def open_tab(page, url, path):
    """Open another tab, `tab` in the page, which can look into it also while it is loading."""
    page.goto(f"{url}/openapi.json")
    page.evaluate("path => { window.tab = open(path); }", path)


def test_the_seventh_connection_waits_until_one_has_ended(page, last_program):
    app = Requests(last_program["app"])
    with Server(app) as server, turns(last_program) as sleeps:
        page.goto(f"{server.url}/seven")
        lines = page.locator("#out")
        expect(lines).to_contain_text("6 after")
        page.wait_for_timeout(500)
        sleeps.go(7 * 6)
        expect(lines).to_contain_text("7 after")
        app.wait(1 + 7)
        page.wait_for_timeout(3500)  # past the time after which Chromium asks again
        assert lines.inner_text().count("after") == 7, "closed"
    opened = [what for what, path in app.history if path == "/ticks"]
    assert opened[:7] == ["began"] * 6 + ["ended"] and opened.count("began") == 7


def test_a_page_from_another_origin_cannot_read_them(page, beside):
    script = """
      const failed = [];
      for (const path of ["/ticks?kind=plain", "/ticks", "/plain-stream"])
        await fetch(url + path).catch((error) => failed.push(error.name));
      const source = new EventSource(url + "/ticks");
      await new Promise((end) => { source.onerror = end; });
      return [...failed, source.readyState];"""
    with Server(finished) as elsewhere:
        seen = evaluate(page, elsewhere.url, f"const url = '{beside}'; {script}")
    assert seen == ["TypeError"] * 3 + [2]


# Under Jupyter

HOSTS = ("127.0.0.1", "lab.test")


@pytest.fixture(scope="module")
def in_jupyterlab(hub_like, browser):
    """The lesson in a tab for each host, all cells run: in two kernels, beside each other."""
    shutil.copytree(LESSON.parent, hub_like.folder, dirs_exist_ok=True)
    tabs = {host: new_page(browser) for host in HOSTS}
    for host, page in tabs.items():
        name = f"{host}.ipynb"
        shutil.copy(LESSON, hub_like.folder / name)
        open_notebook(page, hub_like, host, name=name)
        run_all(page)
        expect(page.locator(".jp-InputPrompt:text('[*]:')")).not_to_have_count(0)
    for page in tabs.values():
        expect(page.locator(".jp-InputPrompt:text('[*]:')")).to_have_count(0)
    yield tabs
    for page in tabs.values():
        page.close()


@pytest.mark.parametrize("host", HOSTS)
def test_the_lesson_in_jupyterlab(host, in_jupyterlab):
    """Both panes fill one by one, the line is cut, EventSource alone comes back."""
    page = in_jupyterlab[host]
    seven, both = (frame_of(page, path) for path in ("/seven", "/"))
    see_streams(both)

    start(both, 10, 0.3)
    for pane in ("fetch", "events"):
        both.locator(f"#{pane} tbody tr:nth-child(2)").wait_for(state="attached")
    both.get_by_role("button", name="Cut the line").click()
    expect(both.locator("#status")).to_contain_text("Both have ended")
    expect(both.locator("#events .state")).to_contain_text("10 of 10 came, none twice.")
    assert 2 <= both.locator("#fetch tbody tr").count() < 10
    assert not page.errors

    near = host == "127.0.0.1"
    ended = "Error: network error." if near else "something in between hides that it was cut"
    expect(both.locator("#fetch .state")).to_contain_text(ended)
    last = both.locator("#fetch tbody tr").last
    assert ("Connection closed" in last.inner_text()) is not near, "written by Jupyter's proxy"
    expect(seven.locator("#out")).to_contain_text("7 after" if near else "unless behind")
    assert seven.locator("#out").inner_text().count("after") == (7 if near else 0)
    assert not page.locator("[data-mime-type='application/vnd.jupyter.stderr']").count()


def frame_of(page, path):
    """The page of the server that `show(path)` put into the notebook."""
    frame = page.locator(f"iframe[title='A page of the server: {path}']")
    expect(frame).to_have_count(1)
    return frame.element_handle().content_frame()
