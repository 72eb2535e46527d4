"""The HTTP client: what it takes from the environment, and what not."""

import shutil
import socket
import subprocess
import sys
import threading

import certifi
import httpx
import pytest
from machine import NO_PROXIES
from streams import answering_once, app
from waiting import LONG

from labserver import diagnose, record, serve
from labserver.client import VARIABLES, client_for, hint


@pytest.fixture(scope="module", autouse=True)
def lab():
    with serve(app) as server:
        yield server


@pytest.mark.parametrize("name", ["HTTP_PROXY", "http_proxy", "ALL_PROXY"])
@pytest.mark.parametrize("proxy", ["http://127.0.0.1:1", "socks5://127.0.0.1:1", "nonsense"])
def test_proxies_do_not_catch_loopback(name, proxy):
    code = """if True:
        from labserver import record, serve
        from labserver.app import app
        with serve(app):
            assert record("/sse?every=0", quiet=True).whole
    """
    environment = NO_PROXIES | {name: proxy}
    subprocess.run([sys.executable, "-c", code], env=environment, check=True, timeout=60)


TLS = """if True:
    import contextlib, itertools, os, socket, ssl, sys, threading, time
    from labserver import record, table
    from labserver.recorder import Bounds, record_watched
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(sys.argv[1], sys.argv[2])
    head = b"HTTP/1.1 200 OK\\r\\nContent-Length: 99999999999\\r\\n\\r\\n"
    listener = socket.create_server(("127.0.0.1", 0))
    url = f"https://127.0.0.1:{listener.getsockname()[1]}/"

    def flood():
        while True:
            try:
                with context.wrap_socket(listener.accept()[0], server_side=True) as line:
                    for piece in itertools.chain([head], itertools.repeat(b"x" * 16384)):
                        line.sendall(piece)
            except OSError:
                pass

    def redirect():
        line, _ = hop.accept()
        line.sendall(b"HTTP/1.1 302 Found\\r\\nLocation: " + url.encode() + b"\\r\\n\\r\\n")
        line.recv(65536)
        line.close()

    def end(closes_well):
        with context.wrap_socket(other.accept()[0], server_side=True) as line:
            line.recv(65536)
            line.sendall(b"HTTP/1.1 200 OK\\r\\n\\r\\nhalf")
            with contextlib.suppress(OSError):
                closes_well and line.unwrap()

    class Slow(table.Table):
        def chunk(self, chunk):
            time.sleep(max(0, 3.5 - chunk.at))

    threading.Thread(target=flood, daemon=True).start()
    hop = socket.create_server(("127.0.0.1", 0))
    threading.Thread(target=redirect, daemon=True).start()
    try:
        record(url)
    except ConnectionError as error:
        assert str(error).endswith(" (SSL_CERT_DIR in the environment names the "
            "certificates that are trusted.)"), error
    del os.environ["SSL_CERT_DIR"]
    os.environ["SSL_CERT_FILE"] = sys.argv[1]  # set after the first recording: it is used
    start = f"http://127.0.0.1:{hop.getsockname()[1]}/"
    got = record(start, max_chunks=1, quiet=True, follow_redirects=True)
    assert str(got.response.url) == url
    other = socket.create_server(("127.0.0.1", 0))
    for closes_well in (True, False):
        threading.Thread(target=end, args=[closes_well]).start()
        got = record(f"https://127.0.0.1:{other.getsockname()[1]}/", quiet=True)
        assert (got.text, got.whole) == ("half", closes_well), got
    assert got.ended == "ended early: the TLS connection ended without its closing alert."
    os.environ["SSLKEYLOGFILE"] = "/nowhere/at/all"
    got = record_watched(Slow(), url, "GET", Bounds(seconds=3))
    assert got.ended == "stopped after seconds=3.", got
    assert not [chunk for chunk in got.chunks if chunk.data.strip(b"x")]
"""


@pytest.mark.skipif(not shutil.which("openssl"), reason="no openssl to make a certificate with")
def test_https_on_loopback(tmp_path):
    """Its certificate is looked at, no proxy catches it, and nothing comes undeciphered."""
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    subject = ["-subj", "/CN=lab", "-addext", "subjectAltName=IP:127.0.0.1"]
    make = ["openssl", "req", "-x509", "-nodes", "-newkey", "rsa:2048", "-keyout", key]
    subprocess.run([*make, "-out", certificate, *subject], check=True, capture_output=True)
    environment = {"HTTPS_PROXY": "http://127.0.0.1:1", "SSL_CERT_DIR": "/nowhere/at/all"}
    environment["SSL_CERT_FILE"] = ""
    command = [sys.executable, "-c", TLS, certificate, key]
    subprocess.run(command, env=NO_PROXIES | environment, check=True, timeout=60)


