"""python -m labserver diagnose: for people and for machines, its exit codes."""

import json
import signal
import subprocess
import sys
import threading

import pytest
from fastapi import FastAPI, Request, Response
from machine import NO_PROXIES
from services import EVENTS, LINES, asgi, routed, sse, text
from waiting import LONG

COMMAND = [sys.executable, "-m", "labserver", "diagnose"]


def in_a_terminal(*words):
    command = [*COMMAND, *words]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, env=NO_PROXIES)


def test_people_read_it_in_a_terminal():
    with routed(lambda: text(*LINES[:3])) as url:
        done = in_a_terminal(url)
    assert (done.returncode, done.stderr) == (0, "")
    assert "Nothing found." in done.stdout


def test_machines_read_it_line_by_line():
    async def route(request: Request):
        return Response("no key", 403 if request.headers.get("x-key") != "tea" else 410)

    with routed(route) as url:
        done = in_a_terminal(url, "--json", "-H", "X-Key: tea", "--seconds", "10")
    assert done.returncode == 1
    (row,) = map(json.loads, done.stdout.splitlines())
    assert (row["code"], row["evidence"]) == ("status", "410 Gone: 'no key'")
    assert row["level"] == "fault"


def test_a_long_header_is_said_in_short():
    names = ("Cache-Control", "X-Accel-Buffering", "Content-Encoding")
    with routed(lambda: text(*LINES[:3], headers=dict.fromkeys(names, "x" * 20_000))) as url:
        done = in_a_terminal(url)
    assert "cache-control: xxx" in done.stdout and len(done.stdout) < 5000


def test_advice_is_no_failure():
    with routed(lambda: sse(*EVENTS[:4])) as url:
        done = in_a_terminal(url)
    assert "advice-replays: " in done.stdout and done.returncode == 0


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["http://127.0.0.1:1/"], 1),
        (["http://a..b/"], 1),
        (["nonsense"], 2),
        (["/path"], 2),
        ([], 2),
        (["http://127.0.0.1:1/", "-H", "nonsense"], 2),
        (["http://127.0.0.1:1/", "--seconds", "0"], 2),
    ],
)
def test_wrong_usage_is_said_without_a_traceback(words, code):
    done = in_a_terminal(*words)
    assert done.returncode == code
    assert done.stderr and "Traceback" not in done.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="no SIGINT to send there")
def test_an_interrupt_in_a_terminal():
    asked = threading.Semaphore(0)

    async def route():
        asked.release()
        return sse(*EVENTS * 9)

    with routed(route) as url:
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        process = subprocess.Popen([*COMMAND, url], env=NO_PROXIES, **pipes)
        assert asked.acquire(timeout=LONG) and asked.acquire(timeout=LONG)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=LONG)
    assert (process.returncode, err) == (130, "")
    assert "interrupted." in out and "What was seen:" in out, "the first answer is kept"


def test_a_post_in_a_terminal():
    app = FastAPI()

    @app.post("/s")
    async def route(request: Request):
        words = (await request.json())["words"]
        return sse(*[f"data: {word}\n\n" for word in words], "data: [DONE]\n\n", every=0.02)

    with asgi(app) as url:
        posted = in_a_terminal(url, "-d", '{"words": ["a", "b"]}')
        put = in_a_terminal(url, "-X", "PUT", "-d", "{}")
    assert posted.returncode == 0 and posted.stderr == ""
    assert posted.stdout.startswith("This sends the same POST up to 14 times")
    assert put.returncode == 1 and "405 Method Not Allowed" in put.stdout


def test_a_header_in_utf_8():
    seen = []

    async def route(request: Request):
        seen.append(dict(request.scope["headers"]).get(b"x-name"))
        return text(*LINES[:2], every=0.01)

    with routed(route) as url:
        assert in_a_terminal(url, "-H", "X-Name: Łódź").returncode == 0
    assert {*seen} == {"Łódź".encode()}
