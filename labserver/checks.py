"""One function an exercise: it tries the learner's answer over HTTP and says what is missing.

Each prints "Solved." or "Not yet: …", returns a bool and never raises. An app is served apart from
the learner's own server, which no check touches.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Any

from labserver.recording import Recording, record
from labserver.server import Server

SECONDS = 10.0  # for one request of a check, so that an endless answer ends


class NotYet(Exception):
    """What is still missing, in words that help the learner on."""


def exercise(judge: Callable[[Any], None]) -> Callable[[Any], bool]:
    """Make a check of a function that raises NotYet for an answer that is not right yet."""

    @wraps(judge)
    def check(answer: Any) -> bool:
        try:
            judge(answer)
        except NotYet as missing:
            print(f"Not yet: {missing}")
        except Exception as error:
            print(f"Not yet: {type(error).__name__}: {error}")
        else:
            print("Solved.")
            return True
        return False

    return check


@contextmanager
def served(app: Any) -> Iterator[str]:
    """Serve an answer on a server of its own. Gives its URL; tells what its log says."""
    try:
        server = Server(app)
        server.start()
    except (TypeError, RuntimeError, OSError) as error:
        raise NotYet(str(error)) from None
    try:
        yield server.url
    except NotYet as missing:
        if not server.log:
            raise
        raise NotYet(f"{missing} The server says: {server.log.splitlines()[-1]}") from None
    finally:
        server.stop()


def fetched(url: str, **options: Any) -> Recording:
    """Record an answer's response, and insist on a whole one with status 200."""
    recording = record(url, quiet=True, **{"seconds": SECONDS, **options})
    path = recording.response.url.path
    if recording.response.status_code != 200:
        raise NotYet(f"{path} answered with status {recording.response.status_code}.")
    if not recording.whole:
        raise NotYet(f"{path} did not come whole: {recording.ended}")
    return recording


def require(condition: Any, missing: str) -> None:
    """Raise NotYet with what is missing, unless the condition holds."""
    if not condition:
        raise NotYet(missing)
