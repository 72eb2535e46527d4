"""diagnose: what changes where the request accepts a coding."""

import asyncio
import gzip
import json
import zlib
from dataclasses import replace

import pytest
from fastapi import FastAPI, Request, Response
from fastapi.middleware.gzip import GZipMiddleware
from fastapi.responses import StreamingResponse
from services import (
    DONE,
    EVENTS,
    LINES,
    NOSNIFF,
    SSE,
    TEXT,
    UNCACHED,
    asgi,
    healthy,
    named,
    observed,
    paced,
    routed,
    said_of,
    sse,
    text,
)

from labserver.diagnosis import rules


@named("advice-gzip-holds-headers")
def test_gzip_that_waits_for_the_first_chunk():
    app = FastAPI()
    app.add_middleware(GZipMiddleware)
    app.get("/s")(lambda: text(*LINES, first=0.7))
    return asgi(app)


def compressed(flush, pieces=LINES, coding="gzip"):
    """A route that compresses for those who accept gzip, or deflate."""

    async def route(request: Request):
        if coding not in request.headers["accept-encoding"]:
            return text(*pieces)

        async def body():
            zipper = zlib.compressobj(wbits=31 if coding == "gzip" else 15)
            async for piece in paced(*pieces):
                rest = zipper.flush(zlib.Z_SYNC_FLUSH) if flush else b""
                yield zipper.compress(piece.encode()) + rest
            yield zipper.flush()

        headers = NOSNIFF | {"Content-Encoding": coding}
        return StreamingResponse(body(), media_type=TEXT, headers=headers)

    return route


@named("gzip-holds-body")
def test_gzip_that_never_flushes():
    return routed(compressed(flush=False))


@named("gzip-holds-body")
def test_gzip_whose_head_alone_comes():
    return routed(compressed(flush=False, pieces=LINES * 99))


@named("gzip-holds-body")
def test_deflate_whose_head_alone_comes():
    return routed(compressed(flush=False, pieces=LINES * 99, coding="deflate"))


@named("gzip-holds-headers")
def test_gzip_of_an_endless_stream():
    async def route(request: Request):
        async def body():
            async for piece in paced(*LINES * 99):
                yield piece

        if "gzip" in request.headers["accept-encoding"]:
            await asyncio.sleep(60)
        return StreamingResponse(body(), media_type=TEXT)

    return routed(route)


@healthy
def test_gzip_of_a_slow_route():
    app = FastAPI()
    app.add_middleware(GZipMiddleware)

    @app.get("/s")
    async def route():
        await asyncio.sleep(0.6)
        return text(*LINES)

    return asgi(app)


@healthy
def test_gzip_that_flushes():
    return routed(compressed(flush=True))


@healthy
def test_gzip_of_starlette():
    app = FastAPI()
    app.add_middleware(GZipMiddleware, minimum_size=10)
    app.get("/s")(lambda: text(*LINES))
    return asgi(app)


@healthy
def test_events_beside_gzip():
    app = FastAPI()
    app.add_middleware(GZipMiddleware)
    app.get("/s")(lambda: sse(*EVENTS, DONE, first=0.5))
    return asgi(app)


@healthy
async def test_compressed_whole():
    body = gzip.compress(json.dumps(list(range(5000))).encode())
    return Response(body, media_type="application/json", headers={"Content-Encoding": "gzip"})


def packed(coding, compress):
    """A route that answers in this coding where the request accepts it, and never flushes."""

    async def route(request: Request):
        if coding not in request.headers["accept-encoding"]:
            return text(*LINES)

        async def body():
            pieces = [piece async for piece in paced(*LINES)]
            yield compress("".join(pieces).encode())

        headers = NOSNIFF | {"Content-Encoding": coding}
        return StreamingResponse(body(), media_type=TEXT, headers=headers)

    return route


@named("gzip-holds-body")
def test_brotli_that_never_flushes():
    return routed(packed("br", pytest.importorskip("brotli").compress))


