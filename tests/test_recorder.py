"""record: what came, when, and what is said when it did not."""

import gzip
import io
import itertools
import json
import re
import socket
import subprocess
import sys
import threading

import httpx
import pytest
from machine import NO_PROXIES
from streams import answering_once, app, rows_in
from waiting import LONG

from labserver import record, serve


@pytest.fixture(scope="module", autouse=True)
def lab():
    with serve(app) as server:
        yield server


def test_each_chunk_has_its_time(capsys):
    got = record("/five")
    assert [chunk.data for chunk in got.chunks] == [b"Chunk %d\n" % i for i in range(5)]
    assert [chunk.size for chunk in got.chunks] == [8] * 5
    times = [got.headers_at, *(chunk.at for chunk in got.chunks), got.seconds]
    assert times == sorted(times) and times[0] > 0
    assert got.chunks[4].at - got.chunks[0].at > 0.1, "four sleeps of 0.1 s lie between them"
    assert (got.whole, got.events, got.response.status_code) == (True, [], 200)
    out = capsys.readouterr().out
    assert rows_in(out) == ["1", "2", "3", "4", "5"]
    first, second, *_, last = out.splitlines()
    assert first == f"GET {got.url}"
    assert second.startswith("200 OK · no content-type · chunked · headers after 0.")
    assert last.startswith("40 bytes in 5 chunks, ") and last.endswith(": whole.")
    assert max(map(len, out.splitlines())) <= 100
    assert "\n" not in repr(got)


def test_sent_is_on_the_same_clock():
    got = record("/five", quiet=True)
    assert len(got.sent) == 5
    for sent, chunk in zip(got.sent, got.chunks, strict=True):
        assert 0 < sent <= chunk.at


def test_sent_is_empty_for_the_servers_of_others():
    code = "import uvicorn, sys; from labserver.app import app; uvicorn.run(app, port=0)"
    other = subprocess.Popen(
        [sys.executable, "-c", code], stderr=subprocess.PIPE, text=True, env=NO_PROXIES
    )
    try:
        line = next(line for line in other.stderr if "running on" in line)
        url = re.search(r"http://\S+", line)[0]
        got = record(f"{url}/plain-stream?every=0", quiet=True)
        assert len(got.chunks) == 5 and got.sent == []
    finally:
        other.terminate()
        other.communicate(timeout=LONG)


def test_sent_of_streams_at_once_are_told_apart():
    got = {}

    def read(path):
        got[path] = record(path, quiet=True)

    readers = [threading.Thread(target=read, args=[f"/many?n={n}"]) for n in (3, 50, 7, 20)]
    for reader in readers:
        reader.start()
    for reader in readers:
        reader.join()
    assert {path: len(one.sent) for path, one in got.items()} == {
        f"/many?n={n}": n for n in (3, 50, 7, 20)
    }


def test_other_options_are_those_of_httpx():
    got = record("/body", "POST", content=b"hello", headers={"x": "y"}, quiet=True)
    assert got.chunks[0].data == b'{"body":"hello","x":"y"}'
    assert record("/redirect", follow_redirects=True, quiet=True).size == 40
    seen = []
    extensions = {"trace": lambda name, info: seen.append(name)}
    record("/empty", extensions=extensions, quiet=True)
    assert "connection.connect_tcp.complete" in seen and list(extensions) == ["trace"]
    assert record("/many", params={"n": 3}, quiet=True).url.endswith("/many?n=3")
    with pytest.raises(TimeoutError, match=r"/silent: no response in time: timed out\.$"):
        record("/silent", timeout=0.2, quiet=True)


NOT_SET = httpx.USE_CLIENT_DEFAULT
OPTIONS = ("auth", "follow_redirects", "timeout", "cookies", "params", "headers", "extensions")


@pytest.mark.parametrize("options", [dict.fromkeys(OPTIONS, NOT_SET), dict.fromkeys(OPTIONS)])
def test_an_option_that_is_not_set_changes_nothing(options, capsys):
    got = record("/redirect?a=1", **options)
    assert (got.response.status_code, got.location, got.whole) == (307, "/five", True)
    with pytest.raises(TimeoutError, match=r"/silent: no response within 0\.2 s\.$"):
        record("/silent", seconds=0.2, **options)


