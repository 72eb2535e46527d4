"""Text as it may be printed: no control characters, no Python repr, in one piece."""

import ast
import re
import sys
from contextlib import suppress

# Bytes as Python's repr writes them, "b'…'", and nothing else: it is read by Python.
_ESCAPE = r"""\\(?:[\\'nrt]|x[0-9a-f]{2})"""
_LITERAL = rf"""b(?:'(?:{_ESCAPE}|[ -&(-[\]-~])*'|"(?:{_ESCAPE}|[ !#-[\]-~])*")"""
_BYTES = re.compile(rf"bytearray\(({_LITERAL})\)|\b({_LITERAL})")


def printable(text: str) -> str:
    """Text with its control characters, and those that turn its direction, written as escapes."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def tell(text: str, end: str = "\n", flush: bool = True) -> None:
    """Print in one piece, since other threads print too, and also where the output is no UTF-8.

    That is so for a script on Windows whose output goes to a file: it has escapes instead. What a
    program has put in the output's place need not have an encoding, nor one that Python knows.
    """
    text += end
    with suppress(AttributeError, LookupError, TypeError):
        encoding = sys.stdout.encoding
        text = text.encode(encoding, "backslashreplace").decode(encoding)
    print(text, end="", flush=flush and hasattr(sys.stdout, "flush"))


def in_notebook() -> bool:
    """Whether what is printed goes to a notebook."""
    return "ipykernel" in type(sys.stdout).__module__


def can_rewrite() -> bool:
    """Whether a line that was printed can be taken back: in a pipe or a file it would be noise."""
    return in_notebook() or bool(getattr(sys.stdout, "isatty", bool)())


def without_repr(text: str) -> str:
    """The words of an error, in which Python's repr of bytes, as h11 writes it, is text in quotes.

    "malformed chunk footer: bytearray(b'XX')" becomes "malformed chunk footer: 'XX'".
    """
    return _BYTES.sub(_as_text, text)


def _as_text(literal: re.Match[str]) -> str:
    data: bytes = ast.literal_eval(literal[1] or literal[2])
    return f"'{printable(data.decode(errors='replace'))}'"
