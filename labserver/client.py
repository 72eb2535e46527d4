"""The HTTP clients of `record`: proxies of the environment are used for other machines alone."""

import os
from collections.abc import Mapping
from functools import lru_cache
from http.cookiejar import CookieJar, DefaultCookiePolicy
from ipaddress import ip_address
from ssl import PROTOCOL_TLS_CLIENT, SSLContext

import httpx

from labserver.guard import LOOPBACK

_PROXIES = ("ALL_PROXY", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY")
PROXY_VARIABLES = (*_PROXIES, *map(str.lower, _PROXIES))
CERTIFICATE_VARIABLES = ("SSL_CERT_FILE", "SSL_CERT_DIR")


def client_for(url: httpx.URL, follow_redirects: bool = False) -> httpx.Client:
    """The client for a URL. To an address of this machine it goes past every proxy.

    Raises ConnectionError for a variable of the environment that cannot be used, and names it.
    """
    here = _is_loopback(url.host)
    if here and not follow_redirects:
        return _loopback_client(url.scheme == "https")
    names = (*PROXY_VARIABLES, *CERTIFICATE_VARIABLES)
    try:
        return _client(tuple((name, os.environ.get(name)) for name in names))
    except (ImportError, OSError, ValueError, httpx.InvalidURL) as error:
        if here:
            return _loopback_client(True)
        name = _at_fault()
        reason = "it is no URL" if isinstance(error, httpx.InvalidURL) else error  # no password
        raise ConnectionError(f"{name} in the environment cannot be used: {reason}") from None


def proxy_hint(url: httpx.URL) -> str:
    """A sentence in brackets for a URL that did not answer, where a proxy may be the reason."""
    names = [] if _is_loopback(url.host) else _proxies_set()
    return f" ({', '.join(names)} in the environment may send this to a proxy.)" if names else ""


def _proxies_set() -> list[str]:
    return [name for name in PROXY_VARIABLES if os.environ.get(name) and "NO_" not in name.upper()]


def _is_loopback(host: str) -> bool:
    if host in LOOPBACK:
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


@lru_cache(1)
def _client(environment: tuple[tuple[str, str | None], ...]) -> httpx.Client:
    """A client for an environment. A new one takes 0.1 s: it loads certificates."""
    direct = {f"all://[{host}]" if ":" in host else f"all://{host}": None for host in LOOPBACK}
    return _without_memory(mounts=direct)


@lru_cache(2)
def _loopback_client(certificates: bool) -> httpx.Client:
    if not certificates:
        return _without_memory(trust_env=False, verify=SSLContext(PROTOCOL_TLS_CLIENT))
    try:
        context = httpx.create_ssl_context(trust_env=True)
    except OSError:  # a variable that names no certificates
        context = httpx.create_ssl_context(trust_env=False)
    return _without_memory(trust_env=False, verify=context)


def _without_memory(
    trust_env: bool = True,
    verify: SSLContext | bool = True,
    mounts: Mapping[str, httpx.BaseTransport | None] | None = None,
) -> httpx.Client:
    """A client that keeps no connection, so that all times include one, and no cookie."""
    return httpx.Client(
        trust_env=trust_env,
        verify=verify,
        mounts=mounts,
        limits=httpx.Limits(max_keepalive_connections=0),
        cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
        event_hooks={"response": [_hide_bad_location]},
    )


def _hide_bad_location(response: httpx.Response) -> None:
    """Put a Location that is no URL aside: httpx would lose the whole response over it."""
    try:
        response.request.url.join(response.headers.get("location", ""))
    except httpx.InvalidURL:
        response.extensions["location"] = response.headers.pop("location")


def _at_fault() -> str:
    """The name of the variable that no client can be made with."""
    for name in _proxies_set():
        proxy = os.environ[name]
        try:
            httpx.HTTPTransport(proxy=proxy if "://" in proxy else f"http://{proxy}", verify=False)
        except (ImportError, ValueError, httpx.InvalidURL):
            return name
    return next((name for name in CERTIFICATE_VARIABLES if os.environ.get(name)), "NO_PROXY")