def test_options_of_httpx_mean_what_they_mean_there():
    assert record("/redirect", follow_redirects=1, quiet=True).size == 40
    assert record("/redirect", follow_redirects="", quiet=True).status.startswith("307")
    assert record("/many?n=3", params={}, quiet=True).url.endswith("/many")
    assert record("/empty", extensions={"trace": None}, quiet=True).whole
    with pytest.raises(TimeoutError, match=r"/silent: no response in time: timed out\.$"):
        record("/silent", extensions={"timeout": {"read": 0.2}})


@pytest.mark.parametrize("password", ["S3CRET/x", "S3CRET#x", "S3CRET?x", "a/S3CRET@x"])
def test_a_password_that_makes_an_address_wrong_is_not_shown(password):
    with pytest.raises(ValueError, match="'http://h:1/' is not a URL: a password has") as caught:
        record(f"http://ann:{password}@h:1/")
    assert "S3CRET" not in str(caught.value)


@pytest.mark.parametrize(
    ("target", "error", "words"),
    [
        ("example.com/x", ValueError, "not 'example.com/x'"),
        ("export", ValueError, "not 'export'"),
        ("ftp://127.0.0.1/", ValueError, "not 'ftp://127.0.0.1/'"),
        ("http://[::1/", ValueError, "is not a URL"),
        ("http://127.0.0.1:70000/", ValueError, "not 'http://127.0.0.1:70000/'"),
        ("", ValueError, "not ''"),
        ("ann:S3CRET@h", ValueError, "not 'h'"),
        ("S3CRET@h/x", ValueError, "not 'h/x'"),
        ("ann:S3CRET/@h:1/x", ValueError, "not 'h:1/x'"),
        ("localhost:8000/@ann", ValueError, "not 'localhost:8000/@ann'"),
        ("localhost:8000/a:b@c", ValueError, "not 'localhost:8000/a:b@c'"),
        ("/two\nlines", ValueError, r"'/two\nlines' is not a URL"),
        ("/\ud800", ValueError, r"'/\ud800' is not a URL"),
        (None, TypeError, "not NoneType"),
        (app, TypeError, "not FastAPI"),
        ("http://127.0.0.1:1/x", ConnectionError, "GET http://127.0.0.1:1/x: "),
        ("http://a..b/", ConnectionError, "GET http://a..b/: "),
        (f"http://{'a' * 70}.com/", ConnectionError, "label"),
    ],
)
def test_what_cannot_be_asked_is_one_line(target, error, words, capsys):
    with pytest.raises(error) as caught:
        record(target)
    assert words not in capsys.readouterr().out  # the error alone says it
    assert words in str(caught.value) and "\n" not in str(caught.value)
    assert caught.value.__suppress_context__ or caught.value.__context__ is None


@pytest.mark.parametrize("bad", [{"max_chunks": 0}, {"seconds": 0}, {"seconds": -1}])
def test_bounds_that_make_no_sense(bad):
    with pytest.raises(ValueError, match=next(iter(bad))):
        record("/five", **bad)


def test_a_path_when_nothing_is_served(lab):
    code = "import labserver; labserver.record('/x')"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stderr.splitlines()[-1].endswith("serve an app first, with serve(app).")
    assert done.stdout == ""  # the error alone says it


def test_no_password_is_shown(lab, capsys):
    record(lab.url.replace("//", "//me:secret@") + "/empty")
    assert "secret" not in capsys.readouterr().out


@pytest.mark.parametrize(
    "location",
    ["http://[::1/x", "http://h:port/", "\x1b[2J", "", "http://xn--/", "//xn--a/", "http:x"]
    + ["ftp://h/x", "mailto:a@h", "javascript:alert(1)", "http://h/" + "x" * 70_000]
    + ["http://h:70000/", "http://a..b/", f"//{'a' * 64}.invalid/"],
)
def test_a_location_that_is_no_url_loses_nothing(location, capsys):
    head = f"HTTP/1.1 302 Found\r\nLocation: {location}\r\nContent-Length: 4\r\n\r\nmore"
    for follow in (False, True):
        with answering_once(head.encode()) as url:
            got = record(url, follow_redirects=follow and location != "")
        assert (got.response.status_code, got.text, got.whole) == (302, "more", True)
    out = capsys.readouterr().out
    assert "\x1b" not in out and (not location or "redirect to " in out)


