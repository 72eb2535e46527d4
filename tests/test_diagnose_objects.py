"""diagnose: objects that came as the text by which a program shows them."""

import asyncio
import time

import pytest
from services import named, observed, said_of, text
from sse_starlette import EventSourceResponse

from labserver.diagnosis.rules.objects import is_repr


@named("python-repr")
async def test_dict_as_data():
    async def events():
        for i in range(4):
            yield {"data": {"n": i, "ok": True}}
            await asyncio.sleep(0.1)

    return EventSourceResponse(events())


@named("python-repr")
async def test_dicts_as_lines():
    return text(
        *[f"{ {'n': i, 'x': None} }\n" for i in range(5)], media_type="application/x-ndjson"
    )


@named("none-as-data")
async def test_none_as_data():
    async def events():
        for value in ("a", None, "b", None):
            yield value
            await asyncio.sleep(0.1)

    return EventSourceResponse(events())


@pytest.mark.parametrize(
    "data",
    [
        "Tick(n=1, price=1.5)",
        "Decimal('1.50')",
        "ValueError('bad')",
        "np.float64(1.5)",
        "np.str_('x')",
        "<generator object rows at 0x7f0a1b2c3d40>",
        "<app.Tick object at 0x7f0a1b2c3d40>",
        "<Response [200]>",
        "datetime.datetime(2026, 11, 28, 12, 0)",
        "'tok'",
        "b'tok'",
    ],
)
def test_what_python_shows_of_an_object(data):
    assert "python-repr" in said_of(observed(*[f"data: {data}\n\n"] * 4))


@pytest.mark.parametrize(
    "data",
    ["Go (now)", "Rust(1)", "it's", "<b>at 0x7f</b>", "Call me(when=you can) or not"]
    + ["Order(id=1, item=tea)", "Order(id=1, item=null)", "Order(done=true)"]  # of Kotlin
    + ["np.sin(1)", "np.log10(100)"]  # of a lesson, not of numpy
    + ["array(1, 2)", "range(1, 5)"],  # of PHP and SQL
)
def test_what_looks_like_python_and_is_none(data):
    assert "python-repr" not in said_of(observed(*[f"data: {data}\n\n"] * 4))
    assert "python-repr" not in said_of(observed(*["BUY(qty=0)\n"] * 4, type="text/plain"))
    once = observed("data: 'so it goes'\n\n", *["data: said he\n\n"] * 3)
    assert "python-repr" not in said_of(once)


@pytest.mark.parametrize(
    "data",
    [
        "<async_generator object f.<locals>.g at 0x7f0a1b2c3d40>",
        "<Future pending>",
        "<Task pending name='Task-5' coro=<f() running at main.py:3>>",
        "<class 'decimal.Decimal'>",
        "<Color.RED: 1>",
        "Row object (1)",  # Django's
        "array([1, 2, 3])",
        "defaultdict(<class 'int'>, {'a': 1})",
        "namespace(n=1)",
        "('AAPL', Decimal('1.5'), True)",
        "(1, datetime.date(2026, 11, 28), -2.5)",
        "[Tick(n=1), Tick(n=2)]",
    ],
)
def test_what_python_shows_of_what_is_inside(data):
    assert "python-repr" in said_of(observed(*[f"data: {data}\n\n"] * 4))
    assert "python-repr" in said_of(observed(*[f"{data}\n"] * 4, type="application/x-ndjson"))


def test_what_pandas_shows_of_a_row():
    row = "data: a    1\ndata: b    2\ndata: Name: 0, dtype: int64\n\n"
    assert "python-repr" in said_of(observed(*[row] * 4))


def test_a_backslash_is_part_of_a_repr_only_where_python_writes_it_so():
    paths = [(n, rf"C:\data\{n}") for n in ("a", "d", "x")]
    assert "python-repr" in said_of(observed(*[f"data: {path}\n\n" for path in paths]))
    words = [rf"data: '\d+ {n}'" + "\n\n" for n in range(4)]
    assert "python-repr" not in said_of(observed(*words))


def test_a_text_of_many_lines_takes_no_square_of_them():
    def seconds(lines):
        start = time.perf_counter()
        assert not is_repr("\n" * lines)
        return time.perf_counter() - start

    few, many = (min(seconds(lines) for _ in range(9)) for lines in (100, 3000))
    assert many < 200 * few  # 30 times the lines


@pytest.mark.parametrize("data", ["NaT", "<NA>", "[object Promise]", "<nil>"])
def test_nothing_by_other_names(data):
    assert "none-as-data" in said_of(observed(*[f"data: {data}\n\n"] * 4))


@pytest.mark.parametrize(
    "data",
    [
        "<Row id=1>",
        "<User: ada>",
        "[<Row id=1>, <Row id=2>]",
        "<User 5>",
        "<Record id=1 name='ada'>",  # asyncpg's
        "Color.RED",
        "True",
        "nan",
        "n=1 price=2.5 name='Zed'",  # pydantic's str
        "n=1 sold=None",
        "com.acme.Tick@1b2c3d4",
        "#<Row id: 1>",
        "Order(id=1, item=tea)",  # Kotlin
        "Order[id=1, item=tea]",  # Java
        "Order { id: 1, item: tea }",  # Rust
        "map[n:1 price:2.5]",  # Go
        "{1 2.5 AAPL}",
        "[1 2 3]",  # numpy
        "{1, 2}",
    ],
)
def test_what_other_programs_show_of_an_object(data):
    said = said_of(observed(*[f"data: {data}\n\n"] * 4))
    assert {"advice-object-text"} == {*said} & {"advice-object-text", "python-repr"}
    assert "advice-object-text" not in said_of(observed(*[f"{data}\n"] * 4, type="text/plain"))


@pytest.mark.parametrize(
    "data",
    ["<Row id='1'>", '<Row id="1">', "<DIV id=main>", "<Row/>", "<Thinking>", "<p class=a>"]
    + ["<Ada> hello", "BRK.A", "example.com", "level=info msg=hello", 'a=1 msg="it is"', "x=1 y=2"]
    + ["ada@example.com", "{first name}", "[1, 2, 3]", "[12:01:02]", "[ok]", "{}", "true", "null"]
    + ["Say it (now)", "Body { margin: 0 }", "a { b: c; }", "predict(x)", "(52.5, 13.4)", "1 2 3"],
)
def test_what_is_meant_as_it_is(data):
    said = said_of(observed(*[f"data: {data}\n\n"] * 4))
    assert not {*said} & {"advice-object-text", "python-repr", "none-as-data"}


@pytest.mark.parametrize(
    ("texts", "code"),
    [
        (["'To be or not to be'", "'Alea iacta est'", "'Eureka'"], "advice-python-repr"),
        (["'chunk 1'", "'chunk 2'", "'chunk 3'"], "advice-python-repr"),
        (["'The'", "' quick'", "' fox'"], "python-repr"),
        ([r"'row 1\n'", r"'row 2\n'", "''"], "python-repr"),
        (["import os", "{'z'}", "x = None", "b'abc'", "('a', 'b')", "f(x)", "y"], ""),
        (['{"n": 1}', "{'n': 2}", '{"n": 3}', "{'n': 4}", '{"n": 5}'], "python-repr"),
    ],
)
def test_quotes_that_may_belong_to_the_text(texts, code):
    told = said_of(observed(*[f"data: {one}\n\n" for one in texts]))
    assert [one for one in told if one.endswith("python-repr")] == [code] * bool(code)
