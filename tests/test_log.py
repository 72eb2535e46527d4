"""server.log: what went wrong in the server, whatever logging says."""

import logging

import httpx
import pytest
from apps import answering
from fastapi import FastAPI
from fastapi.responses import StreamingResponse

from labserver import serve


def test_log_keeps_tracebacks_and_prints_nothing(capfd):
    logging.lastResort.flush()
    app = FastAPI()

    @app.get("/wrong")
    async def wrong():
        raise ZeroDivisionError("wrong on purpose")

    async def late():
        yield "x"
        raise ZeroDivisionError("too late")

    app.get("/late")(lambda: StreamingResponse(late()))
    with serve(app) as server:
        # A connection each: after a 500 the server closes the one it came by.
        assert httpx.get(server.url + "/wrong", trust_env=False).status_code == 500
        with pytest.raises(httpx.RemoteProtocolError):
            httpx.get(server.url + "/late", trust_env=False)
    assert "Traceback" in server.log and "wrong on purpose" in server.log
    assert "too late" in server.log
    assert repr(server.log) == str(server.log)
    captured = capfd.readouterr()
    assert captured.err == "" and captured.out == f"Serving on {server.url}\n"


def test_logging_of_others_is_left_alone(client, caplog):
    names = ("uvicorn", "uvicorn.error", "uvicorn.access", "asyncio", "sse_starlette.sse")
    loggers = [logging.getLogger(name) for name in names]

    def settings():
        return [(x.level, x.propagate, list(x.handlers), list(x.filters)) for x in loggers]

    before = settings()
    with serve(answering("one")) as server:
        client.get(server.url + "/word")
        logging.getLogger("uvicorn.error").error("of somebody else")
        assert "of somebody else" in caplog.text
        assert "of somebody else" not in server.log
    assert settings() == before


def test_a_chatty_root_logger_shows_no_access_lines(client, caplog):
    caplog.set_level(logging.DEBUG)
    with serve(answering("one")) as server:
        client.get(server.url + "/word?token=secret")
    assert "GET /word" not in caplog.text
    assert "secret" not in server.log
