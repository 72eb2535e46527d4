"""Make a request and note when each chunk, or server-sent event, came."""

import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from functools import cache
from http.cookiejar import CookieJar, DefaultCookiePolicy
from ssl import PROTOCOL_TLS_CLIENT, SSLContext
from typing import Any, Protocol

import httpx

from labserver import server, table
from labserver.deadline import Deadline
from labserver.events import EventDecoder
from labserver.guard import LOOPBACK
from labserver.recording import Chunk, Ending, RecordedEvent, Recording

KEEP_BYTES = 64 * 2**20
CHUNK_BYTES = 512  # what a chunk takes in memory beside its data, at most


def record(
    url: str | httpx.URL,
    method: str = "GET",
    *,
    max_chunks: int | None = None,
    seconds: float | None = 60.0,
    quiet: bool = False,
    keep_data: bool = True,
    **httpx_options: Any,
) -> Recording:
    """Make a request and record when each chunk, or server-sent event, came.

    `url` is a path such as "/export", asked of the server that `serve` started, or any http or
    https URL. Prints a row as each comes, unless `quiet`. Ends after `max_chunks` rows, after
    `seconds` from the request on (None: no end), or when the cell is interrupted, and keeps what
    came. `keep_data=False` keeps sizes only; otherwise the first 64 MiB are kept. Further options
    are those of `httpx.Client.stream`.

    Raises before the headers only, since there is nothing to return yet: ValueError or TypeError
    for what is no address, RuntimeError for a path when nothing is served, ConnectionError or
    TimeoutError, naming the address and the cause. After the headers it returns what came, and
    says how it ended.
    """
    watcher = None if quiet else table.Table()
    bounds = Bounds(max_chunks, seconds)
    return record_watched(watcher, url, method, bounds, keep_data=keep_data, **httpx_options)


class Watcher(Protocol):
    """Who is told of a recording while it goes on. True means: enough, end it here."""

    def request(self, method: str, url: str) -> None:
        """The request is about to be made."""

    def headers(self, recording: Recording) -> bool:
        """The headers came."""

    def chunk(self, chunk: Chunk) -> bool:
        """A chunk came; its data is there also where the recording does not keep it."""

    def event(self, event: RecordedEvent) -> bool:
        """An event came; called instead of `chunk` for an event stream."""

    def end(self, recording: Recording) -> None:
        """It ended, whatever the reason."""


class Bounds:
    """How much of a response is read: rows (events, where they come), seconds, bytes of memory.

    Raises ValueError for a bound that leaves nothing to read.
    """

    def __init__(
        self,
        max_chunks: int | None = None,
        seconds: float | None = 60.0,
        max_bytes: int | None = None,
    ) -> None:
        if max_chunks is not None and max_chunks < 1:
            raise ValueError(f"max_chunks counts rows from 1 on, or is None; not {max_chunks!r}.")
        if seconds is not None and not 0 < seconds <= threading.TIMEOUT_MAX:
            raise ValueError(f"seconds is a time above 0, or None for no end; not {seconds!r}.")
        self.max_chunks, self.seconds, self.max_bytes = max_chunks, seconds, max_bytes


def record_watched(
    watcher: Watcher | None,
    url: str | httpx.URL,
    method: str,
    bounds: Bounds,
    *,
    keep_data: bool = True,
    raw: bool = False,
    **httpx_options: Any,
) -> Recording:
    """Do what `record` does, tell it to `watcher`, and end where that one says enough.

    `raw` leaves the bytes as they came, content-encoding and all.
    """
    address, lab = resolve(url)
    if params := httpx_options.pop("params", None):
        address = httpx.URL(address, params=params)
    loopback = address.scheme == "http" and address.host in LOOPBACK
    client = _client(plain_loopback=loopback and not httpx_options.get("follow_redirects"))
    if watcher:
        watcher.request(method, _shown(address))
    with ExitStack() as stack:
        moments = stack.enter_context(lab.sends.watching()) if lab else {}
        start = time.perf_counter()
        deadline = stack.enter_context(Deadline(bounds.seconds))
        options = deadline.added_to(httpx_options)
        try:
            response = stack.enter_context(client.stream(method, address, **options))
        except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
            theirs = None if deadline.passed or "timeout" not in httpx_options else error
            raise _no_response(method, address, error, deadline, theirs) from None
        except KeyboardInterrupt:
            raise KeyboardInterrupt from None  # without the many lines of where it was waiting
        recording = Recording(method, _shown(address), response, time.perf_counter() - start)
        codings = response.headers.get("content-encoding", "").lower().split(",")
        known = client.headers["accept-encoding"].split(", ")
        recording.decoded = not raw and any(coding.strip() in known for coding in codings)
        line = response.extensions["network_stream"]  # closed after the last byte
        client_address = line.get_extra_info("client_addr") if lab else None
        if watcher and watcher.headers(recording):
            recording.ending = Ending.ENOUGH
        else:
            _read(recording, start, watcher, bounds, keep_data, deadline)
        recording.seconds = time.perf_counter() - start
        recording.sent = [moment - start for moment in moments.get(client_address, ())]
    if watcher:
        watcher.end(recording)
    return recording


