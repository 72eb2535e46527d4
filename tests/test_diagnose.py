"""diagnose: what it prints and returns, whom it asks and how, and when it ends."""

import asyncio
import itertools
import os
import re
import signal
import sys
import time

import httpx
import pytest
from fastapi import FastAPI, Request, Response
from fastapi.responses import PlainTextResponse, RedirectResponse, StreamingResponse
from services import EVENTS, LINES, SSE, UNCACHED, asgi, observed, raw, routed, sse, text
from waiting import LONG

from labserver import diagnose, recorder, serve
from labserver.app import app as finished
from labserver.diagnosis import Level
from labserver.diagnosis.finding import quoted
from labserver.diagnosis.report import facts_of
from labserver.recording import Bounds
from labserver.server import Server


def test_it_prints_the_verdict_then_what_was_seen_then_what_cannot_be_seen(capsys):
    with routed(lambda: text(*LINES[:3], every=0.01)) as url:
        assert diagnose(url) == []
        said, facts, unseen = capsys.readouterr().out.split("\n\n")
        assert said == "Nothing found."
        assert facts.startswith(f"What was seen:\n    GET {url}: 200, 24 bytes in 3 chunks, ")
        assert "\n    content-type: 'text/plain; charset=utf-8', headers after 0." in facts
        assert unseen.startswith("What diagnose cannot see from outside: ")
        assert "Lessons 09 and 10" in unseen and "(it tries two)" in unseen.replace("\n", " ")
        diagnose(url, quiet=True)
        assert capsys.readouterr().out == ""


def test_each_finding_stands_apart_with_its_evidence(capsys):
    with routed(lambda: Response("gone", 410)) as url:
        (finding,) = diagnose(url)
        assert (finding.code, finding.level) == ("status", Level.FAULT)
        assert finding.evidence == "410 Gone: 'gone'"
        said, told, *_ = capsys.readouterr().out.split("\n\n")
    assert said == "1 fault."
    assert " ".join(told.split()) == f"status: {finding.text} Seen: 410 Gone: 'gone'"
    assert told.endswith("\n    Seen: 410 Gone: 'gone'")
    assert all(len(line) <= 88 for line in told.splitlines())


@pytest.mark.parametrize(
    ("status", "header", "said"),
    [
        (429, {"Retry-After": "30"}, "429 Too Many Requests: 'no', retry-after: '30'"),
        (503, {"Retry-After": "5"}, "503 Service Unavailable: 'no', retry-after: '5'"),
        (
            401,
            {"WWW-Authenticate": "Bearer"},
            "401 Unauthorized: 'no', www-authenticate: 'Bearer'",
        ),
    ],
)
def test_what_a_refusal_says_to_do_is_shown(status, header, said):
    with routed(lambda: Response("no", status, header)) as url:
        (finding,) = diagnose(url, quiet=True)
    assert finding.evidence == said
    assert ("later" in finding.text) is (status in (429, 503))


def test_a_server_that_answers_nobody_is_told_in_one_line():
    with raw(lambda line: line.recv(1)) as url, pytest.raises(TimeoutError) as caught:
        diagnose(url, seconds=3, quiet=True)
    assert str(caught.value).startswith(
        f"GET {url}: no response within 3 s, nor to a request for another path. "
    )


def test_things_that_came_together_are_not_told_by_their_gap():
    told = set(facts_of(observed("data: x\n\n" * 3, "data: x\n\n" * 3)))
    assert "6 events, the first after 0.000 s, the last after 0.100 s" in told
    assert "1 event, the first after 0.000 s" in facts_of(observed("data: x\n\n"))


def test_it_says_what_it_saw_of_a_healthy_stream_too(capsys):
    with asgi(finished, "/logs?count=6&every=0.1") as url:
        assert diagnose(url) == []
    said = capsys.readouterr().out
    assert re.search(r"6 events, the first after 0\.\d{3} s, then one every 0\.\d{3} s", said)
    for fact in (
        "transfer-encoding: chunked, cache-control: no-store, x-accel-buffering: no",
        "asked as a browser asks: not compressed, headers after 0.",
        "beside two of them, other requests waited at most 0.",
        "0 comments (pings); 6 events with ids",
        "asked with Last-Event-ID '4', the answer: id '5'",
        "asked with Last-Event-ID '6', the answer: status 204",
    ):
        assert f"\n    {fact}" in said


