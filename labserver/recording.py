"""Make a request, note when each chunk or event came, and print it as it comes."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from functools import cache
from http.cookiejar import CookieJar, DefaultCookiePolicy
from ssl import PROTOCOL_TLS_CLIENT, SSLContext
from typing import Any, NamedTuple, Protocol

import httpx

from labserver import server, table
from labserver.events import EventDecoder, is_event_stream

KEEP_BYTES = 64 * 2**20
CHUNK_BYTES = 512  # what a chunk takes in memory beside its data, at most
INTERRUPTED, EARLY = "interrupted.", "ended early: "
LOOPBACK = {"127.0.0.1", "localhost", "::1"}


class Chunk(NamedTuple):
    """A piece of the body as httpx handed it over, content-encoding undone."""

    at: float  # seconds since the request
    size: int  # bytes
    data: bytes  # b"" when not kept


class RecordedEvent(NamedTuple):
    """A server-sent event and when its last byte came."""

    at: float  # seconds since the request
    event: str
    data: str  # "" when not kept
    id: str  # the last event ID when it was dispatched


@dataclass(repr=False)
class Recording:
    """What came in answer to a request, and when. All times are seconds since the request."""

    method: str
    url: str
    response: httpx.Response  # status and headers; the body is in chunks
    headers_at: float
    chunks: list[Chunk] = field(default_factory=list)
    events: list[RecordedEvent] = field(default_factory=list)  # for text/event-stream
    sent: list[float] = field(default_factory=list)  # when the lab's server handed each over
    seconds: float = 0.0  # when the recording ended
    ended: str = ""  # how, in words
    whole: bool = False  # whether the body came to its end

    def __repr__(self) -> str:
        return f"<Recording {self.method} {self.url}: {self.response.status_code}, {self.summary}>"

    @property
    def size(self) -> int:
        """Bytes that came, content-encoding undone."""
        return sum(chunk.size for chunk in self.chunks)

    @property
    def summary(self) -> str:
        """One line: how much came, in which time, and how it ended."""
        what = f"{self.size:,} bytes in {_count(self.chunks, 'chunk')}"
        if _has_events(self.response):
            what = f"{_count(self.events, 'event')}, {what}"
        return f"{what}, {self.seconds:.3f} s: {self.ended}"


def record(
    path_or_url: str | httpx.URL,
    method: str = "GET",
    *,
    max_chunks: int | None = None,
    seconds: float | None = 60.0,
    quiet: bool = False,
    keep_data: bool = True,
    **httpx_options: Any,
) -> Recording:
    """Make a request and record when each chunk, or server-sent event, came.

    A path ("/export") is asked of the server that `serve` started; any http or https URL will do.
    Prints a row as each comes, unless `quiet`. Ends after `max_chunks` rows, after `seconds` from
    the request on (None: no end), or when the cell is interrupted, and keeps what came.
    `keep_data=False` keeps sizes only; otherwise the first 64 MiB are kept. Further options are
    those of `httpx.Client.stream`.

    Before the headers there is nothing to return, so it raises: ValueError or TypeError for what
    is no address, RuntimeError for a path when nothing is served, ConnectionError or TimeoutError,
    naming the address and the cause. After the headers it never does: it says how it ended.
    """
    rows = None if quiet else table.Table()
    return record_into(
        rows,
        path_or_url,
        method,
        max_chunks=max_chunks,
        seconds=seconds,
        keep_data=keep_data,
        **httpx_options,
    )


class Rows(Protocol):
    """Where a recording is told of while it goes on."""

    def say(self, line: str) -> None: ...
    def chunk(self, at: float, size: int, data: bytes) -> None: ...
    def event(self, at: float, event: str, data: str, id: str) -> None: ...
    def end(self, summary: str) -> None: ...


def record_into(
    rows: Rows | None,
    path_or_url: str | httpx.URL,
    method: str,
    *,
    max_chunks: int | None,
    seconds: float | None,
    keep_data: bool,
    max_bytes: int | None = None,
    **httpx_options: Any,
) -> Recording:
    """Do what `record` does, telling it to `rows`, and end where it takes that much memory."""
    _check(max_chunks, seconds)
    url, lab = resolve(path_or_url)
    if params := httpx_options.pop("params", None):
        url = httpx.URL(url, params=params)
    loopback = url.scheme == "http" and url.host in LOOPBACK
    client = _client(plain_loopback=loopback and not httpx_options.get("follow_redirects"))
    if rows:
        rows.say(f"{method} {_shown(url)}")
    with ExitStack() as stack:
        moments = stack.enter_context(lab.hand_overs.watching()) if lab else {}
        start = time.perf_counter()
        deadline = stack.enter_context(_Deadline(seconds))
        options = deadline.added_to(httpx_options)
        try:
            response = stack.enter_context(client.stream(method, url, **options))
        except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
            raise _no_response(method, url, error, deadline) from None
        except KeyboardInterrupt:
            raise KeyboardInterrupt from None  # without the many lines of where it was waiting
        recording = Recording(method, _shown(url), response, time.perf_counter() - start)
        if rows:
            rows.say(_status_line(recording))
        line = response.extensions["network_stream"]
        address = line.get_extra_info("client_addr") if lab else None
        ended = _read(recording, start, rows, max_chunks, keep_data, max_bytes, deadline)
        recording.seconds = time.perf_counter() - start
        recording.sent = [moment - start for moment in moments.get(address, ())]
        if deadline.passed:  # also where a body seems whole: HTTP/1.0 ends one by closing
            ended = f"stopped after seconds={seconds:g}."
        recording.whole = ended is None
        recording.ended = ended or "whole."
    if rows:
        rows.end(recording.summary + _remark(recording))
    return recording


def _read(
    recording: Recording,
    start: float,
    rows: Rows | None,
    max_rows: int | None,
    keep: bool,
    max_bytes: int | None,
    deadline: "_Deadline",
) -> str | None:
    """Read the body into the recording. Returns None for a whole one, else why it ended."""
    response, chunks, events = recording.response, recording.chunks, recording.events
    decoder = EventDecoder() if _has_events(response) else None
    counted: list[Any] = chunks if decoder is None else events
    clock, kept = time.perf_counter, 0
    try:
        for data in _pieces(response):
            at = clock() - start
            size = len(data)
            kept += size
            keep = keep and kept <= KEEP_BYTES
            chunks.append(Chunk(at, size, data if keep else b""))
            if decoder is not None:
                for event, text, id in decoder.feed(data):
                    events.append(RecordedEvent(at, event, text if keep else "", id))
                    if rows:
                        rows.event(at, event, text, id)
                    if len(events) == max_rows:
                        break
            elif rows:
                rows.chunk(at, size, data)
            if len(counted) == max_rows:
                return f"stopped at max_chunks={max_rows}."
            if max_bytes is not None and kept + CHUNK_BYTES * len(chunks) > max_bytes:
                return f"stopped at max_bytes={max_bytes}."
            if deadline.passed:  # read no more: what lies unread makes close() tell the server
                break
    except KeyboardInterrupt:
        return INTERRUPTED
    except httpx.HTTPError as error:
        # httpx: "peer closed connection without sending complete message body (…)"
        reason = str(error).replace(" without sending complete message body", "")
        return f"{EARLY}{reason or type(error).__name__}."
    return None


def _pieces(response: httpx.Response) -> Iterator[bytes]:
    # iter_bytes undoes a content encoding; where there is none, iter_raw gives the same pieces.
    return response.iter_bytes() if "content-encoding" in response.headers else response.iter_raw()


class _Deadline:
    """Ends the reading `seconds` from now, also while nothing arrives.

    httpx's read timeout cannot: it starts anew at each read. So the socket is shut down.
    """

    def __init__(self, seconds: float | None) -> None:
        self.seconds = seconds
        self.passed = False
        self.beside_timeout = False  # a timeout of the caller's own
        self._stream: Any = None  # httpcore's network stream

    def __enter__(self) -> "_Deadline":
        self._timer = threading.Timer(self.seconds or 0, self._shut_down)
        self._timer.daemon = True
        if self.seconds is not None:
            self._timer.start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._timer.cancel()

    def added_to(self, options: dict[str, Any]) -> dict[str, Any]:
        """The caller's options for httpx, with the timeout and a trace that finds the socket."""
        self.beside_timeout = "timeout" in options
        extensions = dict(options.get("extensions") or {})
        theirs = extensions.get("trace", lambda name, info: None)

        def trace(name: str, info: dict[str, Any]) -> None:
            if name in ("connection.connect_tcp.complete", "connection.start_tls.complete"):
                self._stream = info["return_value"]
                if self.passed:  # while it was connecting
                    self._shut_down()
            theirs(name, info)

        # Reads end by the shutdown, which says why; by httpx a second later, should it be missed.
        read = None if self.seconds is None else self.seconds + 1
        timeout = httpx.Timeout(self.seconds, read=read)
        return {"timeout": timeout, **options, "extensions": {**extensions, "trace": trace}}

    def _shut_down(self) -> None:
        self.passed = True
        if self._stream is not None:
            with suppress(OSError):
                # Not SSLSocket's own shutdown: it would hand out what still comes undeciphered.
                socket.socket.shutdown(self._stream.get_extra_info("socket"), socket.SHUT_RDWR)


