"""Listeners of /notifications that can come back from the first moment on, and who tells them."""

from contextlib import contextmanager, suppress

import httpx
from waiting import PATIENT, wait_until

from labserver.crowd import crowd

# Each request on a connection of its own, which may reach another worker than the last.
posting = httpx.Client(**PATIENT, limits=httpx.Limits(max_keepalive_connections=0))


@contextmanager
def attentive(url, count):
    """A crowd, once each has an id to come back with."""
    with crowd(url, count) as listeners:
        wait_until(lambda: all(one.last_id for one in listeners))
        yield listeners


def tell(url, text):
    """The status of a POST, or None where no answer came."""
    with suppress(httpx.TransportError):
        return posting.post(url, json=text).status_code
    return None


def tell_surely(url, text):
    """Post until it is accepted."""
    wait_until(lambda: tell(url, text) == 202)
