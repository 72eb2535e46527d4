"""diagnose: what the data says."""

import asyncio
import json

import pytest
from fastapi import FastAPI
from fastapi.responses import StreamingResponse
from fastapi.sse import EventSourceResponse as NativeResponse
from services import DONE, SSE, TEXT, asgi, healthy, named, observed, paced, said_of, sse, text

from labserver.recording import Ending


@named("advice-json-lines")
async def test_several_documents_in_one():
    return text(*[json.dumps({"n": i}) + "\n" for i in range(5)], media_type="application/json")


@named("bad-json")
async def test_several_documents_in_one_without_lines():
    return text(*[json.dumps({"n": i}) for i in range(5)], media_type="application/json")


@healthy
async def test_an_array_that_streams():
    rows = [f',\n{{"n": {i}}}' for i in range(5)]
    return text('[\n{"n": 0}', *rows, "\n]\n", media_type="application/json")


@named("bad-json")
async def test_not_a_number():
    return sse(*[f"data: {json.dumps({'n': float('nan')})}\n\n" for _ in range(4)], DONE)


@named("json-twice")
def test_json_in_json():
    app = FastAPI()

    @app.get("/s", response_class=NativeResponse)
    async def events():
        for i in range(5):
            yield json.dumps({"n": i})
            await asyncio.sleep(0.1)

    return asgi(app)


@named("bad-json")
async def test_a_newline_inside_json():
    async def events():
        for n, words in enumerate(["one", "two", "three\u2028four", "five", "six"]):
            text = json.dumps({"n": n, "said": words}, ensure_ascii=False)
            yield "".join(f"data: {line}\n" for line in text.splitlines()) + "\n"
            await asyncio.sleep(0.1)

    return StreamingResponse(events(), media_type=SSE)


@named("torn-letters")
async def test_bytes_decoded_one_by_one():
    pieces = [b"caf", b"\xc3", b"\xa9 au lait, ", b"15 ", b"\xe2\x82", b"\xac"]
    texts = [piece.decode(errors="replace") for piece in pieces]
    return sse(*[f"data: {json.dumps({'text': text})}\n\n" for text in texts], DONE)


@named("torn-letters")
async def test_blocks_decoded_one_by_one():
    text = "Größe, Höhe, Fläche\n".encode() * 8
    return StreamingResponse(
        paced(*[text[i : i + 9].decode(errors="replace") for i in range(0, len(text), 9)]),
        media_type=TEXT,
    )


@healthy
async def test_what_a_program_prints():
    words = ["start", "None", "{'a': 1}", ":", '"[]"', "so it", "went on", "to the end"]
    return sse(*[f"data: {word}\n\n" for word in words], DONE)


@healthy
async def test_about_events_and_errors():
    """What looks like a fault is what the text is about."""
    error = "Traceback (most recent call last):\n  File 'a.py', line 1\nKeyError: 'n'\nSo it ends."
    frame = "HTTP/1.1 200 OK\ncontent-type: text/event-stream\n\nid: 7\ndata: 8"
    texts = [error, frame, "A lone \ufffd is U+FFFD.", "None is", "data: too", "done"]
    return sse(*["".join(f"data: {line}\n" for line in t.split("\n")) + "\n" for t in texts], DONE)


@healthy
async def test_rows_of_sql():
    rows = [f"({i},'it''s'),\n({i}, 'b'),\n" for i in range(6)]
    return text("INSERT INTO t VALUES\n", *rows, "(9,'z');\n", media_type="application/sql")


@healthy
async def test_plain_latin_1():
    words = ["é è ê\n".encode("latin-1")] * 6
    return text(*words, media_type="text/plain; charset=iso-8859-1")


@named("not-utf-8")
async def test_rows_of_json_in_latin_1():
    rows = [f'{{"name": "Zoë {i}"}}\n'.encode("latin-1") for i in range(5)]
    return text(*rows, media_type="application/x-ndjson")


@named("advice-not-utf-8")
async def test_a_csv_for_windows_under_utf_8():
    rows = [f"{i},Zoë,5 €\n".encode("cp1252") for i in range(5)]
    return text(*rows, media_type="text/csv; charset=utf-8")


@named("advice-not-utf-8")
async def test_letters_under_ascii():
    return text(*[f"{i},Zoë\n" for i in range(5)], media_type="text/csv; charset=us-ascii")


@named("bad-json")
async def test_a_sequence_without_its_separator():
    rows = [json.dumps({"n": i}) + "\n" for i in range(5)]
    return text(*rows, media_type="application/json-seq")