@pytest.mark.parametrize(
    ("pieces", "said"),
    [
        (["data: 1\n\n"], "0 comments (pings); 0 events with ids"),
        (["id: 1\ndata: 1\n\n: ping\n\n"], "1 comment (ping); 1 event with ids"),
        (["data: :not\ndata: a ping\n\n", ": it ", "is\n\n"], "1 comment (ping)"),
        (['data: "a\n', 'data: ":\n\n'], "0 comments"),
        (["data: 1", ":2\n\n"], "0 comments"),
    ],
)
def test_a_ping_is_a_line_wherever_chunks_are_cut(pieces, said):
    assert any(fact.startswith(said) for fact in facts_of(observed(*pieces)))


@pytest.mark.parametrize("id", ["é1", "1 2", "\u2028"])
def test_an_id_is_any_text(id):
    events = "".join(f"id: {id}{i}\ndata: {i}\n\n" for i in range(4))
    with routed(lambda: Response(events, media_type=SSE, headers=UNCACHED)) as url:
        assert "ignores-last-event-id" in [finding.code for finding in diagnose(url, quiet=True)]


def test_a_path_is_any_text():
    app = FastAPI()
    app.get("/files/{name}")(lambda name: text(*LINES[:3]))
    with Server(app) as server:
        assert diagnose(f"{server.url}/files/what%3F.txt", quiet=True) == []


@pytest.mark.parametrize("piece", ["x" * 2**16, "data: x\n", ": x\n"])
def test_a_flood_takes_little_memory(piece):
    """Of an event stream that never comes to an event."""
    with asgi(flood(piece)) as url:
        bounds = Bounds(seconds=30, max_bytes=2**20)
        seen = recorder.record_watched(None, url, "GET", bounds)
    assert seen.ended == "stopped at max_bytes=1,048,576." and seen.size < 2**21


def flood(piece):
    app = FastAPI()

    @app.get("/s")
    async def route():
        async def body():
            while True:
                yield piece
                await asyncio.sleep(0)

        return StreamingResponse(body(), media_type=SSE)

    return app


def test_it_uses_get_alone_and_the_headers_it_is_given():
    seen = []

    async def app(scope, receive, send):
        if scope["type"] == "http":
            seen.append((scope["method"], dict(scope["headers"]).get(b"x-key")))
            status = 200 if scope["path"] == "/s" else 404
            await send({"type": "http.response.start", "status": status, "headers": []})
            await send({"type": "http.response.body", "body": b"hello"})

    with asgi(app) as url:
        assert diagnose(url, quiet=True, headers={"X-Key": "tea"}) == []
    assert len(seen) > 3 and set(seen) == {("GET", b"tea")}


def test_a_path_of_the_served_app(capsys):
    app = FastAPI()
    app.get("/s")(lambda: text(*LINES[:3]))
    with serve(app):
        assert diagnose("/s", quiet=True) == []


@pytest.mark.parametrize(
    ("target", "error"),
    [
        ("nonsense", ValueError),
        (None, TypeError),
        (5, TypeError),
        ("http://127.0.0.1:1/", ConnectionError),
    ],
)
def test_what_cannot_be_asked_is_one_line(target, error):
    with pytest.raises(error) as caught:
        diagnose(target, quiet=True)
    assert "\n" not in str(caught.value) and "record()" not in str(caught.value)
    with pytest.raises(ValueError, match="seconds"):
        diagnose("http://127.0.0.1:1/", seconds=0)


def test_what_is_not_http_is_one_line():
    with (
        raw(lambda line: line.sendall(b"SSH-2.0-OpenSSH\r\n")) as url,
        pytest.raises(OSError) as c,
    ):
        diagnose(url, quiet=True)
    assert "\n" not in str(c.value)


def test_it_ends_in_time():
    """Also where all that is asked takes as long as it may."""
    for first in (0.0, 60.0):
        with routed(lambda first=first: sse(*EVENTS * 999, first=first, every=0.5)) as url:
            start = time.perf_counter()
            diagnose(url, quiet=True, seconds=3)
            assert time.perf_counter() - start < LONG / 2


