"""Rules about compression: what changes where the request accepts gzip, br or zstd.

uncompressed          H |  |  |  |  |  |     H: the headers
it holds the body     H              ||||    many chunks, then one block of them
it holds the headers    H|  |  |  |  |       they wait for the first chunk
"""

from labserver.diagnosis.finding import Level, rule
from labserver.diagnosis.items import items_of
from labserver.diagnosis.observation import BUSY, NOTABLE, SEVERAL, Observation
from labserver.diagnosis.pace import bursts_of, headers_with_body, usual_gap
from labserver.recording import Recording, counted

HEAD_BYTES = 32  # that a coding may send before it has compressed anything
BARE_HEAD = 10  # the head of gzip, which is the longest; what came alone and is longer says more
SLOWER = 4  # times as long as without compression
ONE_PIECE = (0.6, 1.7)  # of the pace: so long does the making of one piece take
FEWER = 3  # times fewer arrivals than without compression
# Statuses of what cannot serve a coding. Others below 500, such as 403 and 404, are no failure.
NO_CODING = (400, 406, 415)


def _compressed(seen: Observation) -> bool:
    """Whether it is compressed for those alone who accept it."""
    ours = "content-encoding" in seen.alone.response.headers
    return bool(seen.encoded and "content-encoding" in seen.encoded.response.headers and not ours)


def _collected(seen: Observation) -> bool:
    """Whether all came at one moment, compressed or, where it is too little for that, not."""
    answered = seen.encoded and seen.encoded.response.is_success
    items = items_of(seen.encoded) if seen.encoded and answered else []
    return len(items) >= SEVERAL and len(bursts_of(items)) == 1


@rule(
    "gzip-holds-body",
    Level.FAULT,
    """Where the client accepts compression, the body is held back. This is consistent with a
    compressor that does not flush after each chunk, or with middleware that collects the body to
    learn whether it is worth it. Make it flush, or leave this route out of compression.""",
    repeat="encoded",
)
def gzip_holds_body(seen: Observation) -> str:
    if not seen.encoded or not (_compressed(seen) or _collected(seen)):
        return ""
    until = seen.encoded.seconds
    plain, packed = _arrivals(seen.plain or seen.alone, until), _arrivals(seen.encoded, until)
    late = plain and (packed[0] if packed else until) - plain[0] > NOTABLE
    few = len(packed) * FEWER <= len(plain) and len(seen.encoded.chunks) != len(plain)
    if not late or not few:
        return ""
    return f"in {until:.3f} s {_coding(seen)}: {_told(packed)}; uncompressed: {_told(plain)}"


def _told(arrivals: list[float]) -> str:
    if not arrivals:
        return "nothing"
    return f"{counted(arrivals, 'arrival')}, the first after {arrivals[0]:.3f} s"


def _arrivals(recording: Recording, until: float) -> list[float]:
    """When something came, up to a moment; a coding's own first bytes do not count."""
    chunks = [chunk for chunk in recording.chunks if chunk.at <= until]
    packed = "content-encoding" in recording.response.headers
    head = HEAD_BYTES if len(chunks) > 1 else BARE_HEAD
    if packed and chunks and chunks[0].size <= head:
        chunks = chunks[1:]
    return [burst.at for burst in bursts_of(chunks)]


def _coding(seen: Observation) -> str:
    named = seen.encoded.response.headers.get("content-encoding") if seen.encoded else None
    return f"compressed ({named})" if named else "as a browser asks"


@rule(
    "gzip-holds-headers",
    Level.FAULT,
    """Where the client accepts compression, not even the headers came. This is consistent with
    middleware or a proxy that compresses and waits until it has enough. Make it flush, or leave
    this route out of compression.""",
    repeat="encoded",
)
def gzip_holds_all(seen: Observation) -> str:
    plain = (seen.plain or seen.alone).headers_at
    if seen.no_encoded > max(2 * NOTABLE, SLOWER * plain) and seen.pair.answers:
        return f"none within {seen.no_encoded:.3f} s; uncompressed after {plain:.3f} s"
    return ""


@rule(
    "gzip-holds-headers",
    Level.FAULT,
    """Compression holds back the headers until the first chunk, so a client cannot tell that it
    is connected. Leave this route out of compression, or yield something at once.""",
    repeat="encoded",
)
def gzip_holds_headers(seen: Observation) -> str:
    if not seen.encoded or not _headers_with_body(seen):
        return ""
    plain, packed = (seen.plain or seen.alone).headers_at, seen.encoded.headers_at
    # Starlette's holds them as long where the client takes no gzip. Then no comparison helps, but
    # for the pace: where each piece takes as long, the first one is what the headers waited for.
    late = packed - plain > NOTABLE and packed > SLOWER * plain
    pace = usual_gap(seen.bursts)
    least = min(packed, plain)  # the other may have met a busy machine
    both = bool(pace) and least > NOTABLE and ONE_PIECE[0] < least / pace < ONE_PIECE[1]
    return _headers_told(seen) if late or both else ""


@rule(
    "gzip-fails",
    Level.FAULT,
    """It is answered well, but not where the client accepts compression, as browsers do. This is
    consistent with middleware that compresses and fails. Read the server's log, or leave this
    route out of compression.""",
    repeat="encoded",
)
def gzip_fails(seen: Observation) -> str:
    one, code = seen.encoded, seen.encoded.response.status_code if seen.encoded else 0
    failed = one and (one.cut or code in NO_CODING or (code >= 500 and code not in BUSY))
    plain = seen.plain or seen.alone
    if not one or not failed or plain.cut or not plain.response.is_success:
        return ""
    return f"as a browser asks: {code}, {one.summary}"


@rule(
    "advice-gzip-holds-headers",
    Level.ADVICE,
    """The headers came only with the first bytes, compressed or not. This is consistent with
    compression that holds them, or with a route that takes its time. Yield something at once, and
    see whether the headers come with it.""",
)
def advice_gzip_holds_headers(seen: Observation) -> str:
    if not seen.encoded or not _headers_with_body(seen):
        return ""
    late = min(seen.encoded.headers_at, seen.alone.headers_at) > NOTABLE
    return _headers_told(seen) if late and seen.last - seen.first > NOTABLE else ""


def _headers_with_body(seen: Observation) -> bool:
    packed = seen.encoded if _compressed(seen) else None
    return packed is not None and headers_with_body(packed)


def _headers_told(seen: Observation) -> str:
    packed = seen.encoded.headers_at if seen.encoded else 0.0
    return (
        f"{_coding(seen)}: headers after {packed:.3f} s, just before the first "
        f"byte; uncompressed: headers after {seen.alone.headers_at:.3f} s"
    )