@named("bad-json")
async def test_a_sequence_with_a_document_that_is_none():
    rows = [f"\x1e{json.dumps({'n': float('nan')})}\n" for _ in range(5)]
    return text(*rows, media_type="application/geo+json-seq")


@healthy
async def test_a_sequence():
    rows = [f"\x1e{json.dumps({'n': i}, indent=1)}\n" for i in range(5)]
    return text(*rows, media_type="application/json-seq")


@pytest.mark.parametrize(
    ("letters", "told"),
    [
        ("ZÃ¼rich", True),
        ("€ 5".encode().decode("cp1252"), True),
        ("Zürich", False),
        ("Ã", False),
        ("€ 5", False),
    ]
    + [("日本", False)],
)
def test_utf_8_that_was_encoded_once_more(letters, told):
    for form, type in (("data: {}\n\n", SSE), ("{}\n", TEXT)):
        seen = observed(*[form.format(letters)] * 4, type=type)
        assert ("advice-not-utf-8" in said_of(seen)) is told


@pytest.mark.parametrize(
    ("data", "told"),
    [
        ("{n: 1, t: 'x'}", True),
        ("{ n : 1 }", True),
        ("{“n”: 1}", True),
        ("{name} is here", False),
        ("{}", False),
    ]
    + [("{color: red}", False), ("{level: info, message: hello}", False)],  # of CSS and YAML
)
def test_an_object_of_javascript(data, told):
    assert ("bad-json" in said_of(observed(*[f"data: {data}\n\n"] * 4))) is told


@pytest.mark.parametrize(
    "data",
    ["{&quot;n&quot;: 1}", "{&#34;n&#34;: 1}", "%7B%22n%22%3A+1%7D", r"{\"n\": 1}"]
    + ["eyJuIjogMX0=", "eyJuIjogMX0", "eyJ0IjogIj8-In0"]  # base64, without =, for addresses
    + ["7b226e223a20317d", r"\x7b226e223a20317d"],  # hex, as PostgreSQL shows bytes
)
def test_json_that_was_escaped_once_more(data):
    assert "advice-escaped-json" in said_of(observed(*[f"data: {data}\n\n"] * 4))


@pytest.mark.parametrize(
    "data",
    ["<p>&quot;hello&quot;", '{"a": "&quot;"}', "100%20", "{{ name }}"]
    + ["aGVsbG8=", "eyJhIjoxfQ.eyJhIjoxfQ.c2ln", "tree"],  # text in base64, a JSON web token
)
def test_what_is_escaped_on_purpose(data):
    assert "advice-escaped-json" not in said_of(observed(*[f"data: {data}\n\n"] * 4))


@healthy
async def test_words_with_apostrophes():
    texts = ["it's", "a\n\nb\n\nc", "{'a': 1} is Python"]
    events = [f"data: {json.dumps({'text': one})}\n\n" for one in texts * 3]
    return sse(*events, "data: [DONE]\n\n")


@healthy
async def test_rows_of_json_with_blank_lines():
    rows = [json.dumps({"text": "it's"}) + "\n\n" for _ in range(6)]
    return text(*rows, media_type="application/x-ndjson")


@pytest.mark.parametrize("ending", [Ending.WHOLE, Ending.SECONDS])
@pytest.mark.parametrize(
    "type",
    [
        SSE,
        "application/json",
        "application/x-ndjson",
        "application/json-seq",
        "text/csv",
        "text/plain; charset=utf-8",
        "text/plain; charset=us-ascii",
        "multipart/mixed; boundary=x",
    ],
)
def test_what_is_in_a_coding_that_is_not_undone_is_judged_as_no_text(type, ending):
    """Whatever bytes it has: line ends, a mark, a first line that comes again."""
    piece = b"\xf0\x9f\r\ndata: \xff\rx\n\n\xef\xbb\xbfab,cd\n\xe9\n"
    for coding in ("compress", "exi", "gzip, gzip, gzip"):
        seen = observed(*[piece] * 5, type=type, ending=ending, content_encoding=coding)
        assert not {code for code in said_of(seen) if not code.startswith("advice-")}
        assert "advice-not-utf-8" not in said_of(seen)


def test_what_a_codings_name_alone_makes_of_a_text_is_still_a_text():
    pieces = ["data: {'a': 1}\n\n"] * 3
    for coding in ("utf-8", "none", "identity"):
        assert "python-repr" in said_of(observed(*pieces, content_encoding=coding))
    latin = observed(
        '{"a": "é"}'.encode("latin-1"), type="application/json", content_encoding="identity"
    )
    assert "not-utf-8" in said_of(latin)