@pytest.mark.skipif(sys.platform == "win32", reason="sends itself a signal")
@pytest.mark.parametrize("last", [1, 2])
def test_an_interrupt_keeps_what_was_found(last, capsys):
    asked = itertools.count(1)

    async def route():
        if next(asked) == last:  # the second request comes once the first was seen whole
            os.kill(os.getpid(), signal.SIGINT)
        return sse(*[f"data: {i}\n" for i in range(9)])

    before = signal.getsignal(signal.SIGINT)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with routed(route) as url:
            found = diagnose(url)
    finally:
        signal.signal(signal.SIGINT, before)
    assert "interrupted." in capsys.readouterr().out
    assert next(asked) <= last + 2, "at most the other one of two at once was still asked for"
    assert last == 1 or "no-blank-line" in [finding.code for finding in found]


# Another method than GET


def completions(seen):
    """A service that streams in answer to a POST of JSON alone, and notes what it was asked."""

    async def route(request: Request):
        seen.append((request.method, await request.body(), dict(request.headers)))
        words = (await request.json())["words"]
        return sse(*[f"data: {word}\n\n" for word in words], "data: [DONE]\n\n", every=0.02)

    app = FastAPI()
    app.post("/s")(route)
    return asgi(app)


def test_a_post_is_asked_for_and_said_to_be_repeated(capsys):
    seen = []
    with completions(seen) as url:
        found = diagnose(url, "POST", json={"words": ["a", "b", "c"]})
        said = capsys.readouterr().out
        assert [finding.level for finding in found if finding.level is Level.FAULT] == []
        assert 3 < len(seen) <= 14
        assert {(method, body) for method, body, _ in seen} == {
            ("POST", b'{"words":["a","b","c"]}')
        }
        assert said.startswith("This sends the same POST up to 14 times")
        diagnose(url, method="post", json={"words": ["a"]}, quiet=True)
        assert seen[-1][0] == "POST"
        assert capsys.readouterr().out == ""


def test_without_being_asked_nothing_but_get_is_sent():
    seen = []
    with completions(seen) as url:
        (finding,) = diagnose(url, quiet=True)
    assert seen == [] and finding.code == "status"
    assert finding.evidence.startswith("405 Method Not Allowed: ")
    assert finding.evidence.endswith(", allow: 'POST'")


def test_a_redirect_of_a_post_is_followed_only_where_the_method_stays():
    app, seen = FastAPI(), []

    @app.post("/{status}")
    async def go(status: int):
        seen.append(status)
        return RedirectResponse("/there", status)

    app.post("/there/")(lambda: text(*LINES[:3], every=0.01))
    app.get("/there")(lambda: seen.append("GET"))
    with Server(app) as server:
        diagnose(f"{server.url}/303", "POST", quiet=True)
        assert {*seen} == {303}


# Text that is not ASCII


@pytest.mark.parametrize(
    ("headers", "sent"),
    [
        ({"X-Name": "Łódź"}, "Łódź".encode()),
        ([("X-Name", "Łódź")], "Łódź".encode()),
        (httpx.Headers({"X-Name": "Łódź".encode()}), "Łódź".encode()),
        (httpx.Headers({"X-Name": "ü"}, encoding="latin-1"), b"\xfc"),
        ({b"X-Name": b"\xff"}, b"\xff"),
    ],
)
def test_header_text_is_utf_8_on_the_wire_and_bytes_stay(headers, sent):
    seen = []

    async def app(scope, receive, send):
        if scope["type"] == "http":
            seen.append(dict(scope["headers"]).get(b"x-name"))
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": b"hello"})

    with asgi(app) as url:
        diagnose(url, quiet=True, headers=headers)
    assert {*seen} == {sent}


def test_ids_that_are_not_ascii_are_asked_for_again_beside_headers():
    asked = set()

    async def route(request: Request):
        asked.add(dict(request.scope["headers"]).get(b"last-event-id"))
        return sse(*[f"id: ł{i}\ndata: {i}\n\n" for i in range(5)], every=0.01)

    with routed(route) as url:
        diagnose(url, quiet=True, headers={"X-Key": "tea"})
    assert asked == {None, "ł2".encode(), "ł4".encode()}


@pytest.mark.parametrize(
    "options",
    [{"headers": {"Łódź": "x"}}, {"headers": {"x": "\ud800"}}, {"params": {"x": "\ud800"}}],
)
def test_text_that_cannot_be_sent_is_one_line(options):
    with pytest.raises(ValueError, match="This request has text that cannot be sent: "):
        diagnose("http://127.0.0.1:1/", **options)