@pytest.mark.parametrize(
    "challenge",
    ["\x1b[2J", "", 'realm="r"', 'realm="r", nonce="n", algorithm=made-up', "a=b, realm=r, nonce"]
    + ['realm="r", nonce="n", qop="auth-int"', 'realm="r", nonce="n", qop=""'],
)
def test_a_challenge_that_cannot_be_answered_loses_nothing(challenge):
    head = f"HTTP/1.1 401 No\r\nWWW-Authenticate: Digest {challenge}\r\nContent-Length: 4\r\n\r\n"
    with answering_once(head.encode() + b"more") as url:
        got = record(url, auth=httpx.DigestAuth("ann", "S3CRET"), quiet=True)
    assert (got.response.status_code, got.text, got.whole) == (401, "more", True)


def test_a_challenge_is_answered_whatever_its_body_is():
    got = record("/digest", auth=httpx.DigestAuth("ann", "S3CRET"), quiet=True)
    assert (got.response.status_code, got.text, got.whole) == (200, '"in"', True)
    assert record("/digest", quiet=True).cut


@pytest.mark.parametrize(
    "head",
    [
        b"HTTP/1.1 200 \x1b[2JOK",
        b"HTTP/1.1 200 OK\r\nContent-Type: text/\x1b[2Jplain",
        b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\x9b2J",
        b"HTTP/1.1 200 OK\r\nContent-Encoding: \x1b[2J",
        b"HTTP/1.1 302 OK\r\nLocation: /\x07\xc2\x9b",
        b"HTTP/1.1 404 \x1b[2J\r\nContent-Type: \x1b]0;title\x07",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: \x1b[2J",
        b"\x1b[2J",
        b"HTTP/1.1 200 OK\r\nContent-Length: \x1b[2J",
        b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n"
        b"id: \x1b[2J\nevent: \xe2\x80\xae\xc2\x9b\ndata: \x07\n",
    ],
)
def test_no_control_character_of_a_server_is_printed(head, capsys):
    for quiet in (False, True):
        with answering_once(head + b"\r\n\r\nbody") as url:
            try:
                got = record(url, quiet=quiet)
                print(repr(got), repr(got.response), got.response.headers)
                got.response.raise_for_status()
            except (ConnectionError, httpx.HTTPStatusError) as error:
                print(error)
    out = capsys.readouterr().out
    assert [c for c in out if not c.isprintable() and c != "\n"] == []


@pytest.mark.parametrize(
    ("place", "words"),
    [("http://127.0.0.1:1/next", r"GET http://127\.0\.0\.1:1/next: .*[^.]")]
    + [("http://h.invalid/" + "x" * 20_000, "GET http://h.invalid/x+…: .*[^.]")]
    + [("/round", "GET http://.*/round: Exceeded maximum allowed redirects")],
)
def test_a_redirect_that_cannot_be_followed_is_what_came(place, words, capsys):
    for quiet in (False, True):
        got = record("/elsewhere", params={"place": place}, follow_redirects=True, quiet=quiet)
        assert (got.response.is_redirect, got.location) == (True, place)
        assert re.fullmatch(rf"ended early: {words}\.", got.ended) and len(got.ended) < 300
        out = capsys.readouterr().out
        assert got.ended in out and "not followed" not in out
        assert got.response.headers["location"] == place and got.headers_at <= got.seconds


def test_a_challenge_whose_answer_gets_nobody_is_what_came():
    head = b'HTTP/1.1 401 No\r\nWWW-Authenticate: Digest realm="r", nonce="n"\r\n\r\n'
    with answering_once(head) as url:
        got = record(url, auth=httpx.DigestAuth("ann", "S3CRET"), quiet=True)
    assert got.response.status_code == 401 and got.ended.startswith(f"ended early: GET {url}: ")


@pytest.mark.parametrize("error", [KeyboardInterrupt, httpx.ReadTimeout("slow")])
def test_what_ends_a_request_that_a_redirect_led_to_loses_no_redirect(error):
    requests = []

    def trace(name, info):
        if name == "http11.receive_response_headers.started":
            requests.append(name)
            if len(requests) == 2:
                raise error

    got = record("/redirect", extensions={"trace": trace}, follow_redirects=True, quiet=True)
    words = (
        r"interrupted\." if error is KeyboardInterrupt else "ended early: GET .*/five: no response"
    )
    assert got.location == "/five" and re.match(words, got.ended)


@pytest.mark.parametrize(
    "rest",
    [
        b"Content-Encoding: gzip\r\nContent-Length: 4\r\n\r\nmore",
        b"Content-Length: 99\r\n\r\nmore",
        b"Transfer-Encoding: chunked\r\n\r\nno chunk",
        b"Content-Encoding: gzip\r\n\r\n" + gzip.compress(bytes(2**20)) * 9,
    ],
)
def test_the_body_of_a_redirect_that_is_followed_is_not_looked_at(rest, lab):
    head = f"HTTP/1.1 302 Found\r\nLocation: {lab.url}/five\r\n".encode()
    with answering_once(head + rest) as url:
        got = record(url, quiet=True, follow_redirects=True)
    assert got.whole and got.size == 40 and got.response.history[0].status_code == 302


@pytest.mark.parametrize("line", [b"A\xc3: b'it'", b'A b"c": d', b"\xe9: b\"'\\"])
def test_a_header_line_that_is_none_is_quoted_as_text(line):
    answer = b"HTTP/1.1 200 OK\r\n" + line + b"\r\n\r\n"
    with answering_once(answer) as url, pytest.raises(ConnectionError) as caught:
        record(url)
    words = str(caught.value)
    assert "bytearray" not in words and words.endswith(f"'{line.decode(errors='replace')}'")


@pytest.mark.parametrize(
    "body",
    [lambda: (piece for piece in (b"a", b"b")), lambda: io.BytesIO(b"ab"), lambda: iter([b"ab"])],
)
def test_a_body_that_can_be_read_once_is_sent_again(body):
    moved = record("/moved", "POST", content=body(), follow_redirects=True, quiet=True)
    assert moved.text == '{"body":"ab","x":null}'
    digest = httpx.DigestAuth("ann", "S3CRET")
    assert record("/digest", "POST", content=body(), auth=digest, quiet=True).text == '"ab"'


@pytest.mark.parametrize("reason", ["Łódź".encode(), "zurückgestellt".encode("latin-1"), b""])
def test_the_reason_is_shown_as_the_server_writes_it(reason, capsys):
    with answering_once(b"HTTP/1.1 429 " + reason + b"\r\nContent-Length: 0\r\n\r\n") as url:
        assert record(url).status in ("429 Łódź", "429 zurückgestellt", "429")
    shown = capsys.readouterr().out.splitlines()[1].partition(" · ")[0]
    assert shown in ("429 Łódź", "429 zurückgestellt", "429")


@pytest.mark.parametrize(
    "head",
    [
        b"HTTP/1.1 200 OK\r\nbad header " + b"x" * 60_000,
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"z" * 15_000,
        b"HTTP/1.1 200 " + b"OK" * 15_000,
        b"HTTP/1.1 200 OK\r\nContent-Type: " + b"x" * 30_000,
    ],
)
def test_what_a_server_sends_is_said_in_short(head, capsys):
    with answering_once(head + b"\r\n\r\n") as url:
        try:
            print(repr(record(url)))
        except ConnectionError as error:
            print(error)
    assert max(map(len, capsys.readouterr().out.splitlines())) < 800


@pytest.mark.parametrize("headers", [{"x": "Łódź"}, [("x", "Łódź")], httpx.Headers({"x": "a"})])
def test_headers_are_sent_in_utf_8(headers):
    want = "Łódź" if "Łódź" in str(headers) else "a"
    got = record("/body", "POST", headers=headers, quiet=True)
    assert json.loads(got.text)["x"].encode("latin-1").decode() == want


@pytest.mark.parametrize("headers", [None, {b"x": b"\xff"}])
def test_cookies_are_sent_in_utf_8(headers):
    for cookies in ({"city": "Łódź"}, httpx.Cookies({"city": "Łódź"})):
        got = record("/quoted?name=cookie", cookies=cookies, headers=headers)
        assert got.text.encode("latin-1").decode() == "No city=Łódź.\n"


@pytest.mark.parametrize(
    "options",
    [{"headers": {"Łódź": "x"}}, {"headers": {"x": "\ud800"}}, {"json": ["\ud800"]}]
    + [{"cookies": {"a": "\ud800"}}, {"params": {"a": "\ud800"}}, {"params": "\ud800"}],
)
def test_text_that_cannot_be_sent_is_one_line(options):
    with pytest.raises(ValueError, match=r"^This request has text that cannot be sent: .*\.$"):
        record("/body", "POST", **options)


@pytest.mark.parametrize("method", ["Łódź", "GET /", "", "a b", "GET\r\nX: y", None, 5, b"GET"])
def test_a_method_is_a_word(method):
    with pytest.raises(ValueError, match="A method is a word such as GET, not "):
        record("/five", method)


@pytest.mark.parametrize(
    ("path", "words"),
    [("/missing", ": 404, 8 bytes"), ("/cut", "ended early: peer closed"), ("/five", "")]
    + [("/redirect", ": 307, redirect to /five, 0 bytes"), ("/empty", "")],
)
def test_what_failed_is_said_in_one_line_also_where_it_is_quiet(path, words, capsys):
    record(path, quiet=True)
    out = capsys.readouterr().out
    assert words in out and out.count("\n") == (1 if words else 0)


def test_a_secret_in_a_query_is_not_shown(capsys):
    got = record("/many?n=1&access_token=s3cret")
    record("/missing?token=s3cret", quiet=True)
    with pytest.raises(ConnectionError) as caught:
        record("http://127.0.0.1:1/?password=s3cret")
    assert "s3cret" not in capsys.readouterr().out + repr(got) + str(caught.value)
    assert got.response.request.url.params["access_token"] == "s3cret"


@pytest.mark.parametrize(
    "place",
    ["/in?token=S3CRET", "//ann:S3CRET@127.0.0.1:1/", "/#id_token=S3CRET", "/in;password=S3CRET"]
    + ["/?a=1&to=%2Fx%3Fsig%3DS3CRET", "my://back?ticket=S3CRET", "http://[::1/?api_key=S3CRET"],
)
def test_a_secret_in_a_location_is_not_shown(place, capsys):
    for options in ({"quiet": True}, {}, {"follow_redirects": True}):
        try:
            print(repr(record("/elsewhere", params={"place": place}, **options)))
        except ConnectionError as error:
            print(error)
    told = capsys.readouterr().out
    assert "S3CRET" not in told and told.count("redirect to ") > 3


def test_the_type_of_a_body_is_said(capsys):
    record("/body", "POST", json={"a": 1})
    assert capsys.readouterr().out.splitlines()[0].endswith("/body · application/json")


# A server that quotes what it was sent

TOLD = {"Authorization": "Bearer S3CRET-1", "Cookie": "theme=dark; session=S3CRET-2"}
TOLD |= {"X-Api-Key": "S3CRET-3", "X-Harmless": "shown"}


@pytest.mark.parametrize("kind", ["text/plain", "text/event-stream"])
@pytest.mark.parametrize("quiet", [False, True])
def test_secret_headers_are_masked_where_a_server_quotes_them(kind, quiet, capsys):
    for name, part in itertools.product(("authorization", "cookie", "x-api-key"), (0, 1)):
        for options in ({}, {"auth": ("ann", "S3CRET-4")}):
            address = f"/quoted?name={name}&part={part}&kind={kind}"
            got = record(address, headers=TOLD, quiet=quiet, **options)
            out = capsys.readouterr().out
            assert "S3CRET" not in out + repr(got), out
            assert quiet or "***" in out
            assert "S3CRET" in got.text, "the data stay as they came"
    record("/quoted?name=x-harmless", headers=TOLD)
    assert "shown" in capsys.readouterr().out


def test_a_torn_status_line_quotes_no_secret(capsys):
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def quote():
            line, _ = listener.accept()
            with line:
                line.recv(65536)
                line.sendall(b"no HTTP S3CRET-1 at all\r\n\r\n")

        thread = threading.Thread(target=quote)
        thread.start()
        with pytest.raises(ConnectionError) as caught:
            record(f"http://127.0.0.1:{listener.getsockname()[1]}/", headers=TOLD)
        thread.join(LONG)
    assert "S3CRET" not in str(caught.value)
