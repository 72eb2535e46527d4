"""show, the guard, the probe and the relay: over sockets, and in Chromium under JupyterLab."""

import asyncio
import json
import logging
import socket
import socketserver
import subprocess
import sys
import threading
import time
from contextlib import ExitStack, contextmanager, suppress
from urllib.parse import urlsplit

import httpx
import nbformat
import pytest
from conftest import NO_PROXIES
from fastapi import FastAPI, Response
from fastapi.responses import StreamingResponse
from playwright.sync_api import expect, sync_playwright
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

from labserver import record, relay, serve, show
from labserver.app import app as finished
from labserver.guard import KNOCK, SECRET
from labserver.server import Server


@pytest.fixture
def url():
    with Server(finished) as server:
        yield server.url


def get(url, **headers):
    return httpx.get(url, headers=headers, trust_env=False)


# The guard


def status_of(url, *lines, path="/stream?count=1"):
    """The status that a server answers to a request written out by hand."""
    asked = "\r\n".join([f"GET {path} HTTP/1.1", *lines, "Connection: close", "", ""])
    with socket.create_connection(("127.0.0.1", urlsplit(url).port)) as line:
        line.sendall(asked.encode())
        return int(line.makefile("rb").readline().split()[1])


@pytest.mark.parametrize("name", ["127.0.0.1", "localhost", "LocalHost", "[::1]"])
def test_its_own_addresses_pass(name, url):
    """With its port, or the one that a tunnel or a proxy on this machine gives it."""
    for port in (f":{urlsplit(url).port}", ":8000", ""):
        assert status_of(url, f"Host: {name}{port}") == 200


@pytest.mark.parametrize(
    "lines",
    [
        ["Host: evil.example"],
        ["Host: evil.example:{port}"],
        ["Host: 127.0.0.1.evil.example:{port}"],
        ["Host: 127.0.0.1.:{port}"],
        ["Host: 127.0.0.1:{port}.evil.example"],
        ["Host: 127.0.0.1:{port}@evil.example"],
        ["Host: x@127.0.0.1:{port}"],
        ["Host: "],
        [],
        ["Host: 127.0.0.1:{port}", "Host: evil.example"],
        ["Host: evil.example", "Host: 127.0.0.1:{port}"],
        ["Host: evil.example", "X-Forwarded-Host: 127.0.0.1:{port}"],
        ["Host: evil.example", "Forwarded: host=127.0.0.1:{port}", "X-Forwarded-For: 127.0.0.1"],
        ["Host: evil.example", "Cookie: secret={secret}", "Referer: http://x/?secret={secret}"],
    ],
)
@pytest.mark.parametrize("upgrade", [[], ["Upgrade: websocket", "Sec-WebSocket-Version: 13"]])
def test_a_foreign_host_does_not(lines, upgrade, url):
    """What DNS rebinding sends, and what a page could add to it."""
    lines = [line.format(port=urlsplit(url).port, secret=SECRET) for line in lines]
    assert status_of(url, *lines, *upgrade) in (421, 400, 403)
    assert status_of(url, *lines, *upgrade, path=f"{url}/stream?count=1") in (421, 400, 403)


def test_a_refusal_is_one_plain_line(url):
    answer = get(url, Host="evil.example")
    assert answer.status_code == 421
    assert answer.text == f"This server answers only as {url}\n"
    with pytest.raises(InvalidStatus) as caught, relaying(url, Host="evil.example"):
        pass
    assert caught.value.response.status_code == 403


@pytest.mark.parametrize("secret", ["", "x", SECRET[:-1], SECRET + "x", "é"])
def test_a_foreign_host_passes_with_the_secret_alone(secret, url):
    path, host = "/stream?count=1&secret=", "Host: hub.example"
    assert status_of(url, host, path=path + secret) in (421, 400)
    assert status_of(url, host, path=path + SECRET) == 200


def test_behind_a_hub_any_host_passes(url, monkeypatch):
    monkeypatch.setenv("JUPYTERHUB_SERVICE_PREFIX", "/user/x/")
    assert status_of(url, "Host: hub.example") == 200


