import csv
import io

from fastapi import FastAPI
from fastapi.responses import StreamingResponse

app = FastAPI()


def lines(rows):
    yield "\ufeff"  # the byte order mark: what follows is UTF-8
    for row in rows:
        buffer = io.StringIO()
        csv.writer(buffer).writerow(row)
        yield buffer.getvalue()


@app.post("/people.csv")
def people(rows: list[list[str]]):
    headers = {"Content-Disposition": 'attachment; filename="people.csv"'}
    body = lines(rows)
    return StreamingResponse(body, media_type="text/csv", headers=headers)
