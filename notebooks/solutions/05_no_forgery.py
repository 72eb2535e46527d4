import re

from fastapi import FastAPI
from fastapi.responses import StreamingResponse

app = FastAPI()


@app.get("/say")
def say(text: str):
    lines = re.split(r"\r\n|\r|\n", text)
    data = "".join(f"data: {line}\n" for line in lines)
    frames = [f"event: chat\n{data}\n"]
    return StreamingResponse(frames, media_type="text/event-stream")
