"""What the page says of the server: served again, gone, refusing, too busy, cutting."""

import json
import threading
from contextlib import ExitStack
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from between import Buffering, between
from lab import start
from playwright.sync_api import expect
from waiting import LONG, wait_until
from websockets.sync.client import connect

from labserver import relay, serve
from labserver.app import app


@pytest.fixture
def server():
    with serve(app) as server:
        yield server


@pytest.fixture(params=["direct", "held back"])
def address(request, server):
    """Where a browser reaches the server: directly, or where HTTP is held back."""
    if request.param == "direct":
        yield server.url
    else:
        with between(Buffering, server.port) as port:
            yield f"http://127.0.0.1:{port}"


def come(page, count):
    """Wait until EventSource has handed out so many."""
    page.locator(f"#events tbody tr:nth-child({count})").wait_for(state="attached")


def said(page):
    """What #status has said since this was first asked, one after another."""
    return page.evaluate("""() => window.said ??= (() => {
        const said = [], status = document.getElementById("status");
        new MutationObserver(() => said.push(status.textContent))
            .observe(status, {childList: true, characterData: true, subtree: true});
        return said;
    })()""")


def test_an_app_that_is_served_again_finds_event_source_back(address, server, page):
    page.goto(address)
    assert page.evaluate("patience") == 2000, "milliseconds: four times what serve() takes"
    page.evaluate("patience = 60000")  # on a machine that is busy with tests
    said(page)
    start(page, 30, 0.1)
    come(page, 3)
    with serve(app) as again:
        assert again.url == server.url
        expect(page.locator("#status")).to_contain_text("Both have ended")
        expect(page.locator("#events .state")).to_contain_text("30 of 30 came, none twice.")
        expect(page.locator("#fetch .state")).to_contain_text("fetch does not ask again")
        assert page.locator("#timeline text", has_text="back").count() == 1
    assert not [text for text in said(page) if "gone" in text]


def test_a_server_that_does_not_come_back_is_gone(address, server, page):
    page.goto(address)
    start(page, 1000, 0.1)
    come(page, 3)
    server.stop()
    expect(page.locator("#status")).to_contain_text("The server is gone. Start it again")
    for pane in ("fetch", "events"):
        expect(page.locator(f"#{pane} .state")).to_have_text("The server is gone.")
    with serve(app):
        start(page, 3, 0.1)
        expect(page.locator("#status")).to_contain_text("Both have ended")


def test_in_a_notebook_the_way_back_is_to_run_its_cells(server, page):
    page.goto(server.url + "/nothing")
    page.set_content(f'<iframe src="{server.url}/"></iframe>')
    inside = page.frame_locator("iframe")
    start(inside, 1000, 0.1)
    inside.locator("#events tbody tr").first.wait_for(state="attached")
    server.stop()
    expect(inside.locator("#status")).to_contain_text(
        "Run this notebook's cells from the top down to this one."
    )


def test_a_relay_that_is_refused_says_why(server, page):
    with between(Buffering, server.port) as port, ExitStack() as stack:
        page.goto(f"http://127.0.0.1:{port}")
        expect(page.locator("#held")).to_contain_text("WebSocket")
        ours = server.url.replace("http", "ws") + "/relay"
        for _ in range(relay.RELAYS):
            wire = stack.enter_context(
                connect(ours, origin=server.url, proxy=None, open_timeout=LONG)
            )
            wire.send(json.dumps({"path": "/stream?count=1000&every=1"}))
            wire.recv(LONG)
        start(page, 5, 0.1)
        reason = f"{relay.RELAYS} relays are open already"
        expect(page.locator("#fetch .state")).to_contain_text(f"Error: {reason}")
        expect(page.locator("#events .state")).to_contain_text(f"Refused: {reason}")
        stack.close()
        expect(page.locator("#events .state")).to_contain_text("5 of 5 came, none twice.")


def test_the_cut_says_how_many_connections_it_cut(address, page):
    page.goto(address)
    start(page, 1000, 0.1)
    come(page, 2)
    page.get_by_role("button", name="Cut the line").click()
    expect(page.locator("#status")).to_contain_text("The server cut 2 connections.")
    expect(page.locator("#events .state")).to_contain_text("Back by itself.")
    page.get_by_role("button", name="Cut the line").click()
    expect(page.locator("#status")).to_contain_text("The server cut 1 connection.")


def test_a_request_that_does_not_begin_names_the_limit_of_six(server, page):
    window = page.context.browser.new_context()
    pages = [window.new_page() for _ in range(4)]
    for one in pages:
        one.goto(server.url)
        wait_until(partial(one.evaluate, "relayed === false"))
    *others, last = pages
    for one in others:
        start(one, 1000, 1)
        come(one, 1)
        expect(one.locator("#held")).to_be_empty()
    start(last, 3, 0.1)
    expect(last.locator("#held")).to_contain_text("no answer for 3 s")
    expect(last.locator("#held")).to_contain_text("six connections")
    others[0].get_by_role("button", name="Stop").click()
    expect(last.locator("#status")).to_contain_text("Both have ended")
    expect(last.locator("#held")).to_be_empty()
    window.close()


@pytest.mark.parametrize(("host", "shown"), [("127.0.0.1", True), ("lab.test", False)])
def test_a_page_on_this_machine_may_frame_it_and_no_other(host, shown, page):
    """JupyterLab has a port of its own. Another site would let a click start what it hides."""

    class Framing(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(f'<iframe src="{server.url}/"></iframe>'.encode())

        def log_message(self, *told):
            pass

    with serve(app) as server, ThreadingHTTPServer(("127.0.0.1", 0), Framing) as other:
        threading.Thread(target=other.serve_forever).start()
        try:
            page.goto(f"http://{host}:{other.server_port}/")
            inside = page.frames[1]
            inside.wait_for_load_state()
            assert (inside.query_selector("#form") is not None) == shown
        finally:
            other.shutdown()
