"""What can be told about a stream from outside: a few requests, and their answers compared."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import httpx

from labserver.diagnosis import rules
from labserver.diagnosis.finding import Finding, Level
from labserver.diagnosis.observation import Observation
from labserver.diagnosis.probing import MOST_TIMES, Prober
from labserver.diagnosis.report import as_text
from labserver.diagnosis.requests import SAFE, Requests
from labserver.masking import hidden
from labserver.printing import can_rewrite, tell

__all__ = ["Diagnosis", "Finding", "Level", "diagnose", "examine"]


def diagnose(
    url: str | httpx.URL,
    method: str = "GET",
    *,
    seconds: float = 30.0,
    quiet: bool = False,
    headers: Any = None,
    direct: str | httpx.URL | None = None,
    **httpx_options: Any,
) -> list[Finding]:
    """Ask a stream several times; say what was found, what it means and what to try.

    Takes an address and the options of a request as `record` does (`method="POST"`, `json=…`), and
    raises what `record` raises where nothing answers. `direct` is another address of the same
    service, past what stands in front of it: it is asked once, and the two are compared. It makes
    the same request many times, a POST up to 14 times: let it do so only where that does no harm.
    Ends within `seconds`; an interrupt ends it at once, and what was found so far is kept. Prints
    the verdict, the findings and what was seen, unless `quiet`. `labserver.diagnosis.rules.CODES`
    lists what it can find.
    """
    say = None if quiet else tell
    return examine(url, method, seconds, say, headers, direct, **httpx_options).findings


class Diagnosis(NamedTuple):
    """The findings, and whether an interrupt ended it."""

    findings: list[Finding]
    interrupted: bool


def examine(
    url: str | httpx.URL,
    method: str,
    seconds: float,
    say: Callable[[str], Any] | None,
    headers: Any,
    direct: str | httpx.URL | None = None,
    **httpx_options: Any,
) -> Diagnosis:
    """Do what `diagnose` does, and tell it to `say`."""
    if not seconds > 0:
        raise ValueError(f"seconds is a time above 0, not {seconds!r}.")
    content = httpx_options.get("content")
    if isinstance(content, Iterator):  # it can be read once, and is sent several times
        httpx_options["content"] = b"".join(content)
    requests = Requests(url, method, seconds, headers, httpx_options)
    other = Requests(direct, method, seconds, headers, httpx_options) if direct else None
    prober = Prober(requests, seconds, other)
    if say and requests.method not in SAFE:
        times = f"up to {MOST_TIMES + bool(direct)} times, to compare the answers"
        say(f"This sends the same {requests.method} {times}.\n")
    interrupted = False
    waiting = f"{requests}: asking several times, for at most {seconds:g} s …"
    with _waiting_said(say, waiting), hidden(requests.headers):
        try:
            prober.ask(rules.to_repeat)
        except KeyboardInterrupt:
            interrupted = True
    seen = prober.seen
    asked = seen.alone.response.request if isinstance(seen, Observation) else requests
    with hidden(requests.headers), hidden(asked.headers):  # the latter has that of auth=, too
        found = [*rules.findings(seen, prober.second)] if seen else []
        if say:
            say(as_text(seen, found, interrupted))
    return Diagnosis(found, interrupted)


@contextmanager
def _waiting_said(say: Callable[..., Any] | None, line: str) -> Iterator[None]:
    """Show a line while it takes its time, where a line can be taken back."""
    if say is not tell or not can_rewrite():
        yield
        return
    tell(line, end="")
    try:
        yield
    finally:
        tell("\r" + " " * len(line), end="\r", flush=False)