@pytest.mark.parametrize("method", [None, 5, "", "GET /"])
def test_a_method_is_a_word(method, capsys):
    with pytest.raises(ValueError, match="A method is a word such as GET, not "):
        diagnose("http://127.0.0.1:1/", method)
    assert capsys.readouterr().out == ""


def test_a_body_that_can_be_read_once_is_sent_each_time():
    bodies = []

    async def route(request: Request):
        bodies.append(await request.body())
        return text(*LINES[:3])

    with routed(route) as url:
        diagnose(url, quiet=True, content=iter([b"one ", b"body"]))
    assert len(bodies) > 1 and {*bodies} == {b"one body"}


TOKEN = "S3CRET-" + "x" * 60


@pytest.mark.parametrize(
    "answer",
    [
        f"GET / HTTP/1.1\r\nX-Api-Key: {TOKEN}\r\n\r\n",  # an echo server
        f"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nlines, and more: {TOKEN}",
        f"HTTP/1.1 200 OK\r\nContent-Type: multipart/mixed\r\n\r\nkey {TOKEN}",
        f"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: {TOKEN}\xff\n\n",
        f"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: {TOKEN}\rx\n\n" * 3,
    ],
)
def test_a_secret_is_masked_also_where_what_quotes_it_is_cut(answer, capsys):
    def send(connection):
        connection.sendall(answer.encode("latin-1"))

    with raw(send) as url:
        try:
            diagnose(url, seconds=5, headers={"X-Api-Key": TOKEN})
        except ConnectionError as error:
            print(error)
    out = capsys.readouterr().out
    assert "***" in out and "S3CRET" not in out and "xxx" not in out


@pytest.mark.parametrize("greeting", ["SSH-2.0-OpenSSH_9.2\r\n", "220 mail ESMTP\r\n", "+OK\n"])
@pytest.mark.parametrize("stays", [0.0, 60.0])
def test_a_greeting_that_is_not_http_is_called_that(greeting, stays):
    def answer(connection):
        connection.sendall(greeting.encode())
        time.sleep(stays)

    with raw(answer) as url, pytest.raises(ConnectionError) as caught:
        diagnose(url, quiet=True)
    told = f"GET {url}: what answers there is not HTTP: it sent {quoted(greeting)}."
    assert str(caught.value) == told


def test_a_status_line_that_is_none_is_shown_as_text():
    with (
        raw(lambda connection: connection.sendall(b"HTTP/2 200\r\n\r\n")) as url,
        pytest.raises(ConnectionError) as caught,
    ):
        diagnose(url, quiet=True)
    assert str(caught.value) == f"GET {url}: illegal status line: 'HTTP/2 200'"


def test_no_control_character_and_no_secret_is_printed(capsys):
    """Wherever a server's text, or an address, may stand: findings, facts, what is repeated."""
    head = (
        b"HTTP/1.1 200 \x1b[2JOK\r\nContent-Type: text/event-stream\x1b[2J\r\n"
        b"Cache-Control: \x1b[31mpublic, max-age=60\xc2\x9b\r\n"
        b"X-Accel-Buffering: \xe2\x80\xae\r\n\r\n"
    )

    def answer(line):
        line.sendall(head + b"id: \x1b[2J\nevent: \x07\ndata: {'a': '\x1b'}\n\n" * 3)

    with raw(answer) as url:
        found = diagnose(f"{url}?access_token=s3cret", seconds=8)
    out = capsys.readouterr().out + "".join(map(str, found))
    assert [c for c in out if not c.isprintable() and c != "\n"] == []
    assert r"\x1b[2J" in out and "s3cret" not in out


def test_a_secret_header_is_masked_where_a_server_quotes_it(capsys):
    plain = FastAPI()

    @plain.get("/")
    async def refuse(request: Request):
        return PlainTextResponse(f"No {request.headers['authorization']}.", 401)

    with Server(plain) as server:
        for options in (
            {"headers": {"Authorization": "Bearer S3CRET"}},
            {"auth": ("a", "S3CRET")},
        ):
            found = diagnose(server.url, **options)
            out = capsys.readouterr().out
            assert "No ***." in out and "No ***." in found[0].evidence
            assert "S3CRET" not in out + repr(found)
