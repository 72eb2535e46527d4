"""The second exercise of the lesson "Stream a file": a download that breaks off."""

import random
import re
import zlib
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import httpx

from labserver.checks.calling import require_function, returned
from labserver.checks.exercise import NotYet, exercise, in_words, require, shown
from labserver.recording import counted
from labserver.server import Server

NO_TEXT = bytes.maketrans(b"abcdef", b"\0\r\n \x80\xff")  # so that neither end may be stripped
STATUS = "Only 200 and 206 bring bytes of the file: raise an error for others"
CASES = {  # what the server does after the break
    "part": "206 with the rest",
    "whole": "200 with all of it",
    "packed": "bytes packed with gzip",
    "404": "404 after the break",
    "503": "503 once, after the break",
    "gone": "404 at once",
    "416": "416 after the break (all bytes had come)",
}


@exercise
def resume_download(download: Any) -> str | None:
    """Returns all bytes of a download that breaks off once, by a request for the rest alone."""
    require_function(download)
    data = b"\n" + random.Random(2).randbytes(99_999).hex().encode().translate(NO_TEXT) + b" "
    _judge_resumed(download, data)
    with_all = "where the server knows no Range and answers 200, with all from the start"
    _require_file(_tried(download, Breaking("whole", data)), data, with_all)
    packed = "where the server packs with gzip whom it may (Accept-Encoding: identity forbids it)"
    _require_file(_tried(download, Breaking("packed", data)), data, packed)
    for case in ("404", "503", "gone"):
        tried = _tried(download, Breaking(case, data))
        came = f"where the server answers {CASES[case]}, {_came(tried)}, expected: an error"
        right = isinstance(tried, Exception) or (case == "503" and tried == data)
        require(right, f"{came}. {STATUS}.")
    tried = _tried(download, Breaking("416", data))
    came = f"where the server answers {CASES['416']}, {_came(tried)}"
    require(isinstance(tried, Exception) or tried == data, f"{came}. {STATUS}.")
    there = "all bytes of the file had come, and 416 says that nothing is left to ask for"
    return f"{there}; {_came(tried)}." if isinstance(tried, Exception) else None


def _judge_resumed(download: Any, data: bytes) -> None:
    app = Breaking("part", data)
    tried = _tried(download, app)
    if isinstance(tried, httpx.TransportError):
        what = f"the download broke off and {type(tried).__name__} came out"
        raise NotYet(f"{what}: catch it, and ask for the rest.")
    if isinstance(tried, Exception):
        raise NotYet(in_words(tried))
    require(isinstance(tried, bytes | bytearray), f"{_came(tried)}, expected: bytes.")
    came = f"{_came(tried)} of {len(data):,}"
    require(len(app.asked) > 1, f"{came}: when it breaks off, make a second request.")
    again = f"the second request asked for {app.asked[1] or 'everything'}"
    partly = re.fullmatch(r"bytes=[1-9]\d*-\d*", app.asked[1])
    require(partly, f"{again}: name the rest, as bytes=N-.")
    require(tried == data, f"{came}, and not the file's; {again}, after {app.sent:,} bytes.")


def _tried(download: Any, app: "Breaking") -> Any:
    """What the answer returns, or the exception that it raises."""
    with Server(app.made()) as server:
        try:
            return returned(download, f"{server.url}/file")
        except NotYet as unended:
            raise NotYet(f"where the server answers {CASES[app.case]}, {unended}") from None
        except Exception as error:
            return error


def _require_file(tried: Any, data: bytes, where: str) -> None:
    some = isinstance(tried, bytes | bytearray)
    wrong = "not those of the file, " if some and not data.startswith(tried) else ""
    expected = f"expected: the {len(data):,} bytes of the file"
    require(tried == data, f"{where}, {_came(tried)}, {wrong}{expected}.")


def _came(tried: Any) -> str:
    if isinstance(tried, Exception):
        return f"yours raised {in_words(tried).partition(' for url')[0].rstrip('.')}"
    if isinstance(tried, bytes | bytearray):
        return f"yours returned {counted(tried, 'byte')}"
    return f"yours returned {shown(tried)}"


class Answer(NamedTuple):
    """A status, headers and the body."""

    status: int
    headers: dict[str, str]
    body: bytes


class Breaking:
    """An app that serves one file. Its first answer breaks off; the case says what comes next.

    `asked` is what Range each GET asked for, `sent` how many bytes the first answer brings.
    """

    def __init__(self, case: str, data: bytes) -> None:
        self.case, self.data = case, data
        self.asked: list[str] = []
        self.sent = len(data) if case == "416" else 80_000

    def made(self) -> Any:
        """The app."""
        from fastapi import FastAPI, Request, Response
        from fastapi.responses import StreamingResponse

        app = FastAPI()

        @app.api_route("/file", methods=["GET", "HEAD"])
        def file(request: Request) -> Response:
            data, headers = self._packed(request.headers)
            if request.method == "HEAD":
                return Response(data, headers=headers)
            self.asked.append(request.headers.get("range", ""))
            answer = self._answer(data, headers)
            if len(self.asked) > 1 or answer.status > 206:
                return Response(answer.body, answer.status, answer.headers)
            size = {} if self.case == "416" else {"Content-Length": str(len(answer.body))}
            broken = self._broken(answer.body)
            return StreamingResponse(broken, answer.status, {**answer.headers, **size})

        return app

    def _packed(self, headers: Mapping[str, str]) -> tuple[bytes, dict[str, str]]:
        """The bytes to send, and the headers that say what they are."""
        if self.case != "packed" or not accepts_gzip(headers):
            return self.data, {"Accept-Ranges": "bytes"}
        packer = zlib.compressobj(wbits=31)
        packed = packer.compress(self.data) + packer.flush()
        return packed, {"Accept-Ranges": "bytes", "Content-Encoding": "gzip"}

    def _answer(self, data: bytes, headers: dict[str, str]) -> Answer:
        number = len(self.asked)
        if self.case == "gone" or (self.case == "404" and number > 1):
            return Answer(404, {}, b"no such file\n")
        if self.case == "503" and number == 2:
            return Answer(503, {"Retry-After": "0"}, b"busy\n")
        part = re.fullmatch(r"bytes=(\d+)-(\d*)", self.asked[-1])
        if self.case == "whole" or not part:
            return Answer(200, headers, data)
        start, end = int(part[1]), min(int(part[2] or len(data)), len(data) - 1)
        if start >= len(data):
            return Answer(416, {"Content-Range": f"bytes */{len(data)}"}, b"nothing there\n")
        headers["Content-Range"] = f"bytes {start}-{end}/{len(data)}"
        return Answer(206, headers, data[start : end + 1])

    def _broken(self, body: bytes) -> Iterator[bytes]:
        yield body[: self.sent]
        if self.case == "416":
            raise RuntimeError("broken off after all bytes, before the end of the body")


def accepts_gzip(headers: Mapping[str, str]) -> bool:
    """Whether a request's headers accept a body packed with gzip."""
    accepted = headers.get("accept-encoding", "")
    return bool(re.search(r"\bgzip\b(?!\s*;\s*q=0(\.0*)?\s*(,|$))", accepted))
