"""Ends the reading of a response after a total time, also while nothing arrives."""

import socket
import threading
from contextlib import suppress
from typing import Any

import httpcore
import httpx


class Deadline:
    """A time in seconds that a request has for everything; None for no end.

    httpx's read timeout cannot do this: it starts again at each read. So a timer shuts the socket
    down. Use it as `with Deadline(2.0) as deadline`, with `deadline.added_to(options)` as the
    options of the request.
    """

    def __init__(self, seconds: float | None) -> None:
        self.seconds = seconds
        self.passed = False
        self._stream: httpcore.NetworkStream | None = None
        self._timer = threading.Timer(seconds or 0.0, self._shut_down)
        self._timer.daemon = True

    def __enter__(self) -> "Deadline":
        if self.seconds is not None:
            self._timer.start()
        return self

    def __exit__(self, error: object, *rest: object) -> None:
        self._timer.cancel()
        if error and self._stream is not None:  # httpx leaves it open, if a proxy speaks no SOCKS
            self._stream.close()

    def added_to(self, options: dict[str, Any]) -> dict[str, Any]:
        """Options for httpx, with the timeout and with a trace that finds the socket."""
        extensions = dict(options.get("extensions") or {})
        callers_trace = extensions.get("trace") or (lambda name, info: None)

        def trace(name: str, info: dict[str, Any]) -> None:
            # Also "proxy.start_tls.complete": a proxy's tunnel has a stream of its own.
            if name.endswith((".connect_tcp.complete", ".start_tls.complete")):
                self._stream = info["return_value"]
                if self.passed:  # while it was connecting
                    self._shut_down()
            callers_trace(name, info)

        # The shutdown ends a read and says why. httpx ends it a second later, should that fail.
        read = None if self.seconds is None else self.seconds + 1
        timeout = httpx.Timeout(self.seconds, read=read)
        return {"timeout": timeout, **options, "extensions": {**extensions, "trace": trace}}

    def _shut_down(self) -> None:
        self.passed = True
        if self._stream is not None:
            with suppress(OSError):
                # Not SSLSocket's own shutdown, after which bytes come out still encrypted.
                sock = self._stream.get_extra_info("socket")
                socket.socket.shutdown(sock, socket.SHUT_RDWR)
