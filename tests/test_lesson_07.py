"""What lesson 07 says that an upgrade could make false, and its JavaScript, which no cell runs."""

import re

import pytest
from conftest import LESSONS
from playwright.sync_api import sync_playwright
from test_notebooks import cells_of, markdown_of

from labserver import checks
from labserver.recording import record
from labserver.server import Server

LESSON = next(path for path in LESSONS if path.name.startswith("07_"))
SCRIPTS = re.findall(r"```js\n(.*?)```", markdown_of(LESSON), re.DOTALL)


def served_cell(id):
    """A program cell of the lesson, on a server of its own."""
    main = {"__name__": "main"}
    exec(next(cell.source for cell in cells_of(LESSON) if cell.id == id), main)
    return Server(main["app"])


@pytest.fixture(scope="module")
def both():
    with served_cell("both-program") as server:
        paths = ("/plain-stream", "/sse")
        yield [record(server.url + path, quiet=True) for path in paths]


def test_the_event_stream_sets_three_more_headers(both):
    plain, events = (set(recording.response.headers) for recording in both)
    assert events - plain == {"cache-control", "connection", "x-accel-buffering"}


def test_an_event_costs_nine_bytes_more(both):
    plain, events = (recording.chunks[0].data for recording in both)
    assert (plain, events) == (b"Chunk 0\n", b"data: Event 0\r\n\r\n")


def test_neither_class_comes_from_fastapi():
    from fastapi.responses import StreamingResponse
    from sse_starlette import EventSourceResponse
    from starlette.responses import Response

    assert StreamingResponse.__mro__ == (StreamingResponse, Response, object)
    assert EventSourceResponse.__mro__ == (EventSourceResponse, Response, object)


def test_405_for_the_method_401_for_the_missing_header():
    with served_cell("demands-program") as server:
        url = f"{server.url}/answer"
        get = record(url, quiet=True)
        post = record(url, "POST", json="Is it whole", quiet=True)
    assert (get.response.status_code, post.response.status_code) == (405, 401)


def test_the_check_measures_the_program_of_the_lesson():
    answers = []
    with served_cell("steps-program") as mine, Server(checks._third_way()) as theirs:
        for server in (mine, theirs):
            seen = record(f"{server.url}/steps", quiet=True)
            headers = {k: v for k, v in seen.response.headers.items() if k != "date"}
            answers.append((headers, [chunk.data for chunk in seen.chunks]))
    assert answers[0] == answers[1]


@pytest.fixture
def console(chromium):
    """Runs a script in a page of a server until its console says `last`; gives all it said."""
    with sync_playwright() as playwright:
        arguments = ["--no-sandbox", "--disable-gpu"]
        browser = playwright.chromium.launch(executable_path=chromium, args=arguments)

        def run(url, script, last, then=0):
            page = browser.new_page()
            page.goto(f"{url}/openapi.json")
            said = []
            page.on("console", lambda message: message.type == "log" and said.append(message.text))
            with page.expect_console_message(lambda message: message.text == last):
                page.evaluate(f"async () => {{ {script} }}")
            page.wait_for_timeout(then)  # milliseconds
            return said

        yield run
        browser.close()


def test_fetch_and_a_reader_read_the_plain_stream(console):
    with served_cell("resume-program") as server:
        said = console(server.url, SCRIPTS[0], "end")
    assert (
        "".join(said).replace("chunk ", "") == "".join(f"Chunk {i}\n" for i in range(1, 6)) + "end"
    )


def test_event_source_reads_named_events_and_does_not_ask_again(console):
    with served_cell("resume-program") as server:
        said = console(server.url, SCRIPTS[1], "5 Event 5", then=1000)
    assert said == [f"{i} Event {i}" for i in range(1, 6)]


def test_without_close_event_source_asks_for_the_rest(console):
    """The half of `retry` and `Last-Event-ID` that the lesson leaves to the standard."""
    script = SCRIPTS[1].replace("source.close()", "void 0")
    with served_cell("resume-program") as server:
        said = console(server.url, script, "cut 0", then=1000)
    assert said[:6] == [f"{i} Event {i}" for i in range(1, 6)] + ["cut 0"]
    assert len(said) > 6 and set(said[6:]) == {"cut 0"}, "asks again, after the last event"
