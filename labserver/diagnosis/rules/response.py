"""Rules about the answer as a whole: status, redirects, coding and framing."""

import re

import httpx

from labserver.decoding import decoders_for
from labserver.diagnosis.finding import Level, quoted, rule
from labserver.diagnosis.observation import BUSY, MOST_REDIRECTS, Observation, Silence
from labserver.diagnosis.rules.ending import ANSWER
from labserver.recording import counted

START_BYTES = 1024  # of a body: enough to tell text from a coding
MOST_BYTES = 2**26  # that are undone; a few in a coding may stand for gigabytes
SAY_WHAT_TO_DO = ("allow", "retry-after", "www-authenticate")
GZIP = b"\x1f\x8b\x08"  # that it begins with (RFC 1952, 2.3.1)
SHORT = 3  # bytes that may be ASCII by chance
ERROR_EVENT = re.compile("error|fail|exception", re.I)
FAILED = re.compile(r"""\{\s*["'](error|detail|exception)["']\s*:\s*["'{[]""")
TRACEBACK = re.compile(r"^Traceback \(most recent call last\):\n(?:[ \t].*\n)*\S.*\s*\Z", re.M)
TRACEBACK_CHARACTERS = 3000


@rule(
    "no-headers",
    Level.FAULT,
    """No headers came, though the server answers other requests. This is consistent with a proxy
    or middleware that holds the stream back until its end, or with a route that does all its work
    first. Ask the app directly, without what stands in front of it, and compare.""",
)
def no_headers(seen: Silence) -> str:
    direct = (
        "" if seen.direct is None else f" Asked directly, they came after {seen.direct:.3f} s."
    )
    return f"{seen.error} Another request took {seen.other:.3f} s.{direct}"


@rule(
    "status",
    Level.FAULT,
    """The server refuses for now: it is busy, or it was asked too often. Ask again later, and with
    fewer requests at a time.""",
)
def status_busy(seen: Observation) -> str:
    return _status_told(seen) if seen.alone.response.status_code in BUSY else ""


@rule(
    "status",
    Level.FAULT,
    """The server answered with an error instead of a stream. Check the address, the method and
    the headers: diagnose asks by GET and sends no headers of yours unless it is told to
    (method=, json= and headers=; in a terminal -X, -d and -H).""",
)
def status(seen: Observation) -> str:
    code = seen.alone.response.status_code
    error = code >= 400 or (seen.sse and code not in (200, 204))
    return _status_told(seen) if error else ""


def _status_told(seen: Observation) -> str:
    headers = seen.alone.response.headers
    said = [f", {name}: {quoted(headers[name])}" for name in SAY_WHAT_TO_DO if name in headers]
    return f"{seen.alone.status}: {quoted(seen.text)}{''.join(said)}"


@rule(
    "redirect",
    Level.FAULT,
    """The address redirects to something that is no stream: in a circle, or to a page such as a
    login. Ask the last address directly, or send what the login wants with headers=.""",
)
def redirect(seen: Observation) -> str:
    in_a_circle = (
        seen.alone.response.has_redirect_location and len(seen.redirects) == MOST_REDIRECTS
    )
    if not seen.redirects or not (in_a_circle or seen.alone.media_type == "text/html"):
        return ""
    return f"{counted(seen.redirects, 'redirect')}, the first to {quoted(seen.redirects[0])}"


@rule(
    "redirect",
    Level.FAULT,
    """The address redirects to a place that no client can ask: it is no http or https address.
    Correct the Location that the app sends.""",
)
def redirect_nowhere(seen: Observation) -> str:
    nowhere = seen.alone.location and not seen.alone.response.has_redirect_location
    return f"{seen.alone.status}, location: {quoted(seen.alone.location)}" if nowhere else ""


@rule(
    "advice-redirect",
    Level.ADVICE,
    """The address redirects to the stream, and each redirect costs time at each connection. Give
    clients the last address.""",
)
def advice_redirect(seen: Observation) -> str:
    followed = seen.redirects and not seen.alone.location
    return f"a redirect to {quoted(seen.redirects[-1])}" if followed else ""


@rule(
    "advice-redirect",
    Level.ADVICE,
    """The address redirects to another origin, or by a status that makes a GET of the request, and
    diagnose does not go on there. Diagnose the last address itself.""",
)
def advice_redirect_elsewhere(seen: Observation) -> str:
    return f"a redirect to {quoted(seen.alone.location)}" if seen.alone.location else ""


@rule(
    "not-decodable",
    Level.FAULT,
    """The body is not in the coding that its Content-Encoding names, or stops inside it, so a
    client cannot decode it. Send the header only with a body that is compressed so, and close the
    compressor at the end.""",
)
def not_decodable(seen: Observation) -> str:
    if isinstance(seen.alone.error, httpx.DecodingError):
        return seen.alone.ended.removesuffix(".")
    for answer in (seen.alone, seen.encoded):
        named = answer.response.headers.get("content-encoding", "") if answer else ""
        start = answer.body[:START_BYTES] if answer else b""
        packed = named in ("gzip", "br", "zstd") and answer and not answer.decoded
        if packed and start.isascii() and len(start) > SHORT:
            return f"content-encoding: {named}, but the body is plain text"
    error = undone(seen)[1]
    broken = error and seen.encoded and (seen.encoded.whole or "cannot" in error)
    return f"as a browser asks: {error}" if broken else ""