def _read(
    recording: Recording,
    start: float,
    watcher: Watcher | None,
    bounds: Bounds,
    keep: bool,
    deadline: Deadline,
) -> None:
    """Read the body into the recording, and note how it ended."""
    try:
        _read_on(recording, start, watcher, bounds, keep, deadline)
    except KeyboardInterrupt:
        recording.ending = Ending.INTERRUPTED
    except httpx.HTTPError as error:
        recording.ending, recording.error = Ending.CUT, error
    if deadline.passed:  # also where a body seems whole: HTTP/1.0 ends one by closing
        recording.ending, recording.bound = Ending.SECONDS, bounds.seconds or 0.0


def _read_on(
    recording: Recording,
    start: float,
    watcher: Watcher | None,
    bounds: Bounds,
    keep: bool,
    deadline: Deadline,
) -> None:
    chunks, events = recording.chunks, recording.events
    decoder = EventDecoder() if recording.has_events else None
    counted: list[Any] = chunks if decoder is None else events
    clock, came, enough = time.perf_counter, 0, False
    max_rows, max_bytes = bounds.max_chunks, bounds.max_bytes
    for data in _pieces(recording):
        at, size = clock() - start, len(data)
        came += size
        keep = keep and came <= KEEP_BYTES
        chunks.append(Chunk(at, size, data if keep else b""))
        if decoder is not None:
            for event, text, id in decoder.feed(data):
                events.append(RecordedEvent(at, event, text if keep else "", id))
                if watcher:
                    enough = watcher.event(RecordedEvent(at, event, text, id))
                if enough or len(events) == max_rows:
                    break
        elif watcher:
            enough = watcher.chunk(Chunk(at, size, data))
        if enough:
            recording.ending = Ending.ENOUGH
        elif len(counted) == max_rows:
            recording.ending, recording.bound = Ending.MAX_CHUNKS, max_rows
        elif max_bytes is not None and came + CHUNK_BYTES * len(chunks) > max_bytes:
            recording.ending, recording.bound = Ending.MAX_BYTES, max_bytes
        if recording.ending or deadline.passed:
            return  # read no more: what lies unread makes close() tell the server
    recording.ending = Ending.WHOLE


def _pieces(recording: Recording) -> Iterator[bytes]:
    # iter_bytes undoes a content encoding; where there is none, iter_raw gives the same pieces.
    response = recording.response
    return response.iter_bytes() if recording.decoded else response.iter_raw()


@cache
def _client(plain_loopback: bool) -> httpx.Client:
    """The HTTP client, made once. It keeps no connection, so that all times include one.

    It keeps no cookies either: no recording depends on an earlier one.
    """
    limits = httpx.Limits(max_keepalive_connections=0)
    no_cookies = CookieJar(DefaultCookiePolicy(allowed_domains=[]))
    if plain_loopback:
        # No proxies from the environment, and no certificates: loading those takes 0.1 s.
        no_certificates = SSLContext(PROTOCOL_TLS_CLIENT)
        return httpx.Client(
            trust_env=False, verify=no_certificates, limits=limits, cookies=no_cookies
        )
    direct = {f"all://[{host}]" if ":" in host else f"all://{host}": None for host in LOOPBACK}
    return httpx.Client(mounts=direct, limits=limits, cookies=no_cookies)


def resolve(url: str | httpx.URL) -> tuple[httpx.URL, server.Server | None]:
    """The whole URL asked for, and the lab's server where it is one of its own.

    Raises TypeError, ValueError or RuntimeError as `record` does.
    """
    if not isinstance(url, str | httpx.URL):
        raise TypeError(f"A path such as '/export' or a URL is needed, not {type(url).__name__}.")
    lab = server.running()
    try:
        if str(url).startswith("/"):
            if lab is None:
                raise RuntimeError("Nothing is served yet: serve an app first, with serve(app).")
            return httpx.URL(lab.url + str(url)), lab
        address = httpx.URL(url)
    except (httpx.InvalidURL, UnicodeError) as error:
        raise ValueError(f"{url!r} is not a URL: {error}") from None
    if address.scheme not in ("http", "https") or not address.host or (address.port or 0) > 65535:
        raise ValueError(
            f"A path that starts with / or a whole URL is needed, such as "
            f"http://127.0.0.1:8000/export, not {str(url)!r}."
        )
    ours = lab and (address.host, address.port) == (server.HOST, lab.port)
    return address, lab if ours else None


def _no_response(
    method: str, url: httpx.URL, error: Exception, deadline: Deadline, theirs: Exception | None
) -> OSError:
    """What to raise; `theirs` is the error where the caller's own timeout may have ended it."""
    address = f"{method} {_shown(url)}"
    if deadline.passed or isinstance(error, httpx.TimeoutException):
        within = f"in time: {theirs}" if theirs else f"within {deadline.seconds:g} s"
        return TimeoutError(f"{address}: no response {within}.")
    # "Illegal header value b'Bearer …'": the name of the fault, not the token.
    reason = str(error).partition(" b'")[0].partition(' b"')[0]
    return ConnectionError(f"{address}: {reason or type(error).__name__}")


def _shown(url: httpx.URL) -> str:
    return str(url.copy_with(userinfo=b""))  # no password on a screen
