"""What is said: findings, the rules that make them, and the words of their evidence."""

import textwrap
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Generic, NamedTuple, TypeVar

from labserver.masking import masked
from labserver.printing import printable
from labserver.recording import counted
from labserver.table import shorten

WIDTH = 88  # columns of a terminal
MOST_SAID = 800  # characters of a fact or of evidence, which may hold a server's header
QUOTED = 70  # characters of a stranger's text in evidence
Seen = TypeVar("Seen")


class Level(StrEnum):
    """How much a finding matters."""

    FAULT = "fault"  # clients get less than they should, later, or something else
    ADVICE = "advice"  # it matters to some clients only, or it may be meant as it is


class Finding(NamedTuple):
    """What was found: its code, what it means and what to try, and the numbers it stands on."""

    code: str
    text: str
    evidence: str
    level: Level = Level.FAULT

    def __str__(self) -> str:
        said = textwrap.fill(f"{self.code}: {self.text}", WIDTH, subsequent_indent="    ")
        seen = textwrap.fill(
            f"Seen: {self.evidence}", WIDTH, initial_indent="    ", subsequent_indent="        "
        )
        return f"{said}\n{seen}"


@dataclass(frozen=True)
class Rule(Generic[Seen]):
    """A thing that can be found; `evidence` gives the numbers, or "" where it is not there."""

    code: str
    level: Level
    text: str
    evidence: Callable[[Seen], str]
    repeat: str = ""  # the part of an observation to measure once more before it is said

    def finding(self, evidence: str) -> Finding:
        """What is said where this is the evidence."""
        return Finding(self.code, self.text, shorten(masked(evidence), MOST_SAID), self.level)


def rule(
    code: str, level: Level, text: str, repeat: str = ""
) -> Callable[[Callable[[Seen], str]], Rule[Seen]]:
    """Declare the rule whose evidence the function below gives.

    Several rules may have one code: each has the words for one way in which the thing shows.
    """

    def declare(evidence: Callable[[Seen], str]) -> Rule[Seen]:
        return Rule(code, level, " ".join(text.split()), evidence, repeat)

    return declare


def verdict(findings: Sequence[Finding]) -> str:
    """One line: how many faults, how many pieces of advice."""
    faults = sum(finding.level is Level.FAULT for finding in findings)
    pieces = len(findings) - faults
    fault = counted(faults, "fault") if faults else ""
    advice = f"{counted(pieces, 'piece')} of advice" if pieces else ""
    return f"{' and '.join(filter(None, [fault, advice])) or 'Nothing found'}."


def quoted(text: str) -> str:
    """The start of a stranger's text, in quotes; what cannot be printed is escaped, once."""
    text = masked(text)
    return f"'{printable(text[:QUOTED])}{'…' if len(text) > QUOTED else ''}'"


def some(texts: Sequence[str], noun: str) -> str:
    """How many there are, and the first: "2 lines, the first: 'x'"; nothing for none."""
    if not texts:
        return ""
    return f"{counted(texts, noun)}, the first: {quoted(texts[0])}"


def listed(things: Sequence[object], most: int = 6) -> str:
    """The first few of many: "1, 2, 3 …"."""
    return ", ".join(map(str, things[:most])) + (" …" if len(things) > most else "")
