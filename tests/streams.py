"""The app whose streams the tests of the recorder read, and what its printed rows are."""

import asyncio
import base64
import gzip
import re
import socket
import threading
from contextlib import contextmanager

from fastapi import FastAPI, Request, Response
from fastapi.responses import PlainTextResponse, RedirectResponse, StreamingResponse
from sse_starlette import EventSourceResponse
from waiting import LONG

app = FastAPI()


def stream(*chunks, every=0.0, **options):
    async def body():
        for chunk in chunks:
            yield chunk
            await asyncio.sleep(every)

    return StreamingResponse(body(), **options)


app.get("/five")(lambda: stream(*(f"Chunk {i}\n" for i in range(5)), every=0.1))

app.get("/many")(lambda n: stream(*(f"Chunk {i}\n" for i in range(int(n)))))

app.get("/binary")(lambda: stream(b"\xff\xfe\x00\x01"))

app.get("/wrong-label")(lambda: stream("data: x\n\n", media_type="text/plain"))

app.get("/no-events")(lambda: stream("only text\n", media_type="Text/Event-Stream"))

app.get("/missing")(lambda: PlainTextResponse("not here", 404))

app.get("/redirect")(lambda: RedirectResponse("/five"))

app.get("/round")(lambda: RedirectResponse("/round"))

app.post("/moved")(lambda: RedirectResponse("/body"))

app.get("/elsewhere")(lambda place: Response(None, 302, {"Location": place}))

app.get("/empty")(lambda: Response(status_code=204))

app.get("/unknown-coding")(lambda: Response(b"\x0b", headers={"Content-Encoding": "made-up"}))

app.get("/endless-line")(
    lambda: stream("data: ", *["x" * 2**20] * 40, media_type="text/event-stream")
)

app.get("/big")(lambda: stream(*[bytes(2**20)] * 70))


@app.get("/quoted")
async def quoted(request: Request, name: str, part: int = 0, kind: str = "text/plain"):
    """Refuse a request, and quote a header of it, whole or from its last word on."""
    text = request.headers[name]
    if text.startswith("Basic "):
        text += " " + base64.b64decode(text[6:]).decode()
    text = text.split()[-1] if part else text
    body = f"event: {text}\nid: {text}\ndata: {text}\n\n" if "event" in kind else f"No {text}.\n"
    return Response(body, 401, {"Location": f"/login?for={text}"}, media_type=kind)


@app.api_route("/digest", methods=["GET", "POST"])
async def digest(request: Request):
    """Let in who answers a challenge; its own body is broken."""
    if "authorization" in request.headers:
        return (await request.body()).decode() or "in"
    challenge = {"WWW-Authenticate": 'Digest realm="r", nonce="n", qop="auth"'}
    return Response("no gzip", 401, challenge | {"Content-Encoding": "gzip"})


@app.get("/cookies")
async def cookies(request: Request, response: Response):
    response.set_cookie("seen", "before")
    return request.cookies


@app.get("/events")
async def events(n: int = 3):
    async def body():
        for i in range(n):
            yield {"event": "count", "id": str(i), "data": f"Event {i}"}
            await asyncio.sleep(0)

    return EventSourceResponse(body())


@app.get("/gzip")
async def zipped():
    squeezed = gzip.compress(b"a" * 1000)
    return stream(squeezed[:10], squeezed[10:], headers={"Content-Encoding": "gzip"})


@app.get("/not-gzip")
async def not_zipped():
    return stream(b"this is no gzip", headers={"Content-Encoding": "gzip"})


@app.get("/cut")
async def cut():
    async def body():
        yield "one\n"
        raise LookupError("gone in the middle")

    return StreamingResponse(body())


@app.get("/endless")
async def endless():
    async def body():
        while True:
            yield "again\n"
            await asyncio.sleep(0.01)

    return StreamingResponse(body())


@app.get("/idle")
async def idle():
    async def body():
        yield "one\n"
        await asyncio.sleep(3600)

    return StreamingResponse(body())


@app.get("/silent")
async def silent():
    await asyncio.sleep(3600)


@app.post("/body")
async def body(request: Request):
    return {"body": (await request.body()).decode(), "x": request.headers.get("x")}


def rows_in(out):
    return re.findall(r"^ *(\d+) +\d+\.\d{3} +\d+\.\d{3} ", out, re.MULTILINE)


@contextmanager
def answering_once(answer):
    """The URL of a server that answers one request with these bytes, and listens no more."""

    def serve_one():
        connection, _ = listener.accept()
        listener.close()
        with connection:
            connection.recv(65536)
            connection.sendall(answer)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/"
        thread = threading.Thread(target=serve_one)
        thread.start()
        yield url
        thread.join(LONG)
