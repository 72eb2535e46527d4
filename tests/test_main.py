"""python -m labserver, as a process in a terminal and in a pipe."""

import base64
import json
import os
import shlex
import signal
import socket
import subprocess
import sys

import httpx
import pytest
from fastapi import FastAPI, Request
from fastapi.responses import StreamingResponse
from machine import NO_PROXIES
from waiting import PATIENT

from labserver.__main__ import main
from labserver.app import app
from labserver.connections import free_port
from labserver.server import Server

COMMAND = [sys.executable, "-m", "labserver"]
RECORD = [*COMMAND, "record"]
interrupts = pytest.mark.skipif(sys.platform == "win32", reason="no SIGINT to send there")


@pytest.fixture(scope="module")
def url():
    with Server(app) as server:
        yield server.url


@pytest.fixture
def start(tmp_path):
    processes = []

    def start(*command, **options):
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        process = subprocess.Popen(command, cwd=tmp_path, env=NO_PROXIES, **pipes | options)
        processes.append(process)
        return process

    yield start
    for process in processes:
        process.kill()
        process.communicate()


def run(*command, **variables):
    environment = NO_PROXIES | variables
    return subprocess.run(command, capture_output=True, text=True, timeout=60, env=environment)


@interrupts
@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM"])
def test_serves_until_interrupted_with_a_stream_open(name, start):
    port = free_port()
    process = start(*COMMAND, "--port", str(port))
    assert process.stdout.readline() == f"Serving on http://127.0.0.1:{port}\n"
    url = f"http://127.0.0.1:{port}/sse?count=1000"
    with httpx.stream("GET", url, **PATIENT) as response:
        chunks = response.iter_raw()
        next(chunks)
        process.send_signal(getattr(signal, name))
        with pytest.raises(httpx.RemoteProtocolError):
            list(chunks)
    err = process.communicate(timeout=60)[1]
    assert (process.returncode, err) == (0, "")


def test_a_taken_port_is_one_line():
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = str(other.getsockname()[1])
        done = run(*COMMAND, "--port", port)
    assert done.returncode == 1
    assert done.stderr.startswith(f"Port {port} on 127.0.0.1 cannot be used")
    assert done.stderr.count("\n") == 1


def test_a_table_for_people(url):
    done = run(*RECORD, f"{url}/sse?every=0.01")
    assert done.returncode == 0 and done.stderr == ""
    assert done.stdout.splitlines()[-1].startswith("5 events, ")


def test_lines_for_machines(url):
    events = run(*RECORD, "--json", f"{url}/events?count=3&every=0").stdout.splitlines()
    rows = [json.loads(line) for line in events]
    assert [(r["event"], r["id"], r["data"]) for r in rows] == [
        ("count", str(n), f'{{"n": {n}}}') for n in (1, 2, 3)
    ]
    chunks = run(*RECORD, "--json", f"{url}/plain-stream?count=2&every=0.1").stdout.splitlines()
    rows = [json.loads(line) for line in chunks]
    assert [(r["size"], r["data"]) for r in rows] == [(8, "Chunk 0\n"), (8, "Chunk 1\n")]
    assert rows[0]["at"] < rows[1]["at"]
    (binary,) = run(
        *RECORD, "--json", f"{url}/download", "-H", "Range: bytes=250-260"
    ).stdout.splitlines()
    data = base64.b64decode(json.loads(binary)["base64"])
    assert data == bytes([250, 251, 252, 253, 254, 255, 0, 1, 2, 3, 4])


def test_a_pipe_that_is_not_utf8_gets_all_the_same():
    foreign = FastAPI()
    foreign.get("/")(lambda: "日本")
    with Server(foreign) as server:
        done = run(*RECORD, server.url, PYTHONIOENCODING="ascii")
    assert (done.returncode, done.stderr) == (0, "") and r"\u65e5\u672c" in done.stdout


def test_lines_come_as_they_are_made(start, url):
    process = start(*RECORD, "--json", f"{url}/sse?count=1000&every=10")
    assert json.loads(process.stdout.readline())["data"] == "Event 0"


@pytest.mark.parametrize("bound", [["--max-chunks", "2"], ["--seconds", "0.7"]])
def test_a_bound_that_was_asked_for_is_success(bound, url):
    done = run(*RECORD, f"{url}/sse?count=1000", *bound)
    assert done.returncode == 0 and f"stopped a{'t' if bound[1] == '2' else 'fter'}" in done.stdout


