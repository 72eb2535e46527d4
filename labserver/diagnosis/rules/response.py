"""Rules about the answer as a whole: status, redirects, an end that comes too early."""

import re
from itertools import pairwise

from labserver.diagnosis.finding import Level, quoted, rule
from labserver.diagnosis.observation import Observation, Silence
from labserver.recording import Ending, Recording, counted

IDLE = 1.0  # seconds of silence before a cut that may have been its reason
ALIKE = 0.15  # of a silence: two that differ by less may have one reason
MOST_REDIRECTS = 5
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
    return f"{seen.error} Another request took {seen.other:.3f} s."


@rule(
    "status",
    Level.FAULT,
    """The server answered with an error instead of a stream. Check the address, the method and
    the headers: diagnose asks by GET and sends no headers of yours unless it is told to
    (method=, json= and headers=; in a terminal -X, -d and -H).""",
)
def status(seen: Observation) -> str:
    response = seen.alone.response
    code = response.status_code
    if code < 400 and not (seen.sse and code not in (200, 204)):
        return ""
    allowed = response.headers.get("allow")
    allow = f", allowed: {quoted(allowed)}" if allowed else ""
    return f"{code} {response.reason_phrase}: {quoted(seen.text)}{allow}"


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
    if not seen.redirects or not (in_a_circle or seen.type == "text/html"):
        return ""
    return f"{counted(seen.redirects, 'redirect')}, the first to {quoted(seen.redirects[0])}"


@rule(
    "advice-redirect",
    Level.ADVICE,
    """The address redirects to the stream, and each redirect costs time at each connection. Give
    clients the last address.""",
)
def advice_redirect(seen: Observation) -> str:
    return f"a redirect to {quoted(seen.redirects[-1])}" if seen.redirects else ""


@rule(
    "not-decodable",
    Level.FAULT,
    """The body is not in the coding that its Content-Encoding names, so a client cannot decode
    it. Send the header only with a body that is compressed so.""",
)
def not_decodable(seen: Observation) -> str:
    if is_cut(seen.alone) and "decompress" in seen.alone.ended.lower():
        return seen.alone.ended
    for answer, body in ((seen.alone, seen.body), (seen.encoded, _start_of(seen.encoded))):
        named = answer.response.headers.get("content-encoding", "") if answer else ""
        raw = answer is seen.encoded or not (answer and answer.decoded)
        if named in ("gzip", "br", "zstd") and raw and body.isascii() and len(body) > 3:
            return f"content-encoding: {named}, but the body is plain text"
    return ""


def _start_of(recording: Recording | None) -> bytes:
    return b"".join(chunk.data for chunk in recording.chunks[:9]) if recording else b""


@rule(
    "bad-framing",
    Level.FAULT,
    """The response breaks the rules for where a body ends (RFC 9112), so clients may refuse it or
    read something else. Let the server frame the body: send no chunk sizes, no Transfer-Encoding
    and no second length by hand.""",
)
def bad_framing(seen: Observation) -> str:
    if is_cut(seen.alone) and re.search("illegal|malformed", seen.alone.ended):
        return seen.alone.ended
    chunked = "transfer-encoding" in seen.alone.response.headers
    if seen.length is not None and chunked:
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
    return f"chunk sizes inside the body, too: {quoted(seen.text[:40])}"


@rule(
    "wrong-length",
    Level.FAULT,
    """The Content-Length is smaller than the body, so clients lose its end. This is consistent
    with a length that counts characters instead of bytes. Count the bytes, or leave the header
    out.""",
)
def wrong_length(seen: Observation) -> str:
    if seen.beyond:
        return f"content-length: {seen.length}, and then came {quoted(_text(seen.beyond))}"
    try:
        seen.body.decode()
    except UnicodeDecodeError as error:
        inside = (
            error.reason == "unexpected end of data" and not seen.body[: error.start].isascii()
        )
        if inside and seen.alone.whole and seen.length:
            rest = seen.body[error.start :].hex(" ")
            return (
                f"content-length: {seen.length}, and the last bytes are {rest}, half a character"
            )
    return ""