def test_no_answer_is_for_other_origins_but_the_one_to_the_knock(url):
    for path in ("/", "/probe", "/stream", "/sse", "/relay", "/nothing", "/stream?count=-1"):
        answer = get(url + path, Origin="http://evil.example")
        assert not [name for name in answer.headers if name.startswith("access-control")]
    knock = get(url + KNOCK, Host="hub.example", Origin="http://evil.example")
    assert (knock.status_code, knock.content) == (204, b"")
    assert knock.headers["access-control-allow-origin"] == "*"


def test_no_file_is_served_whatever_the_path(url):
    for dots in ("..", "%2e%2e", "..%2f..", "%2e%2e%2f%2e%2e", "..%5c..", "%252e%252e", ".%00."):
        for file in ("etc/passwd", "requirements.txt", "app.py", "page.html", "labserver/app.py"):
            for start in ("/", "//", "/static/", "/download/", "/probe/"):
                assert status_of(url, f"Host: {url[7:]}", path=f"{start}{dots}/{file}") in (
                    400,
                    404,
                )


def test_no_cookie_and_no_token_is_shown(capfd, caplog):
    """Not by record, not by the server's log, however chatty the root logger is."""
    caplog.set_level(logging.DEBUG)
    app = FastAPI()
    app.include_router(relay.router)

    @app.get("/wrong")
    def wrong(response: Response):
        response.set_cookie("session", "hidden")
        raise ZeroDivisionError

    headers = {"Cookie": "_xsrf=hidden", "Authorization": "Bearer hidden"}
    with serve(app) as server:
        assert record("/wrong", headers=headers).response.status_code == 500
        assert record("/nothing", headers=headers).response.status_code == 404
        with pytest.raises(ConnectionError) as caught:  # read from a file, with its line end
            record("/nothing", headers={"Authorization": "Bearer hidden\n"})
        assert "hidden" not in str(caught.value)
        with relaying(server.url, path="/relay?secret=hidden", **headers) as wire:
            wire.send('{"path": "/wrong?secret=hidden"}')
            assert json.loads(list(wire)[-1]) == {"end": "whole"}
        with suppress(InvalidStatus), relaying(server.url, "http://x", **headers):
            pass
    assert "ZeroDivisionError" in server.log
    of_server = [entry.getMessage() for entry in caplog.records if "uvicorn" in entry.name]
    assert "hidden" not in "".join([*of_server, server.log, *capfd.readouterr()])


# The probe


def test_the_probe_comes_piece_by_piece(url):
    recording = record(url + "/probe?n=4&every=0.05", quiet=True)
    assert [chunk.data for chunk in recording.chunks] == [b"0\n", b"1\n", b"2\n", b"3\n"]
    assert len({round(chunk.at, 2) for chunk in recording.chunks}) == 4
    assert get(url + "/probe?n=1000").status_code == 422
    assert get(url + "/probe?every=60").status_code == 422


# The relay


@contextmanager
def relaying(url, origin=None, path="/relay", **headers):
    """A WebSocket to the relay, from the server's own page unless said otherwise."""
    address = url.replace("http", "ws") + path
    origin = origin or url
    options = {"additional_headers": headers, "proxy": None, "open_timeout": 10}
    host = headers.pop("Host", None)
    if host:  # the client writes that header itself, from the address
        address, options["sock"] = (
            f"ws://{host}{path}",
            socket.create_connection(("127.0.0.1", urlsplit(url).port)),
        )
    with connect(address, origin=None if origin == "none" else origin, **options) as wire:
        yield wire


def relayed(url, asked, **options):
    """What the relay answers to a message: its JSON messages, and the pieces between."""
    with relaying(url, **options) as wire:
        wire.send(asked if isinstance(asked, str | bytes) else json.dumps(asked))
        messages = list(wire)
    pieces = [message for message in messages if isinstance(message, bytes)]
    return [json.loads(message) for message in messages if isinstance(message, str)], pieces


