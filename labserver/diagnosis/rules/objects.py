"""Rules about objects that came as the text by which a program shows them.

wanted    {"n": 1}
came      {'n': 1}     or Row(n=1), <Row n=1>, None
"""

import ast
import json
import re
from contextlib import suppress

from labserver.diagnosis.finding import Level, rule, some
from labserver.diagnosis.observation import SEVERAL, Observation

LONGEST = 3000  # characters of a text that is parsed as Python
MOST = 200  # texts that are parsed as Python
OF_DATA, OF_TEXT = 1 / 3, 1 / 2  # of what is JSON elsewhere, of text: more that is repr is a fault
OF_VALUES = 1 / 4  # of the data and ids: more that says None is a fault
NOTHING = re.compile(r"None|undefined|NaT|<NA>|<nil>|\[object \w+\]")
# Of Python's library and of what many use; other names of classes have a capital letter.
NAMES = (
    r"datetime\.|np\.(u?int|float|complex|datetime|timedelta|str_|bool|bytes_)"
    r"|(array|tensor|deque|range|frozenset|namespace|(default|o)?dict(_\w+)?)\b"
)
# Python quotes a text and has True and None, so "Order(id=1, item=tea)" is of another language.
REPR = re.compile(
    r"\{'.*\}|b'.*'|<.+ at 0x[0-9a-fA-F]+>|<[A-Z]\w* \[.*\]>|<class '[\w.]+'>|<[A-Z]\w*\.\w+: .*>"
    r"|<(Task|Future) [a-z]+\b.*>|[A-Z]\w* object \(\w+\)|.*\n.*\bdtype: \w+"
    r"|[A-Z]\w*\((?!.*=[a-z]\w*[,)])(\w+=|['\[{]).*\)|(" + NAMES + r")[\w.]*\(.*\)",
    re.S,
)
PARTS = (ast.Constant, ast.Tuple, ast.List, ast.Dict, ast.Set, ast.UnaryOp, ast.keyword)
SIGNS = (ast.expr_context, ast.unaryop)
CLASS = re.compile(r"([A-Z]\w*[a-z]\w*|UUID|" + NAMES + r")[\w.]*")
CALL = re.compile(r"\w[\w.]*\(")  # "BUY(qty=0)", which is meant where people read it
QUOTED = re.compile(r"'.*'", re.S)  # a str's; one alone may be a quotation
# The same of a word, with an escape, or with a space at an edge, which few quotations have.
OF_TOKEN = re.compile(r"'(\S*|.*\\.*|\s.*|.*\s)'", re.S)
NO_ESCAPE = re.compile(r"""\\[^\n\\'"abfnrtv0-7xNuU]""")  # no repr has it, and Python warns
NAMED = r"[A-Z]\w*[a-z]\w*"  # as classes are, and no elements of HTML
PAIRS = r"\w+=\S.* \w+=\S.*"  # of pydantic; logfmt has no single quotes and no None
# As programs show an object; XML has quotes around its values.
SHOWN = re.compile(
    rf'\[?<{NAMED}( [\w.]+=[^<>"{{\'][^<>"{{]*| \d+|: [^<>]+|\([^<>]*\))>(, <.*>)?\]?'
    rf"|{NAMED}\.[A-Z][A-Z0-9_]+|True|False|nan|(?=.*=(None|True|False|'|{NAMED}\(|datetime\.)){PAIRS}"
    rf"|[\w.$]*[A-Z]\w*@[0-9a-f]{{5,}}|#<[A-Z].*>|{NAMED}(\(\w+(=|: ).*\)|\[\w+=.*\]|"
    r" \{ \w+(:| =) [^;]*, [^;]* \})|&?(map\[\w+:.*\]|\{(?=.*\b\d)[\w.+-]+( [\w.+-]+)+\})"
    r"|\[[\d.e+-]+( +[\d.e+-]+)+\]|\{\d+(, \d+)*\}",
    re.S,
)


