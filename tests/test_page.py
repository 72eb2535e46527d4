"""The page, in real browsers: what a reader sees, what a keyboard and a screen reader get."""

import asyncio
import json
import re
import shutil
import subprocess
import threading
import time
from contextlib import contextmanager, suppress
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace

import httpx
import pytest
from fastapi import FastAPI
from fastapi.responses import StreamingResponse
from machine import NO_PROXIES, run_online
from playwright.sync_api import expect, sync_playwright
from sse_starlette import EventSourceResponse
from waiting import LONG, PATIENT, Requests

from labserver.app import app
from labserver.server import Server

FLAGS = [
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
]
VECTORS = Path(__file__).parent / "data/sse_vectors.json"
ENDED = re.compile("Both have ended")
# What Chromium's console says of a cut line; also of one that the page stops, if its server, which
# the page tells so, ends it first.
CUT = "net::ERR_INCOMPLETE_CHUNKED_ENCODING"
GONE = "The server is gone. Start it again, then press Start."
ROWS = (
    "id => [...$(id).querySelectorAll('tbody tr')].map(r => [...r.cells].map(c => c.textContent))"
)


@pytest.fixture(scope="module")
def browser(chromium):
    with sync_playwright() as playwright:
        yield playwright.chromium.launch(executable_path=chromium, args=FLAGS)


@pytest.fixture(scope="module")
def requests():
    """The requests that the server at `url` answers."""
    return Requests(app)


@pytest.fixture(scope="module")
def url(requests):
    with Server(requests) as server:
        yield server.url
    assert not server.log


@pytest.fixture
def visit(browser):
    """Opens a page; at the end it must have asked its own server alone, and found no fault."""
    pages, asked, said = [], [], []

    def visit(url, expected=(), **options):
        page = browser.new_context(**options).new_page()
        page.asked = []
        page.on("request", lambda request: page.asked.append(request.url))
        page.on("websocket", lambda socket: page.asked.append(socket.url))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.on("console", lambda line: said.append(line.text))
        page.goto(url)
        pages.append((page, url.split("/")[2], expected))
        return page

    yield visit
    for page, host, expected in pages:
        page.context.close()  # what is said until then is looked at, too
        asked += [url for url in page.asked if not url.split(":", 1)[1].startswith(f"//{host}/")]
        said = [line for line in said if not any(text in line for text in expected)]
    assert (asked, said) == ([], [])


def start(page, count=5, every=0.2, **choices):
    page.fill("#count", str(count))
    page.fill("#every", str(every))
    for id, value in choices.items():
        page.select_option(f"#{id}", value)
    page.get_by_role("button", name="Start").click()


def both_end(page):
    expect(page.locator("#status")).to_have_text(ENDED, timeout=30_000)
    return page.evaluate(ROWS, "fetch"), page.evaluate(ROWS, "events")


def come(page, count):
    """Wait until EventSource has handed out so many."""
    page.locator(f"#events tbody tr:nth-child({count})").wait_for(state="attached")


# Cuts the line as soon as EventSource is connected and has handed out so many, for each number.
CUT_AT = """(counts) => new MutationObserver(() => {
  if (!(right.times.length >= counts[0]) || right.marks.at(-1).mark !== "open") return;
  counts.shift();
  document.getElementById("cut").click();
}).observe(document.querySelector("#events tbody"), {childList: true})"""


# ---- What it shows ----


def test_both_fill_while_they_come(visit, url):
    page = visit(url)
    start(page)
    fetched, events = both_end(page)
    assert "".join(row[4] for row in fetched) == "".join(rf"Chunk {i}\n" for i in range(5))
    assert [row[3:] for row in events] == [
        *(["message", str(i), f"Event {i}"] for i in range(5)),
        ["end", "4", "all sent"],
    ]
    words = page.locator("#timeline").get_attribute("aria-label")
    assert re.search(r"fetch: \d chunks?, .*EventSource: 6 events, gaps 0\.\d{3} s median", words)
    start(page, 1000)
    for pane in ("fetch", "events"):  # which would take longer than any test to end
        page.locator(f"#{pane} tbody tr:nth-child(3)").wait_for(state="attached")


