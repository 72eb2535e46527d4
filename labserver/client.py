"""The requests of `record` and its HTTP clients.

Proxies of the environment are used for other machines alone.
"""

import os
import re
import time
from collections.abc import Generator, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import lru_cache
from http.cookiejar import CookieJar
from ipaddress import ip_address
from socket import inet_aton, inet_ntoa
from ssl import PROTOCOL_TLS_CLIENT, SSLContext
from typing import Any
from urllib.request import proxy_bypass

import httpx

from labserver.decoding import ACCEPTED
from labserver.guard import LOOPBACK
from labserver.printing import printable

METHOD = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # a token: RFC 9110, 5.6.2
_PROXIES = ("ALL_PROXY", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY")
Environment = tuple[tuple[str, str | None], ...]
PROXY_VARIABLES = (*_PROXIES, *map(str.lower, _PROXIES))
CERTIFICATE_VARIABLES = ("SSL_CERT_FILE", "SSL_CERT_DIR")
# With REQUEST_METHOD, which a web server sets for CGI, HTTP_PROXY counts for nothing: a client
# might have sent it, as the header Proxy.
VARIABLES = (*PROXY_VARIABLES, *CERTIFICATE_VARIABLES, "SSLKEYLOGFILE", "REQUEST_METHOD")


def client_for(url: httpx.URL, follow_redirects: bool = False) -> httpx.Client:
    """The client for a URL. To an address of this machine it goes past every proxy.

    Raises ConnectionError for a variable of the environment that cannot be used, and names it.
    """
    here = _is_loopback(url.host)
    environment = tuple((name, os.environ.get(name)) for name in VARIABLES)
    if here and not follow_redirects:
        return _loopback_client(environment if url.scheme == "https" else None)
    try:
        return _client(environment, LOOPBACK | {url.host} if here else LOOPBACK)
    except (ImportError, OSError, ValueError, httpx.InvalidURL) as error:
        if here:
            return _loopback_client(environment)
        name = _at_fault(error)
        reason = "it is no URL" if isinstance(error, httpx.InvalidURL) else error  # no password
        raise ConnectionError(f"{name} in the environment cannot be used: {reason}") from None


def built(
    client: httpx.Client, method: str, url: httpx.URL, options: dict[str, Any]
) -> httpx.Request:
    """A request, its headers and cookies in UTF-8. Raises ValueError for text that is none."""
    with text_that_can_be_sent():
        bare = httpx.Request(method, url, params=options.pop("params", None))
        headers = in_utf_8(options.pop("headers", None))
        cookies = httpx.Cookies(options.pop("cookies", None))
        if cookies and "cookie" not in headers:  # httpx itself would send them in ASCII alone
            bare.headers.encoding = "utf-8"
            cookies.set_cookie_header(bare)
            sent = [(name, value) for name, value in bare.headers.raw if name.lower() == b"cookie"]
            headers = httpx.Headers([*headers.raw, *sent])
        return client.build_request(method, bare.url, headers=headers, **options)


def method_of(word: Any) -> str:
    """A method, in capitals. Raises ValueError for what is none."""
    if not (isinstance(word, str) and METHOD.fullmatch(word)):
        raise ValueError(f"A method is a word such as GET, not {word!r}.")
    return word.upper()


class Kept(httpx.SyncByteStream):
    """A request's body that can be read once, kept as it is sent: a redirect needs it again."""

    def __init__(self, body: Iterable[bytes]) -> None:
        self._rest, self._sent = iter(body), list[bytes]()

    def __iter__(self) -> Iterator[bytes]:
        yield from self._sent
        for piece in self._rest:
            self._sent.append(piece)
            yield piece


class Digest(httpx.Auth):
    """An auth of httpx that loses no answer over a challenge of the server's."""

    def __init__(self, auth: httpx.DigestAuth) -> None:
        self._auth = auth

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """Answer a challenge, as httpx does; one that cannot be answered ends it."""
        flow = self._auth.auth_flow(request)
        request = next(flow)
        while True:
            response = yield request
            try:
                request = flow.send(response)
            except Exception:  # of several kinds, by what the server wrote, or StopIteration
                return
            _skip_body(response)


def in_utf_8(headers: Any) -> httpx.Headers:
    """Headers whose text is sent as UTF-8, as browsers send Last-Event-ID; bytes stay as they are.

    Raises ValueError for text that is none.
    """
    with text_that_can_be_sent():
        return httpx.Headers(httpx.Headers(headers, encoding="utf-8").raw)


@contextmanager
def text_that_can_be_sent() -> Iterator[None]:
    """Raise ValueError, with one line for it, where text of a request has no UTF-8."""
    try:
        yield
    except UnicodeEncodeError as error:
        raise ValueError(f"This request has text that cannot be sent: {error}.") from None


def hint(url: httpx.URL, reason: str = "") -> str:
    """A sentence in brackets for a URL that did not answer, where the environment has a part."""
    does = "may send this to a proxy"
    fitting = ("ALL_PROXY", f"{url.scheme}_PROXY".upper())
    names = [name for name in _proxies_set() if name.upper() in fitting]
    # Without a variable, Windows would look the host up to know, and no deadline would end that.
    if names and (_is_loopback(url.host) or proxy_bypass(url.netloc.decode())):
        names = []
    if "CERTIFICATE_VERIFY_FAILED" in reason:
        does = "names the certificates that are trusted"
        names = [name for name in CERTIFICATE_VARIABLES if os.environ.get(name)][:1]
    return f" ({', '.join(names)} in the environment {does}.)" if names else ""


def _proxies_set() -> list[str]:
    names = [name for name in PROXY_VARIABLES if "NO_" not in name.upper()]
    return [name for name in names if name in [*os.environ] and os.environ[name]]


def _is_loopback(host: str) -> bool:
    with suppress(OSError):
        host = inet_ntoa(inet_aton(host))  # 127.1 and 0x7f.1 are 127.0.0.1
    try:
        address = ip_address(host)
    except ValueError:
        return host.rstrip(".").endswith("localhost")
    mapped = getattr(address, "ipv4_mapped", None) or address  # ::ffff:127.0.0.1
    return mapped.is_loopback or mapped.is_unspecified  # 0.0.0.0 leads to this machine, too


@lru_cache(1)
def _client(environment: Environment, direct: frozenset[str]) -> httpx.Client:
    """A client for an environment. A new one takes 0.1 s: it loads certificates.

    httpx reads the variables itself; as an argument they are what the cache goes by.
    """
    hosts = [f"[{host}]" if ":" in host else host for host in direct]
    return _without_memory(mounts={f"all://{host}": None for host in hosts})


@lru_cache(2)
def _loopback_client(environment: Environment | None) -> httpx.Client:
    """A client that no variable can break; without an environment, it has no certificates."""
    context = SSLContext(PROTOCOL_TLS_CLIENT)
    if environment:
        try:
            context = httpx.create_ssl_context(trust_env=True)
        except OSError:  # a variable that names no certificates, or no file
            context.load_default_certs()
    return _without_memory(trust_env=False, verify=context)


class _NoCookies(CookieJar):
    def extract_cookies(self, response: Any, request: Any) -> None:
        """Keep none, and read none: of one that it cannot read, Python warns with a traceback."""


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
        headers={"Accept-Encoding": ACCEPTED},
        limits=httpx.Limits(max_keepalive_connections=0),
        cookies=_NoCookies(),
        event_hooks={"response": [_hide_bad_location, _escape_reason, _skip_redirect]},
    )


