"""diagnose: a header, or a byte order mark, that is written for each batch of a table."""

import pytest
from services import observed, said_of

HEADER = "name,size\n"


def rows(text):
    """Each word as a row, in a piece of its own."""
    return [f"{word}\n" for word in text.split()]


@pytest.mark.parametrize(
    ("batches", "code"),
    [
        ([f"{HEADER}a,{i}\nb,{i}\n" for i in range(4)], "header-repeated"),
        ([f"\ufeff{HEADER}a,{i}\nb,{i}\n" for i in range(4)], "header-repeated"),
        ([HEADER, *[f"\ufeffa,{i}\nb,{i}\n" for i in range(4)]], "byte-order-mark"),
        ([f"\ufeff{HEADER}a,1\n", *["a,2\n", "a,3\n", "a,4\n"]], None),
        ([HEADER, *[f"a,{i}\n" for i in range(4)]], None),
        (["2026-11-28,1,ok\n2026-11-28,2,ok\n"] * 4, None),  # rows that are alike
        ([f"name,q1,q2\na,{i},1\nb,{i},2\n" for i in range(4)], "header-repeated"),
        ([HEADER + "a,1\nb,2\nc,3\n" for _ in range(2)], "header-repeated"),
        ([f"{HEADER}a,1\nb,2\n{HEADER}c,3\nd,4\n{HEADER}e,5\n"], "header-repeated"),  # at once
        ([f"{HEADER}a,1\n", f"b,2\n{HEADER}", "c,3\nd,4\n", HEADER], "header-repeated"),
        ([HEADER, "a,1\n", "b,2\n", HEADER, "c,3\n", "d,4\n", HEADER], "header-repeated"),
        ([f"value\n{i}\n{i}\n" for i in range(4)], "header-repeated"),
        ([f"name,size\r\na,{i}\r\nb,{i}\r\n" for i in range(4)], "header-repeated"),
        (["ok,fine\na,b\n", "ok,fine\nc,d\n"], None),  # may be a row
        (["login,ann\nsent,4\nlogin,bob\n"] * 2, None),  # a log without a header
        ([f"{HEADER}a,\nb,{i}\n" for i in range(2)], "header-repeated"),  # a value is missing
        (["names,x\n", *["names,x y\n"] * 5], None),
        (["a,b\n"] * 5, None),  # rows that are alike
        ([HEADER * 2], None),
        # A word, or a sign for no value, may come again beside a column of numbers.
        (["NaN,NaN\n1.0,2.0\nNaN,NaN\n3.0,4.0\n2.0,2.1\n"], None),
        (["n/a;n/a\n", "1;2\n", "n/a;n/a\n", "3;4\n", "n/a;n/a\n", "5;6\n"], None),
        (['"null","true"\n1,2\n2,3\n'] * 3, None),
        (rows("off 20 21 off 22 off off 23 24 25"), None),
        (rows("off,hall 20,hall 21,hall off,hall 22,hall 23,hall"), None),
        (rows("idle,none 9,cpu 8,io idle,none 7,cpu 6,cpu 5,io"), None),
        # A log of names, whose first row comes again.
        (rows("ann,login bob,login ann,login ann,logout ann,login"), None),
        (["ann,login\nbob,login\n", "eve,login\nann,login\n", "ann,login\n"], None),
        (rows("on,door off,door on,door off,door off,door on,door on,door"), None),
    ],
)
def test_what_belongs_at_the_start_alone(batches, code):
    found = {*said_of(observed(*batches, type="text/csv"))}
    assert code in found if code else not found & {"header-repeated", "byte-order-mark"}


def test_tabs_separate_the_cells_of_a_table_too():
    batches = [f"name\tsize\na\t{i}\nb\t{i}\n" for i in range(4)]
    found = said_of(observed(*batches, type="text/tab-separated-values"))
    assert found["header-repeated"] == r"'name\tsize' 4 times"


NAMES = "id,name,price\n"


@pytest.mark.parametrize(
    ("rows", "told"),
    [
        (["1,Smith, Ada,2\n", "2,Bob,3\n", "3,Eve,4\n"], True),
        (["1,Bob,2\n", "2,Eve,3\n", '3,"Ada,4\n', "4,Joe,5\n"], True),
        (['1,"Smith, Ada",2\n', "2,Bob,3\n", "3,Eve,4\n"], False),
        (['1,"two\nlines",2\n', "2,Bob,3\n", "3,Eve,4\n"], False),
        (["1,1,Bob,2\n", "2,2,Eve,3\n"], False),  # R's names of rows
        (["1,Bob,2,\n", "2,Eve,3\n", "3,Joe,4\n"], False),
        (["1,Bob,2\n", "2,Eve,3\n", "\n", "a,b,c,d\n", "1,2,3,4\n"], False),  # two tables
        (["1,Bob,2\n", "2,Eve\n"], False),
        (['1,a 5" disk,2\n', "2,Eve,3\n"], False),
    ],
)
def test_rows_that_were_not_quoted(rows, told):
    said = said_of(observed(NAMES, *rows, type="text/csv"))
    assert ("advice-rows" in said) is told
    assert "advice-rows" not in said_of(observed(NAMES, *rows, type="text/plain"))


def test_a_quote_between_tabs_is_part_of_a_value():
    rows = [f'{i}\t"\t{i}\n' for i in range(5)]  # "the same as above"
    said = said_of(observed("n\tname\tprice\n", *rows, type="text/tab-separated-values"))
    assert "advice-rows" not in said


def test_a_quote_before_more_than_a_csv_reader_takes():
    rows = [f"{i},{'Joe' * 20},5\n" for i in range(2500)]  # 170 KB in one cell
    found = said_of(observed(NAMES, '3,"Ada,4\n', "".join(rows), type="text/csv"))
    assert "no CSV reader reads it: field larger than" in found["advice-rows"]
