"""Rules about what is sent in the place of a stream, under a good status.

wanted    data: … | data: … | data: …
instead   {"error": …}      or a page: <!doctype html> …
"""

import json
import re
from contextlib import suppress

from labserver.diagnosis.finding import Level, quoted, rule
from labserver.diagnosis.observation import Observation

PAGE = re.compile(r"\s*<(!doctype html|html\b)", re.I)
PAGE_AT_THE_END = re.compile(r"^<(!doctype html|html\b).*</html>\s*\Z", re.I | re.M | re.S)
OF_AN_ERROR = re.compile(r"\b[45]\d\d\b|error|exception|unavailable", re.I)
PAGE_CHARACTERS = 8192  # at the end, that are looked at
ERRORS = ("error", "errors", "exception")
BAD_STATUS = ("error", "fail", "failed", "failure")


@rule(
    "advice-error-inside",
    Level.ADVICE,
    """The answer is one JSON object that tells of an error, under a good status. Clients have to
    look for it in the data, and an EventSource cannot. If the request itself failed, answer with
    the status of the error.""",
)
def advice_error_instead(seen: Observation) -> str:
    if not seen.alone.whole or not seen.alone.media_type.endswith("json"):
        return ""
    with suppress(ValueError, RecursionError):
        return quoted(seen.text) if _tells_of_an_error(json.loads(seen.text)) else ""
    return ""


def _tells_of_an_error(document: object) -> bool:
    if not isinstance(document, dict):
        return False
    no = any(document.get(name) is False for name in ("ok", "success"))
    told = [document[name] for name in ERRORS if isinstance(document.get(name), str | dict | list)]
    partly = bool(document.get("data"))  # GraphQL sends what it could make beside the errors
    return no or (any(told) and not partly) or document.get("status") in BAD_STATUS


@rule(
    "advice-error-inside",
    Level.ADVICE,
    """The stream ends in a page of HTML, though it is labelled as something else. This is
    consistent with the error page of a framework or a proxy, after a good status. Look at what the
    page says, and tell clients of errors in the form of the stream.""",
)
def advice_page_at_the_end(seen: Observation) -> str:
    if seen.alone.media_type == "text/html" or not seen.alone.whole:
        return ""
    page = PAGE_AT_THE_END.search(seen.text, max(1, len(seen.text) - PAGE_CHARACTERS))
    failed = page and OF_AN_ERROR.search(page[0])  # and no example, as of a text about HTML
    return f"at the end: {quoted(page[0].strip())}" if page and failed else ""


@rule(
    "advice-page",
    Level.ADVICE,
    """The answer is a page of HTML that came whole. If a stream should come, the address may be
    another one, or a login or the start page of an app answers in its place: look at what the
    page says.""",
)
def advice_page(seen: Observation) -> str:
    alone = seen.alone
    page = alone.media_type == "text/html" and alone.whole and PAGE.match(seen.text)
    return quoted(seen.text) if page and len(alone.chunks) == 1 else ""
