"""Say whether this Python has what the lessons need, and what to do about each gap.

It needs the standard library alone, so that it speaks where nothing is installed, and an old
Python can read it. Lesson 00 runs it by its path, since `import labserver` may fail:

    import runpy
    runpy.run_path("../labserver/environment.py", run_name="__main__")
"""

from __future__ import annotations

import ast
import operator
import os
import platform
import re
import sys
from collections.abc import Callable
from importlib.metadata import distributions
from pathlib import Path
from typing import Any, NamedTuple

OLDEST, NEWEST = (3, 11), (3, 14)  # the Python versions that the lessons were tried on
ROOT = Path(__file__).resolve().parents[1]
COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "==": operator.eq,
    "!=": operator.ne,
    ">=": operator.ge,
    "<=": operator.le,
    ">": operator.gt,
    "<": operator.lt,
}


class Python(NamedTuple):
    """A Python: its version, its program, its environment's folder, the folder that it runs in."""

    version: str
    executable: str
    prefix: Path
    folder: Path


class Row(NamedTuple):
    """A row of the table: a package, the version wanted and that installed, what to do."""

    package: str
    wanted: str
    installed: str
    to_do: str


def main() -> None:
    """Print what this Python has, what it lacks, and what to do about it."""
    here = Python(
        platform.python_version(), sys.executable, Path(sys.prefix), Path.cwd().resolve()
    )
    print(report(ROOT, here, installed()))


def report(root: Path, python: Python, have: dict[str, str]) -> str:
    """The whole text: a table, a line that begins with READY or NOT READY, and what to do."""
    file = root / "requirements.txt"
    if not file.exists():
        return f"NOT READY: {root} has no requirements.txt. Download the whole project."
    rows = [python_row(python.version), *package_rows(file.read_text("utf-8"), have)]
    ready = not any(row.to_do for row in rows)
    new = " · newer than tried" if release(python.version)[:2] > NEWEST else ""
    verdict = f"{'READY' if ready else 'NOT READY'} · Python {python.version}{new}"
    return "\n".join([table(rows), verdict, *advice(root, python, rows)])


def python_row(version: str) -> Row:
    """The row of Python itself."""
    wanted = ">=" + ".".join(map(str, OLDEST))
    return Row("Python", wanted, version, "" if fits(version, wanted) else "choose another")


def package_rows(requirements: str, have: dict[str, str]) -> list[Row]:
    """A row for each package that this machine needs, and one for labserver, the `-e .`."""
    rows = []
    for name, wanted in [*needed(requirements, marker_values()), ("labserver", "")]:
        version = have.get(name)
        if version is None:
            rows.append(Row(name, wanted or "any", "missing", "install it"))
        else:
            rows.append(
                Row(name, wanted or "any", version, "" if fits(version, wanted) else "replace it")
            )
    return rows


def installed() -> dict[str, str]:
    """The version of each installed package, by its normalized name."""
    found: dict[str, str] = {}
    for distribution in distributions():
        name = distribution.metadata["Name"]
        if name:  # a broken installation has none
            found.setdefault(re.sub("[-_.]+", "-", name).lower(), distribution.version)
    return found


def needed(requirements: str, values: dict[str, str]) -> list[tuple[str, str]]:
    """(name, version specifier) of each line whose marker holds; comments and options are not."""
    found = []
    for line in requirements.splitlines():
        text, _, marker = re.sub(r"(^|\s)#.*", "", line).partition(";")
        match = re.match(r"\s*([A-Za-z0-9][\w.-]*)(?:\[.*?\])?(.*)", text)
        if match and applies(marker.strip(), values):
            found.append((match[1].lower(), match[2].replace(" ", "")))
    return found


def fits(version: str, wanted: str) -> bool:
    """Whether a version is one of those that a specifier such as ">=4.4,<5" asks for."""
    for clause in filter(None, wanted.split(",")):
        match = re.match("(==|!=|>=|<=|>|<)(.+)", clause)
        if match and not COMPARE[match[1]](release(version), release(match[2])):
            return False
    return True