@cache
def _client(plain_loopback: bool) -> httpx.Client:
    """The HTTP client, made once. It keeps no connection, so that all times include one.

    Nor cookies: no recording depends on an earlier one.
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


def _check(max_chunks: int | None, seconds: float | None) -> None:
    if max_chunks is not None and max_chunks < 1:
        raise ValueError(f"max_chunks counts rows from 1 on, or is None; not {max_chunks!r}.")
    if seconds is not None and not 0 < seconds <= threading.TIMEOUT_MAX:
        raise ValueError(f"seconds is a time above 0, or None for no end; not {seconds!r}.")


def resolve(target: str | httpx.URL) -> tuple[httpx.URL, server.Server | None]:
    """The address asked for, and the lab's server if it is one of its own."""
    if not isinstance(target, str | httpx.URL):
        what = type(target).__name__
        raise TypeError(f"record() takes a path such as '/export' or a URL, not {what}.")
    lab = server.running()
    try:
        if str(target).startswith("/"):
            if lab is None:
                raise RuntimeError("Nothing is served yet: serve an app first, with serve(app).")
            return httpx.URL(lab.url + str(target)), lab
        url = httpx.URL(target)
    except (httpx.InvalidURL, UnicodeError) as error:
        raise ValueError(f"{target!r} is not a URL: {error}") from None
    if url.scheme not in ("http", "https") or not url.host or (url.port or 0) > 65535:
        raise ValueError(
            f"record() takes a path that starts with / or a whole URL, such as "
            f"http://127.0.0.1:8000/export, not {str(target)!r}."
        )
    ours = lab and (url.host, url.port) == (server.HOST, lab.port)
    return url, lab if ours else None