def test_a_cut_line_is_an_error_for_one_and_nothing_lost_for_the_other(visit, url):
    page = visit(url, expected=[CUT])
    page.evaluate(CUT_AT, [2, 5])
    start(page, 20, 0.25)
    fetched, events = both_end(page)
    assert 1 <= len(fetched) < 20
    expect(page.locator("#fetch .state")).to_contain_text("Error: network error.")
    assert [row[5] for row in events] == [*(f"Event {i}" for i in range(20)), "all sent"]
    expect(page.locator("#events .state")).to_contain_text("20 of 20 came, none twice.")
    words = page.evaluate("panes.map((pane) => pane.marks.map(({ word }) => word))")
    assert words == [["headers", "cut"], ["headers", "cut", "back", "cut", "back", "closed"]]


def test_without_an_end_event_it_asks_again_and_gets_a_204(visit, url):
    page = visit(url)
    start(page, 3, finish="")
    _, events = both_end(page)
    assert [row[5] for row in events] == ["Event 0", "Event 1", "Event 2"]
    expect(page.locator("#events .state")).to_contain_text("got a 204")
    assert sum("/sse?" in url for url in page.asked) == 2


def test_with_an_end_event_it_does_not_ask_again(visit, url):
    page = visit(url)
    start(page, 3)
    both_end(page)
    page.wait_for_timeout(1500)
    assert sum("/sse?" in url for url in page.asked) == 1


@pytest.mark.parametrize(("source", "path"), [("csv", ""), ("jsonl", ".jsonl")])
def test_a_file_is_for_fetch_alone(source, path, visit, url):
    page = visit(url, expected=["MIME type"])
    start(page, 30, source=source)
    fetched, events = both_end(page)
    size = len(httpx.get(f"{url}/export{path}?rows=30000", **PATIENT).content)
    assert sum(int(row[3].replace(",", "")) for row in fetched) == size and not events
    expect(page.locator("#fetch .state")).to_contain_text("The body ended without an error.")
    expect(page.locator("#events .state")).to_contain_text("no stream of events")


def test_progress_ends_at_its_own_last_event(visit, url):
    page = visit(url)
    start(page, source="progress")
    fetched, events = both_end(page)
    assert "event: progress\\r\\n" in fetched[0][4]
    assert [row[3:5] for row in events][-1] == ["done", "100"]
    expect(page.locator("#events .state")).to_contain_text("5 of 5 came, none twice.")


def test_a_log_entry_of_two_lines_is_one_event(visit, url):
    page = visit(url)
    start(page, 4, source="log")
    _, events = both_end(page)
    assert events[3][3:] == ["warning", "4", "Row 4 is left out:\n  it has no name."]


def test_stop_ends_the_generators_too(visit, url, requests):
    page = visit(url, expected=[CUT])
    start(page, 1000)
    come(page, 2)
    page.get_by_role("button", name="Stop").click()
    expect(page.locator("#status")).to_contain_text("Stopped.")
    rows = page.locator("tbody tr").count()
    page.wait_for_timeout(1500)
    assert page.locator("tbody tr").count() == rows
    name = page.evaluate("run.name")
    requests.wait_for_all()
    assert httpx.post(f"{url}/cut?name={name}", **PATIENT).json() == {"cut": 0}


def test_started_again_it_leaves_no_stream_behind(visit, url, requests):
    page = visit(url, expected=[CUT])
    start(page, 1000)
    come(page, 2)
    name = page.evaluate("run.name")
    start(page, 3)
    fetched, events = both_end(page)
    assert (len(fetched), len(events)) == (3, 4)
    requests.wait_for_all()
    assert httpx.post(f"{url}/cut?name={name}", **PATIENT).json() == {"cut": 0}


def test_left_it_leaves_no_stream_behind(visit, url, requests):
    page = visit(url, expected=[CUT])
    start(page, 1000)
    come(page, 2)
    name = page.evaluate("run.name")
    page.goto("about:blank")
    requests.wait_for_all()
    assert httpx.post(f"{url}/cut?name={name}", **PATIENT).json() == {"cut": 0}


