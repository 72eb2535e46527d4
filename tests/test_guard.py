"""The guard: which Host gets in, and what is said to any other."""

import socket
from urllib.parse import urlsplit

import httpx
import pytest
from jupyter_server.log import _scrub_uri
from waiting import PATIENT

from labserver.app import app
from labserver.guard import LIVENESS_PATH, SECRET, SECRET_NAME
from labserver.masking import masked
from labserver.server import Server

UPGRADE = ["Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Version: 13"]
UPGRADE.append("Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==")


@pytest.fixture(scope="module")
def url():
    with Server(app) as server:
        yield server.url


def get(url, **headers):
    return httpx.get(url, headers=headers, **PATIENT)


def status_of(url, *lines, path="/stream?count=1"):
    """The status that a server answers to a request written out by hand."""
    connection = [] if "Connection: Upgrade" in lines else ["Connection: close"]
    asked = "\r\n".join([f"GET {path} HTTP/1.1", *lines, *connection, "", ""])
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
        ["Host: evil.example", "Cookie: {name}={secret}", "Referer: http://x/?{name}={secret}"],
    ],
)
@pytest.mark.parametrize("upgrade", [[], UPGRADE], ids=["HTTP", "WebSocket"])
def test_a_foreign_host_does_not(lines, upgrade, url):
    """What DNS rebinding sends, and what a page could add to it."""
    values = {"port": urlsplit(url).port, "name": SECRET_NAME, "secret": SECRET}
    lines = [line.format(**values) for line in lines]
    assert status_of(url, *lines, *upgrade) in (421, 400, 403)
    assert status_of(url, *lines, *upgrade, path=f"{url}/stream?count=1") in (421, 400, 403)


def test_a_refusal_is_one_plain_line(url):
    answer = get(url, Host="evil.example")
    assert answer.status_code == 421
    assert answer.text == f"This server answers only as {url}\n"


def test_a_web_socket_is_refused_before_it_opens(url):
    assert status_of(url, "Host: evil.example", *UPGRADE, path="/relay") == 403


@pytest.mark.parametrize(
    "secret",
    ["", "x", SECRET[:-1], SECRET + "x", "é"],
    ids=["none", "wrong", "one letter less", "one letter more", "no ASCII"],
)
def test_a_foreign_host_passes_with_the_secret_alone(secret, url):
    path, host = f"/stream?count=1&{SECRET_NAME}=", "Host: hub.example"
    assert status_of(url, host, path=path + secret) in (421, 400)
    assert status_of(url, host, path=path + SECRET) == 200


def test_behind_a_hub_any_host_passes(url, monkeypatch):
    monkeypatch.setenv("JUPYTERHUB_SERVICE_PREFIX", "/user/x/")
    assert status_of(url, "Host: hub.example") == 200


def test_no_answer_is_for_other_origins_but_that_it_lives(url):
    streams = ("/probe?n=1", "/stream?count=1", "/sse?count=1", "/relay", "/sse?count=-1")
    for path in ("/", "/nothing", *streams):
        answer = get(url + path, Origin="http://evil.example")
        assert not [name for name in answer.headers if name.startswith("access-control")]
    answer = get(url + LIVENESS_PATH, Host="hub.example", Origin="http://evil.example")
    assert (answer.status_code, answer.content) == (204, b"")
    assert answer.headers["access-control-allow-origin"] == "*"


def test_no_file_is_served_whatever_the_path(url):
    for dots in ("..", "%2e%2e", "..%2f..", "%2e%2e%2f%2e%2e", "..%5c..", "%252e%252e", ".%00."):
        for file in (
            "etc/passwd",
            "requirements.txt",
            "app.py",
            "page/index.html",
            "labserver/app.py",
        ):
            for start in ("/", "//", "/static/", "/download/", "/probe/"):
                assert status_of(url, f"Host: {url[7:]}", path=f"{start}{dots}/{file}") in (
                    400,
                    404,
                )


def test_logs_hide_the_secret():
    """Jupyter's, which show each address that its proxy passes on, and the lab's own."""
    address = f"/user/x/proxy/8000/?count=1&{SECRET_NAME}={SECRET}"
    assert SECRET not in _scrub_uri(address) and "count=1" in _scrub_uri(address)
    assert SECRET not in masked(address)
