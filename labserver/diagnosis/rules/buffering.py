"""Rules about what is held back on its way until the end.

made          | | | | | | | | |
held until the end             H|||||||||    H: the headers; a buffer has all of it
held, headers at once  H        |||||||||    the app's work, or a body that is joined
"""

from labserver.diagnosis.finding import Level, rule
from labserver.diagnosis.items import items_of
from labserver.diagnosis.observation import LINE_TYPES, NOTABLE, SEVERAL, Observation
from labserver.diagnosis.pace import headers_with_body
from labserver.recording import counted

HEADERS_LATE = 1.0  # seconds
MOMENT = 0.0005  # seconds, shown as 0.000 s
SOONER = 0.5  # of a wait: what came so much sooner did not wait for the same thing


def _held(seen: Observation) -> bool:
    """Whether events came at once, though they are made one by one."""
    if not seen.sse or not seen.came_at_once or len(seen.items) < SEVERAL:
        return False
    # Events in chunks of their own, right after headers that came at once, may be a query's rows.
    return seen.headers_waited or len(seen.items) >= SEVERAL * len(seen.alone.chunks)


def _all_at_once(seen: Observation) -> str:
    what = counted(seen.items, "event" if seen.sse else "line")
    length = f", content-length: {seen.length}" if seen.length else ""
    chunks = counted(seen.alone.chunks, "chunk")
    took = seen.last - seen.first
    together = "at one moment" if took < MOMENT else f"within {took:.3f} s"
    return f"{what} {together}, {chunks}{length}"


def _headers_then_nothing(seen: Observation) -> str:
    return (
        f"headers at {seen.alone.headers_at:.3f} s, then nothing until {seen.first:.3f} s, "
        f"then {_all_at_once(seen)}"
    )


@rule(
    "held-until-end",
    Level.FAULT,
    """Nothing came for a while, then the headers and all events at once. This is consistent with
    a proxy that buffers, or with middleware or a route that collects the whole body. Ask the app
    directly, without what stands in front of it, and compare.""",
    repeat="encoded",
)
def held_until_end(seen: Observation) -> str:
    if not _held(seen) or not seen.headers_waited:
        return ""
    return f"nothing for {seen.first:.3f} s, then {_all_at_once(seen)}"


@rule(
    "held-until-end",
    Level.FAULT,
    """The headers came at once, then nothing for a while, then all events together. This is
    consistent with a route that does all its work before its first yield, or that joins all
    events; compression that does not flush looks the same. Yield each event when it is made.""",
    repeat="encoded",
)
def held_after_headers(seen: Observation) -> str:
    return _headers_then_nothing(seen) if _held(seen) else ""


def _whole(seen: Observation) -> bool:
    """Whether what may be meant to stream came at once."""
    may_stream = seen.sse or seen.alone.media_type in {*LINE_TYPES, "text/csv"}
    if not seen.came_at_once or not may_stream:
        return False
    return len(seen.items) >= SEVERAL or (len(seen.alone.chunks) == 1 and not seen.sse)


@rule(
    "advice-whole",
    Level.ADVICE,
    """Nothing came for a while, then everything at once. This is right for a report that is made
    whole. If it is meant to stream, this is consistent with a proxy that buffers, or with
    middleware or a route that collects the body: ask the app directly, and compare.""",
)
def advice_whole(seen: Observation) -> str:
    if not _whole(seen) or not seen.headers_waited:
        return ""
    return f"nothing for {seen.first:.3f} s, then {_all_at_once(seen)}"


@rule(
    "advice-whole",
    Level.ADVICE,
    """The headers came at once, then nothing for a while, then everything together. This is
    consistent with a route that works before its first yield, as for a query. If rows are ready
    earlier, yield each as it comes.""",
)
def advice_work_first(seen: Observation) -> str:
    return _headers_then_nothing(seen) if _whole(seen) else ""


@rule(
    "accept-decides",
    Level.FAULT,
    """It is held back unless the request has Accept: text/event-stream. jupyter-server-proxy does
    this, for example. Send that header from the client, or ask without the proxy.""",
    repeat="encoded",
)
def accept_decides(seen: Observation) -> str:
    items = items_of(seen.accepted) if seen.accepted else []
    if not seen.accepted or not items or not seen.items:
        return ""
    others = [*seen.others, seen.plain] if seen.plain else seen.others
    firsts = [seen.first, *(one.chunks[0].at for one in others if one.chunks)]
    sooner = items[0].at < SOONER * min(firsts) and min(firsts) - items[0].at > NOTABLE
    if seen.accepted.response.status_code != 200 or len(firsts) == 1 or not sooner:
        return ""  # refused, or as quick without that header
    return f"first bytes at {min(firsts):.3f} s, with that header at {items[0].at:.3f} s"


@rule(
    "advice-headers-late",
    Level.ADVICE,
    """The headers came only with the first event. This is consistent with middleware that holds
    them, or with a route that awaits something. Until then a client cannot tell that it is
    connected: yield a comment (": hello") at once.""",
)
def advice_headers_late(seen: Observation) -> str:
    at = seen.alone.headers_at
    if not seen.sse or at < HEADERS_LATE or not headers_with_body(seen.alone):
        return ""
    again = min((one.headers_at for one in seen.others), default=at)
    if seen.last - seen.first <= NOTABLE or again < SOONER * at:
        return ""
    return f"headers after {at:.3f} s, the first bytes with them"