def test_method_body_and_headers():
    echo = FastAPI()

    @echo.api_route("/", methods=["POST", "PUT"])
    async def root(request: Request) -> list[str]:
        return [request.method, (await request.body()).decode(), request.headers["x-a"]]

    with Server(echo) as server:
        words = ["--json", server.url, "-H", "X-A: b: c", "-d", "body", "-d", "more"]
        posted = json.loads(run(*RECORD, *words).stdout)["data"]
        put = json.loads(run(*RECORD, *words, "-X", "PUT").stdout)["data"]
    assert json.loads(posted) == ["POST", "body&more", "b: c"]
    assert json.loads(put) == ["PUT", "body&more", "b: c"]


@pytest.mark.parametrize(
    ("words", "kind"),
    [
        (["-d", '{"prompt": "x"}'], "application/json"),
        (["-d", "[1, 2]"], "application/json"),
        (["-d", '"a text"'], "application/json"),
        (["-d", '{"prompt": "x"}', "-H", "content-type: text/x"], "text/x"),
        (["-d", "{'prompt': 'x'}"], None),
        (["-d", " 5\n"], "application/json"),
        (["-d", "true"], "application/json"),
        (["-d", '{"n": NaN}'], None),
        (["-d", "[-Infinity]"], None),
        (["-d", '"\udcff"'], None),  # a byte that is not UTF-8
        (["-d", '{"n": 1}\n{"n": 2}\n'], None),
        (["-d", "a=5&b=6"], None),
        (["-d", "[" * 50_000], None),
        (["-d", ""], None),
        ([], None),
    ],
)
def test_a_body_that_is_json_is_labelled_so_and_that_is_said(words, kind):
    app = FastAPI()

    @app.post("/kind")
    async def kind_of(request: Request):
        return request.headers.get("content-type")

    with Server(app) as server:
        done = run(*RECORD, "-X", "POST", *words, f"{server.url}/kind")
    assert done.returncode == 0, done.stderr
    assert f"'{json.dumps(kind)}'" in done.stdout.replace('\\"', '"')
    assert done.stdout.splitlines()[0].endswith(f"/kind · {kind}" if kind else "/kind")


def test_a_body_cut_short_is_a_failure():
    async def cut():
        yield "one"
        raise LookupError("on purpose")

    broken = FastAPI()
    broken.get("/")(lambda: StreamingResponse(cut()))
    with Server(broken) as server:
        done = run(*RECORD, server.url)
    assert done.returncode == 1 and "ended early" in done.stdout


@pytest.mark.parametrize(
    "words",
    [["/x?token=S3CRET"], ["http://127.0.0.1:1/", "-H", "X-Token S3CRET"]]
    + [["http://127.0.0.1:1/", "-H", "X-Token: S3CRET\udcff"], ["ann:S3CRET@h"]]
    + [["http://h/", "-u", "ann:S3CRET"], ["--seconds", "http://h/?token=S3CRET"]]
    + [["http://h/", "http://h/?sig=S3CRET"]],
)
def test_what_is_wrong_is_said_without_its_secrets(words):
    done = run(*RECORD, *words)
    assert done.returncode == 2 and "S3CRET" not in done.stdout + done.stderr


@pytest.mark.parametrize(
    "words",
    [["-H", "X-Token: S3CRET", "record", "http://h/"], ["record", "http://h/", "--json=S3CRET"]],
)
def test_what_stands_in_the_place_of_a_command_is_not_quoted(words):
    done = run(*COMMAND, *words)
    assert done.returncode == 2 and "S3CRET" not in done.stdout + done.stderr


def test_what_is_no_option_is_named_and_those_that_are_stand_above():
    done = run(*RECORD, "http://h/", "-k", "--compressed", "--user=ann", "-bS3CRET")
    assert done.stderr.endswith(" error: there is no -k, --compressed, --user, -b here\n")
    assert "[-d DATA]" in done.stderr


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["http://127.0.0.1:1/"], 1),
        (["nonsense"], 2),
        (["/path"], 2),
        ([], 2),
        (["http://127.0.0.1:1/", "-H", "nonsense"], 2),
        (["http://127.0.0.1:1/", "--max-chunks", "0"], 2),
        (["http://127.0.0.1:1/", "--seconds", "soon"], 2),
        (["http://127.0.0.1:1/", "--seconds", "nan"], 2),
        (["http://127.0.0.1:1/\udcff"], 2),  # a byte that is not UTF-8
        (["http://127.0.0.1:1/", "-H", "X: \udcff"], 2),
        (["http://127.0.0.1:1/", "-X", "\udcff"], 2),
        (["http://127.0.0.1:1/", "-X", "Łódź"], 2),
        (["http://127.0.0.1:1/", "-X", "GET / HTTP"], 2),
        (["http://127.0.0.1:1/", "-X", ""], 2),
        (["http://[::1/"], 2),
        (["http://xn--/"], 2),
    ],
)
def test_what_cannot_be_done_is_said_without_a_traceback(words, code):
    done = run(*RECORD, *words)
    assert done.returncode == code
    assert done.stderr and "Traceback" not in done.stderr