@pytest.mark.parametrize("path", ["/plain-stream?count=3&every=0.05", "/sse?count=3&every=0.05"])
def test_the_relay_hands_on_the_same_pieces(path, url):
    direct = record(url + path, quiet=True)
    headers = {"Accept": "text/event-stream"}
    (start, end), pieces = relayed(url, {"method": "GET", "path": path, "headers": headers})
    assert start["status"] == 200
    assert start["headers"]["content-type"] == direct.response.headers["content-type"]
    assert pieces == [chunk.data for chunk in direct.chunks]
    assert end == {"end": "whole"}


def test_the_relay_passes_on_what_a_page_may_say(url):
    (start, end), pieces = relayed(
        url, {"path": "/events?count=3&every=0", "headers": {"Last-Event-ID": "2"}}
    )
    assert b"".join(pieces).startswith(b"id: 3\r\n") and end == {"end": "whole"}
    (start, end), pieces = relayed(
        url, {"path": "/events?count=3", "headers": {"Last-Event-ID": "3"}}
    )
    assert (start["status"], pieces) == (204, [])
    post = {"method": "POST", "path": "/notifications", "body": '"x"'}
    (start, end), pieces = relayed(url, post | {"headers": {"Content-Type": "application/json"}})
    assert start["status"] == 202 and json.loads(b"".join(pieces)) == {"listeners": 0}


class Gated:
    """An app with the relay, whose stream says "first", waits for `opened`, and then ends."""

    def __init__(self, then=None):
        self.opened, self.finished = asyncio.Event(), threading.Event()
        self.then = then
        self.app = FastAPI()
        self.app.include_router(relay.router)
        self.app.get("/")(self.stream)
        self.app.post("/open")(self.open)

    async def open(self):
        self.opened.set()

    async def stream(self):
        async def pieces():
            try:
                yield "first"
                await self.opened.wait()
                if self.then:
                    raise self.then
                yield "last"
            finally:
                self.finished.set()

        return StreamingResponse(pieces(), headers={"Set-Cookie": "session=hidden"})


def test_the_relay_hands_on_each_piece_when_it_comes():
    gated = Gated()
    with Server(gated.app) as server, relaying(server.url) as wire:
        wire.send('{"path": "/"}')
        start = json.loads(wire.recv(10))
        assert start["status"] == 200 and "set-cookie" not in start["headers"]
        assert wire.recv(10) == b"first" and not gated.finished.is_set()
        httpx.post(server.url + "/open", trust_env=False)
        assert [*wire] == [b"last", '{"end":"whole"}']


def test_a_stream_that_is_cut_is_said():
    gated = Gated(then=ZeroDivisionError("on purpose"))
    gated.opened.set()
    with Server(gated.app) as server:
        (_, end), pieces = relayed(server.url, {"path": "/"})
    assert pieces == [b"first"] and end["end"] == "cut" and "incomplete" in end["reason"]


@pytest.mark.parametrize("leave", [lambda wire: wire.close(), lambda wire: wire.send("second")])
def test_who_leaves_or_asks_twice_ends_the_request(leave):
    gated = Gated()
    with Server(gated.app) as server:
        with relaying(server.url) as wire:
            wire.send('{"path": "/"}')
            assert wire.recv(10) and wire.recv(10)
            leave(wire)
            assert gated.finished.wait(10)
        assert not server.log


def test_stop_ends_what_is_relayed():
    gated = Gated()
    server = serve(gated.app)
    with relaying(server.url) as wire:
        wire.send('{"path": "/"}')
        assert wire.recv(10) and wire.recv(10)
        server.stop()
        assert gated.finished.is_set() and not server._thread.is_alive()
        with pytest.raises(ConnectionClosed):
            wire.recv(10)
    assert not server.log
    assert not relay._relays


