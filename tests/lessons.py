"""How the tests read a lesson: its cells, its text, its exercises, its programs.

A *program cell* holds a whole FastAPI program (`app = FastAPI(` at the start of a line); every
other code cell is a *look cell*. Three tags make exceptions: "starter" (where an exercise is
written), "check" (the cell under it), "standalone" (the first cell of lesson 00).
"""

import ast
import functools
import json
import re
from itertools import pairwise

import nbformat
import pytest
from machine import ROOT

LESSONS = sorted(ROOT.glob("notebooks/[0-9][0-9]_*.ipynb"))

each_lesson = pytest.mark.parametrize("path", LESSONS, ids=lambda path: path.stem)


# A lesson and its cells


def lesson(number):
    """The path of a lesson."""
    path = next((path for path in LESSONS if number_of(path) == number), None)
    assert path, f"there is no lesson {number:02}"
    return path


def number_of(path):
    return int(path.stem[:2])


@functools.cache
def cells_of(path, kind=None):
    """The cells of a lesson; `number` is the place that a reader counts to, from 1."""
    cells = nbformat.from_dict(json.loads(path.read_text(encoding="utf-8"))).cells
    for number, cell in enumerate(cells, 1):
        cell.number = number
        cell.source = "".join(cell.source)
        cell.tags = cell.metadata.get("tags", [])
    return [cell for cell in cells if kind in (None, cell.cell_type)]


def cell_of(path, id):
    """The cell with that id."""
    cell = next((cell for cell in cells_of(path) if cell.id == id), None)
    assert cell, f"{path.name} has no cell {id}"
    return cell


def say(path, cell):
    """Names a cell in a message."""
    return f"{path.name}, cell {cell.number}:\n{cell.source}\n"


def run_cells(path, *ids, given=()):
    """The names that these cells make, one after the other, in a namespace of their own."""
    main = {"__name__": "main", **dict(given)}
    for id in ids:
        exec(compile(cell_of(path, id).source, id, "exec"), main)
    return main


def sections_of(path):
    """The code cells of each section (a heading of level 2), joined; first the imports cell."""
    joined = [""]
    for cell in cells_of(path)[1:]:
        if cell.cell_type == "code":
            joined[-1] += cell.source + "\n"
        elif re.search(r"^## ", cell.source, re.MULTILINE):
            joined.append("")
    return [source for source in joined if source]


# Code


def is_program(source):
    return re.search(r"^app = FastAPI\(", source, re.MULTILINE) is not None


def tree_of(source):
    flags = ast.PyCF_ONLY_AST | ast.PyCF_ALLOW_TOP_LEVEL_AWAIT  # cells may await
    return compile(source, "cell", "exec", flags)


def names_in(source):
    """The names that code takes from elsewhere, and those that it makes."""
    taken, made = set(), set()
    for node in ast.walk(tree_of(source)):
        if isinstance(node, ast.Name):
            (taken if isinstance(node.ctx, ast.Load) else made).add(node.id)
        elif isinstance(node, ast.alias):
            made.add((node.asname or node.name).partition(".")[0])
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            made |= {node.name, *(argument.arg for argument in node.args.args)}
        elif isinstance(node, ast.ExceptHandler) and node.name:
            made.add(node.name)
    return taken - made, made


# Exercises


def check_in(cell):
    """The check that a cell calls, as (name, names it is handed)."""
    for node in ast.walk(tree_of(cell.source)):
        if isinstance(node, ast.Call) and ast.unparse(node.func).startswith("checks."):
            names = {name.id for arg in node.args for name in ast.walk(arg) if hasattr(name, "id")}
            return node.func.attr, names
    return None, set()


def exercises_in(path):
    """(starter, check cell, Markdown up to the next exercise), one for each exercise."""
    cells = cells_of(path)
    starts = [place for place, cell in enumerate(cells) if "starter" in cell.tags]
    for start, end in pairwise([*starts, len(cells)]):
        rest = cells[start + 1 : end]
        checks = [cell for cell in rest if "check" in cell.tags]
        assert len(checks) == 1, f"one cell tagged check for {say(path, cells[start])}"
        yield cells[start], checks[0], [cell for cell in rest if cell.cell_type == "markdown"]


# Text


def markdown_of(path):
    if path.suffix == ".md":
        return path.read_text(encoding="utf-8")
    return "\n\n".join(cell.source for cell in cells_of(path, "markdown"))


def without_code(text):
    text = re.sub(r"^ *```.*?^ *```", "", text, flags=re.DOTALL | re.MULTILINE)
    return re.sub(r"`[^`\n]*`", "code", text)


def headings_of(path):
    return re.findall(r"^(#+) +(.+?) *$", without_code(markdown_of(path)), re.MULTILINE)


def section_of(path, name):
    """The lines under a heading or a bold word, up to the next of either or to the link `Next`.

    A line that goes on indented counts once; None where there is no such section.
    """
    start = re.search(rf"^(?:#+ +{name}\b.*|\*\*{name}\b[^*]*\*\*)", markdown_of(path), re.M)
    if start is None:
        return None
    end = r"^#|^\W*Next\b|^\*\*"
    rest = re.split(end, markdown_of(path)[start.end() :], maxsplit=1, flags=re.M)[0]
    return [line for line in rest.splitlines() if line.strip(" :.") and line[0] != " "]


def words_of(path):
    """Words of running text: no code blocks, no tables, no folded hints, no markup."""
    text = re.sub(r"<details.*?</details>", "", without_code(markdown_of(path)), flags=re.DOTALL)
    text = re.sub(r"^\s*\|.*$", "", text, flags=re.MULTILINE)
    text = re.sub(r"\]\([^)]*\)|<[^>]*>", " ", text)
    return [word for word in text.split() if re.search(r"\w", word)]


def minutes_of(path):
    match = re.search(r"\b(\d+) minutes\b", cells_of(path)[0].source)
    return int(match[1]) if match else None
