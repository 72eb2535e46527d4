"""The rules: in which order they are asked, and which of them make others superfluous.

A rule is a code, a level, a text and a function that gives the evidence, "" where there is none.
The tables below are all that rules know of one another: a rule that is suppressed, or that needs
another one, stands after it.
"""

from collections.abc import Iterator

from labserver.diagnosis.finding import Finding, Rule
from labserver.diagnosis.observation import Observation, Silence
from labserver.diagnosis.rules import (
    buffering,
    bursts,
    chunks,
    compression,
    concurrency,
    content,
    counted_bursts,
    dealt_out,
    direct,
    ending,
    event_format,
    event_lines,
    framing,
    headers,
    instead,
    length,
    objects,
    parts,
    reconnect,
    response,
    shared_pace,
    sharing,
    tables,
    torn_bursts,
)

# Faults first. Of several rules with one code, the first that has evidence speaks.
RULES: tuple[Rule[Observation], ...] = (
    response.status_busy,
    response.status,
    response.redirect,
    response.redirect_nowhere,
    response.not_decodable,
    response.packed_text,
    response.bad_framing,
    parts.wrong_boundary,
    ending.cut_by_an_answer,
    ending.cut_when_idle,
    length.cut_before_its_length,
    ending.cut_after_its_end,
    ending.cut_when_long_idle,
    ending.cut_at_one_time,
    ending.cut_short,
    length.cut_before_first_of_its_length,
    ending.cut_before_first_when_idle,
    ending.cut_before_first,
    length.wrong_length,
    length.length_not_reached,
    length.length_of_plain,
    response.empty,
    direct.held_between,
    direct.cut_between,
    direct.cut_hidden,
    buffering.accept_decides,
    buffering.held_until_end,
    buffering.held_after_headers,
    torn_bursts.torn_bursts,
    counted_bursts.counted_bursts,
    bursts.bursts,
    compression.gzip_holds_body,
    compression.gzip_holds_all,
    compression.gzip_holds_headers,
    concurrency.starved,
    concurrency.never_awaits,
    concurrency.one_at_a_time,
    sharing.refuses_second,
    concurrency.refuses_second_without_a_word,
    sharing.used_up,
    dealt_out.shared_source,
    sharing.shared_at_once,
    sharing.runs_out,
    sharing.runs_dry,
    compression.gzip_fails,
    chunks.no_ping,
    chunks.tiny_chunks,
    chunks.tiny_the_second_time,
    chunks.cumulative,
    tables.header_repeated,
    event_format.not_labelled,
    event_format.other_line_ends,
    event_format.indented,
    event_format.no_events,
    event_format.escaped_newlines,
    event_format.no_blank_line,
    event_format.ends_late,
    event_format.unfinished_event,
    event_lines.byte_order_mark,
    event_lines.carriage_return,
    event_lines.lost_lines,
    framing.framed_twice,
    framing.fields_as_data,
    event_lines.event_without_data,
    event_lines.not_utf_8,
    content.json_not_utf_8,
    event_lines.bad_retry,
    event_lines.short_retry,
    content.torn_letters,
    objects.python_repr,
    objects.none_as_data,
    content.bad_sequence,
    content.bad_json,
    content.json_twice,
    reconnect.ids_repeat,
    reconnect.ids_with_nul,
    reconnect.ids_missing,
    reconnect.new_ids,
    reconnect.refuses_last_event_id,
    reconnect.ignores_last_event_id,
    reconnect.resumes_beside,
    reconnect.replays,
    headers.cacheable,
    response.advice_redirect,
    response.advice_redirect_elsewhere,
    response.advice_empty,
    response.advice_no_content,
    response.advice_error_inside,
    instead.advice_error_instead,
    instead.advice_page_at_the_end,
    instead.advice_page,
    ending.advice_ends_when_idle,
    buffering.advice_whole,
    buffering.advice_work_first,
    buffering.advice_headers_late,
    counted_bursts.advice_pipe_bursts,
    bursts.advice_bursts,
    compression.advice_gzip_holds_headers,
    concurrency.advice_few_at_a_time,
    concurrency.advice_one_at_a_time,
    sharing.advice_runs_out,
    sharing.advice_refuses_by_now,
    sharing.advice_refuses_second,
    concurrency.advice_ends_second,
    sharing.advice_takes_over,
    shared_pace.advice_shared_pace,
    content.advice_json_lines,
    content.advice_not_utf_8,
    content.advice_utf_8_twice,
    content.advice_escaped_json,
    objects.advice_object_text,
    tables.advice_rows,
    event_lines.advice_long_retry,
    objects.advice_quoted,
    chunks.advice_stalled,
    chunks.advice_never_began,
    chunks.advice_small_chunks,
    chunks.advice_pings,
    chunks.advice_pings_as_data,
    chunks.advice_twice,
    event_format.advice_event_name,
    framing.advice_fields_as_data,
    framing.advice_frames_inside,
    reconnect.advice_replays,
    reconnect.advice_misses_between,
    headers.advice_content_length,
    headers.advice_nosniff,
    headers.advice_cache_control,
    headers.advice_accel_buffering,
)