@rule(
    "python-repr",
    Level.FAULT,
    """The data is Python's repr (single quotes, None, the name of a class), where clients expect
    JSON or plain text. Make JSON with json.dumps, and text with str.""",
)
def python_repr(seen: Observation) -> str:
    texts = [item.text for item in seen.items[:MOST]]
    data = seen.sse or seen.json_lines
    found = [text for text in texts if is_repr(text) and (data or not CALL.match(text))]
    rest = {*texts} - {*found}
    share = OF_DATA if data and all(map(is_json, rest)) else OF_TEXT
    if 2 * len([*filter(OF_TOKEN.fullmatch, _quoted(seen))]) > len(texts):
        found = texts
    return some(found, "text") if len(found) > share * len(texts) else ""


@rule(
    "advice-python-repr",
    Level.ADVICE,
    """Each text stands in single quotes. Either they belong to it, and nothing is wrong, or it is
    Python's repr: then make JSON with json.dumps, or send the text itself.""",
)
def advice_quoted(seen: Observation) -> str:
    return some(_quoted(seen), "text")


def _quoted(seen: Observation) -> list[str]:
    """The texts of events, where there are several, and each stands in quotes."""
    texts = [item.text for item in seen.items[:MOST] if seen.sse]
    return texts if len(texts) >= SEVERAL and all(map(QUOTED.fullmatch, texts)) else []


def is_repr(text: str) -> bool:
    """Whether it is Python's repr of an object, and no number, word or JSON."""
    if REPR.fullmatch(text[:LONGEST]):
        return True
    if text[:1] not in {*"{[("} or len(text) > LONGEST or is_json(text) or NO_ESCAPE.search(text):
        return False
    with suppress(Exception):  # whatever a stranger's text may do to a parser
        tree = ast.parse(text.strip(), mode="eval").body
        telling = "'" in text or any(isinstance(node, ast.Call) for node in ast.walk(tree))
        return telling and _is_value(tree) and ast.unparse(tree) == text.strip()
    return False  # a row of SQL is no repr


def _is_value(node: ast.AST) -> bool:
    """Whether it is made of constants and calls of classes alone."""
    if isinstance(node, ast.Call):
        named = CLASS.fullmatch(ast.unparse(node.func))
        return bool(named) and all(map(_is_value, [*node.args, *node.keywords]))
    parts = [part for part in ast.iter_child_nodes(node) if not isinstance(part, SIGNS)]
    return isinstance(node, PARTS) and all(map(_is_value, parts))


@rule(
    "none-as-data",
    Level.FAULT,
    """The text None (or undefined, or [object Object]) came as data. This is consistent with a
    value that was missing, or no text. Leave such an event out, or send JSON: null.""",
)
def none_as_data(seen: Observation) -> str:
    if not (seen.sse or seen.json_lines):
        return ""
    texts = [item.text for item in seen.items] + seen.ids
    found = [text for text in texts if NOTHING.fullmatch(text)]
    return some(found, "text") if len(found) > OF_VALUES * len(texts) else ""


@rule(
    "advice-object-text",
    Level.ADVICE,
    """The data looks like the text by which a program shows an object (str of Python, toString of
    Java, %v of Go), which clients cannot read back. If they use its values, send JSON; if people
    read it as it is, nothing is wrong.""",
)
def advice_object_text(seen: Observation) -> str:
    texts = [item.text for item in seen.items[:MOST]] if seen.sse else []
    found = [text for text in texts if SHOWN.fullmatch(text[:LONGEST])]
    return some(found, "text") if len(found) > OF_DATA * len(texts) else ""


def is_json(text: str) -> bool:
    """Whether it is a JSON document by the standard, which has no NaN."""
    try:
        json.loads(text, parse_constant=lambda name: 1 / 0)
    except (ValueError, ZeroDivisionError, RecursionError):
        return False
    return True
