"""diagnose: bodies in parts, and the boundary that is named."""

import pytest
from services import observed, said_of

from labserver.recording import Ending

PART = "--frame\r\nContent-Type: text/plain\r\n\r\nhello\r\n"


@pytest.mark.parametrize(
    "type",
    [
        "multipart/x-mixed-replace; boundary=other",
        "multipart/x-mixed-replace; boundary=--other",
        "multipart/x-mixed-replace; boundary=Frame",
        "multipart/x-mixed-replace",
    ],
)
def test_another_boundary_than_the_one_between(type):
    told = said_of(observed(*[PART] * 4, type=type, ending=Ending.ENOUGH))["wrong-boundary"]
    assert told.endswith("and the body begins with '--frame'")


@pytest.mark.parametrize(
    ("type", "body"),
    [
        ("multipart/x-mixed-replace; boundary=frame", PART),
        ("multipart/mixed; boundary=--frame", PART),  # as cameras write it
        ('multipart/mixed; boundary="a b"', "\r\n--a b\r\n\r\nhello"),
        ("multipart/mixed; boundary=late", "a word before the first part, which may be long"),
        ("multipart/mixed; boundary=frame", ""),
        ("text/plain; boundary=other", PART),
        ("multipart/mixed; boundary=frame; a*=x; a*0*=y", PART),
    ],
)
def test_a_boundary_that_is_there_or_may_come(type, body):
    assert "wrong-boundary" not in said_of(observed(body, type=type, ending=Ending.ENOUGH))