def _hide_bad_location(response: httpx.Response) -> None:
    """Put a Location aside that cannot be asked: httpx would lose the whole response over it."""
    location = response.headers.get("location", "")
    if response.has_redirect_location and not _can_be_asked(location, response.request.url):
        response.extensions["location"] = response.headers.pop("location")


def _escape_reason(response: httpx.Response) -> None:
    """Escape the reason that the server gives: httpx's own repr and errors show it as it came."""
    reason = httpx.Headers([(b"reason", response.extensions.get("reason_phrase", b""))])["reason"]
    response.extensions["reason_phrase"] = printable(reason).encode()


def _skip_redirect(response: httpx.Response) -> None:
    if response.has_redirect_location and response.request.extensions.get("followed"):
        _skip_body(response)


def _skip_body(response: httpx.Response) -> None:
    """Read no body of an answer that is not the last: it may be broken, or have no end."""
    response.request.extensions.get("passed", []).append((response, time.perf_counter()))
    if isinstance(response.stream, httpx.SyncByteStream):
        response.stream.close()
        response.stream = httpx.ByteStream(b"")
        response.headers.pop("content-encoding", None)


def _can_be_asked(location: str, base: httpx.URL) -> bool:
    try:
        url = httpx.URL(location)
        url = url.copy_with(host=url.host or base.host) if url.scheme else base.join(url)
        url.raw_host.decode().encode("idna")  # as a connection needs it
        return url.scheme in ("http", "https") and url.host != "" and (url.port or 0) <= 65535
    except (httpx.InvalidURL, UnicodeError):  # the latter for a host that is no name
        return False


def _at_fault(error: Exception) -> str:
    """The name of the variable that no client can be made with."""
    for name in _proxies_set():
        proxy = os.environ[name]
        try:
            httpx.HTTPTransport(proxy=proxy if "://" in proxy else f"http://{proxy}", verify=False)
        except (ImportError, ValueError, httpx.InvalidURL):
            return name
    if isinstance(error, OSError):  # OpenSSL names no file
        return "SSLKEYLOGFILE" if error.filename else "SSL_CERT_FILE"
    return "no_proxy" if "no_proxy" in [*os.environ] else "NO_PROXY"  # on Windows, the latter