def release(version: str) -> tuple[int, ...]:
    """The numbers that a version begins with, without zeros at the end: "4.4.0rc1" is (4, 4)."""
    numbers = re.match(r"[\d.]*", version)
    parts = [int(number) for number in numbers[0].split(".") if number] if numbers else []
    while parts and parts[-1] == 0:
        parts.pop()
    return tuple(parts)


def marker_values() -> dict[str, str]:
    """What this machine is, in the words of a marker (dependency specifiers, PyPA)."""
    return {
        "os_name": os.name,
        "sys_platform": sys.platform,
        "platform_system": platform.system(),
        "platform_machine": platform.machine(),
        "python_version": "{}.{}".format(*sys.version_info),
    }


def applies(marker: str, values: dict[str, str]) -> bool:
    """Whether a marker such as `platform_system == "Linux"` holds; one not understood does."""
    try:
        return not marker or _holds(ast.parse(marker, mode="eval").body, values)
    except (SyntaxError, KeyError, TypeError, ValueError):
        return True


def _holds(node: ast.expr, values: dict[str, str]) -> bool:
    if isinstance(node, ast.BoolOp):
        parts = [_holds(part, values) for part in node.values]
        return all(parts) if isinstance(node.op, ast.And) else any(parts)
    if not isinstance(node, ast.Compare):
        raise ValueError("a marker compares")
    left, right = (_text(side, values) for side in (node.left, node.comparators[0]))
    if isinstance(node.ops[0], (ast.In, ast.NotIn)):
        return (left in right) is isinstance(node.ops[0], ast.In)
    sign = {ast.Eq: "==", ast.NotEq: "!=", ast.GtE: ">=", ast.LtE: "<=", ast.Gt: ">", ast.Lt: "<"}
    is_version = left[:1].isdigit() and right[:1].isdigit()
    compare = COMPARE[sign[type(node.ops[0])]]
    return compare(release(left), release(right)) if is_version else compare(left, right)


def _text(node: ast.expr, values: dict[str, str]) -> str:
    return values[node.id] if isinstance(node, ast.Name) else str(ast.literal_eval(node))


def table(rows: list[Row]) -> str:
    """The rows as lines under a heading, in columns."""
    shown = [Row("package", "wanted", "installed", "to do"), *rows]
    widths = [max(len(row[column]) for row in shown) + 2 for column in range(3)]
    lines = []
    for row in shown:
        cells = [cell.ljust(width) for cell, width in zip(row, widths)]  # noqa: B905 (Python 3.9)
        lines.append("".join([*cells, row.to_do or "ok"]))
    return "\n".join(lines)


def advice(root: Path, python: Python, rows: list[Row]) -> list[str]:
    """What to do, a line each; nothing where all is as it should be."""
    lines = []
    if release(python.version)[:2] > NEWEST:
        tried = " to ".join(".".join(map(str, version)) for version in (OLDEST, NEWEST))
        lines.append(f"The lessons were tried on Python {tried}.")
        lines.append("Go on; if a cell fails, try one of those.")
    if python.folder != root / "notebooks":
        lines.append(f"This runs in {python.folder}: open the notebook in {root / 'notebooks'}.")
    if not any(row.to_do for row in rows):
        return lines
    environment = root / ".venv"
    if environment.exists() and python.prefix.resolve() != environment.resolve():
        lines.append(f"This kernel is {python.executable}; the packages are in {environment}.")
        lines.append("Choose Kernel > Change Kernel, or start JupyterLab from there.")
    elif rows[0].to_do:
        lines.append("Choose Kernel > Change Kernel, or install a newer Python.")
    else:
        lines.append(f"In a terminal, in the folder {root}, run this line:")
        lines.append(f'"{python.executable}" -m pip install -r requirements.txt')
        lines.append("Then choose Kernel > Restart Kernel, and run this cell again.")
    return lines


if __name__ == "__main__":
    main()
