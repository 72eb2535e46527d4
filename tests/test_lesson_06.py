"""What lesson 06 says of a browser's EventSource, held against Chromium, and its hundred cuts."""

import random
from collections import defaultdict
from threading import Event

import anyio
import pytest
from fastapi import FastAPI, Request, Response
from fastapi.middleware.cors import CORSMiddleware
from fastapi.responses import HTMLResponse, RedirectResponse, StreamingResponse
from lessons import cell_of, lesson, run_cells

from labserver import record
from labserver.server import Server

LESSON = lesson(6)
FOLLOW_IN_CHROMIUM = """path => new Promise(resolve => {
  const came = [], source = new EventSource(path);
  const see = (e) => {
    came.push([e.type, e.data, e.lastEventId]);
    if (path.startsWith("/theirs")) fetch("/heard/theirs", {method: "POST"});
  };
  source.onmessage = see;
  source.addEventListener("end", see);
  source.onerror = () => source.readyState === EventSource.CLOSED && resolve(came);
})"""


def stream(*pieces, cut_when=None):
    """An event stream; with `cut_when`, an Event, it is cut once that is set, or after 10 s.

    A browser may drop what it has received, but not yet handed on, when the connection is cut.
    """

    async def body():
        for piece in pieces:
            yield piece
        if cut_when:
            with anyio.move_on_after(10):
                while not cut_when.is_set():
                    await anyio.sleep(0.01)
            raise ConnectionError("cut")

    return StreamingResponse(body(), media_type="text/event-stream")


UNKNOWN = ("3", "99", "abc", "-1", "07", "\u0661")
FIRST = "retry: 20\nid: 7\ndata: x\n\n"
ANSWERS = {  # one after another, given the Event "an event was heard"; after the last, 204
    "a body that ends": [lambda heard: stream(FIRST)] * 3,
    "a cut": [lambda heard: stream(FIRST, "id: 8\ndata: half\n", cut_when=heard)],
    "an id without data": [lambda heard: stream(FIRST, "id: 8\n\n")],
    "an empty id": [
        lambda heard: stream(FIRST, "data: y\nid\n\n"),
        lambda heard: stream("data: z\n\n"),
    ],
    "a comment first": [
        lambda heard: stream(FIRST),
        lambda heard: stream(": ping\n\n", cut_when=heard),
    ],
    "an event without an id": [lambda heard: stream(FIRST, "event: end\ndata\n\n")],
    "an event without data": [lambda heard: stream(FIRST, "event: end\n\n")],
    "an id that is no ASCII": [lambda heard: stream("retry: 20\nid: Łódź\ndata: x\n\n")],
    "a redirect": [lambda heard: stream(FIRST), lambda heard: RedirectResponse("?again")],
    **{
        f"status {code}": [
            lambda heard: stream(FIRST),
            lambda heard, code=code: Response(status_code=code),
        ]
        for code in (201, 204, 401, 404, 422, 500, 502, 503)
    },
}


@pytest.fixture
def cells():
    """The lesson's client, and a way to run more of its cells."""
    main = {"__name__": "main"}

    def run(*ids):
        for id in ids:
            exec(cell_of(LESSON, id).source, main)
        return main

    run("imports", "client", "connect", "follow")
    yield run
    main["client"].close()


def answering():
    app, asked, heard = FastAPI(), defaultdict(list), defaultdict(Event)

    @app.get("/")
    async def page():
        return HTMLResponse("")

    @app.get("/{who}/{case}")
    async def answer(who: str, case: str, request: Request):
        asked[who].append(request.headers.get("last-event-id"))
        answers = ANSWERS[case][len(asked[who]) - 1 :]
        return answers[0](heard[who]) if answers else Response(status_code=204)

    @app.post("/heard/{who}", status_code=204)
    async def note(who: str):
        heard[who].set()

    return app, asked, heard


@pytest.mark.parametrize("case", ANSWERS)
def test_follow_asks_as_chromium_does(case, page, cells):
    app, asked, heard = answering()
    ours = []
    with Server(app) as server:
        for event in cells()["follow"](f"{server.url}/ours/{case}", most=9):
            ours.append(list(event))
            heard["ours"].set()
        page.goto(server.url)
        theirs = page.evaluate(FOLLOW_IN_CHROMIUM, f"/theirs/{case}")
    assert ours == theirs
    assert asked["ours"] == asked["theirs"]
    assert len(asked["ours"]) == len(ANSWERS[case]) + (not case.startswith("status"))


def test_hundred_cuts_lose_nothing_and_repeat_nothing(cells):
    random.seed(6)
    main = cells("cuts-program", "relay", "relay-start", "cuts-look")
    main["server"].stop()
    assert main["came"] == main["LINES"]
    assert len(main["asked"]) == 102
    assert main["asked"][100] < 400  # far from the end: each of the hundred was cut


def test_chromium_gets_every_line_through_the_same_relay(page, cells):
    random.seed(66)
    main = cells("cuts-program", "relay", "relay-start")
    app = FastAPI()
    app.get("/")(lambda: HTMLResponse(""))
    app.mount("/", CORSMiddleware(main["app"], allow_origins=["*"]))
    with Server(app) as main["server"]:
        page.goto(main["server"].url)
        url = main["through_relay"](random.choices(range(300, 600), k=100))
        came = page.evaluate(FOLLOW_IN_CHROMIUM, f"{url}/lines")
    assert [data for _, data, _ in came] == main["LINES"]


@pytest.mark.parametrize(
    ("last_id", "data"),
    [
        ("", ["note 7", "note 8", "note 9", "note 10"]),
        ("8", ["note 9", "note 10"]),
        ("10", None),
        *((id, ["notes are missing", "note 7", "note 8", "note 9", "note 10"]) for id in UNKNOWN),
    ],
)
def test_an_id_that_is_not_kept_starts_over_and_is_told(last_id, data):
    app = run_cells(LESSON, "kept-program")["app"]
    with Server(app) as server:
        headers = {"Last-Event-ID": last_id.encode()} if last_id else {}
        seen = record(f"{server.url}/notes", headers=headers, quiet=True)
    if data is None:
        assert seen.response.status_code == 204
    else:
        assert [event.data for event in seen.events] == data
        assert [event.event for event in seen.events].count("reset") == (len(data) == 5)


def test_an_id_that_is_trusted_as_a_number_fails_waits_for_ever_or_invents():
    app = run_cells(LESSON, "end-program")["app"]
    with Server(app) as server:
        url = f"{server.url}/count-once"
        seen = {id: record(url, headers={"Last-Event-ID": id}) for id in ("abc", "99", "-3")}
    assert seen["abc"].response.status_code == 422
    assert seen["99"].response.status_code == 200 and not seen["99"].events
    assert "Step -2" in [event.data for event in seen["-3"].events]
