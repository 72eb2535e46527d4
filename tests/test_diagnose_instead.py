"""diagnose: what is sent in the place of a stream, under a good status."""

import json

import pytest
from services import SSE, observed, said_of

ERRORS = [
    {"error": {"code": 500, "message": "upstream unavailable"}},
    {"jsonrpc": "2.0", "error": {"code": -32601}, "id": 1},
    {"success": False, "message": "quota exceeded"},
    {"status": "error", "data": None},
]
GOOD = [
    {"error": None, "rows": []},
    {"errors": 3, "lines": 900},
    {"status": "ok"},
    {"success": True},
    {"data": {"user": "ann"}, "errors": [{"message": "no such order"}]},
    [{"error": "x"}],
    "error",
]
PAGE = "<!DOCTYPE html>\n<html><title>Log in</title></html>"


@pytest.mark.parametrize("document", ERRORS)
def test_an_error_under_a_good_status(document):
    body = json.dumps(document, indent=1)
    assert "advice-error-inside" in said_of(observed(body, type="application/json"))


@pytest.mark.parametrize("document", GOOD)
def test_a_document_that_tells_of_no_error(document):
    assert not said_of(observed(json.dumps(document), type="application/json"))


def test_a_page_at_the_end_of_rows():
    page = "<html>\n<body><h1>502 Bad Gateway</h1></body>\n</html>\n"
    assert "advice-error-inside" in said_of(observed("1\n", "2\n", page, type="text/plain"))
    example = "<html>\n<title>A shop</title>\n</html>\n"
    for type, rows in (
        ("text/html", ["<p>1</p>\n", page]),
        ("text/plain", [page]),
        ("text/plain", ["# A page begins so\n", example]),
    ):
        assert "advice-error-inside" not in said_of(observed(*rows, type=type))


def test_a_page_in_the_place_of_a_stream():
    assert said_of(observed(PAGE, type="text/html"))["advice-page"].startswith("'<!DOCTYPE html>")
    assert not said_of(observed("<ul>", *["<li>a</li>"] * 5, type="text/html"))
    assert "advice-page" not in said_of(observed(PAGE, type=SSE))
