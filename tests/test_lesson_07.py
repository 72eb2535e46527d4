"""What lesson 07 says that an upgrade could make false, and what it says of a browser."""

import re
import shutil
import sys
from functools import partial
from subprocess import PIPE, Popen
from threading import Timer

import httpx
import pytest
from lab import new_page, open_notebook, run_all, see_streams, start
from lessons import cell_of, lesson, run_cells
from playwright.sync_api import expect
from waiting import PATIENT, Requests, turns

from labserver import record, serve, timeline
from labserver.app import app as finished
from labserver.checks.compare_both import third_way
from labserver.front_page import PAGE
from labserver.server import Server

LESSON = lesson(7)
run = partial(run_cells, LESSON)
# What the lesson says in JavaScript, in two functions.
TEN_LINES = re.findall(r"^```js\n(.*?)^```", cell_of(LESSON, "tables").source, re.M | re.S)
# What the page ends with, to take away.
JAVASCRIPT = (PAGE / "take_away.js").read_text("utf-8")


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


def test_the_proxy_starts_whatever_the_learner_s_own_configuration_says(tmp_path, monkeypatch):
    own = [
        "IdentityProvider.token = ''",
        "ServerApp.log_level = 50",
        "ServerApp.base_url = '/own'",
    ]
    own += ["ServerApp.certfile = '/nowhere.pem'", "Application.log_level = 50"]
    own += ["ServerApp.jpserver_extensions = {'jupyter_server_proxy': False}"]
    (tmp_path / "jupyter_server_config.py").write_text("".join(f"c.{line}\n" for line in own))
    monkeypatch.setenv("JUPYTER_CONFIG_DIR", str(tmp_path))
    given = {"httpx": httpx, "serve": serve}
    main = run(*(f"proxy-{id}" for id in ("program", "jupyter", "start", "address")), given=given)
    try:
        assert httpx.get(main["url"], **PATIENT).status_code == 302, "to log in"
        sse = record(f"{main['url']}sse", headers=main["allowed"], quiet=True)
        assert len(sse.events) == 5
    finally:
        main["jupyter"].terminate()
        main["jupyter"].communicate()


def test_the_wait_for_the_proxy_has_an_end():
    command = [sys.executable, "-c", "import time; time.sleep(60)"]
    with Popen(command, stderr=PIPE, text=True) as silent:
        given = {"jupyter": silent, "Timer": lambda _, kill: Timer(0, kill)}
        with pytest.raises(AssertionError, match=r"no address within 60 seconds\.$"):
            run("proxy-address", given=given)


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


def evaluate(page, url, script, given=JAVASCRIPT):
    """What a script returns that runs in a page of that server, with the JavaScript given."""
    page.goto(f"{url}/openapi.json")
    return page.evaluate(f"async () => {{ {given} {script} }}")


def test_the_javascript_of_the_lesson_is_twice_ten_lines():
    assert [0 < len(function.splitlines()) <= 10 for function in TEN_LINES] == [True] * 2


def test_ten_lines_read_a_stream_that_needs_a_post_a_header_and_a_body(page):
    script = """
      let text = "";
      await readStream("answer", (piece) => { text += piece; }, {
        method: "POST",
        headers: { Authorization: "Bearer abc", "Content-Type": "application/json" },
        body: '"Is it whole"',
      });
      const refused = await readStream("answer", () => {}).catch((error) => error.message);
      return [text, refused];"""
    with served("demands-program") as server:
        text, refused = evaluate(page, server.url, script, TEN_LINES[0])
    assert text == "".join(f"data: {word}\r\n\r\n" for word in ("Is", "it", "whole"))
    assert refused == "405"
    page.errors.clear()  # the browser's own line about the 405


def test_ten_lines_read_events_close_at_the_end_and_say_when_they_are_sent_away(page, beside):
    script = """
      const seen = [], show = (...one) => seen.push(one);
      const wait = (ms) => new Promise((done) => setTimeout(done, ms));
      const closed = readEvents("sse?count=2&every=0&end=true", show);
      while (closed.readyState !== EventSource.CLOSED) await wait(20);
      seen.push("ended");
      const sent = readEvents("sse?count=2&every=0", show); // its second request gets a 204
      while (sent.readyState !== EventSource.CLOSED) await wait(20);
      await wait(50);
      return seen;"""
    events = [["Event 0", "0"], ["Event 1", "1"]]
    seen = evaluate(page, beside, script, TEN_LINES[1])
    assert seen == [*events, "ended", *events, ["closed for good"]]


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


def test_the_six_count_for_all_tabs(page, last_program):
    app = Requests(last_program["app"])
    with Server(app) as server, turns(last_program) as sleeps:
        page.goto(f"{server.url}/seven")
        expect(page.locator("#out")).to_contain_text("6 after")
        page.evaluate("() => { window.tab = open('/seven'); }")
        page.wait_for_timeout(500)
        assert page.evaluate(SHOWN) == "", "not even the page itself has a connection"
        sleeps.go(2 * 7 * 6)
        page.wait_for_function(f"{SHOWN}.includes('7 after')")
    assert at_once(app.history) == 6


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_page_of_seven_takes_the_theme_that_its_frame_names(theme, page, beside):
    page.goto(f"{beside}/openapi.json")
    page.evaluate("theme => { window.name = theme; }", theme)  # as show() names a frame
    page.goto(f"{beside}/seven")
    assert page.evaluate("getComputedStyle(document.documentElement).colorScheme") == theme


def at_once(history):
    """How many connections to /ticks were open at most at a time."""
    most = now = 0
    for what, path in history:
        now += (path == "/ticks") * {"began": 1, "ended": -1}.get(what, 0)
        most = max(most, now)
    return most


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
    seven, again, both = (frame_of(page, path) for path in ("/seven", "/seven?again", "/"))
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
    for frame in (seven, again):
        expect(frame.locator("#out")).to_contain_text("7 after" if near else "unless behind")
        assert frame.locator("#out").inner_text().count("after") == (7 if near else 0)
    assert not page.locator("[data-mime-type='application/vnd.jupyter.stderr']").count()


def frame_of(page, path):
    """The page of the server that `show(path)` put into the notebook."""
    frame = page.locator(f"iframe[title='A page of the server: {path}']")
    expect(frame).to_have_count(1)
    return frame.element_handle().content_frame()
