"""diagnose: the rules together: their codes, their order, and what upsets none of them."""

import json
import random
import subprocess
import sys
from dataclasses import replace

import pytest
from machine import NO_PROXIES
from services import EVENTS, SSE, TEXT, is_found, is_hidden, observed, routed, said_of, sse

from labserver import diagnose
from labserver.diagnosis import Finding, Level, rules
from labserver.diagnosis.finding import quoted, verdict
from labserver.diagnosis.observation import Pair
from labserver.diagnosis.report import facts_of
from labserver.recording import Ending


def test_every_rule_has_a_level_a_text_and_evidence():
    for rule in rules.RULES:
        assert (rule.level is Level.ADVICE) == rule.code.startswith("advice-")
        assert rule.text.endswith((".", '"')) and "  " not in rule.text


def test_faults_come_before_advice():
    levels = [rule.level for rule in rules.RULES]
    assert levels == sorted(levels, key=[Level.FAULT, Level.ADVICE].index)


def test_a_rule_is_asked_after_those_that_suppress_it_or_that_it_needs():
    codes = list(rules.CODES)
    for table in (rules.SUPPRESSED_BY, rules.ONLY_WITH):
        for code, others in table.items():
            assert all(codes.index(other) < codes.index(code) for other in others), code


def test_the_codes_are_those_that_a_service_may_be_checked_for():
    kept = "no-headers status cut-short held-until-end starved advice-whole advice-stalled"
    assert {*kept.split()} <= {*rules.CODES} and len({*rules.CODES}) == len(rules.CODES)


def test_what_rests_on_a_comparison_of_times_is_said_only_if_it_shows_twice():
    once = observed("data: 1\n\n", server="uvicorn", every=1.0)
    once.pair = Pair(waits=[0.9, 0.9], calm=[0.01])
    again = replace(once, pair=Pair(waits=[0.02, 0.02]))
    assert "starved" in said_of(once) and rules.to_repeat(once) == {"pair"}
    assert "starved" in [finding.code for finding in rules.findings(once, once)]
    assert "starved" not in [finding.code for finding in rules.findings(once, again)]


def test_a_second_stream_that_began_late_once_was_not_made_to_wait():
    once = observed(*EVENTS, server="uvicorn", every=0.2)
    first, second = (observed(*EVENTS, every=0.2).alone for _ in range(2))
    second.chunks = [chunk._replace(at=chunk.at + first.chunks[-1].at) for chunk in first.chunks]
    once.pair = Pair([first, second], apart=0.1)
    again = replace(once, pair=Pair([first, first], apart=0.1))
    assert "one-at-a-time" in said_of(once) and rules.to_repeat(once) == {"pair"}
    assert "one-at-a-time" in [finding.code for finding in rules.findings(once, once)]
    assert "one-at-a-time" not in [finding.code for finding in rules.findings(once, again)]


def test_what_a_server_at_rest_takes_decides_not_what_it_takes_under_a_stream():
    frozen = observed("data: 1\n\n", server="uvicorn", every=1.0, ending=Ending.SECONDS)
    frozen.before, frozen.after, frozen.pair = 0.01, 3.0, Pair(calm=[3.0, 3.0])
    assert "starved" in said_of(frozen)


def test_a_stream_that_was_left_may_make_others_wait_at_rest_too():
    frozen = observed("data: 1\n\n", server="uvicorn", every=1.0)
    frozen.before, frozen.pair = 0.01, Pair([], 0.3, 1.4, [1.4], [0.01] * 4, [1.4])
    assert "starved" in said_of(frozen) and "one-at-a-time" not in said_of(frozen)
    again = replace(frozen, repeated=True)  # what an earlier look left runs, too
    again.pair = replace(frozen.pair, calm=[1.4])
    assert "starved" in said_of(again)
    frozen.before = 1.0  # another path takes so long by itself
    frozen.pair = replace(frozen.pair, calm=[1.0] * 4)
    assert "starved" not in said_of(frozen)


@pytest.mark.parametrize(
    ("after", "calm", "waits", "later", "left"),
    [
        (
            0.1,
            [1.4],
            [1.2, 2.6],
            [1.3],
            False,
        ),  # a bucket of two tokens
        (0.0, [0.0, 0.0, 0.4, 1.0], [1.8, 1.0], [1.0], True),  # of five, one a second
        (0.0, [0.0] * 4, [0.0, 0.0, 1.0, 1.9, 1.0], [1.0], True),  # of eight
        (0.6, [0.9, 1.2], [1.8, 2.1], [2.7], False),  # 0.3 s more for each request
        (0.6, [0.9, 1.2], [2.1, 2.4], [3.0], True),
        (2.0, [3.0], [5.0], [5.0], True),  # a second more
    ],
)
def test_a_limit_that_delays_each_request_by_their_number_starves_nobody(
    after, calm, waits, later, left
):
    ending = Ending.ENOUGH if left else Ending.WHOLE
    seen = observed(*EVENTS, server="uvicorn", every=0.2, ending=ending)
    seen.before, seen.after, seen.alone.headers_at = 0.01, after, after / 2
    seen.pair = Pair([seen.alone, seen.alone], 0.3, 0.0, waits, calm, later)
    assert "starved" not in said_of(seen)
    seen.after, seen.pair = 0.01, replace(seen.pair, calm=[0.01] * 4, later=[0.01] * 4)
    assert "starved" in said_of(seen)  # who waits beside the stream alone is starved