def undone(seen: Observation) -> tuple[bytes, str]:
    """The start of what was sent as to a browser, its coding undone, and why no more could be."""
    ours = "content-encoding" in seen.alone.response.headers
    decoders = decoders_for(seen.encoded.response) if seen.encoded and not ours else None
    if not seen.encoded or not decoders:
        return b"", ""
    pieces, body, size = iter([chunk.data for chunk in seen.encoded.chunks]), b"", 0
    for decoder in decoders:
        pieces = decoder.decode(pieces)
    try:
        for piece in pieces:
            body, size = (body + piece)[:START_BYTES], size + len(piece)
            if size > MOST_BYTES:  # which takes longer than it may
                return b"", ""
    except httpx.DecodingError as error:
        return body, str(error)
    return body, ""


@rule(
    "not-decodable",
    Level.FAULT,
    """It is labelled as text, and what comes is gzip: it was compressed once more than its
    Content-Encoding says. Compress it once, and name that: Content-Encoding: gzip.""",
)
def packed_text(seen: Observation) -> str:
    text = seen.alone.media_type.startswith("text/") or seen.alone.media_type.endswith("json")
    answer = seen.alone if seen.body.startswith(GZIP) or not seen.encoded else seen.encoded
    packed = text and (seen.body.startswith(GZIP) or undone(seen)[0].startswith(GZIP))
    coding = answer.response.headers.get("content-encoding")
    named = "missing" if coding is None else quoted(coding)
    return f"content-type: {seen.alone.media_type}, content-encoding: {named}" if packed else ""


@rule(
    "bad-framing",
    Level.FAULT,
    """The response breaks the rules for where a body ends (RFC 9112), so clients may refuse it or
    read something else. Let the server frame the body: send no chunk sizes, no Transfer-Encoding
    and no second length by hand.""",
)
def bad_framing(seen: Observation) -> str:
    if seen.alone.cut and re.search("illegal|malformed", str(seen.alone.error)):
        return "" if ANSWER.search(str(seen.alone.error)) else seen.alone.ended.removesuffix(".")
    chunked = "transfer-encoding" in seen.alone.response.headers
    if chunked and "content-length" in seen.alone.response.headers:
        return f"content-length: {seen.length} and transfer-encoding in one response"
    if chunked and seen.alone.response.http_version == "HTTP/1.0":
        return "HTTP/1.0 with transfer-encoding: chunked, which came with HTTP/1.1"
    body = seen.body
    for _ in range(2):
        size = re.match(rb"([0-9a-fA-F]{1,6})\r\n", body)
        body = body[size.end() + int(size[1], 16) :] if size else b""
        if not body.startswith(b"\r\n"):
            return ""
        body = body[2:]
    return f"chunk sizes inside the body, too: {quoted(seen.text)}"


@rule(
    "empty",
    Level.FAULT,
    """The body of this event stream is empty, so clients come back for ever. This is consistent
    with a generator that was already used up, so make a new one for each request; or with a
    Content-Length that does not count the body, so leave it out. Where there is nothing to send,
    wait, or answer with status 204.""",
)
def empty(seen: Observation) -> str:
    return _nothing_in(seen) if seen.sse else ""


@rule(
    "advice-empty",
    Level.ADVICE,
    """The body is empty. This is right where there is nothing to send. If there should be
    something, this is consistent with a generator that was already used up, so make a new one for
    each request; or with a Content-Length that does not count the body, so leave it out.""",
)
def advice_empty(seen: Observation) -> str:
    return _nothing_in(seen)


@rule(
    "advice-empty",
    Level.ADVICE,
    """The status 204 says that there is nothing to send, and keeps an EventSource away for good.
    If there should be something, look at what the route returns.""",
)
def advice_no_content(seen: Observation) -> str:
    nothing = seen.alone.response.status_code == 204
    return f"status 204, {seen.alone.summary}" if nothing else ""


def _nothing_in(seen: Observation) -> str:
    nothing = seen.alone.whole and not seen.alone.size and seen.alone.response.status_code == 200
    length = f"content-length: {seen.length}, " if seen.length else ""
    return f"{length}{seen.alone.summary}" if nothing and seen.alone.method != "HEAD" else ""


@rule(
    "advice-error-inside",
    Level.ADVICE,
    """The stream ends by telling of an error, under a good status. Clients have to look for it in
    the data: document it, and test that they do.""",
)
def advice_error_inside(seen: Observation) -> str:
    if not seen.alone.whole or not seen.items:
        return ""
    last = seen.items[-1].text
    named = seen.alone.events and ERROR_EVENT.search(seen.alone.events[-1].event)
    keyed = FAILED.match(last) if len(seen.items) > 1 else None
    if keyed and seen.items[0].text.startswith(keyed[0]):
        keyed = None  # all of them begin so
    traced = TRACEBACK.search((last if seen.sse else seen.text)[-TRACEBACK_CHARACTERS:])
    return f"at the end: {quoted(last)}" if named or keyed or traced else ""
