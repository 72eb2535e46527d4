import asyncio

from fastapi import FastAPI
from fastapi.responses import StreamingResponse

app = FastAPI()


async def lines():
    for line in ("3\n", "2\n", "1\n", "lift-off\n"):
        yield line
        await asyncio.sleep(0.2)


@app.get("/countdown")
async def countdown():
    return StreamingResponse(lines(), media_type="text/plain")
