"""The package as a stranger reads it: short modules, imports one way, documented names."""

import ast
from graphlib import TopologicalSorter
from statistics import median

import pytest
from machine import ROOT

import labserver
from labserver import checks


def sources():
    """The text of each module, by its name."""
    for path in sorted((ROOT / "labserver").rglob("*.py")):
        name = ".".join(path.relative_to(ROOT).with_suffix("").parts)
        yield name.removesuffix(".__init__"), path.read_text("utf-8")


SOURCES = dict(sources())


def imported(source):
    """The modules of the package that a module imports, inside functions too."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom) and node.module:
            names = {f"{node.module}.{alias.name}" for alias in node.names}
            yield from {*names, node.module} & {*SOURCES}


def test_modules_are_short():
    lengths = {name: source.count("\n") for name, source in SOURCES.items()}
    assert [name for name, lines in lengths.items() if lines > 250] == ["labserver.app"]
    assert median(lengths.values()) <= 125


def test_imports_never_go_in_a_circle():
    # `from labserver import stores` names the package, too, which imports most of them.
    needs = {name: {*imported(text)} - {name, "labserver"} for name, text in SOURCES.items()}
    assert [*TopologicalSorter(needs).static_order()]


@pytest.mark.parametrize("package", [labserver, checks], ids=lambda package: package.__name__)
def test_no_module_has_the_name_of_a_public_function(package):
    functions = {f"{package.__name__}.{name}" for name in package.__all__}
    assert not (functions & {*SOURCES}) - {"labserver.checks"}


def test_public_names_have_a_docstring():
    bare = [f"{name}: {one}" for name, source in SOURCES.items() for one in undocumented(source)]
    assert not bare


def undocumented(source):
    module = ast.parse(source)
    classes = [one for one in module.body if isinstance(one, ast.ClassDef) and is_public(one)]
    functions = [one for node in (module, *classes) for one in functions_of(node)]
    named = [module, *classes, *functions]
    return [getattr(one, "name", "itself") for one in named if not ast.get_docstring(one)]


def functions_of(node):
    """The public functions in it; the text of a rule stands in its decorator."""
    found = [one for one in node.body if isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef)]
    rules = [one for one in found if "rule(" in "".join(map(ast.unparse, one.decorator_list))]
    return [one for one in found if is_public(one) and one not in rules]


def is_public(definition):
    return not definition.name.startswith("_")