def test_the_client_is_made_once():
    first = client_for(httpx.URL("http://127.0.0.1:1/"))
    assert client_for(httpx.URL("http://127.9.9.9:2/")) is first
    assert client_for(httpx.URL("http://example.com/")) is client_for(httpx.URL("https://other/"))


def test_no_recording_depends_on_an_earlier_one():
    for _ in range(2):
        assert record("/cookies", quiet=True).chunks[0].data == b"{}"


def test_a_cookie_that_python_cannot_read_is_no_matter():
    """Else it warns of a bug of its own, which is an error here."""
    head = b"HTTP/1.1 200 OK\r\nSet-Cookie: a=b; Max-Age=" + b"9" * 400
    with answering_once(head + b"\r\nContent-Length: 0\r\n\r\n") as url:
        assert record(url, quiet=True).whole


RECORD = "import sys; from labserver import record; record(sys.argv[1], quiet=True)"


def told(url, **environment):
    """The last line on stderr, in Python and in a terminal, with that environment."""
    for command in (["-c", RECORD, url], ["-m", "labserver", "record", url]):
        yield subprocess.run(
            [sys.executable, *command],
            env=NO_PROXIES | environment,
            capture_output=True,
            text=True,
            timeout=60,
        )


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ALL_PROXY", "socks5://me:s3cret@127.0.0.1:9"),
        ("all_proxy", "socks4://127.0.0.1:9"),
        ("HTTP_PROXY", "made-up://127.0.0.1:9"),
        ("HTTPS_PROXY", "http://127.0.0.1:port"),
        ("https_proxy", "http://[::1"),
        ("SSL_CERT_FILE", "/nowhere/at/all.pem"),
        ("SSL_CERT_FILE", __file__),
    ],
)
def test_a_variable_of_no_use_is_named(name, value, lab, tmp_path):
    (tmp_path / "socksio.py").write_text("raise ImportError")  # as if nobody had installed it
    without = {"PYTHONPATH": str(tmp_path), name: value}
    in_python, in_terminal = told("http://lab.invalid/", **without)
    last = in_python.stderr.splitlines()[-1]
    assert last.startswith(f"ConnectionError: {name} in the environment cannot be used: ")
    assert in_terminal.returncode == 1
    assert in_terminal.stderr.splitlines() == [last.removeprefix("ConnectionError: ")]
    assert "s3cret" not in in_python.stderr.splitlines()[-1]
    for answer in told(f"{lab.url}/five", **without):
        assert answer.returncode == 0, answer.stderr


@pytest.fixture
def environment(monkeypatch):
    """An environment without a variable that the client reads; sets one."""
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    return monkeypatch.setenv


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("no_proxy", "::1/128", "no_proxy in the environment cannot be used: "),
        ("NO_PROXY", "é", "NO_PROXY in the environment cannot be used: "),
        ("SSLKEYLOGFILE", "/nowhere/at/all", "SSLKEYLOGFILE in the environment cannot be used: "),
        ("HTTP_PROXY", "http://a..b:9", "(HTTP_PROXY in the environment may send"),
        ("all_proxy", f"http://{'a' * 70}:9", "(all_proxy in the environment may send"),
        ("http_proxy", " ", "(http_proxy in the environment may send"),
    ],
)
def test_also_a_variable_that_is_seldom_at_fault_is_named(name, value, words, environment):
    environment("SSL_CERT_FILE", certifi.where())  # nothing is wrong with that
    environment(name, value)
    with pytest.raises(ConnectionError) as caught:
        record("http://lab.invalid/")
    said = str(caught.value)
    assert words.lower() in said.lower()  # on Windows, names are in capitals
    assert "\n" not in said


@pytest.mark.parametrize(
    "host",
    ["127.9.9.9", "[::ffff:127.0.0.1]", "0.0.0.0", "localhost."]
    + ["127.1", "0x7f.0.0.1", "2130706433", "0", "lab.localhost", "LOCALHOST"],
)
def test_every_name_of_this_machine_goes_past_proxies(host, environment):
    environment("HTTP_PROXY", "nonsense://x")
    here = client_for(httpx.URL("http://127.0.0.1/"))
    assert client_for(httpx.URL(f"http://{host}/")) is here