def test_a_first_piece_alone_is_told_from_the_head_of_a_coding():
    """One short piece, then a silence: the same where nothing is compressed."""
    seen = observed("ok\n", type=TEXT)
    packed = observed(b"x" * 9, type=TEXT, content_encoding="br").alone
    seen.alone.seconds = packed.seconds = 4.0
    assert "gzip-holds-body" not in said_of(replace(seen, encoded=packed))
    several = observed("ok\n", "2\n", type=TEXT)
    told = said_of(replace(several, encoded=packed))["gzip-holds-body"]
    assert told == (
        "in 4.000 s compressed (br): nothing; uncompressed: 2 arrivals, the first after 0.000 s"
    )


@named("gzip-holds-body")
def test_zstd_that_never_flushes():
    return routed(packed("zstd", pytest.importorskip("zstandard").ZstdCompressor().compress))


@named("not-decodable")
def test_brotli_by_name_only():
    async def route(request: Request):
        named = {"Content-Encoding": "br"} if "br" in request.headers["accept-encoding"] else {}
        return text(*LINES, headers=NOSNIFF | named)

    return routed(route)


@named("gzip-holds-body")
async def test_what_is_collected_to_learn_its_size(request: Request):
    """Too little to be worth it, so it comes as it is, and late."""
    if "br" not in request.headers["accept-encoding"]:
        return sse(*EVENTS, DONE)
    return Response(
        "".join([piece async for piece in paced(*EVENTS, DONE)]), media_type=SSE, headers=UNCACHED
    )


@named("gzip-fails")
def test_a_compressor_that_cannot_be_loaded():
    async def route(request: Request):
        if "br" in request.headers["accept-encoding"]:
            return Response("no module named brotli", 500)
        return text(*LINES)

    return routed(route)


@named("gzip-fails")
def test_a_compressor_that_fails_midway():
    async def route(request: Request):
        async def body():
            async for piece in paced(*LINES):
                yield piece
                assert "br" not in request.headers["accept-encoding"], "on purpose"

        return StreamingResponse(body(), media_type=TEXT, headers=NOSNIFF)

    return routed(route)


@pytest.mark.parametrize("status", [204, 403, 404, 410, 429, 503])
def test_what_refuses_on_purpose_does_not_fail_by_its_coding(status):
    seen = observed(*EVENTS, DONE)
    seen.encoded = observed().alone
    seen.encoded.response.status_code = status
    assert "gzip-fails" not in said_of(seen)


def test_what_is_refused_or_late_without_a_coding_too_is_not_the_codings_doing():
    """By now everybody is refused, or gets all at once; the first time it came one by one."""
    alone = observed(*LINES, type=TEXT)
    refused, at_once = observed("no", type=TEXT).alone, observed("".join(LINES), type=TEXT).alone
    refused.response.status_code = 500
    at_once.chunks = [chunk._replace(at=1.0) for chunk in at_once.chunks]
    at_once.seconds = 1.0
    for encoded, code in ((refused, "gzip-fails"), (at_once, "gzip-holds-body")):
        seen = replace(alone, encoded=encoded)
        assert code in said_of(seen)
        second = replace(seen, plain=encoded, repeated=True)
        if encoded is refused:  # then nothing is compared
            second.encoded = None
        assert not {code} & {finding.code for finding in rules.findings(seen, second)}
        second = replace(seen, plain=alone.alone, repeated=True)
        assert {code} <= {finding.code for finding in rules.findings(seen, second)}


def test_a_page_that_refuses_is_no_body_that_is_held():
    alone, page = observed(*LINES, type=TEXT), observed("<p>\nno\n</p>\n", type="text/html").alone
    page.response.status_code, page.seconds = 403, 1.0
    page.chunks = [chunk._replace(at=1.0) for chunk in page.chunks]
    assert "gzip-holds-body" not in said_of(replace(alone, encoded=page))
