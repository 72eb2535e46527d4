"""The exercises of the lesson "Stream a file"."""

import random
import threading
import zlib
from collections.abc import Iterator
from decimal import Decimal
from functools import wraps
from numbers import Real
from typing import Any

from labserver.checks.breaking_off import accepts_gzip
from labserver.checks.calling import items, require_function, returned
from labserver.checks.exercise import NotYet, exercise, in_words, require, shown
from labserver.server import Server

HURRY_SECONDS = 2.0  # that a second half waits for a fraction of the first
MOST_FRACTIONS = 100_000


@exercise
def download_progress(progress: Any) -> None:
    """Gives the fraction of a download that is there while it comes; None where it cannot know."""
    require_function(progress)
    app, hurry, late = _in_halves(random.Random(2).randbytes(2**19).hex().encode())

    @wraps(progress)
    def fractions(url: str) -> list[Any]:
        given: list[Any] = []
        for fraction in items(progress(url)):
            given.append(fraction)
            require(len(given) < MOST_FRACTIONS, "the body ended, and the fractions do not.")
            if fraction != 0 or len(given) > 1:  # 0 may be given before anything came
                hurry.set()
        return given

    with Server(app) as server:
        _judge_fractions(returned(fractions, f"{server.url}/sized"), "for a file of two halves")
        require(not late, "the fractions came when all was over: yield one after each chunk.")
        hurry.clear()
        what = "for a body packed with gzip (content-length counts packed bytes, as iter_raw does)"
        _judge_fractions(returned(fractions, f"{server.url}/packed"), what)
        hurry.clear()
        try:
            given = returned(fractions, f"{server.url}/unsized")
        except (KeyError, TypeError, ValueError, ZeroDivisionError) as error:
            raise NotYet(f"no content-length: {in_words(error)} Yield None then.") from None
    unsized = f"no content-length: yours: {_start_of(given)}, expected: None after each chunk."
    require(given and all(one is None for one in given) and len(given) > 1, unsized)


def _judge_fractions(given: list[Any], what: str) -> None:
    came = f"{what}, yours: {_start_of(given)}"
    numbers = all(isinstance(one, Real | Decimal) and not isinstance(one, bool) for one in given)
    require(given and numbers, f"{came}, expected: fractions of the whole, one after each chunk.")
    hint = "Divide what came so far by the size"
    require(abs(given[-1] - 1) < 1e-9, f"{came}, expected: 1.0 as the last. {hint}.")
    between = f"{came}, expected: fractions between 0 and 1 before it, one after each chunk."
    require(any(0 < one < 1 for one in given), between)
    require(sorted(given) == given, f"{came}, expected: each as large as the one before. {hint}.")
    early = f"{came}, expected: 1.0 not before the end. {hint}."
    # Perhaps once more after the loop; or for each piece of what came last in one.
    require(sum(one > 1 - 1e-9 for one in given) <= max(2, len(given) / 8), early)


def _start_of(given: list[Any]) -> str:
    def rounded(one: Any) -> Any:
        return round(one, 3) if isinstance(one, float) else one

    few = [rounded(one) for one in given]
    return shown(few) if len(few) <= 4 else f"{str(few[:3])[:-1]}, …, {few[-1]}]"


def _in_halves(half: bytes) -> tuple[Any, threading.Event, list[str]]:
    """An app that holds a second half back until told to hurry; in the list, where nobody did."""
    from fastapi import FastAPI, Request
    from fastapi.responses import StreamingResponse

    app, hurry, late = FastAPI(), threading.Event(), []

    def halves(first: bytes, second: bytes) -> Iterator[bytes]:
        yield first
        if not hurry.wait(HURRY_SECONDS):
            late.append("for the first half")
        yield second

    def answer(
        request: Request, first: bytes, second: bytes, headers: dict[str, str]
    ) -> StreamingResponse:
        body = halves(first, second) if request.method == "GET" else iter(())
        return StreamingResponse(body, headers=headers)

    @app.api_route("/sized", methods=["GET", "HEAD"])
    def sized(request: Request) -> StreamingResponse:
        return answer(request, half, half, {"Content-Length": str(2 * len(half))})

    @app.api_route("/unsized", methods=["GET", "HEAD"])
    def unsized(request: Request) -> StreamingResponse:
        return answer(request, half, half, {})

    @app.api_route("/packed", methods=["GET", "HEAD"])
    def packed(request: Request) -> StreamingResponse:
        if not accepts_gzip(request.headers):
            return sized(request)
        packer = zlib.compressobj(level=1, wbits=31)
        first = packer.compress(half) + packer.flush(zlib.Z_SYNC_FLUSH)
        second = packer.compress(half) + packer.flush()
        headers = {"Content-Length": str(len(first + second)), "Content-Encoding": "gzip"}
        return answer(request, first, second, headers)

    return app, hurry, late
