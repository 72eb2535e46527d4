"""What can be told about a stream from outside: a few GET requests, held against each other."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

import httpx

from labserver import recorder, symptoms
from labserver.recording import Chunk, Ending, RecordedEvent, Recording
from labserver.symptoms import LATE, PAUSE, Finding, Seen

BYTES, PIECES = 16 * 2**20, 2000  # enough of a body to tell what it is like
PROBE = "labserver-diagnose"  # a path below the stream's, which is probably a 404
NO_HEADERS = Finding(
    "no-headers",
    "No headers came, though the server answers others: consistent with a proxy or middleware "
    "that holds a stream back until its end, or with a route that does all its work first.",
    "",
)
UNSEEN = """\
What cannot be seen from outside: a client that collects, an in-process transport,
clean-up after a client left, how far a server runs ahead of a slow client, a dependency
that closes early, an error that ends the body cleanly.
notebooks/09_find_what_breaks.ipynb shows how to look."""


def diagnose(
    url_or_path: str | httpx.URL,
    *,
    seconds: float = 30.0,
    quiet: bool = False,
    headers: Any = None,
) -> list[Finding]:
    """Make a few GET requests to a stream; say what was seen, what it means and what to try.

    Takes an address as `record` does, and raises what `record` raises where nothing answers. Ends
    within `seconds`; an interrupt ends it at once, and what was found so far is kept. Prints what
    it saw and the findings, unless `quiet`. The codes are:

    no-headers, status, redirect, cut-short, cut-before-first, wrong-length, not-decodable,
    bad-framing, empty, held-until-end, accept-decides, bursts, gzip-holds-headers,
    gzip-holds-body, starved, never-awaits, one-at-a-time, shared-source, runs-out, no-ping,
    tiny-chunks, cumulative, not-labelled, no-events, no-blank-line, unfinished-event,
    lost-lines, framed-twice, event-without-data, not-utf-8, torn-letters, python-repr,
    none-as-data, bad-json, ids-repeat, ignores-last-event-id, resumes-beside, replays,
    cacheable, bad-retry, json-twice, ids-missing, advice-replays, advice-redirect,
    advice-headers-late, advice-gzip-holds-headers, advice-error-inside, advice-stalled,
    advice-whole, advice-one-at-a-time, advice-content-length, advice-nosniff,
    advice-cache-control, advice-accel-buffering, advice-bursts, advice-small-chunks.
    """
    return examine(url_or_path, seconds, None if quiet else print, headers)[0]


def examine(
    url: str | httpx.URL, seconds: float, say: Callable[[str], Any] | None, headers: Any
) -> tuple[list[Finding], bool]:
    """Do what `diagnose` does, telling it to `say`; also returns whether it was interrupted."""
    if not seconds > 0:
        raise ValueError(f"seconds is a time above 0, not {seconds!r}.")
    say = say or (lambda line: None)
    asker = _Asker(url, seconds, headers)
    interrupted = False
    try:
        asker.look(say)
    except KeyboardInterrupt:
        interrupted = True
        say(Ending.INTERRUPTED.value)
    found = [*symptoms.findings(asker.seen)] if asker.seen else asker.silent
    for fact in filter(None, symptoms.facts(asker.seen) if asker.seen else ()):
        say(fact)
    for finding in found:
        say(str(finding))
    say(UNSEEN if found else f"Nothing found.\n{UNSEEN}")
    return found, interrupted


class _Rows:
    """Ends a recording at its headers, or after so many pieces and seconds."""

    def __init__(self, pieces: int = 10, seconds: float = 8.0, headers_only: bool = False) -> None:
        self.pieces, self.seconds, self.headers_only = pieces, seconds, headers_only
        self.count = 0

    def request(self, request: httpx.Request) -> None:
        pass

    def headers(self, recording: Recording) -> bool:
        return self.headers_only

    def chunk(self, chunk: Chunk | RecordedEvent) -> bool:
        self.count += 1
        return self.count >= PIECES or (self.count >= self.pieces and chunk.at >= self.seconds)

    event = chunk

    def end(self, recording: Recording) -> None:
        pass


class _Asker:
    """Makes the requests, in the time that there is for all of them."""

    def __init__(self, url: str | httpx.URL, seconds: float, headers: Any) -> None:
        self.url, self.headers, self.seconds = recorder.resolve(url)[0], headers, seconds
        self.end = time.perf_counter() + 0.95 * seconds  # to end takes a moment, too
        self.seen: Seen | None = None
        self.silent: list[Finding] = []

    def ask(self, seconds: float, rows: Any = None, url: Any = None, **headers: str) -> Recording:
        """One GET within `seconds`, and within what is left of them all."""
        asked = httpx.Headers({"accept-encoding": "identity"})
        asked.update(httpx.Headers(self.headers))
        for name, value in headers.items():
            asked[name.replace("_", "-")] = value  # in UTF-8; update() takes ASCII alone
        left = max(0.05, min(seconds, self.end - time.perf_counter()))
        bounds = recorder.Bounds(seconds=left, max_bytes=BYTES)
        watcher = rows or _Rows()
        done = recorder.record_watched(watcher, url or self.url, "GET", bounds, headers=asked)
        if done.ending is Ending.INTERRUPTED:
            raise KeyboardInterrupt
        return done

    def attempt(self, seconds: float, rows: Any = None, **headers: str) -> Recording | None:
        """The same, or None where no answer came in time."""
        with suppress(OSError):
            if self.end - time.perf_counter() > LATE:
                return self.ask(seconds, rows, **headers)
        return None

    def wait(self, seconds: float) -> float | None:
        """How long another request waits for its headers; `seconds` if it gets none."""
        start, path = time.perf_counter(), self.url.raw_path.partition(b"?")[0].rstrip(b"/")
        other = self.url.copy_with(raw_path=path + b"/" + PROBE.encode())
        try:
            self.ask(seconds, _Rows(headers_only=True), other)
        except TimeoutError:
            return time.perf_counter() - start
        except OSError:
            return None  # nobody there any more, or too busy to talk
        return time.perf_counter() - start

    def look(self, say: Callable[[str], Any]) -> None:
        """Ask, one question after another, as far as the answers leave one."""
        self.wait(1.0)  # the first request of all may be a slow one
        try:
            seen = self.seen = self.follow()
        except TimeoutError as error:
            wait = self.wait(2.0)
            if wait is None or wait > 1.9:
                raise
            self.silent = [NO_HEADERS._replace(evidence=f"{error} Another took {wait:.3f} s.")]
            return
        headers = f"{seen.type or 'no content-type'}, headers after {seen.alone.headers_at:.3f} s"
        said = repr(seen.alone).strip("<>").removeprefix("Recording ")
        say(f"{said}\n{headers}")
        if seen.alone.response.status_code != 200:
            return
        limit = max(3.0, 2 * seen.alone.headers_at + 1.0)
        seen.after = self.wait(limit) or 0.0
        if seen.after >= limit:
            return  # it answers nobody any more
        seen.calm = list(self.waits(limit))
        limit = min(seen.alone.seconds + 1.0, 4.0)
        seen.zipped = self.attempt(limit, _Rows(4, 0.0), accept_encoding="gzip")
        seen.unzipped = 0.0 if seen.zipped else limit
        self.two_at_once(seen, limit := min(2 * seen.alone.seconds + 1.0, 5.0))
        if symptoms.others_wait(seen):  # or was it the machine?
            self.two_at_once(seen, limit)
        if seen.sse and len(seen.ids) > 2:
            self.resume(seen, min(seen.first + 1.5, 4.0))
        if symptoms.held_until_end(seen) or symptoms.advice_whole(seen):
            seen.accepted = self.attempt(limit, accept="text/event-stream")
        if any(one.response.status_code >= 500 for one in (seen.zipped, *seen.pair) if one):
            seen.later = self.once_left()

    def follow(self) -> Seen:
        """The first answer: at the end of redirects, at most five, of the same origin."""
        redirects: list[str] = []
        while True:
            alone = self.ask(0.6 * self.seconds)
            if not alone.response.has_redirect_location or len(redirects) == 5:
                return Seen(alone, redirects=redirects)
            redirects.append(alone.response.headers["location"])
            target = self.url.join(redirects[-1])
            if (target.scheme, target.netloc) != (self.url.scheme, self.url.netloc):
                return Seen(alone, redirects=redirects)
            self.url = target

    def waits(self, limit: float) -> Iterator[float]:
        """How long other requests wait, one after another: up to four, in little time."""
        start = time.perf_counter()
        for _ in range(4):
            if (wait := self.wait(limit)) is None:
                return
            yield wait
            if time.perf_counter() - start > 1.0:
                return

    def two_at_once(self, seen: Seen, limit: float) -> None:
        """The same request twice at once, and others meanwhile."""
        seen.waits = []
        seen.apart = min(LATE, seen.alone.seconds / 4)
        threads, start = ThreadPoolExecutor(2), time.perf_counter()
        try:
            both = [threads.submit(self.attempt, limit, _Rows(8, 2.0))]
            time.sleep(seen.apart)
            both.append(threads.submit(self.attempt, limit, _Rows(8, 2.0)))
            while not all(one.done() for one in both) and time.perf_counter() - start < limit:
                wait = self.wait(limit)
                seen.waits += [] if wait is None else [wait]
                time.sleep(PAUSE)
            seen.pair = [answer for one in both if (answer := one.result())]
        finally:
            threads.shutdown(wait=False)  # an interrupt does not wait for them; they end in time

    def once_left(self) -> Recording | None:
        """Ask again, a second later each time, until it is answered well; thrice at most."""
        later = None
        for _ in range(3):
            time.sleep(max(0.0, min(1.0, self.end - time.perf_counter())))
            later = self.attempt(2.0, _Rows(1, 0.0))
            if later is None or later.response.status_code < 500:
                break
        return later

    def resume(self, seen: Seen, limit: float) -> None:
        """Ask for what comes after an event in the middle, and after the last one."""
        ids = [seen.ids[len(seen.ids) // 2]] + seen.ids[-1:] * seen.alone.whole
        for id in ids:
            answer = self.attempt(limit, _Rows(1, 0.0), last_event_id=id)
            if answer:
                seen.resumed[id] = answer