def test_the_relay_waits_for_a_page_that_does_not_read():
    handed = []
    app = FastAPI()
    app.include_router(relay.router)

    async def flood():
        while True:
            handed.append(65536)
            yield bytes(65536)
            await asyncio.sleep(0)

    app.get("/flood")(lambda: StreamingResponse(flood()))
    upgrade = [
        *("Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Version: 13"),
        "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==",
    ]
    with Server(app) as server, socket.create_connection(("127.0.0.1", server.port)) as wire:
        lines = ["GET /relay HTTP/1.1", f"Host: {server.url[7:]}", f"Origin: {server.url}"]
        wire.sendall("\r\n".join([*lines, *upgrade, "", ""]).encode())
        assert b" 101 " in wire.recv(1024)
        asked = b'{"path": "/flood"}'
        wire.sendall(bytes([0x81, 0x80 | len(asked), 0, 0, 0, 0]) + asked)  # RFC 6455, 5.2
        ahead = -1
        while ahead != len(handed) or not handed:
            ahead = len(handed)
            time.sleep(0.3)
        assert sum(handed) < 64 * 2**20


@pytest.mark.parametrize("origin", ["none", "null", "http://evil.example", "http://127.0.0.1:1"])
def test_the_relay_is_for_its_own_page(origin, url):
    with pytest.raises(InvalidStatus) as caught, relaying(url, origin):
        pass
    assert caught.value.response.status_code == 403


def test_the_relay_is_for_a_page_behind_a_proxy_too(url):
    path = f"/relay?secret={SECRET}"
    (start, _), _ = relayed(
        url,
        {"path": "/stream?count=1"},
        origin="https://hub.example",
        path=path,
        Host="hub.example",
    )
    assert start["status"] == 200


@pytest.mark.parametrize(
    "asked",
    [
        {"path": "http://evil.example/"},
        {"path": "//evil.example/"},
        {"path": "@evil.example/"},
        {"path": ":1/"},
        {"path": "/\r\nHost: evil.example"},
        {"path": "/ HTTP/1.1\r\n\r\nGET /stream"},
        {"path": "/é"},
        {"path": ""},
        {"path": "/relay"},
        {"path": "/%72elay?x"},
        {"path": "/stream", "method": "PUT"},
        {"path": "/stream", "method": "GET /cut HTTP/1.1"},
        {"path": "/stream", "headers": {"Host": "evil.example"}},
        {"path": "/stream", "headers": {"Cookie": "x"}},
        {"path": "/stream", "headers": {"Transfer-Encoding": "chunked"}},
        {"path": "/stream", "headers": {"Accept": "x\r\nCookie: x"}},
        {"path": "/stream", "headers": {"Accept": "é\n"}},
        {"path": "/stream", "host": "evil.example"},
        {"path": "/stream?" + "x" * 20_000},
        {"method": "GET"},
        ["/stream"],
        "GET /stream",
        "",
        b"\xff",
    ],
)
def test_the_relay_cannot_be_pointed_elsewhere(asked, url):
    messages, pieces = relayed(url, asked)
    assert [list(message) for message in messages] == [["end", "reason"]] and not pieces
    assert messages[0]["end"] == "cut" and "\n" not in messages[0]["reason"]


def test_few_relays_at_a_time():
    gated = Gated()
    with Server(gated.app) as server, ExitStack() as stack:
        for _ in range(relay.RELAYS):
            stack.enter_context(relaying(server.url)).send('{"path": "/"}')
        with relaying(server.url) as wire, pytest.raises(ConnectionClosed) as caught:
            wire.recv(10)
        assert caught.value.rcvd.code == 1013


# show


def test_show_needs_a_server_and_a_path():
    serve(FastAPI()).stop()
    with pytest.raises(RuntimeError, match="serve an app first"):
        show("/")
    with serve(finished) as server:
        for path in ("", "page", "//evil.example/", "http://evil.example/", None):
            with pytest.raises(ValueError, match="starts with one /"):
                show(path)
        assert repr(show("/?a=1")) == f"<Page {server.url}/?a=1>"


def test_what_is_shown_without_a_script_is_a_link(monkeypatch):
    with serve(finished) as server:
        shown = show('/a"b</script>?x=1&y#z')._repr_html_()
        assert (
            f'href="{server.url}/a&quot;b&lt;/script&gt;?x=1&amp;y&amp;secret={SECRET}#z"' in shown
        )
        assert shown.count("</script>") == 1
        assert "run the first cell again" in " ".join(shown.split())
        monkeypatch.setenv("JUPYTERHUB_SERVICE_PREFIX", "/user/x/")
        assert f'href="/user/x/proxy/{server.port}/?secret={SECRET}"' in show()._repr_html_()


