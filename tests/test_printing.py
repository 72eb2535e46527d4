"""What is printed of a stranger's text: no control characters, no Python repr."""

import pytest

from labserver.printing import printable, without_repr


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain, Zoë, €", "plain, Zoë, €"),
        ("\x1b[2J\a", r"\x1b[2J\x07"),
        ("\x85\x9b31m", r"\x85\x9b31m"),
        ("abc\u202egpj", r"abc\u202egpj"),
        ("two\nlines\r\n", r"two\nlines\r\n"),
        ("\U000e0001\ud800", r"\U000e0001\ud800"),
    ],
)
def test_control_characters_are_written_as_escapes(text, shown):
    assert printable(text) == shown
    assert shown.isprintable()


@pytest.mark.parametrize(
    ("error", "words"),
    [
        ("footer: bytearray(b'XX') (expected b'\\r\\n')", r"footer: 'XX' (expected '\r\n')"),
        ("""header: bytearray(b'"no\\' size\\r\\n')""", r"""header: '"no' size\r\n'"""),
        ("line: bytearray(b'\\x00\\x1b[2J')", r"line: '\x00\x1b[2J'"),
        ('value b"it\'s Zo\\xc3\\xab"', "value 'it's Zoë'"),
        ("bytearray(b'\\\\')", "'\\'"),
        ("a sub'script, b'open", "a sub'script, b'open"),
        ("no repr: b'\\d', b'é', b'\n'", "no repr: b'\\d', b'é', b'\n'"),
    ],
)
def test_bytes_that_an_error_quotes_are_text(error, words):
    assert without_repr(error) == words
    assert without_repr(words) == words
