"""What a stranger sends: long bodies, many of them, posts of other pages."""

import asyncio
import shutil
import socket
import subprocess
from contextlib import ExitStack, suppress

import httpx
import pytest
from fastapi import FastAPI, Request, WebSocket
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from waiting import LONG, PATIENT, wait_until
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from labserver.app import BODY_BYTES, app
from labserver.bounds import MESSAGE_BYTES, BoundedBody, OwnPages
from labserver.server import Server


@pytest.fixture(scope="module")
def url():
    with Server(app) as server:
        yield server.url
        assert not server.log


def ask(url, *lines, body=b""):
    """The status of the answer to a request written out by hand, and whether the server closed."""
    host, _, port = url.removeprefix("http://").partition(":")
    with socket.create_connection((host, int(port)), timeout=LONG) as wire:
        head = "\r\n".join([*lines, f"Host: {host}:{port}", "", ""]).encode()
        with suppress(OSError):  # a server that refuses may close before it has read all
            wire.sendall(head + body)
        answer = wire.makefile("rb")
        status = int(answer.readline().split()[1])
        return status, b"connection: close\r\n" in [*iter(answer.readline, b"\r\n")]


# Bodies


@pytest.mark.parametrize("length", [BODY_BYTES + 1, 200 * 2**20, 10**17, "9" * 20])
@pytest.mark.parametrize(("method", "path"), [("POST", "/cut?name=x"), ("POST", "/notifications")])
def test_a_declared_length_is_refused_before_the_body(method, path, length, url):
    for expect in ([], ["Expect: 100-continue"]):
        lines = [f"{method} {path} HTTP/1.1", f"Content-Length: {length}", *expect]
        assert ask(url, *lines) == (413, True)


def test_every_route_bounds_its_body(url):
    paths = [route.path for route in app.routes if getattr(route, "methods", None)]
    assert {"/sse", "/notifications", "/openapi.json"} <= {*paths}
    for path in [*paths, "/", "/probe", "/relay", "/nothing"]:
        for method in ("GET", "POST", "PUT", "DELETE", "OPTIONS"):
            lines = [f"{method} {path} HTTP/1.1", f"Content-Length: {2**20}"]
            assert ask(url, *lines) == (413, True), (method, path)


def test_a_body_without_a_length_is_refused_when_too_much_has_come(url):
    lines = ["POST /notifications HTTP/1.1", "Transfer-Encoding: chunked"]
    lines += ["Content-Type: application/json"]
    size = BODY_BYTES + 1
    unfinished = f"{2 * size:x}\r\n".encode() + b'"' + b"x" * size
    assert ask(url, *lines, body=unfinished) == (413, True)
    many = b"1\r\nx\r\n" * size
    assert ask(url, *lines, body=many) == (413, True)


@pytest.mark.parametrize("chunked", [False, True])
def test_a_client_that_sends_too_much_reads_why(chunked, url):
    body = b"x" * 2**20
    content = iter([body[:1000]] * 1000) if chunked else body
    answer = httpx.post(f"{url}/notifications", content=content, **PATIENT)
    assert answer.status_code == 413 and answer.text.startswith(
        "The body of a request has at most"
    )


@pytest.mark.skipif(not shutil.which("curl"), reason="no curl here")
@pytest.mark.parametrize("words", [[], ["-H", "Transfer-Encoding: chunked"]])
def test_curl_reads_why_too(words, url, tmp_path):
    (tmp_path / "body").write_bytes(b"x" * 2**20)
    command = ["curl", "-s", "--noproxy", "*", "--data-binary", f"@{tmp_path}/body", *words]
    done = subprocess.run([*command, f"{url}/notifications"], capture_output=True, text=True)
    assert done.stdout.startswith("The body of a request has at most")


async def length(request: Request):
    return PlainTextResponse(str(len(await request.body())))


async def swallowing(request: Request):
    try:
        await request.body()
    except Exception:
        return PlainTextResponse("nothing happened")


def bounded(**bounds):
    routes = [Route(f"/{f.__name__}", f, methods=["POST"]) for f in (length, swallowing)]
    return BoundedBody(Starlette(routes=routes), 1000, **bounds)