def test_much_is_shown_in_few_updates(visit, url):
    page = visit(url)
    page.evaluate("""() => { window.updates = []; new MutationObserver(() => updates.push(
        performance.now())).observe(document.body, {subtree: true, childList: true}) }""")
    start(page, 1000, 0.003)
    both_end(page)
    assert page.locator("#events tbody tr").count() == 200
    expect(page.locator("#events .state")).to_contain_text("1000 of 1000 came, none twice.")
    times = page.evaluate("updates")
    frames = [time for time, last in zip(times, [0, *times], strict=False) if time - last > 5]
    assert len(frames) > 10
    assert all(later - time > 1000 for time, later in zip(frames, frames[20:], strict=False))


def test_hostile_data_stays_text(visit):
    hostile = FastAPI()
    data = (
        """<img src=x onerror="document.title='owned'"><script>document.title='owned'</script>"""
    )

    @hostile.get("/plain-stream")
    def lines():
        return StreamingResponse([data])

    @hostile.get("/sse")
    def events():
        return EventSourceResponse(
            iter([{"data": data, "id": data}, {"event": "end", "data": data}])
        )

    hostile.mount("/", app)
    with Server(hostile) as server:
        page = visit(server.url)
        start(page)
        fetched, events = both_end(page)
        assert fetched[0][4] == data and events[0][4:] == [data, data]
        assert page.locator("main img, main script").count() == 0
        assert page.title() == "fetch and EventSource, side by side"


# ---- For whom ----


@pytest.fixture(scope="session")
def axe(tmp_path_factory):
    """The source of axe-core, which judges a page's accessibility."""
    npm = shutil.which("npm") or pytest.skip("this machine has no npm, which brings axe-core")
    folder = tmp_path_factory.mktemp("axe")
    run_online(npm, "install", "--prefix", folder, "--no-audit", "--no-fund", "axe-core@4")
    return (folder / "node_modules/axe-core/axe.min.js").read_text("utf-8")


@pytest.mark.parametrize("width", [1280, 320])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_no_violation(scheme, width, axe, visit, url):
    page = visit(
        url, expected=[CUT], color_scheme=scheme, viewport={"width": width, "height": 800}
    )
    page.evaluate(axe)
    for step in ("untouched", "running", "ended"):
        if step == "running":
            page.evaluate(CUT_AT, [2])  # a click from outside may come when all is over
            start(page)
            come(page, 2)
        if step == "ended":
            both_end(page)
        found = page.evaluate("axe.run()")
        assert [(one["id"], one["nodes"][0]["html"]) for one in found["violations"]] == []
        assert len(found["passes"]) > 20


@pytest.mark.parametrize("width", [320, 640])  # the latter is 1280 pixels at 200 %
def test_nothing_is_cut_off_on_a_narrow_screen(width, visit, url):
    page = visit(url, viewport={"width": width, "height": 480})
    start(page, source="log", every=0.05)
    both_end(page)
    assert page.evaluate("document.documentElement.scrollWidth") == width
    for box in page.locator(".rows").all():
        assert box.evaluate("box => box.scrollWidth <= box.clientWidth")


def test_a_keyboard_is_enough(visit, url):
    page = visit(url, expected=[CUT])
    page.keyboard.press("Tab")
    seen = []
    for _ in range(10):
        seen.append(page.evaluate("document.activeElement.id || document.activeElement.ariaLabel"))
        page.keyboard.press("Tab")
    order = ["source", "count", "every", "finish", None, "stop", "cut"]
    assert [id or None for id in seen[:7]] == order and seen[7:9] == [
        "What fetch read",
        "What EventSource handed out",
    ]
    page.focus("#count")
    page.keyboard.press("Control+A")
    page.keyboard.type("1000")
    page.keyboard.press("Enter")  # starts, as in any form
    come(page, 1)
    page.focus("#stop")
    page.keyboard.press("Space")
    expect(page.locator("#status")).to_contain_text("Stopped.")
    assert page.evaluate("document.activeElement.id") == "stop"


def test_the_live_region_does_not_chatter(visit, url):
    page = visit(url)
    page.evaluate("""() => { window.heard = []; new MutationObserver(() => heard.push(
        performance.now())).observe($("status"), {childList: true}) }""")
    start(page, 60, 0.1)
    both_end(page)
    heard = page.evaluate("heard")  # started, how far it is every five seconds, ended
    assert 2 <= len(heard) < 20
    assert all(later - time > 990 for time, later in pairwise(heard))
    assert page.locator("[aria-live], [role=status], [role=alert], [role=log]").count() == 2


