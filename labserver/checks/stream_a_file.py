"""The exercises of the lesson "Stream a file"."""

import random
import re
import threading
from collections.abc import Iterator
from typing import Any

import httpx

from labserver.checks.exercise import NotYet, exercise, require, require_function, returned
from labserver.server import Server


@exercise
def download_progress(progress: Any) -> None:
    """Gives the fraction of a download that is there while it comes; None where it cannot know."""
    require_function(progress)
    app, hurry, waited = _in_halves()

    def fractions(url: str) -> list[Any]:
        given, result = [], progress(url)
        kind = type(result).__name__
        require(
            hasattr(result, "__iter__"), f"it returned a {kind}: yield fractions, in a plain def."
        )
        for fraction in result:
            given.append(fraction)
            require(len(given) < 1000, "two chunks came, and there is no end to the fractions.")
            if fraction != 0:  # 0 may be given before anything came
                hurry.set()
        return given

    with Server(app) as server:
        given = returned(fractions, f"{server.url}/sized")
        came = f"for two halves, yours: {given[:4]}"
        require(given, "nothing was yielded: yield a fraction after each chunk.")
        require(all(isinstance(one, int | float) for one in given), f"{came}, expected: numbers.")
        right = 0.5 in given and given[-1] == 1
        require(right, f"{came}, expected: [0.5, 1.0]. Divide what came so far by the size.")
        require(not waited, "the fractions came when all was over: yield after each chunk.")
        try:
            given = returned(fractions, f"{server.url}/unsized")
        except (KeyError, TypeError, ValueError, ZeroDivisionError) as error:
            raise NotYet(f"no content-length: {type(error).__name__}. Yield None then.") from None
    require(given, "no content-length: nothing was yielded. Yield None after each chunk.")
    require(
        set(given) == {None}, f"no content-length. Yours: {given[:4]}, expected: None each time."
    )


@exercise
def resume_download(download: Any) -> None:
    """Returns all bytes of a download that breaks off once, by a request for the rest alone."""
    require_function(download)
    data, cut = random.Random(2).randbytes(200_000), 80_000
    for knows_range in (True, False):
        app, asked = _breaking_off(data, cut, knows_range)
        with Server(app) as server:
            try:
                got = returned(download, f"{server.url}/file")
            except httpx.TransportError as error:
                what = f"the download broke off and {type(error).__name__} came out"
                raise NotYet(f"{what}: catch it, and ask for the rest.") from None
        require(isinstance(got, bytes), f"it returned a {type(got).__name__}, not bytes.")
        came = f"{len(got):,} bytes came back of {len(data):,}"
        require(len(asked) > 1, f"{came}: when it breaks off, make a second request.")
        if knows_range:
            again = f"the second request asked for {asked[1] or 'everything'}"
            require(re.match("bytes=[1-9]", asked[1]), f"{again}: name the rest, as bytes=N-.")
            require(got == data, f"{came} and not the same ones; {again}, after {cut:,} bytes.")
        require(got == data, f"{came} where the server answers 200, with all from the start.")


def _in_halves() -> tuple[Any, threading.Event, list[str]]:
    """An app that holds a second half back until told to hurry; in the list, where nobody did."""
    from fastapi import FastAPI
    from fastapi.responses import StreamingResponse

    app, hurry, waited = FastAPI(), threading.Event(), []

    def halves() -> Iterator[bytes]:
        yield bytes(1000)
        if not hurry.wait(2.0):
            waited.append("for the first half")
        yield bytes(1000)

    headers = {"Content-Length": "2000"}
    app.get("/sized")(lambda: StreamingResponse(halves(), headers=headers))
    app.get("/unsized")(lambda: StreamingResponse(halves()))
    return app, hurry, waited


def _breaking_off(data: bytes, cut: int, knows_range: bool) -> tuple[Any, list[str]]:
    """An app whose first answer breaks off; in the list, what Range each request asked for."""
    from fastapi import FastAPI, Request, Response
    from fastapi.responses import StreamingResponse

    app, asked = FastAPI(), []

    @app.get("/file")
    def file(request: Request) -> Response:
        asked.append(request.headers.get("range", ""))
        if len(asked) == 1:
            size = {"Content-Length": str(len(data))}
            return StreamingResponse(iter([data[:cut]]), headers=size)
        part = re.fullmatch(r"bytes=(\d+)-(\d*)", asked[-1])
        if not knows_range or not part:
            return Response(data)
        start, end = int(part[1]), int(part[2] or len(data) - 1)
        headers = {"Content-Range": f"bytes {start}-{end}/{len(data)}"}
        return Response(data[start : end + 1], 206, headers)

    return app, asked