@pytest.mark.parametrize("chunks", [[1000], [500, 500], [1] * 1000])
def test_a_body_at_the_bound_is_taken_whole(chunks):
    with Server(bounded()) as server:
        content = (b"x" * size for size in chunks)
        answer = httpx.post(f"{server.url}/length", content=content, **PATIENT)
    assert answer.text == "1000"


@pytest.mark.parametrize("path", ["/length", "/swallowing"])
@pytest.mark.parametrize("chunked", [False, True])
def test_no_app_answers_in_place_of_the_bound(path, chunked):
    with Server(bounded()) as server:
        content = iter([b"x" * 1001]) if chunked else b"x" * 1001
        answer = httpx.post(server.url + path, content=content, **PATIENT)
        assert answer.status_code == 413
        assert not server.log


def test_a_response_that_has_begun_is_cut():
    ended = []

    async def echo(scope, receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": []})
        while (message := await receive())["type"] == "http.request":
            await send({"type": "http.response.body", "body": message["body"], "more_body": True})
        ended.append(await receive())  # it stays so

    # What the server had not read yet when it closed makes its end of the connection a reset.
    cut = (httpx.RemoteProtocolError, httpx.ReadError)
    with Server(BoundedBody(echo, 1000)) as server, pytest.raises(cut):
        httpx.post(server.url, content=iter([b"x" * 600] * 2), **PATIENT)
    assert ended == [{"type": "http.disconnect"}]


def test_what_learners_serve_is_bounded_too():
    plain = FastAPI()
    plain.post("/")(lambda: "taken")
    with Server(plain) as server:
        assert ask(server.url, "POST / HTTP/1.1", f"Content-Length: {2**25}") == (413, True)
        assert httpx.post(server.url, content=b"x" * 2**20, **PATIENT).json() == "taken"


# Bodies of many requests


def begun(stack, url, size, length):
    """A post of which `size` bytes of `length` are sent, and what reads its answer."""
    host, _, port = url.removeprefix("http://").partition(":")
    wire = stack.enter_context(socket.create_connection((host, int(port)), timeout=LONG))
    head = f"POST /length HTTP/1.1\r\nHost: {host}:{port}\r\nContent-Length: {length}\r\n\r\n"
    wire.sendall(head.encode() + b"x" * size)
    return wire, stack.enter_context(wire.makefile("rb"))


def test_the_bodies_of_all_requests_are_bounded_together():
    layer = bounded(all_bytes=2500)
    with Server(layer) as server, ExitStack() as stack:
        wires = [begun(stack, server.url, 900, 1000)[0] for _ in range(2)]
        wait_until(lambda: layer.under_way == 1800)
        _, answer = begun(stack, server.url, 900, 1000)
        assert answer.readline() == b"HTTP/1.1 503 Service Unavailable\r\n"
        assert b"connection: close\r\n" in [*iter(answer.readline, b"\r\n")]
        wires[0].shutdown(socket.SHUT_RDWR)  # what it had sent counts no more
        wait_until(lambda: layer.under_way == 900)
        answer = httpx.post(f"{server.url}/length", content=b"x" * 1000, **PATIENT)
        assert answer.text == "1000"
        wires[1].sendall(b"x" * 100)
        assert wires[1].recv(12) == b"HTTP/1.1 200"
        wait_until(lambda: layer.under_way == 0)


def test_a_body_that_pauses_for_long_is_ended():
    with Server(bounded(seconds=0.3)) as server, ExitStack() as stack:
        _, answer = begun(stack, server.url, 10, 1000)
        assert answer.readline() == b"HTTP/1.1 408 Request Timeout\r\n"
        assert answer.read().endswith(b"A body pauses 0.3 s at most here.\n")  # and closes
        assert not server.log


def test_after_its_body_an_app_may_wait_as_long_as_it_likes():
    async def waiting(scope, receive, send):
        await receive()
        await asyncio.sleep(0.5)
        await PlainTextResponse("done")(scope, receive, send)
        assert (await receive())["type"] == "http.disconnect"

    with Server(BoundedBody(waiting, seconds=0.1)) as server, ExitStack() as stack:
        _, answer = begun(stack, server.url, 1, 1)  # in one piece, so that it pauses nowhere
        assert answer.readline() == b"HTTP/1.1 200 OK\r\n"


# What an error says

JSON = {"Content-Type": "application/json"}


@pytest.mark.parametrize(
    ("method", "path", "options"),
    [
        ("GET", "/sse?count=hidden", {}),
        ("GET", f"/plain-stream?name={'hidden' * 100}", {}),
        ("GET", "/notifications?seconds=hidden", {}),
        ("POST", f"/cut?name={'hidden' * 100}", {}),
        ("POST", "/notifications", {"json": "hidden" * 1000}),
        ("POST", "/notifications", {"json": {"hidden": "hidden"}}),
        ("POST", "/notifications", {"content": b'"hidden', "headers": JSON}),
    ],
)
def test_an_error_repeats_no_input(method, path, options, url):
    answer = httpx.request(method, url + path, **PATIENT, **options)
    assert answer.status_code == 422 and "hidden" not in answer.text and len(answer.text) < 300
    assert all({*fault} == {"type", "loc", "msg"} for fault in answer.json()["detail"])


# Posts of other pages


def sent(url, method="POST", path="/notifications", **headers):
    headers = {name.replace("_", "-"): value for name, value in headers.items()}
    options = {"json": "x"} if method == "POST" else {}
    with httpx.Client(**PATIENT) as client:
        return client.request(method, url + path, headers=headers, **options).status_code


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 202),  # curl, httpx: no browser
        ({"Sec_Fetch_Site": "same-origin", "Origin": "{url}"}, 202),
        ({"Sec_Fetch_Site": "same-origin"}, 202),
        ({"Sec_Fetch_Site": "none"}, 202),
        ({"Origin": "{url}"}, 202),  # a browser that knows no Fetch Metadata
        ({"Sec_Fetch_Site": "cross-site", "Origin": "https://evil.example"}, 403),
        ({"Sec_Fetch_Site": "cross-site", "Origin": "null"}, 403),
        ({"Sec_Fetch_Site": "cross-site"}, 403),
        ({"Sec_Fetch_Site": "same-site", "Origin": "http://127.0.0.1:1"}, 403),
        ({"Sec_Fetch_Site": "something-new"}, 403),
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": "http://127.0.0.1:1"}, 403),
        ({"Origin": "http://127.0.0.1"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": ""}, 403),
        ({"Origin": "http://[::1"}, 403),
        ({"Origin": "{url}.evil.example"}, 403),
        ({"Origin": "{url}/@evil.example"}, 403),
    ],
)
@pytest.mark.parametrize("kind", ["application/json", "text/plain", ""])
def test_only_its_own_pages_may_post(headers, status, kind, url):
    headers = {name: value.format(url=url) for name, value in headers.items()}
    if kind:
        headers["Content_Type"] = kind
    assert sent(url, **headers) == status
    assert sent(url, "GET", "/stream?count=0", **headers) == 200, "safe methods pass"
    assert sent(url, "POST", "/cut?name=x", **headers) == {202: 200}.get(status, status)