# ---- Where it is served ----


@contextmanager
def served(prefix="", collecting=False, hiding=False):
    """The app as it is reached through a proxy: under a prefix, and with other ways of theirs.

    `collecting` hands on whole answers alone, `hiding` ends an answer well that was cut.
    """

    async def front(scope, receive, send):
        agent = dict(scope.get("headers", [])).get(b"user-agent", b"")
        if b"Mozilla" not in agent:  # the lifespan, and the relay's own requests
            await app(scope, receive, send)
            return
        scope = scope | {"path": scope["path"].removeprefix(prefix)}
        if hiding:
            try:
                await app(scope, receive, send)
            except asyncio.CancelledError:
                await send({"type": "http.response.body"})
            return
        if not collecting or scope["type"] == "websocket":
            await app(scope, receive, send)
            return
        held = []

        async def hold(message):
            held.append(message)

        await app(scope, receive, hold)
        for message in held:
            await send(message)

    requests = Requests(front)
    with Server(requests) as server:
        yield SimpleNamespace(url=server.url, requests=requests)


def test_it_works_under_a_prefix(visit):
    with served("/user/x/proxy/8000") as server:
        page = visit(f"{server.url}/user/x/proxy/8000/", expected=[CUT])
        page.evaluate(CUT_AT, [2])
        start(page, 20)
        fetched, events = both_end(page)
    assert len(fetched) < 20 and len(events) == 21
    assert all("/user/x/proxy/8000/" in url for url in page.asked)


def test_a_cut_that_a_proxy_hides_is_no_whole_body(visit):
    with served(hiding=True) as server:
        page = visit(server.url)
        page.evaluate(CUT_AT, [3])
        start(page, 20)
        fetched, events = both_end(page)
    assert 1 <= len(fetched) < 20 and len(events) == 21
    expect(page.locator("#fetch .state")).to_contain_text("something in between hides")
    expect(page.locator("#events .state")).to_contain_text("20 of 20 came, none twice.")


def test_a_proxy_that_keeps_the_stream_open_is_told_of_a_stop(visit):
    leaving = threading.Event()

    async def front(scope, receive, send):
        async def deaf():
            message = await receive()
            while message["type"] == "http.disconnect":
                leaving.set()
                await asyncio.sleep(1)
            return message

        async def mute(message):
            with suppress(OSError):
                await send(message)

        await app(scope, deaf if scope["type"] == "http" else receive, mute)

    requests = Requests(front)
    with Server(requests) as server:
        page = visit(server.url, expected=[CUT])
        start(page, 1000)
        come(page, 2)
        name = page.evaluate("run.name")
        page.click("#stop")
        expect(page.locator("#status")).to_contain_text("Stopped.")
        requests.wait_for_all()
        left = httpx.post(f"{server.url}/cut?name={name}", **PATIENT).json()
        assert left == {"cut": 0} and leaving.is_set()


def test_where_answers_are_held_back_the_relay_takes_over(visit):
    with served("/user/x/proxy/8000", collecting=True) as server:
        page = visit(f"{server.url}/user/x/proxy/8000/?secret=abc")
        page.evaluate(CUT_AT, [3])
        start(page, 20)
        expect(page.locator("#held")).to_contain_text("what you see comes over a WebSocket")
        fetched, events = both_end(page)
    assert 1 <= len(fetched) < 20
    expect(page.locator("#fetch .state")).to_contain_text("Error: ")
    assert [row[5] for row in events] == [*(f"Event {i}" for i in range(20)), "all sent"]
    expect(page.locator("#events .state")).to_contain_text("20 of 20 came, none twice.")
    assert {url.split("/8000/")[1] for url in page.asked} == {
        "?secret=abc",
        "probe?n=5&every=0.1&secret=abc",
        "probe?n=20&every=0.1&secret=abc",
        "probe?n=1&every=0&secret=abc",
        "relay?secret=abc",
        f"cut?name={page.evaluate('run.name')}&secret=abc",
    }


