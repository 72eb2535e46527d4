"""Make a request and note when each chunk, or server-sent event, came.

record           for a learner: with bounds, and printed
record_watched   the request; the clock starts when it is sent, the headers make a Recording
Reading          its body, into that Recording (reading.py)
"""

import time
from contextlib import ExitStack, suppress
from importlib import import_module
from typing import Any

import h11
import httpx

from labserver.address import resolve
from labserver.client import Digest, Kept, built, client_for, hint, method_of
from labserver.deadline import Deadline
from labserver.masking import hidden, masked, shown_url
from labserver.printing import printable, tell, without_repr
from labserver.reading import Reading
from labserver.recording import MOST_REASON, Bounds, Ending, Recording, Watcher
from labserver.table import Table, shorten

MOST_ADDRESS = 120  # characters of an address, which a redirect may have made
NO_RESPONSE: tuple[type[Exception], ...] = (
    httpx.HTTPError,
    httpx.InvalidURL,
    h11.LocalProtocolError,
    OSError,
    UnicodeError,  # of a host that is no name
    OverflowError,  # of a port that is no number of one
)
with suppress(ImportError):  # where httpx[socks] is installed: of a proxy that speaks no SOCKS
    NO_RESPONSE += (import_module("socksio").SOCKSError,)
SEND_OPTIONS = ("auth", "follow_redirects")  # of httpx; all others describe the request


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
    https URL. Prints a row as each comes; if `quiet`, only a line for a request that failed or was
    sent elsewhere. Ends after `max_chunks` rows, after `seconds` from the request on (None: no
    end), or when the cell is interrupted, and keeps what came. `keep_data=False` keeps sizes only;
    otherwise the first 64 MiB are kept. Further options are those of `httpx.Client.stream`.

    Raises before the headers only, since there is nothing to return yet: ValueError or TypeError
    for an address or a method that is none, RuntimeError for a path when nothing is served,
    ConnectionError or TimeoutError, naming the address and the cause. After the headers it returns
    what came, and says how it ended.
    """
    bounds = Bounds(max_chunks, seconds)
    watcher = None if quiet else Table()
    recording = record_watched(watcher, url, method, bounds, keep_data=keep_data, **httpx_options)
    failed = recording.response.is_error or recording.ending in (Ending.CUT, Ending.NO_EVENT)
    if quiet and (failed or recording.location):
        tell(repr(recording).strip("<>").removeprefix("Recording "))
    return recording


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
    """Do what `record` does, tell it to `watcher`, and end where the watcher says enough.

    `raw` leaves a content-encoding as it came.
    """
    address, lab = resolve(url)
    options = {k: v for k, v in httpx_options.items() if v is not httpx.USE_CLIENT_DEFAULT}
    own_timeout = "timeout" in {**options, **(options.get("extensions") or {})}
    send_options = {k: options.pop(k) for k in SEND_OPTIONS if k in options}
    if type(auth := send_options.get("auth")) is httpx.DigestAuth:
        send_options["auth"] = Digest(auth)
    followed = bool(send_options.get("follow_redirects"))
    client = client_for(address, followed)
    with ExitStack() as stack:
        deadline = Deadline(bounds.seconds)
        request = built(client, method_of(method), address, deadline.added_to(options))
        passed: list[tuple[httpx.Response, float]] = []  # that led to another request, and when
        request.extensions |= {"followed": followed, "passed": passed}  # for the client
        again = followed or isinstance(auth, httpx.Auth)
        whole = isinstance(request.stream, httpx.ByteStream)
        if again and not whole and isinstance(request.stream, httpx.SyncByteStream):
            request.stream = Kept(request.stream)
        if watcher:
            watcher.request(request)
        moments = stack.enter_context(lab.sends.watching()) if lab else {}
        stack.enter_context(hidden(request.headers))  # from each line that quotes an answer
        stack.enter_context(deadline)
        start = time.perf_counter()
        failure: OSError | KeyboardInterrupt | None = None
        try:
            response, came = client.send(request, stream=True, **send_options), time.perf_counter()
        except NO_RESPONSE as error:
            failure = _no_response(request, error, deadline, own_timeout)
        except KeyboardInterrupt:
            failure = KeyboardInterrupt()  # without the many lines of where it was waiting
        if failure:
            if not passed:
                raise failure
            response, came = passed[-1]
        stack.callback(response.close)
        recording = Recording(request.method, shown_url(request.url), response, came - start)
        client_address = ("", 0)
        if not failure:  # now: the last byte closes the connection
            connection = response.extensions["network_stream"]
            client_address = connection.get_extra_info("client_addr")
        Reading(recording, start, watcher, bounds, keep_data, raw).read(deadline, failure)
        recording.seconds = time.perf_counter() - start
        recording.sent = [moment - start for moment in moments.get(client_address, ())]
    if watcher:
        with hidden(request.headers):
            watcher.end(recording)
    return recording


def _no_response(
    request: httpx.Request, error: Exception, deadline: Deadline, own_timeout: bool
) -> OSError:
    """What to say where no headers came; `own_timeout`: the caller set one of httpx's."""
    if isinstance(error, httpx.RequestError):
        request = error.request  # where a redirect was followed, the one that failed
    address = f"{request.method} {shorten(shown_url(request.url), MOST_ADDRESS)}"
    if deadline.passed or isinstance(error, httpx.TimeoutException):
        bounded = deadline.seconds is not None and (deadline.passed or not own_timeout)
        in_time = f"within {deadline.seconds:g} s" if bounded else f"in time: {error}"
        return TimeoutError(f"{address}: no response {in_time}.{hint(request.url)}")
    reason = str(error) or type(error).__name__
    if isinstance(error, httpx.LocalProtocolError | h11.LocalProtocolError):
        # "Illegal header value b'Bearer …'": the name of the fault, not the token.
        reason = reason.partition(" b'")[0].partition(' b"')[0]
    # A server's text may be quoted in it.
    reason = masked(printable(without_repr(reason)))[:MOST_REASON]
    return ConnectionError(f"{address}: {reason}{hint(request.url, reason)}")
