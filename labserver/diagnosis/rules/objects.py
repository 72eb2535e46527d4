"""Rules about objects that came as the text by which a program shows them.

wanted    {"n": 1}
came      {'n': 1}     or Row(n=1), <Row n=1>, None
"""

import ast
import json
import re
from collections.abc import Iterable
from contextlib import suppress

from labserver.diagnosis.finding import Level, rule, some
from labserver.diagnosis.observation import SEVERAL, Observation

LONGEST = 3000  # characters of a text that is parsed as Python
MOST = 200  # texts that are parsed as Python
OF_DATA, OF_TEXT = 1 / 3, 1 / 2  # of what is JSON elsewhere, of text: more that is repr is a fault
OF_VALUES = 1 / 4  # of the data and ids: more that says None is a fault
NOTHING = re.compile(r"None|undefined|NaT|<NA>|<nil>|\[object \w+\]")
# Of Python's library and of what many use; names of other classes have a capital letter.
MODULES = r"datetime\.|np\.(u?int|float|complex|datetime|timedelta|str_|bool|bytes_)"
NAMES = r"(array|tensor|deque|range|frozenset|namespace|(default|o)?dict(_\w+)?)\b"
NAMED = r"[A-Z](?=\w*[a-z])\w*"  # as classes are, and no elements of HTML
REPR = (
    r"\{'.*\}",  # {'n': 1}
    r"b'.*'",  # b'tea'
    r"<.+ at 0x[0-9a-fA-F]+>",  # <main.Row object at 0x7f0a1b2c3d40>
    r"<[A-Z]\w* \[.*\]>",  # <Response [200]>
    r"<class '[\w.]+'>",
    r"<[A-Z]\w*\.\w+: .*>",  # <Color.RED: 1>
    r"<(Task|Future) [a-z]+\b.*>",  # <Future pending>
    r"[A-Z]\w* object \(\w+\)",  # Row object (1), of Django
    r"[^\n]*\n.*\bdtype: \w+",  # a Series of pandas
    # Row(n=1). Python quotes a text and has True and None: Row(id=1, item=tea) is of another.
    r"[A-Z]\w*\((?!.*=[a-z]\w*[,)])(\w+=|['\[{]).*\)",
    rf"({MODULES})[\w.]*\(.*\)",  # datetime.date(2026, 11, 28)
    rf"{NAMES}\(([\[{{<]|\w+=).*\)",  # deque([1, 2]); array(1, 2) is of another language
)
PARTS = (ast.Constant, ast.Tuple, ast.List, ast.Dict, ast.Set, ast.UnaryOp, ast.keyword)
SIGNS = (ast.expr_context, ast.unaryop)
CLASS = re.compile(rf"({NAMED}|UUID|{MODULES}|{NAMES})[\w.]*")
CALL = re.compile(r"\w[\w.]*\(")  # "BUY(qty=0)", which is meant where people read it
QUOTED = re.compile(r"'.*'", re.S)  # a str's; one alone may be a quotation
# The same of a word, with an escape, or with a space at an edge, which few quotations have.
OF_TOKEN = re.compile(r"'(\S*|.*\\.*|\s.*|.*\s)'", re.S)
# No repr has it, and Python warns of it: a backslash in front of any other letter.
NO_ESCAPE = re.compile(r"""(?<!\\)(\\\\)*\\[^\n\\'"abfnrtv0-7xNuU]""")
SHOWN = (
    # <Row id=1>, <User: ada>, [<User 5>, <User 6>]; XML has quotes around its values.
    rf"""\[?<{NAMED}( [\w.]+=[^<>"{{'][^<>"{{]*| \d+|: [^<>]+|\([^<>]*\))>(, <.*>)?\]?""",
    rf"{NAMED}\.[A-Z][A-Z0-9_]+",  # Color.RED
    r"True|False|nan",
    # n=1 sold=None, of pydantic; logfmt has no single quotes and no None.
    rf"(?=.*=(None|True|False|'|{NAMED}\(|datetime\.))\w+=\S.* \w+=\S.*",
    r"[\w.$]*[A-Z]\w*@[0-9a-f]{5,}",  # com.acme.Row@1b2c3d4, of Java
    rf"{NAMED}\[\w+=.*\]",  # Row[n=1], of Java
    rf"{NAMED}\(\w+(=|: ).*\)",  # Row(item=tea), of Kotlin, or Row(item: tea), of Swift
    rf"{NAMED} \{{ \w+(:| =) [^;]*, [^;]* \}}",  # Row { n: 1, item: tea }, of Rust
    r"#<[A-Z].*>",  # #<Row n: 1>, of Ruby
    r"&?(map\[\w+:.*\]|\{(?=.*\b\d)[\w.+-]+( [\w.+-]+)+\})",  # map[n:1] and {1 tea}, of Go
    r"\[[\d.e+-]+( +[\d.e+-]+)+\]",  # [1 2 3], of numpy
    r"\{\d+(, \d+)*\}",  # {1, 2}, a set
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
    tokens = [text for text in _quoted(seen) if not NO_ESCAPE.search(text)]
    if 2 * len([*filter(OF_TOKEN.fullmatch, tokens)]) > len(texts):
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
    if _like(REPR, text):
        return True
    if text[:1] not in {*"{[("} or len(text) > LONGEST or is_json(text) or NO_ESCAPE.search(text):
        return False
    with suppress(Exception):  # whatever a stranger's text may do to a parser
        tree = ast.parse(text.strip(), mode="eval").body
        telling = "'" in text or any(isinstance(node, ast.Call) for node in ast.walk(tree))
        return telling and _is_value(tree) and ast.unparse(tree) == text.strip()
    return False  # a row of SQL is no repr


def _like(patterns: Iterable[str], text: str) -> bool:
    return any(re.fullmatch(pattern, text[:LONGEST], re.S) for pattern in patterns)


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
    found = [text for text in texts if _like(SHOWN, text)]
    return some(found, "text") if len(found) > OF_DATA * len(texts) else ""


def is_json(text: str) -> bool:
    """Whether it is a JSON document by the standard, which has no NaN."""
    try:
        json.loads(text, parse_constant=lambda name: 1 / 0)
    except (ValueError, ZeroDivisionError, RecursionError):
        return False
    return True
