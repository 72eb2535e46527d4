"""diagnose: what the headers of a response say to caches, proxies and browsers."""

import pytest
from services import DONE, EVENTS, LINES, SSE, named, observed, said_of, text


@named("cacheable")
async def test_events_to_keep():
    headers = {"Cache-Control": "public, max-age=3600"}
    return text(*EVENTS, DONE, media_type=SSE, headers=headers)


@named("advice-nosniff")
async def test_text_in_a_tab():
    return text(*LINES, headers=None)


@pytest.mark.parametrize(
    ("value", "code"),
    [
        ("public, max-age=3600, no-transform", "cacheable"),
        ("public", "cacheable"),
        ("s-maxage=60", "cacheable"),
        ("immutable", "cacheable"),
        ('max-age=60, no-cache="set-cookie"', "cacheable"),
        ('max-age="60"', "cacheable"),
        ("Max-Age=60", "cacheable"),
        ("public, max-age=0", "advice-cache-control"),
        ("no-transform", "advice-cache-control"),
        ("x=no-store", "advice-cache-control"),
        ("", "advice-cache-control"),
        ("max-age=60, no-store", None),
        ("public, no-cache", None),
    ],
)
def test_which_values_let_a_cache_keep_events(value, code):
    found = said_of(observed(*EVENTS, DONE, cache_control=value))
    assert {*found} == ({code} if code else set())
