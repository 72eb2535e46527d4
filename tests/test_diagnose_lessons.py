"""diagnose: what it finds in the lessons' own programs, broken and mended."""

import pytest
from lessons import LESSONS, cells_of
from services import apart, asgi, only

FAULTS = {
    "blocking-fault /report": "starved",
    "never-awaits-fault /numbers": "never-awaits",
    "proxy-fault /proxied": "advice-whole",
    "compression-fault /rows": "gzip-holds-headers",
    "error-fault /rates": "cut-short",
    "forbidden-fault /orders": "cut-before-first",
    "forbidden-mended /orders": "status",
    "dependency-program /early": "cut-before-first",
    "blank-tab-program /blank": "advice-nosniff",
    "shared-program /shared": "shared-source",
    "small-chunks-program /letters": "tiny-chunks",
    "mend-starter /steps": "cut-before-first",
    "mend-starter /steps?key=tea": "starved",
}
TWINS = [
    "blocking-mended /report",
    "never-awaits-mended /numbers",
    "collects-program /report",
    "proxy-mended /proxied",
    "compression-mended /rows",
    "error-mended /rates",
    "forbidden-mended /orders?key=tea",
    "left-async /rows",
    "left-fault /rows",
    "left-mended /rows",
    "slow-program /blocks?room=8",
    "dependency-program /open",
    "blank-tab-program /live",
    "shared-program /own",
    "small-chunks-program /page",
    "reload-program /ticks",
]
ABOUT_FAULTS = [lesson for lesson in LESSONS if "_find_what_" in lesson.name]
CELLS = {cell.id: cell for lesson in ABOUT_FAULTS for cell in cells_of(lesson)}


def served(name):
    """The program of a cell, served; the name is the cell's id and a path."""
    id, path = name.split()

    def make():
        program = CELLS[id].source
        if id.startswith("never-awaits"):
            return apart(program, path)
        main = {"__name__": "main"}
        exec(program, main)
        return asgi(main["app"], path)

    return make


@pytest.mark.parametrize(
    ("service", "code"), [pytest.param(served(name), FAULTS[name], id=name) for name in FAULTS]
)
def test_a_fault_is_named(service, code, diagnoses):
    only(code, found=diagnoses[service].result())


@pytest.mark.parametrize("service", [pytest.param(served(name), id=name) for name in TWINS])
def test_a_mended_twin_is_let_alone(service, diagnoses):
    only(found=diagnoses[service].result())
