"""Rules about one service at two addresses: directly, and through what stands in front of it.

direct   H |  |  |  |  |  |     H: the headers
here             H|||   |||     held between the two
"""

from labserver.diagnosis.finding import Level, rule
from labserver.diagnosis.items import items_of
from labserver.diagnosis.observation import NOTABLE, SEVERAL, Observation
from labserver.diagnosis.pace import bursts_of, usual_gap
from labserver.recording import Recording, counted

FEWER = 2  # times fewer moments at which something came


@rule(
    "held-between",
    Level.FAULT,
    """It is live at the direct address and held back at this one. So what stands between the two
    holds it back, and not the app. For nginx: proxy_http_version 1.1, proxy_buffering off, gzip
    off. Lesson 12 has the settings.""",
)
def held_between(seen: Observation) -> str:
    direct = seen.direct
    if direct is None or len(items_of(direct)) < SEVERAL:
        return ""
    here = [seen.alone, *seen.pair.answers]  # all of them: a busy machine may upset one
    held = all(_is_held(one, direct) for one in here)
    return f"direct: {_came(direct)}; here: {_came(seen.alone)}" if held else ""


def _is_held(here: Recording, direct: Recording) -> bool:
    """Whether things come together or late here, that come one by one there."""
    things, there = items_of(here), items_of(direct)
    moments, live = bursts_of(things), bursts_of(there)
    if not things:
        return here.seconds - there[0].at > NOTABLE
    waited = max(things[0].at - there[0].at, usual_gap(moments)) > NOTABLE
    return waited and len(moments) * len(there) * FEWER <= len(live) * len(things)


def _came(recording: Recording) -> str:
    things = items_of(recording)
    moments = counted(bursts_of(things), "moment")
    first = f", the first after {things[0].at:.3f} s" if things else ""
    noun = "event" if recording.has_events else "piece"
    return f"{counted(things, noun)} at {moments}{first}"


@rule(
    "cut-between",
    Level.FAULT,
    """It comes whole from the direct address and is cut at this one. So what stands between the
    two cuts it, and not the app. After a silence, that is a timeout: send a ping more often, or
    raise it (for nginx: proxy_read_timeout).""",
)
def cut_between(seen: Observation) -> str:
    direct = seen.direct
    if direct is None or not seen.alone.cut or direct.cut:
        return ""
    longer = direct.whole or direct.seconds > seen.alone.seconds + NOTABLE
    return _both(seen.alone, direct) if longer else ""


@rule(
    "cut-hidden",
    Level.FAULT,
    """It is cut at the direct address and ends well at this one. So what stands between the two
    hides the cut, and a client takes half of it for all. For nginx: proxy_http_version 1.1.""",
)
def cut_hidden(seen: Observation) -> str:
    hidden = seen.direct is not None and seen.direct.cut and seen.alone.whole
    return _both(seen.alone, seen.direct) if hidden and seen.direct else ""


def _both(here: Recording, direct: Recording) -> str:
    return f"direct: {direct.summary.rstrip('.')}; here: {here.summary.rstrip('.')}"
