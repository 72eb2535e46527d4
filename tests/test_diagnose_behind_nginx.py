"""diagnose: each faulty setting of lesson 12, asked through nginx, and compared with the app."""

import asyncio
import json
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest
from fastapi import FastAPI
from fastapi.responses import StreamingResponse
from machine import NO_PROXIES
from services import EVENTS, LINES, SSE, UNCACHED, is_hidden, only, sse, text
from sse_starlette import EventSourceResponse

from labserver import diagnose
from labserver.proxy import find
from labserver.proxy import nginx as in_front
from labserver.server import Server

pytestmark = pytest.mark.skipif(find() is None, reason="this machine has no nginx")

OLD, NEW = "proxy_http_version 1.0;", "proxy_http_version 1.1;"
GZIP = f"{NEW}\ngzip on;\ngzip_types text/plain text/event-stream;\ngzip_min_length 0;"
IMPATIENT = f"{NEW}\nproxy_read_timeout 2s;"
BIG = [f"data: {i}".ljust(1500, ".") + "\n\n" for i in range(16)]

app = FastAPI()
app.add_api_route("/events", lambda: sse(*EVENTS))
app.add_api_route("/big", lambda: sse(*BIG))
app.add_api_route("/lines", lambda: text(*LINES))
sized = {"Content-Length": str(len("".join(LINES))), "X-Content-Type-Options": "nosniff"}
app.add_api_route("/sized", lambda: text(*LINES, headers=sized))


app.add_api_route("/endless", lambda: sse(*EVENTS * 1000))


@app.get("/silent")
async def silent():
    await asyncio.sleep(60)


@app.get("/broken")
async def broken():
    async def pieces():
        for event in EVENTS[:4]:
            yield event
            await asyncio.sleep(0.15)
        raise RuntimeError("breaks off, on purpose")

    return StreamingResponse(pieces(), media_type=SSE, headers=UNCACHED)


@app.get("/quiet")
async def quiet(ping: int = 15):
    async def events():
        yield {"data": "thinking"}
        await asyncio.sleep(3)
        yield {"data": "42"}

    return EventSourceResponse(events(), ping=ping)


CASES = {  # what stands in front, the path, what is named, and what is named by comparison
    "held": (OLD, "/events", ["held-until-end"], ["held-between"]),
    "held lines": (OLD, "/lines", ["advice-whole"], ["held-between"]),
    "bursts of 4 KiB": (OLD, "/big", ["bursts"], ["held-between"]),
    "a declared length": (NEW, "/sized", ["advice-whole"], ["held-between"]),
    "gzip": (GZIP, "/events", ["gzip-holds-body"], ["gzip-holds-body"]),
    "idle": (IMPATIENT, "/quiet", ["cut-short"], ["cut-short", "cut-between"]),
    "a hidden cut": (OLD, "/broken", ["held-until-end"], ["held-between", "cut-hidden"]),
    "live": (NEW, "/events", [], []),
    "live lines": (NEW, "/lines", [], []),
    "unbuffered": (f"{NEW}\nproxy_buffering off;", "/sized", [], []),
    "pinged": (IMPATIENT, "/quiet?ping=1", [], []),
}


@contextmanager
def behind(settings, path):
    """The app behind nginx: its address through it, and directly."""
    with Server(app) as server, in_front(settings, server.url, quiet=True) as proxy:
        yield proxy.url + path, server.url + path


def asked(case, compared):
    settings, path, *_ = CASES[case]
    with behind(settings, path) as (url, direct):
        return diagnose(url, quiet=True, direct=direct if compared else None)


@pytest.fixture(scope="module")
def found():
    """What is found in each case, alone and compared, several at once."""
    wanted = [(case, compared) for case in CASES for compared in (False, True)]
    with ThreadPoolExecutor(8) as threads:
        return dict(zip(wanted, threads.map(lambda one: asked(*one), wanted), strict=True))


@pytest.mark.parametrize("compared", [False, True], ids=["alone", "compared"])
@pytest.mark.parametrize("case", CASES)
def test_each_faulty_setting_is_named_and_a_healthy_one_let_alone(case, compared, found):
    codes = CASES[case][3 if compared else 2]
    for _ in range(4):  # a busy machine may hide a fault
        if not is_hidden(codes, found[case, compared]):
            break
        found[case, compared] = asked(case, compared)
    only(*codes, found=found[case, compared])


def test_the_finding_has_both_addresses_numbers(found):
    [held] = [one for one in found["held", True] if one.code == "held-between"]
    direct, here = held.evidence.split("; here: ")
    # On a busy machine, two of the eight may come together.
    assert re.match("direct: 8 events at [3-8] moments", direct)
    assert "8 events at 1 moment" in here


def test_an_endless_stream_of_which_nothing_comes_is_compared_too():
    with behind(OLD, "/endless") as (url, direct):
        [silent] = diagnose(url, quiet=True, direct=direct, seconds=10)
    assert silent.code == "no-headers" and "Asked directly, they came after" in silent.evidence


def test_a_stream_that_is_as_silent_asked_directly_is_a_finding_too():
    with behind(OLD, "/silent") as (url, direct):
        [silent] = diagnose(url, quiet=True, direct=direct, seconds=4)
    assert silent.code == "no-headers"
    assert f"Asked directly: GET {direct}: no response within" in silent.evidence


def test_in_a_terminal():
    with behind(OLD, "/events") as (url, direct):
        command = [sys.executable, "-m", "labserver", "diagnose", url, "--json"]
        done = subprocess.run(
            [*command, "--direct", direct],
            capture_output=True,
            text=True,
            timeout=60,
            env=NO_PROXIES,
        )
    first = json.loads(done.stdout.splitlines()[0])
    assert (first["code"], first["level"], done.returncode) == ("held-between", "fault", 1)
    assert "asked directly: 8 events" not in done.stdout


def test_where_the_direct_address_does_not_answer_it_is_named():
    with behind(NEW, "/events") as (url, _), pytest.raises(ConnectionError, match=":1/events"):
        diagnose(url, quiet=True, direct="http://127.0.0.1:1/events")
