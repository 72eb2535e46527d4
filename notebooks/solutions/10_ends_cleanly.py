import asyncio
import logging

import anyio
from fastapi import FastAPI, Header, Response
from sse_starlette import EventSourceResponse

app = FastAPI()
lent = []
app.add_api_route("/lent", lambda: len(lent))


async def prices():
    lent.append("a connection")
    try:
        for price in ("3.20", "5.00", "see ann.xlsx"):
            await asyncio.sleep(0.1)
            yield {"data": f"{float(price):.2f}"}
    except Exception:
        logging.getLogger("uvicorn.error").exception("the prices broke off")
        yield {"event": "failed", "id": "end", "data": "Please come back."}
    finally:
        with anyio.CancelScope(shield=True):
            await asyncio.sleep(0.1)  # the goodbye
            lent.pop()


@app.get("/prices")
async def stream(last_event_id: str = Header("")):
    if last_event_id == "end":
        return Response(status_code=204)
    return EventSourceResponse(prices())