@pytest.mark.parametrize(
    "words",
    [
        ["-H", "Content-Length: 5"],
        ["-H", "Content-Length: 5", "-d", "abc"],
        ["-H", "Content-Length: x"],
        ["-H", "Transfer-Encoding: gzip", "-d", "abc"],
        ["-H", "X Y: z"],
        ["-H", "X: y\nz"],
    ],
)
def test_a_request_that_cannot_be_sent_is_one_line(words, url):
    done = run(*RECORD, f"{url}/stream", *words)
    assert (done.returncode, done.stderr.count("\n")) == (1, 1), done.stderr


def test_text_is_sent_as_the_bytes_it_was_given():
    app = FastAPI()

    @app.post("/{rest:path}")
    async def root(request: Request, rest: str) -> str:
        return f"{rest} {dict(request.headers.raw)[b'x'].hex()} {(await request.body()).hex()}"

    ascii_alone = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    with Server(app) as server:
        words = [*RECORD, "--json", f"{server.url}/ł", "-H", "X: Łó", "-d", "\udcffŁ"]
        for variables in ({}, ascii_alone):
            done = run(*words, **variables)
            assert json.loads(done.stdout)["data"] == '"ł c581c3b3 ffc581"', done.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="no such redirection there")
@pytest.mark.parametrize("closed", [">&-", "2>&-", ">&- 2>&-"])
def test_a_closed_output_is_no_fault(closed, url):
    line = f"exec {shlex.join(RECORD)} {url}/stream?count=1 {closed}"
    done = run("sh", "-c", line)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.skipif(sys.platform == "win32", reason="no such redirection there")
def test_lines_for_machines_are_alone_where_stderr_is_closed(url):
    words = ["--json", f"{url}/sse?count=2&every=0"]
    line = f"exec {shlex.join([*RECORD, *words])} 2>&-"
    rows = run("sh", "-c", line).stdout.splitlines()
    assert [json.loads(row)["data"] for row in rows] == ["Event 0", "Event 1"]


@interrupts
@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM"])
def test_it_can_be_interrupted_where_a_script_started_it_in_the_background(name, start, url):
    """There SIGINT is ignored at first (POSIX, Shell Command Language, 2.11)."""
    for command, shown in ((["--port", "0"], 2), (["record", f"{url}/sse?count=1000"], 5)):
        line = f"{shlex.join([*COMMAND, *command])} & echo $!; wait $!; echo $?"
        script = start("sh", "-c", line)
        pid = int(script.stdout.readline())
        for _ in range(shown):
            assert script.stdout.readline()
        os.kill(pid, getattr(signal, name))
        out, err = script.communicate(timeout=60)
        assert (out.splitlines()[-1], err) == ("0" if shown == 2 else "130", "")


def test_what_signals_did_before_they_do_after():
    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    assert main(["record", "http://127.0.0.1:1/"]) == 1
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == before


@interrupts
def test_an_interrupt_while_it_imports_is_no_traceback(tmp_path, url):
    """Python notes on stderr each module that it has imported."""
    command = [*RECORD, f"{url}/sse?count=1000&every=10"]
    noting = NO_PROXIES | {"PYTHONPROFILEIMPORTTIME": "1"}
    pipes = {"stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, cwd=tmp_path, env=noting, **pipes) as process:
        noted = next(line for line in process.stderr if " labserver." in line)
        process.send_signal(signal.SIGINT)
        rest = process.stderr.read()
    assert process.returncode == 130, noted + rest
    assert "Traceback" not in rest


@interrupts
def test_an_interrupt_keeps_what_came(start, url):
    process = start(*RECORD, f"{url}/sse?count=1000")
    for _ in range(5):
        process.stdout.readline()
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130 and err == ""
    assert out.splitlines()[-1].endswith(": interrupted.")


@pytest.mark.skipif(sys.platform == "win32", reason="pipes end otherwise there")
@pytest.mark.parametrize("words", [[], ["--json"]])
def test_a_pipe_that_closes_early(words, start, url):
    process = start(*RECORD, *words, f"{url}/plain-stream?count=1000&every=0.05")
    process.stdout.readline()
    process.stdout.close()
    assert process.wait(timeout=60) == 141
    assert "Traceback" not in process.stderr.read()
