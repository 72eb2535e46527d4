"""What is shown of secrets: their names, and no value."""

import html
import json
import re
from urllib.parse import quote, quote_plus

import httpx
import pytest

from labserver.masking import hidden, masked, shown_url


@pytest.mark.parametrize(
    "name",
    ["token", "access_token", "id_token", "api_key", "apikey", "secret", "client-secret"]
    + ["accessToken", "clientSecret", "access%5Ftoken", "api-key", "token[]", "user%5Bpassword%5D"]
    + ["password", "ticket", "signature", "X-Amz-Signature", "TOKEN", "jwt", "pwd"]
    + ["subscription-key", "X-Amz-Credential", "PHPSESSID", "session_id", "auth", "token[a][b]"],
)
def test_secrets_of_a_query_are_masked(name):
    text = f"GET http://127.0.0.1/x?a=1&{name}=s3cr%20et&b=2 and http://h/?{name}=other end"
    assert masked(text) == (
        f"GET http://127.0.0.1/x?a=1&{name}=***&b=2 and http://h/?{name}=*** end"
    )


@pytest.mark.parametrize(
    "address",
    ["/login?next=%2Fs%3Ftoken%3DS3CRET", "/#access_token=S3CRET", "/x;token=S3CRET"]
    + ["http://ann:S3CRET@h/x", "//ann:S3CRET@h/x", "/?password=it'S3CRET&a=1"]
    + [
        "http://ann:p@S3CRET@h/",
        "/?to=http%3A%2F%2Fann%3AS3CRET%40h%2F",
        "/?to=%2Fx%3BTOKEN%3DS3CRET",
    ]
    + ["/?a[token]=S3CRET", "/in?to=%2Fon%3Fto%3D%252F%253Ftoken%253DS3CRET"]
    + ["/?to=http%253A%252F%252Fann%253AS3CRET%2540h", "/?to=%2F%2FS3CRET@h", '/?token="S3CRET"'],
)
def test_wherever_an_address_has_them(address):
    assert "S3CRET" not in masked(f"redirect to {address} now")


def test_masking_twice_changes_nothing_more():
    once = masked("GET http://h/?token=abc: 404 (http://h/?token=a.b)")
    assert once == "GET http://h/?token=***: 404 (http://h/?token=***)" == masked(once)


@pytest.mark.parametrize(
    "query",
    ["?key=tea", "?tokens=5", "?q=token", "?secretary=x", "?token=", "?author=Zoe", "?session=5"]
    + ["?credentialed=1", "?signal=1", "?code=404"],
)
def test_what_is_no_secret_stays(query):
    assert masked(f"http://127.0.0.1/x{query}") == f"http://127.0.0.1/x{query}"


def test_a_url_is_shown_without_its_password():
    url = httpx.URL("http://me:pass@127.0.0.1/x?access_token=abc")
    assert shown_url(url) == "http://127.0.0.1/x?access_token=***"


@pytest.mark.parametrize(
    "pairs",
    [
        {"authorization": "Bearer S3CRET", "host": "h"},
        {"X-Auth-Token": "S3CRET", "cookie": "a='S3CRET'; b=S3CRET"},
        [(b"cookie", b"a=S3CRET"), (b"host", b"h")],
        {"detail": [{"input": {"user": "ann", "password": "S3CRET"}}]},
        {"access_key": "S3CRET", "jwt": "S3CRET", "session_id": "S3CRET", "pwd": "S3CRET"},
        [(b"x-signature", b"S3CRET"), (b"private-key", b"S3CRET")],
    ],
)
def test_an_error_may_quote_headers_or_a_body(pairs):
    for text in (repr(pairs), str(pairs) + " end"):
        assert "S3CRET" not in masked(text) and "***" in masked(text)
    assert masked(repr({"host": "h", "tokens": "5"})) == repr({"host": "h", "tokens": "5"})


@pytest.mark.parametrize("secret", ["a/b+c==", "<S3&'CRET>", "Łódź, S3CRET", 'a"S3CRET'])
def test_a_secret_of_a_header_is_masked_however_an_answer_writes_it(secret):
    ways = [secret, html.escape(secret), quote(secret), quote(secret, ""), quote_plus(secret)]
    ways += [json.dumps(secret), json.dumps(secret, ensure_ascii=False)]
    ways += [
        secret.encode().decode("latin-1"),
        re.sub("%..", lambda code: code[0].lower(), quote(secret)),
    ]
    ways += [secret.replace("/", r"\/"), html.escape(secret).replace("x27", "39")]
    for headers in ({"X-Key": secret}, {"Cookie": f"a=b; s={secret}"}, {"X-Auth": f"To {secret}"}):
        with hidden(httpx.Headers(headers, encoding="utf-8")):
            for way in ways:
                assert masked(f"for {way} no") in ("for *** no", 'for "***" no')


@pytest.mark.parametrize(
    "address", ["http://h/%40ann", "/?to=%2F%2Fh&mail=a%40b", "http://h/@ann"]
)
def test_an_at_sign_elsewhere_is_no_password(address):
    assert masked(address) == address
