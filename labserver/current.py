"""The learner's own server: one at a time, at an address that stays.

A cell that is run again serves again: the last server stops, and the new one takes its port, so
that pages and URLs which are open go on.
"""

import threading

from starlette.types import ASGIApp

from labserver.connections import Listener, listen
from labserver.server import SERVED, Server

_last: Server | None = None  # that was served; one that has stopped still keeps the address
_changing = threading.Lock()  # two threads that serve at once take turns


def serve(app: ASGIApp, port: int = 0) -> Server:
    """Serve an ASGI app on 127.0.0.1, in a background thread, and print where.

    Called again, it stops the last server and serves the new app at the same address; `port` asks
    for another one. Returns once the app answers, within 10 seconds.

    Raises TypeError for what is no ASGI app, ValueError for a port out of range, OSError for a
    port in use, RuntimeError for an app that fails while starting, or that calls this while it
    is served. All but an app that fails while starting leave the last server running.
    """
    global _last
    if SERVED.get():
        raise RuntimeError(
            "serve() waits until an app answers. An app that is served cannot call it."
        )
    server = Server(app)
    _check_port(port)
    with _changing:
        last = _last
        if last is None or port not in (0, last.port):
            listener = listen(port)
            if last is not None:
                last.stop()
        else:
            last.stop()
            listener = _listen_again(last.port, elsewhere=port == 0)
        _last = server  # before it starts, so that an interrupted start is not forgotten
        server.start(listener)
    print(f"Serving on {server.url}", flush=True)
    return server


def running() -> Server | None:
    """The server that `serve` started last, unless it has stopped."""
    return _last if _last is not None and _last.running else None


def _check_port(port: object) -> None:
    if not isinstance(port, int) or isinstance(port, bool) or not 0 <= port <= 65535:
        raise ValueError(f"A port is a whole number from 0 to 65535, not {port!r}.")


def _listen_again(port: int, elsewhere: bool) -> Listener:
    """Listen on a port again. Where another program has it now, take a free one if `elsewhere`."""
    try:
        return listen(port)
    except OSError:
        if not elsewhere:
            raise
        print(f"The old address, port {port}, is in use by another program: a new one is taken.")
        return listen(0)