def _no_response(method: str, url: httpx.URL, error: Exception, deadline: _Deadline) -> OSError:
    address = f"{method} {_shown(url)}"
    if deadline.passed or isinstance(error, httpx.TimeoutException):
        ours = deadline.passed or not deadline.beside_timeout
        within = f"within {deadline.seconds:g} s" if ours else f"in time: {error}"
        return TimeoutError(f"{address}: no response {within}.")
    # "Illegal header value b'Bearer …'": the name of the fault, not the token.
    reason = str(error).partition(" b'")[0].partition(' b"')[0]
    return ConnectionError(f"{address}: {reason or type(error).__name__}")


def _shown(url: httpx.URL) -> str:
    return str(url.copy_with(userinfo=b""))  # no password on a screen


def _status_line(recording: Recording) -> str:
    response, headers = recording.response, recording.response.headers
    parts = [f"{response.status_code} {response.reason_phrase}".rstrip()]
    parts.append(headers.get("content-type", "no content-type"))
    if encoding := headers.get("content-encoding"):
        known = _client(plain_loopback=True).headers["accept-encoding"].split(", ")
        parts.append(f"{encoding}, undone here" if encoding.lower() in known else encoding)
    if "content-length" in headers:
        parts.append(f"content-length {headers['content-length']}")
    elif "transfer-encoding" in headers:
        parts.append(headers["transfer-encoding"])
    if response.has_redirect_location:
        parts.append(f"redirect to {headers['location']}, not followed")
    return " · ".join([*parts, f"headers after {recording.headers_at:.3f} s"])


def _remark(recording: Recording) -> str:
    """What a learner would wonder about, or nothing."""
    remarks = []
    chunks = recording.chunks
    if recording.size > KEEP_BYTES and chunks[0].data:
        remarks.append(f"Data past the first {KEEP_BYTES >> 20} MiB was not kept.")
    looks_like_events = chunks and chunks[0].data.startswith((b"data:", b"event:", b"id:", b": "))
    if looks_like_events and not _has_events(recording.response):
        remarks.append("It looks like server-sent events, but is not labelled text/event-stream.")
    if chunks and _has_events(recording.response) and not recording.events:
        remarks.append("Labelled text/event-stream, but there is no whole event in it.")
    return "".join(f"\n{remark}" for remark in remarks)


def _has_events(response: httpx.Response) -> bool:
    return is_event_stream(response.headers.get("content-type", ""))


def _count(things: list[Any], name: str) -> str:
    return f"{len(things):,} {name}{'' if len(things) == 1 else 's'}"