CODES = tuple(dict.fromkeys([response.no_headers.code, *(rule.code for rule in RULES)]))

# What needs no word, or would be wrong, once one of these was said.
SUPPRESSED_BY = {
    "cut-short": {"not-decodable", "bad-framing"},
    "cut-before-first": {"not-decodable", "bad-framing"},
    "held-until-end": {"accept-decides", "held-between"},
    "empty": {"wrong-length"},
    "not-utf-8": {"wrong-length", "not-decodable"},
    "advice-not-utf-8": {"wrong-length", "not-decodable", "not-utf-8"},
    "advice-empty": {"empty", "wrong-length"},
    "gzip-holds-headers": {"gzip-holds-body"},
    "one-at-a-time": {"starved", "never-awaits"},
    "shared-source": {"refuses-second"},
    "runs-out": {"starved", "never-awaits", "one-at-a-time", "shared-source"},
    "advice-runs-out": {"starved", "never-awaits", "one-at-a-time", "shared-source", "runs-out"},
    "advice-refuses-second": {"refuses-second", "shared-source", "runs-out", "advice-runs-out"},
    "gzip-fails": {"refuses-second", "shared-source", "runs-out"},
    "no-events": {"no-blank-line"},
    "unfinished-event": {"no-blank-line", "no-events", "wrong-length"},
    "lost-lines": {"byte-order-mark", "carriage-return", "bad-framing"},
    "event-without-data": {"no-events"},
    "bad-json": {"wrong-length", "not-labelled", "byte-order-mark"}
    | {"carriage-return", "bad-framing"},
    "json-twice": {"framed-twice"},
    "ignores-last-event-id": {"ids-repeat"},
    "resumes-beside": {"ids-repeat"},
    "replays": {"ids-repeat", "ignores-last-event-id"},
    "advice-redirect": {"redirect"},
    "advice-page": {"redirect", "status", "wrong-length"},
    "advice-shared-pace": {"starved", "never-awaits", "one-at-a-time", "shared-source"}
    | {"advice-one-at-a-time", "advice-takes-over"},
    "advice-object-text": {"python-repr", "none-as-data", "bad-json", "framed-twice"},
    "advice-escaped-json": {"bad-json", "framed-twice"},
    "advice-python-repr": {"python-repr", "framed-twice"},
    "accept-decides": {"held-between"},
    "bursts": {"held-between"},
    "advice-whole": {"held-until-end", "accept-decides", "held-between"},
    "advice-bursts": {"bursts", "held-between"},
    "advice-framed-twice": {"framed-twice"},
    "advice-gzip-holds-headers": {"gzip-holds-headers", "gzip-holds-body"},
    "advice-headers-late": {"gzip-holds-headers", "held-until-end", "held-between"},
    "advice-stalled": {"no-ping", "wrong-length", "cut-short"},
    "advice-cache-control": {"cacheable"},
    "advice-nosniff": {"not-labelled"},
}

# What is worth a word only once one of these was said.
ONLY_WITH = {
    "advice-accel-buffering": {"held-until-end", "bursts", "advice-bursts", "held-between"}
}


def findings(seen: Observation | Silence, second: Observation | None = None) -> Iterator[Finding]:
    """What the rules find.

    `second` is a later observation: what rests on a comparison of times, which a busy machine may
    upset, is said only if both show it.
    """
    if isinstance(seen, Silence):
        yield response.no_headers.finding(response.no_headers.evidence(seen))
        return
    said: set[str] = set()
    for rule in RULES:
        if rule.code in said or said & SUPPRESSED_BY.get(rule.code, set()):
            continue
        if rule.code in ONLY_WITH and not said & ONLY_WITH[rule.code]:
            continue
        evidence = rule.evidence(seen)
        if evidence and (not rule.repeat or second is None or rule.evidence(second)):
            said.add(rule.code)
            yield rule.finding(evidence)


def to_repeat(seen: Observation) -> set[str]:
    """The parts of an observation that a finding rests on, and that should be measured again."""
    return {rule.repeat for rule in RULES if rule.repeat and rule.evidence(seen)}