def test_every_unsafe_method_is_meant():
    async def passed(scope, receive, send):
        await PlainTextResponse("passed")(scope, receive, send)

    with Server(OwnPages(passed)) as server:
        statuses = {
            method: sent(server.url, method, "/", Sec_Fetch_Site="cross-site")
            for method in ("GET", "HEAD", "OPTIONS", "TRACE", "PUT", "PATCH", "DELETE", "X")
        }
    assert [m for m, status in statuses.items() if status == 200] == [
        *("GET", "HEAD", "OPTIONS", "TRACE")
    ]
    assert {*statuses.values()} == {200, 403}


# Messages


def test_a_message_is_bounded():
    plain = FastAPI()
    lengths = []

    @plain.websocket("/")
    async def take(websocket: WebSocket):
        await websocket.accept()
        async for text in websocket.iter_text():
            lengths.append(len(text))

    with Server(plain) as server:
        address = server.url.replace("http", "ws") + "/"
        with connect(address, proxy=None, max_size=None, open_timeout=LONG) as wire:
            wire.send("x" * MESSAGE_BYTES)
            wait_until(lambda: lengths)  # what the app has not read by the end is lost
            wire.send("x" * (MESSAGE_BYTES + 1))
            with pytest.raises(ConnectionClosed) as caught:
                wire.recv(LONG)
        assert caught.value.rcvd.code == 1009
        assert lengths == [MESSAGE_BYTES] and not server.log