def test_over_the_relay_a_stream_without_an_end_event_ends_by_a_204(visit):
    with served(collecting=True) as server:
        page = visit(server.url)
        start(page, 3, finish="")
        both_end(page)
        expect(page.locator("#events .state")).to_contain_text("got a 204")
        start(page, source="csv")
        fetched, events = both_end(page)
        assert fetched and not events
        start(page, 1000, source="lines")
        come(page, 2)
        page.click("#stop")
        expect(page.locator("#status")).to_contain_text("Stopped.")
        server.requests.wait_for_all()
        name = page.evaluate("run.name")
        left = httpx.post(f"{server.url}/cut?name={name}", **PATIENT).json()
        assert left == {"cut": 0}


def test_the_relay_s_event_source_reads_as_a_browser_does(visit, url):
    page = visit(url)
    cases = json.loads(VECTORS.read_text("utf-8"))["vectors"]
    assert len(cases) > 90
    wrong = []
    for case in cases:
        got = page.evaluate(
            """async (base64) => {
                const bytes = Uint8Array.from(atob(base64), (c) => c.charCodeAt(0));
                const got = [], dispatchEvent = (event) =>
                    got.push([event.type, event.data, event.lastEventId]);
                const reader = new Response(bytes).body.pipeThrough(new TextDecoderStream());
                await RelayedEventSource.prototype.read.call(
                    {last: "", readyState: 1, dispatchEvent}, reader.getReader());
                return got;
            }""",
            case["input_b64"],
        )
        due = [[one["event"], one["data"], one["id"]] for one in case["events"]]
        if got != due:
            wrong.append((case["name"], got, due))
    assert wrong == []


def test_a_secret_goes_along_and_is_not_shown(visit, url):
    page = visit(f"{url}/?secret=s%26cret")
    start(page, 2, finish="")
    both_end(page)
    assert len(page.asked) >= 4 and all("secret=s%26cret" in url for url in page.asked)
    assert "cret" not in page.locator("body").inner_text()


def test_a_server_that_is_gone_is_said(visit):
    with Server(app) as server:
        page = visit(server.url, expected=["net::ERR_"])
        start(page, 1000)
        come(page, 2)
    expect(page.locator("#status")).to_contain_text(GONE)
    page.wait_for_timeout(1500)
    expect(page.locator("#status")).to_contain_text(GONE)
    page.get_by_role("button", name="Start").click()
    expect(page.locator("#fetch .state")).to_have_text("The server is gone.")


def test_a_server_that_is_back_is_used(visit):
    with Server(app) as server:
        page = visit(server.url, expected=["net::ERR_"])
    start(page)
    expect(page.locator("#status")).to_contain_text(GONE)
    with Server(app) as again:
        page.route("**/*", lambda route: route.continue_())
        page.goto(again.url)
        start(page, 2)
        both_end(page)
    page.asked = [url for url in page.asked if url.startswith(server.url)]


def test_its_headers_let_in_nothing_from_elsewhere(url):
    first, second = (httpx.get(url, **PATIENT) for _ in range(2))
    policy = first.headers["content-security-policy"]
    nonce = re.search("script-src 'nonce-([^']+)'", policy)[1]
    assert policy != second.headers["content-security-policy"]
    assert policy.startswith("default-src 'none';") and "connect-src 'self';" in policy
    assert "unsafe" not in policy
    let_in = re.findall(f'<(?:script|style)[^>]* nonce="{nonce}"', first.text)
    assert first.text.count("<script") + first.text.count("<style") == len(let_in) == 6
    assert first.headers["x-content-type-options"] == "nosniff"
    assert first.headers["referrer-policy"] == "no-referrer"
    assert not re.search(
        "https?://|innerHTML|insertAdjacentHTML|document.write",
        first.text.replace("http://www.w3.org/2000/svg", ""),
    )


# ---- In Firefox ----