# In Chromium, under JupyterLab

OURS = ["from labserver import serve, show", "from labserver.app import app"]
FRAME = "iframe[title^='A page of the server']"
QUIET = {  # no question, no news, and every cell in the document
    "apputils-extension/notification": {"fetchNews": "false", "checkForUpdates": False},
    "notebook-extension/tracker": {"windowingMode": "none"},
}


class Lab:
    """A JupyterLab of its own, with one notebook that serves the finished app and shows `/`."""

    def __init__(self, folder, base_url="/", token="", proxy=True):
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        self.base_url, self.token, self.folder = base_url, token, folder / "notebooks"
        self.folder.mkdir()
        for name, setting in QUIET.items():
            file = folder / f"config/lab/user-settings/@jupyterlab/{name}.jupyterlab-settings"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(json.dumps(setting))
        self.write("one.ipynb", "\n".join([*OURS, "server = serve(app)"]), 'show("/")')
        options = {
            "ServerApp": {
                "port": self.port,
                "base_url": base_url,
                "local_hostnames": ["localhost", "lab.test"],
                "root_dir": str(self.folder),
                "open_browser": False,
                "allow_root": True,
                "jpserver_extensions": {"jupyter_server_proxy": proxy},
            },
            "IdentityProvider": {"token": token},
        }
        (folder / "config/jupyter_server_config.json").write_text(json.dumps(options))
        places = {f"JUPYTER_{name.upper()}_DIR": folder / name for name in ("config", "data")}
        places |= {"JUPYTER_RUNTIME_DIR": folder / "runtime", "IPYTHONDIR": folder / "ipython"}
        self.log = (folder / "log").open("w")
        self.process = subprocess.Popen(
            [sys.executable, "-m", "jupyterlab"],
            env=NO_PROXIES | {name: str(place) for name, place in places.items()},
            stdout=self.log,
            stderr=subprocess.STDOUT,
        )
        for _ in range(600):
            with suppress(httpx.ConnectError):
                if self.api("GET", "status").status_code == 200:
                    return
            time.sleep(0.1)
        self.stop()
        pytest.fail((folder / "log").read_text())

    def write(self, name, *cells):
        notebook = nbformat.v4.new_notebook(cells=[*map(nbformat.v4.new_code_cell, cells)])
        notebook.metadata.kernelspec = {"name": "python3", "display_name": "Python 3"}
        nbformat.write(notebook, self.folder / name)

    def api(self, method, path):
        url = f"http://127.0.0.1:{self.port}{self.base_url}api/{path}"
        headers = {"Authorization": f"token {self.token}"} if self.token else {}
        return httpx.request(method, url, headers=headers, trust_env=False, timeout=20)

    def stop_kernels(self):
        for kernel in self.api("GET", "kernels").json():
            self.api("DELETE", f"kernels/{kernel['id']}")

    def stop(self):
        with suppress(httpx.HTTPError):
            self.stop_kernels()
        self.process.kill()
        self.process.wait(20)
        self.log.close()


@pytest.fixture(scope="module")
def hub_like(chromium, tmp_path_factory):
    """JupyterLab as a hub starts it: under a base URL, with a token, with the proxy."""
    lab = Lab(tmp_path_factory.mktemp("hub_like"), "/user/x/", "t0ken")
    yield lab
    lab.stop()


@pytest.fixture(scope="module")
def bare(chromium, tmp_path_factory):
    """JupyterLab as at home, with the proxy turned off."""
    lab = Lab(tmp_path_factory.mktemp("bare"), proxy=False)
    yield lab
    lab.stop()


@pytest.fixture(scope="module")
def browser(chromium):
    flags = "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-component-update"
    flags += " --disable-background-networking --disable-sync"
    resolve = "--host-resolver-rules=MAP lab.test 127.0.0.1"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chromium, args=[*flags.split(), resolve]
        )
        yield browser
        browser.close()


def note_error(page, said):
    # The proxy's own extension asks for this, wherever it is installed but turned off.
    if said.type == "error" and "/servers-info" not in said.location["url"]:
        page.errors.append(f"{said.text} {said.location['url']}")


