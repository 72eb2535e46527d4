"""diagnose: what it finds in the lessons' own programs, broken and mended."""

import pytest
from lessons import LESSONS, cells_of
from services import apart, asgi, look_for

FAULTS = {
    "computes-program /prices/first": "advice-whole",
    "compression-program /export": "gzip-holds-headers",
    "flush-program /packed": "advice-whole",
    "blank-tab-program /blank": "advice-nosniff",
    "blocking-program /report/async": "starved",
    "never-awaits-program /numbers": "never-awaits",
    "small-chunks-program /letters": "tiny-chunks",
    "mend-starter /steps": "cut-before-first",
    "error-cut /cut": "cut-short",
    "error-leaks /leaks": "advice-error-inside",
    "error-told /told": "advice-error-inside",
    "http-1-0-program /report": "cut-short",
    "forbidden-program /late": "cut-before-first",
    "forbidden-program /early": "status",
    "length-program /letters": "cut-short",
    "dependency-program /early": "cut-before-first",
    "shared-program /shared": "shared-source",
    "background-program /shares?last=0": "cut-short",
    "ends-cleanly-starter /prices": "cut-short",
}
TWINS = [
    "collects-program /report",
    "computes-program /prices/each",
    "proxy-program /rows?marked=1",
    "compression-program /export?early=1",
    "flush-program /packed?flush=1",
    "blank-tab-program /live",
    "blocking-program /report/def",
    "never-awaits-program /numbers?polite=1",
    "forty-program /slow",
    "small-chunks-program /page",
    "reload-program /ticks",
    "forbidden-program /early?key=tea",
    "length-program /bytes",
    "dependency-program /open",
    "pinned-program /function",
    "shared-program /own",
    "late-program /closed",
    "shield-program /rows?shield=1",
    "slow-program /blocks?room=8",
    "filler-program /tidy",
    "background-program /shares?last=1",
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
    look_for(code, service=service, diagnoses=diagnoses)


@pytest.mark.parametrize("service", [pytest.param(served(name), id=name) for name in TWINS])
def test_a_mended_twin_is_let_alone(service, diagnoses):
    look_for(service=service, diagnoses=diagnoses)