def test_no_bytes_upset_the_rules():
    """Whatever a stranger sends, whole or cut."""
    pick = random.Random(9)
    words = [
        b"data: ",
        b"id: 1",
        b"\n",
        b"\n\n",
        b"\r\n",
        b"\r",
        b"{'a'",
        b"[" * 3000,
        b"9" * 5000,
    ]
    words += [
        b"9" * 5000,
        b"\0",
        b"\xff",
        b"5\r\n",
        b"None",
        b"retry: ",
        b"event: x",
        b'"',
        b":",
        b"\xd9\xa3",
    ]
    words += [b"\xef\xbb\xbf", b'{"event":"x","data":', b"a,b\n", b": ping\n", b"  data: 1\n"]
    for type in [SSE, TEXT, "application/json", "application/x-ndjson", "text/csv", ""] * 25:
        number = pick.choice([0, 3, 9])
        pieces = [b"".join(pick.choices(words, k=pick.randrange(9))) for _ in range(number)]
        seen = observed(*pieces, type=type, every=pick.choice([0.01, 2.0]), server="uvicorn")
        seen.alone.ending = pick.choice([Ending.WHOLE, Ending.CUT, Ending.SECONDS])
        seen.encoded = seen.again = seen.accepted = seen.alone
        seen.pair = Pair([seen.alone, seen.alone], waits=[0.1])
        for finding in rules.findings(seen):
            assert finding.code and finding.text and finding.evidence
            assert finding.evidence.isprintable()
        assert len([*facts_of(seen)]) >= 3


def test_a_finding_survives_python_oo():
    """Which drops docstrings and asserts."""
    program = (
        "import sys\nfrom labserver import diagnose\n"
        "for finding in diagnose(sys.argv[1], quiet=True): print(finding.code, finding.text)"
    )
    with routed(lambda: sse(*[f"data: {i}\n" for i in range(4)], every=0.2)) as url:
        command = [sys.executable, "-OO", "-c", program, url]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, env=NO_PROXIES)
        (finding, *_) = diagnose(url, quiet=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert finding.code == "no-blank-line"
    assert done.stdout.startswith(f"{finding.code} {finding.text}\n")


@pytest.mark.parametrize(
    ("faults", "pieces", "said"),
    [
        (0, 0, "Nothing found."),
        (1, 0, "1 fault."),
        (2, 1, "2 faults and 1 piece of advice."),
        (0, 2, "2 pieces of advice."),
    ],
)
def test_the_verdict_counts(faults, pieces, said):
    findings = [Finding("a", "b", "c")] * faults
    findings += [Finding("advice-a", "b", "c", Level.ADVICE)] * pieces
    assert verdict(findings) == said


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("it's", "'it's'"),
        ('{"a": "b\\n"}', """'{"a": "b\\n"}'"""),
        ("a\tb\r\n", "'a\\tb\\r\\n'"),
        ("\x1b[2J", "'\\x1b[2J'"),
        ("\u2028\ud800é\ufffd", "'\\u2028\\ud800é\ufffd'"),
        ("x" * 80, f"'{'x' * 70}…'"),
    ],
)
def test_a_strangers_text_is_escaped_once(text, shown):
    assert quoted(text) == shown


def test_a_finding_is_data_for_a_machine_too():
    row = json.loads(json.dumps(Finding("a", "b", "c", Level.ADVICE)._asdict()))
    assert row == {"code": "a", "text": "b", "evidence": "c", "level": "advice"}


@pytest.mark.parametrize(
    ("found", "hidden"),
    [
        (["bursts"], False),
        ([], True),
        (["starved"], False),  # an accusation, which no busy machine excuses
        (["bursts", "starved"], False),
        (["advice-bursts"], True),
    ],
)
def test_a_test_of_a_fault_excuses_that_it_is_hidden_and_no_other_fault(found, hidden):
    levels = {True: Level.ADVICE, False: Level.FAULT}
    findings = [Finding(c, "", "", levels[c.startswith("advice-")]) for c in found]
    assert is_hidden(["bursts"], findings) == hidden
    assert is_found(["bursts"], findings) == (found == ["bursts"])
