"""One function for each exercise: it tries the learner's answer and says what is missing.

Each prints "Solved." or "Not yet: …", returns a bool and raises nothing. An app is served apart
from the learner's own server, which no check touches.
"""

from labserver.checks.breaking_off import resume_download
from labserver.checks.choose_one import choices
from labserver.checks.compare_both import predictions
from labserver.checks.cutting import any_cut
from labserver.checks.find_what_breaks_off import ends_cleanly
from labserver.checks.find_what_holds_it_back import keeps_answering
from labserver.checks.move_to_fastapi_sse import moved
from labserver.checks.outliving import outlives
from labserver.checks.read_a_stream import deadline
from labserver.checks.resume_events import ends_for_good, resumable
from labserver.checks.run_behind_nginx import passes_on
from labserver.checks.send_events import named_events, no_forgery
from labserver.checks.serve_many_listeners import survives
from labserver.checks.stream_a_csv import awkward_fields, first_row
from labserver.checks.stream_a_file import download_progress
from labserver.checks.stream_a_response import countdown, noted

__all__ = [
    "any_cut",
    "awkward_fields",
    "choices",
    "countdown",
    "deadline",
    "download_progress",
    "ends_cleanly",
    "ends_for_good",
    "first_row",
    "keeps_answering",
    "moved",
    "named_events",
    "no_forgery",
    "noted",
    "outlives",
    "passes_on",
    "predictions",
    "resumable",
    "resume_download",
    "survives",
]