@pytest.mark.skipif(sys.platform != "linux", reason="others have no address but 127.0.0.1")
def test_redirects_are_followed_past_proxies_too(lab, environment):
    environment("HTTP_PROXY", "http://127.0.0.1:1")
    with socket.create_server(("127.0.0.2", 0)) as listener:
        thread = threading.Thread(target=answer, args=[listener, []])
        thread.start()
        url = f"http://127.0.0.2:{listener.getsockname()[1]}/"
        assert record(url, quiet=True, follow_redirects=True).text == "proxy"
        thread.join(LONG)


def test_a_proxy_that_does_not_answer_is_named():
    in_python, _ = told("http://lab.invalid/", HTTP_PROXY="http://127.0.0.1:1")
    assert "(HTTP_PROXY in the environment may send this to a proxy.)" in in_python.stderr


@pytest.mark.parametrize("name", ["NO_PROXY", "no_proxy"])
@pytest.mark.parametrize(
    ("past", "named"),
    [
        ("lab.invalid", False),
        (".invalid, example.org", False),
        ("*", False),
        ("lab.invalid:8080", True),
        ("example.org", True),
        ("", True),
    ],
)
def test_a_proxy_that_this_address_goes_past_is_not_named(name, past, named, environment):
    environment("HTTP_PROXY", "http://127.0.0.1:1")
    environment(name, past)
    assert bool(hint(httpx.URL("http://lab.invalid/"))) is named


def test_where_no_variable_names_a_proxy_the_system_is_not_asked(environment, monkeypatch):
    monkeypatch.setattr("labserver.client.proxy_bypass", None)
    assert hint(httpx.URL("http://lab.invalid/")) == ""


@pytest.mark.parametrize("ask", [record, diagnose])
def test_a_proxy_that_stays_silent_is_named(ask, environment):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        environment("HTTP_PROXY", f"http://127.0.0.1:{listener.getsockname()[1]}")
        with pytest.raises(TimeoutError) as caught:
            ask("http://lab.invalid/", seconds=0.5)
    words = str(caught.value)
    assert words.endswith(" (HTTP_PROXY in the environment may send this to a proxy.)")
    assert "\n" not in words


def test_a_proxy_of_another_scheme_is_not_named(environment):
    environment("HTTPS_PROXY", "http://127.0.0.1:1")
    with pytest.raises(ConnectionError) as caught:
        record("http://lab.invalid/")
    assert "in the environment" not in str(caught.value)


@pytest.mark.parametrize("said", [b"HTTP/1.1 400 Bad Request\r\n\r\n", b"\5\xff", b"\5\x80", b""])
def test_a_proxy_that_speaks_no_socks_is_named(said, environment):
    pytest.importorskip("socksio")
    with answering_once(said) as url, pytest.raises(ConnectionError) as caught:
        environment("ALL_PROXY", url.replace("http://", "socks5://me:s3cret@"))
        record("http://lab.invalid/")
    words = str(caught.value)
    assert words.endswith(" (ALL_PROXY in the environment may send this to a proxy.)")
    assert "s3cret" not in words and "\n" not in words


def answer(listener, asked):
    connection, _ = listener.accept()
    with connection:
        asked.append(connection.recv(65536).split(b"\r\n")[0])
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nproxy")


def test_a_proxy_set_after_the_first_recording_is_used(monkeypatch):
    asked = []
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(LONG)
        with pytest.raises(ConnectionError):
            record("http://lab.invalid/one")
        thread = threading.Thread(target=answer, args=[listener, asked])
        thread.start()
        monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{listener.getsockname()[1]}")
        assert record("http://lab.invalid/two", quiet=True).text == "proxy"
        thread.join(LONG)
        monkeypatch.setenv("REQUEST_METHOD", "GET")  # as under CGI: see httpoxy.org
        with pytest.raises(ConnectionError):
            record("http://lab.invalid/three")
        monkeypatch.delenv("HTTP_PROXY")
        with pytest.raises(ConnectionError):
            record("http://lab.invalid/four")
    assert asked == [b"GET http://lab.invalid/two HTTP/1.1"]
