import time

from fastapi import FastAPI, HTTPException
from fastapi.responses import StreamingResponse

app = FastAPI()


def steps():  # plain: it runs in a worker thread
    for i in range(4):
        time.sleep(0.3)  # work that blocks
        yield f"step {i}\n"


@app.get("/steps")
async def stream(key: str = ""):
    if key != "tea":  # before the response begins
        raise HTTPException(403, "wrong key")
    return StreamingResponse(steps(), media_type="text/plain")


@app.get("/ping")
async def ping():
    return "pong"
