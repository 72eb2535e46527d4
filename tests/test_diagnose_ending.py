"""diagnose: an end that comes too early."""

import time
from dataclasses import replace

import pytest
from fastapi import HTTPException
from fastapi.responses import StreamingResponse
from services import (
    DONE,
    EVENTS,
    LINES,
    SSE,
    TEXT,
    named,
    observed,
    paced,
    raw,
    said_of,
)
from sse_starlette import EventSourceResponse

from labserver import diagnose
from labserver.diagnosis import Level, rules
from labserver.recording import Ending


@named("cut-short")
async def test_error_after_the_first_byte():
    async def body():
        async for piece in paced(*LINES[:3]):
            yield piece
        raise LookupError("on purpose")

    return StreamingResponse(body(), media_type=TEXT)


def test_another_answer_inside_the_body():
    """As a proxy sends it that gave up, where the headers of the stream were sent long ago."""

    def answer(connection):
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n")
        connection.sendall(b"Transfer-Encoding: chunked\r\n\r\n9\r\ndata: 1\n\n\r\n")
        connection.sendall(b"HTTP/1.0 504 Gateway Time-out\r\n\r\n<html>too late</html>")

    with raw(answer) as url:
        found = diagnose(url, quiet=True)
    (fault,) = [one for one in found if one.level is Level.FAULT]
    assert fault.code == "cut-short"
    assert fault.evidence.startswith("'HTTP/1.0 504 Gateway Time-out' after 0.0 s")


@named("cut-before-first")
async def test_forbidden_too_late():
    async def events():
        raise HTTPException(403)
        yield

    return EventSourceResponse(events())


@named("cut-short")
def test_an_idle_connection_that_a_proxy_closes():
    def answer(connection):
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n")
        connection.sendall(b"Cache-Control: no-store\r\nTransfer-Encoding: chunked\r\n\r\n")
        for i in range(3):
            connection.sendall(b"9\r\ndata: %d\n\n\r\n" % i)
            time.sleep(0.1)
        time.sleep(1.9)

    return raw(answer)


def test_a_cut_after_the_same_silence_twice_is_told_as_a_timeout():
    cut = observed(*EVENTS[:3], ending=Ending.CUT)
    cut.alone.seconds = 4.2
    again = observed(*EVENTS[:3], ending=Ending.CUT).alone
    again.seconds = 4.3
    twice = replace(cut, again=again)
    assert said_of(twice)["cut-short"] == "closed after 4.0 s of silence, twice"
    (finding,) = [found for found in rules.findings(twice) if found.code == "cut-short"]
    assert "ping" in finding.text and "timeout" in finding.text
    again.seconds = 9.0
    assert "silence" not in said_of(twice)["cut-short"]


@pytest.mark.parametrize("ending", [None, Ending.SECONDS])
def test_a_cut_after_a_silence_too_long_to_see_twice_may_be_a_timeout(ending):
    cut = observed(*EVENTS[:3], ending=Ending.CUT)
    cut.alone.seconds = 10.2
    if ending:
        cut.again = observed(*EVENTS[:3], ending=ending).alone
    found = [*rules.findings(cut)]
    (finding,) = [finding for finding in found if finding.code == "cut-short"]
    assert finding.evidence.startswith("closed after 10.0 s of silence (seen once)")
    assert "timeout" in finding.text and "exception" in finding.text
    assert "advice-stalled" not in {finding.code for finding in found}
    cut.alone.seconds = 1.2
    assert "silence" not in said_of(cut)["cut-short"]


@pytest.mark.parametrize(
    ("type", "rows", "told"),
    [
        (SSE, [*EVENTS, DONE], True),
        (SSE, [*EVENTS, "data: [DONE]\n\n"], True),
        ("application/x-ndjson", [*['{"done": false}\n'] * 4, '{"done": true}\n'], True),
        ("application/x-ndjson", ['{"done": false}\n'] * 4, False),
        (SSE, EVENTS, False),
        (TEXT, [f"task {i} {what}\n" for i in "012" for what in ("begun", "finished")], False),
    ],
)
def test_a_body_without_an_end_after_it_told_of_its_end(type, rows, told):
    seen = observed(*rows, type=type, ending=Ending.CUT)
    (finding,) = [found for found in rules.findings(seen) if found.code == "cut-short"]
    assert ("size 0" in finding.text) is told


def test_a_cut_after_the_same_time_twice_may_be_a_limit_on_all_of_it():
    cut, again = (observed(*EVENTS, every=0.63, ending=Ending.CUT) for _ in range(2))
    cut.again = again.alone
    assert said_of(cut)["cut-short"] == "cut after 5.0 s, twice"
    again.alone.seconds = 4.4
    assert "twice" not in said_of(cut)["cut-short"]


@named("advice-ends-when-idle")
def test_an_idle_connection_that_a_proxy_ends_well():
    def answer(connection):
        connection.sendall(b"HTTP/1.0 200 OK\r\nContent-Type: text/event-stream\r\n")
        connection.sendall(b"Cache-Control: no-store\r\n\r\n")
        for i in range(3):
            connection.sendall(b"data: %d\n\n" % i)
            time.sleep(0.1)
        time.sleep(1.9)

    return raw(answer)


def test_a_cut_after_the_same_silence_without_a_byte_is_one_fault():
    cut, again = (observed(ending=Ending.CUT) for _ in range(2))
    cut.alone.seconds = again.alone.seconds = 6.0
    assert said_of(replace(cut, again=again.alone)) == {
        "cut-before-first": "closed after 6.0 s of silence, twice",
        "advice-cache-control": "cache-control: missing",
    }
