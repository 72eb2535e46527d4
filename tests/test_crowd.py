"""Many listeners that do what an EventSource does."""

import pytest
from fastapi import FastAPI, Header, Response
from fastapi.responses import StreamingResponse
from waiting import wait_until

from labserver import crowd
from labserver.server import Server

app = FastAPI()
asked = []


@app.get("/three")
async def three(last_event_id: int = Header(0)):
    """An event and a cut, three times, and then the end for good."""
    asked.append(last_event_id)
    if last_event_id == 3:
        return Response(status_code=204)
    event = f"retry: 10\nid: {last_event_id + 1}\ndata: x\n\ndata: half"
    return StreamingResponse(iter([event]), media_type="text/event-stream")


@app.get("/never")
async def never():
    await crowd.asyncio.sleep(3600)


def test_it_comes_back_with_its_id_drops_what_is_half_and_stops_at_a_204():
    asked.clear()
    with Server(app) as server, crowd.crowd(f"{server.url}/three", 1) as (one,):
        wait_until(lambda: len(one.responses) == 4)
        assert asked == [0, 1, 2, 3] and one.texts == ["x"] * 3 and one.last_id == "3"
        assert [event.at for event in one.recording.events] == sorted(e.at for e in one.heard)


def test_it_waits_until_each_has_heard_these_texts_and_tells_of_those_that_do_not_come():
    asked.clear()
    with Server(app) as server, crowd.crowd(f"{server.url}/three", 2) as two:
        assert two.wait_for(["x"]) and all("x" in one.texts for one in two)
        assert not two.wait_for(["x", "half"], seconds=0.1)


def test_who_is_not_answered_is_counted(monkeypatch):
    monkeypatch.setattr(crowd, "READY_SECONDS", 0.5)
    monkeypatch.setattr(crowd.Crowd.wait, "__defaults__", (0.5,))
    with (
        Server(app) as server,
        pytest.raises(TimeoutError, match=r"^0 of 2 listeners were answered\.$"),
        crowd.crowd(f"{server.url}/never", 2),
    ):
        pass


def test_whose_first_answer_sends_them_away_is_told():
    with (
        Server(app) as server,
        pytest.raises(ConnectionError, match=r"/nowhere answered with status 404\. Run the cell"),
        crowd.crowd(f"{server.url}/nowhere", 2),
    ):
        pass