@pytest.fixture
def page(browser):
    page = browser.new_page(viewport={"width": 1250, "height": 1500})
    page.errors = []
    page.on("console", lambda said: note_error(page, said))
    page.on("pageerror", lambda error: page.errors.append(str(error)))
    page.set_default_timeout(60_000)
    expect.set_options(timeout=60_000)
    yield page
    page.close()


def open_notebook(page, lab, host="127.0.0.1", port=0, name="one.ipynb"):
    at = f"http://{host}:{port or lab.port}{lab.base_url}lab/tree/{name}"
    page.goto(f"{at}?reset&token={lab.token}")
    expect(page.locator(".jp-NotebookPanel .jp-CodeCell")).not_to_have_count(0)


def run_all(page):
    # Before the kernel is there, Run All does nothing.
    expect(page.locator("#jp-main-statusbar")).to_contain_text("| Idle")
    choose(page, "Run", "Run All Cells")


def choose(page, menu, item):
    page.click(f".lm-MenuBar-item:has-text('{menu}')")
    page.click(f".lm-Menu-item:has-text('{item}')")


def shown(page):
    """The page inside the notebook, once it is there."""
    expect(page.locator(FRAME)).to_be_visible()
    return page.frame_locator(FRAME)


WATCH = """() => {
  window.seen = {fetch: new Set(), events: new Set()};
  for (const id in seen) new MutationObserver(() => seen[id].add(
    document.querySelectorAll(`#${id} tbody tr`).length)
  ).observe(document.getElementById(id), {childList: true, subtree: true});
}"""


def see_streams(inside, page, count=5):
    """Both panes fill, one by one: each number of rows is seen, and no two rows at one time."""
    inside.get_by_label("How many").fill(str(count))
    inside.get_by_label("Every (s)").fill("0.3")
    frame = page.frames[-1]
    frame.evaluate(WATCH)
    inside.get_by_role("button", name="Start").click()
    for pane, rows in (("fetch", count), ("events", count + 1)):
        expect(inside.locator(f"#{pane} tbody tr")).to_have_count(rows)
        numbers = frame.evaluate(f"() => [...seen.{pane}]")
        assert {*range(1, count + 1)} <= {*numbers}, (pane, numbers)
        gaps = inside.locator(f"#{pane} tbody td:nth-child(3)").all_inner_texts()[1:count]
        assert min(map(float, gaps)) > 0


@pytest.mark.parametrize("name", ["hub_like", "bare"])
def test_on_this_machine_the_page_is_asked_directly(name, page, request):
    lab = request.getfixturevalue(name)
    open_notebook(page, lab)
    run_all(page)
    inside = shown(page)
    see_streams(inside, page)
    assert page.locator(FRAME).get_attribute("src").startswith("http://127.0.0.1:")
    assert "secret" not in page.locator(FRAME).get_attribute("src")
    expect(inside.locator("#held")).to_be_empty()
    assert not page.errors


def test_what_another_server_says_on_that_port_is_not_believed(page, hub_like):
    """Through an SSH tunnel, Jupyter is on loopback, and 127.0.0.1 is another machine."""
    page.route(
        lambda url: url.startswith("http://127.0.0.1:") and "/user/x/" not in url,
        lambda route: route.fulfill(body="here", headers={"Access-Control-Allow-Origin": "*"}),
    )
    open_notebook(page, hub_like)
    run_all(page)
    expect(shown(page).get_by_role("button", name="Start")).to_be_visible()
    assert "/user/x/proxy/" in page.locator(FRAME).get_attribute("src")
    assert not page.errors


def test_from_elsewhere_it_goes_through_the_proxy(page, hub_like):
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    open_notebook(page, hub_like, "lab.test")
    run_all(page)
    inside = shown(page)
    see_streams(inside, page)
    base = f"http://lab.test:{hub_like.port}/user/x/proxy/"
    assert page.locator(FRAME).get_attribute("src").startswith(base)
    assert not [url for url in asked if "127.0.0.1" in url], "a browser would ask for leave"
    expect(inside.locator("#held")).to_be_empty()
    assert not page.errors


