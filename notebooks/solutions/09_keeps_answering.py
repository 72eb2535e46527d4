import hashlib

from fastapi import FastAPI, HTTPException
from fastapi.responses import StreamingResponse

app = FastAPI()


def steps(word):  # plain: it runs in a worker thread
    for i in range(4):  # each step is work that blocks
        made = hashlib.pbkdf2_hmac("sha256", word.encode(), b"%d" % i, 500_000)
        yield f"step {i}: {made.hex()[:8]}\n"


@app.get("/steps")
async def stream(key: str = "", word: str = ""):
    if key != "tea":  # before the response begins
        raise HTTPException(403, "wrong key")
    return StreamingResponse(steps(word), media_type="text/plain")


@app.get("/ping")
async def ping():
    return "pong"