class Firefox:
    """As much of WebDriver BiDi as it takes to open a page and to evaluate in it."""

    def __init__(self, socket):
        self.socket = socket
        self.ask("session.new", capabilities={})
        self.context = self.ask("browsingContext.getTree")["contexts"][0]["context"]

    def ask(self, method, **params):
        self.socket.send(json.dumps({"id": 1, "method": method, "params": params}))
        answer = json.loads(self.socket.recv(timeout=60))
        while answer["type"] == "event":
            answer = json.loads(self.socket.recv(timeout=60))
        assert answer["type"] == "success", answer
        return answer["result"]

    def goto(self, url):
        self.ask("browsingContext.navigate", context=self.context, url=url, wait="complete")

    def evaluate(self, expression):
        target = {"context": self.context}
        code = f"(async () => JSON.stringify(await ({expression})))()"
        result = self.ask("script.evaluate", expression=code, target=target, awaitPromise=True)
        assert result["type"] == "success", result
        return json.loads(result["result"].get("value", "null"))

    def wait_for(self, expression):
        for _ in range(300):
            if self.evaluate(expression):
                return
            time.sleep(0.1)
        pytest.fail(f"{expression}: {self.evaluate('document.body.innerText')}")


@pytest.fixture(scope="module")
def firefox(tmp_path_factory):
    client = pytest.importorskip("websockets.sync.client")
    command = shutil.which("firefox-esr") or shutil.which("firefox")
    if not command:
        pytest.skip("this machine has no Firefox")
    folder = tmp_path_factory.mktemp("firefox")
    options = ["--headless", "--no-remote", "--profile", folder, "--remote-debugging-port", "0"]
    with (folder / "log").open("w") as log:
        process = subprocess.Popen([command, *options], stderr=log, stdout=log, env=NO_PROXIES)
    try:
        for _ in range(300):
            if found := re.search(r"listening on (ws://\S+)", (folder / "log").read_text()):
                break
            time.sleep(0.1)
        else:
            pytest.skip("this Firefox does not offer WebDriver BiDi")
        with client.connect(f"{found[1]}/session", proxy=None, max_size=None) as socket:
            yield Firefox(socket)
    finally:
        process.terminate()
        process.wait(timeout=LONG)


def run_in_firefox(firefox, count, cut_after=None):
    firefox.evaluate(f"(({CUT_AT})({[cut_after] if cut_after else []}), 0)")
    firefox.evaluate(f"($('count').value = {count}, $('every').value = 0.2, start(), 0)")
    firefox.wait_for("$('status').textContent.startsWith('Both have ended')")
    return [firefox.evaluate(f"({ROWS})('{id}')") for id in ("fetch", "events")]


def test_firefox_fills_both_while_they_come(firefox, url):
    firefox.goto(url)
    fetched, events = run_in_firefox(firefox, 5)
    assert "".join(row[4] for row in fetched) == "".join(rf"Chunk {i}\n" for i in range(5))
    assert len(events) == 6
    firefox.evaluate("($('count').value = 1000, start(), 0)")
    firefox.wait_for("left.times.length >= 3 && right.times.length >= 3")


def test_firefox_resumes_after_a_cut(firefox, url):
    firefox.goto(url)
    fetched, events = run_in_firefox(firefox, 20, cut_after=3)
    assert 1 <= len(fetched) < 20
    assert "Error: " in firefox.evaluate("left.text")
    assert "20 of 20 came, none twice" in firefox.evaluate("right.text")
    assert [row[5] for row in events] == [*(f"Event {i}" for i in range(20)), "all sent"]


def test_firefox_takes_the_relay_too(firefox):
    with served(collecting=True) as server:
        firefox.goto(server.url)
        fetched, events = run_in_firefox(firefox, 20, cut_after=3)
        assert firefox.evaluate("relayed")
    assert 1 <= len(fetched) < 20 and len(events) == 21


def test_firefox_fits_and_takes_the_notebook_s_theme(firefox, url):
    """`light-dark`, subgrid and `column-reverse` in another browser."""
    firefox.goto(url)
    run_in_firefox(firefox, 40)
    last = "document.querySelector('#events tbody tr:last-child').getBoundingClientRect().bottom"
    assert firefox.evaluate(f"{last} <= innerHeight")
    body = "getComputedStyle(document.body).backgroundColor"
    for theme, color in (("dark", "rgb(17, 17, 17)"), ("light", "rgb(255, 255, 255)")):
        assert firefox.evaluate(f"(look.colorScheme = '{theme}', {body})") == color


def test_firefox_says_that_the_server_is_gone(firefox):
    with Server(app) as server:
        firefox.goto(server.url)
        firefox.evaluate("($('count').value = 1000, start(), 0)")
        firefox.wait_for("right.times.length > 1")
    firefox.wait_for(f"$('status').textContent.startsWith('{GONE}')")