class Buffering(socketserver.StreamRequestHandler):
    """A proxy that holds back each response until it is whole, but not a WebSocket."""

    def handle(self):
        head = [*iter(lambda: self.rfile.readline().strip(), b"")]
        headers = dict(line.lower().split(b": ", 1) for line in head[1:])
        body = self.rfile.read(int(headers.get(b"content-length", 0)))
        with socket.create_connection(("127.0.0.1", self.server.target)) as target:
            if headers.get(b"upgrade") == b"websocket":
                target.sendall(b"\r\n".join([*head, b"", b""]))
                threading.Thread(target=self.copy, args=(self.connection, target)).start()
                self.copy(target, self.connection)
            elif head:
                head = [line for line in head if not line.lower().startswith(b"connection:")]
                target.sendall(b"\r\n".join([*head, b"Connection: close", b"", body]))
                whole = b"".join(iter(lambda: target.recv(65536), b""))
                with suppress(OSError):
                    self.wfile.write(whole)

    def copy(self, source, target):
        with suppress(OSError):
            for data in iter(lambda: source.recv(65536), b""):
                target.sendall(data)
            target.shutdown(socket.SHUT_RDWR)


@pytest.fixture
def buffering(hub_like):
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Buffering) as server:
        server.daemon_threads, server.block_on_close = True, False
        server.target = hub_like.port
        threading.Thread(target=server.serve_forever).start()
        yield server.server_address[1]
        server.shutdown()


def test_where_http_is_held_back_the_relay_takes_over(page, hub_like, buffering):
    sockets = []
    page.on("websocket", lambda wire: sockets.append(wire.url))
    open_notebook(page, hub_like, "lab.test", buffering)
    run_all(page)
    inside = shown(page)
    expect(inside.locator("#held")).to_contain_text("WebSocket")
    see_streams(inside, page)
    relays = [url for url in sockets if "/relay?" in url]
    assert len(relays) == 2 and all(f"lab.test:{buffering}/user/x/proxy/" in url for url in relays)
    assert not page.errors


def test_from_elsewhere_without_the_proxy_there_is_a_link(page, bare):
    open_notebook(page, bare, "lab.test")
    run_all(page)
    output = page.locator(".jp-OutputArea-output:has-text('Open the page')")
    expect(output).to_contain_text("jupyter-server-proxy is not installed there, or turned off")
    link = output.get_by_role("link").get_attribute("href")
    assert link.startswith("http://127.0.0.1:")
    assert get(link).status_code == 200
    assert page.locator(FRAME).count() == 0
    assert all("404" in error for error in page.errors), "what Chromium itself says of it"


GONE = "run the first cell again"


def test_when_the_server_is_gone_the_page_says_what_to_do(page, hub_like):
    open_notebook(page, hub_like, "lab.test")
    run_all(page)
    inside = shown(page)
    inside.get_by_label("How many").fill("1000")
    inside.get_by_role("button", name="Start").click()
    expect(inside.locator("#events tbody tr")).not_to_have_count(0)
    hub_like.stop_kernels()
    expect(inside.locator("#status")).to_contain_text(GONE, ignore_case=True)

    choose(page, "File", "Save Notebook")
    page.wait_for_function("() => !document.querySelector('.jp-mod-dirty')")
    distrusted = nbformat.read(hub_like.folder / "one.ipynb", 4)
    distrusted.cells[1].outputs[0].data["text/html"] += "<!-- changed -->"
    nbformat.write(distrusted, hub_like.folder / "distrusted.ipynb")
    for host, name, words in (
        ("lab.test", "one.ipynb", f"is gone: {GONE}"),
        ("127.0.0.1", "one.ipynb", f"is gone: {GONE}"),
        ("127.0.0.1", "distrusted.ipynb", f"If it does not open, {GONE}"),
    ):
        open_notebook(page, hub_like, host, name=name)
        expect(page.locator(".jp-OutputArea-output").last).to_contain_text(words)
        assert page.locator(FRAME).count() == 0
    assert all(error.startswith("Failed to load resource") for error in page.errors)