def _text(data: bytes) -> str:
    return data.decode(errors="replace")


@rule(
    "cut-short",
    Level.FAULT,
    """The body was cut after a silence, and again after the same silence. This is consistent with
    a timeout, of a proxy or of the server, that ends a quiet connection. Send a ping more often
    than that (in an event stream a comment, ": ping"), or raise the timeout.""",
)
def cut_when_idle(seen: Observation) -> str:
    if not is_cut(seen.alone) or not seen.again or not is_cut(seen.again):
        return ""
    silence, again = silence_before_the_end(seen.alone), silence_before_the_end(seen.again)
    alike = abs(silence - again) < ALIKE * max(silence, again)
    return f"closed after {silence:.1f} s of silence, twice" if silence > IDLE and alike else ""


def silence_before_the_end(recording: Recording) -> float:
    """Seconds from the last byte to the end, if nothing else was as quiet; else 0."""
    moments = [recording.headers_at, *(chunk.at for chunk in recording.chunks)]
    silence = recording.seconds - moments[-1]
    longest = max((b - a for a, b in pairwise(moments)), default=0.0)
    return silence if silence > longest else 0.0


@rule(
    "cut-short",
    Level.FAULT,
    """The body ended before the length that its Content-Length declares. This is consistent with
    an exception in the middle, or with a length that does not count the bytes of this body: it
    counts characters, or was taken from something else. Read the server's log; count the bytes,
    or leave the header out.""",
)
def cut_before_its_length(seen: Observation) -> str:
    return seen.alone.summary if is_cut(seen.alone) and seen.body and seen.length else ""


@rule(
    "cut-short",
    Level.FAULT,
    """The body was cut after its first bytes. This is consistent with an exception in the
    generator; the status 200 has left by then. Read the server's log for the traceback. Tell the
    client of errors in the stream itself, as data.""",
)
def cut_short(seen: Observation) -> str:
    return seen.alone.summary if is_cut(seen.alone) and seen.alone.chunks else ""


@rule(
    "cut-before-first",
    Level.FAULT,
    """The headers declare a Content-Length, but the connection ended without a byte. This is
    consistent with a length that does not count the bytes of this body, since some servers then
    refuse to send it, or with an exception before the first byte. Read the server's log; count
    the bytes, or leave the header out.""",
)
def cut_before_first_of_its_length(seen: Observation) -> str:
    return _cut_before_first(seen) if seen.length else ""


@rule(
    "cut-before-first",
    Level.FAULT,
    """The headers came with a good status, then the connection ended without a byte. This is
    consistent with an exception before the first yield. Check what can fail (the key, the
    parameters, the database) before the response is made: then a client gets the right
    status.""",
)
def cut_before_first(seen: Observation) -> str:
    return _cut_before_first(seen)


def _cut_before_first(seen: Observation) -> str:
    if not is_cut(seen.alone) or seen.alone.chunks:
        return ""
    return f"status {seen.alone.response.status_code}, then it {seen.alone.ended}"


@rule(
    "empty",
    Level.FAULT,
    """The body is empty. This is consistent with a generator that was already used up. Make a new
    one for each request.""",
)
def empty(seen: Observation) -> str:
    nothing = seen.alone.whole and not seen.body and seen.alone.response.status_code == 200
    return seen.alone.summary if nothing else ""


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
    named = seen.alone.events and seen.alone.events[-1].event == "error"
    keyed = FAILED.match(last) if len(seen.items) > 1 else None
    if keyed and seen.items[0].text.startswith(keyed[0]):
        keyed = None  # all of them begin so
    traced = TRACEBACK.search(last if seen.sse else seen.text[-TRACEBACK_CHARACTERS:])
    return f"at the end: {quoted(last)}" if named or keyed or traced else ""


def is_cut(recording: Recording) -> bool:
    """Whether a body broke off."""
    return recording.ending is Ending.CUT
