# %% quotes around every field, but not doubled inside
from fastapi import FastAPI
from fastapi.responses import StreamingResponse

app = FastAPI()
DOWNLOAD = {"Content-Disposition": 'attachment; filename="people.csv"'}


def lines(rows):
    yield "\ufeff"
    for row in rows:
        yield ",".join(f'"{field}"' for field in row) + "\n"


@app.post("/people.csv")
def people(rows: list[list[str]]):
    return StreamingResponse(lines(rows), media_type="text/csv", headers=DOWNLOAD)


# %% a byte order mark a chunk
import csv
import io

from fastapi import FastAPI
from fastapi.responses import StreamingResponse

app = FastAPI()
DOWNLOAD = {"Content-Disposition": 'attachment; filename="people.csv"'}


def lines(rows):
    for row in rows:
        buffer = io.StringIO()
        csv.writer(buffer).writerow(row)
        yield buffer.getvalue().encode("utf-8-sig")


@app.post("/people.csv")
def people(rows: list[list[str]]):
    return StreamingResponse(lines(rows), media_type="text/csv", headers=DOWNLOAD)


# %% a buffer that is never emptied
import csv
import io

from fastapi import FastAPI
from fastapi.responses import StreamingResponse

app = FastAPI()
DOWNLOAD = {"Content-Disposition": 'attachment; filename="people.csv"'}


def lines(rows):
    buffer = io.StringIO()
    buffer.write("\ufeff")
    for row in rows:
        csv.writer(buffer).writerow(row)
        yield buffer.getvalue()


@app.post("/people.csv")
def people(rows: list[list[str]]):
    return StreamingResponse(lines(rows), media_type="text/csv", headers=DOWNLOAD)


# %% no byte order mark
import csv
import io

from fastapi import FastAPI
from fastapi.responses import StreamingResponse

app = FastAPI()
DOWNLOAD = {"Content-Disposition": 'attachment; filename="people.csv"'}


def lines(rows):
    for row in rows:
        buffer = io.StringIO()
        csv.writer(buffer).writerow(row)
        yield buffer.getvalue()


@app.post("/people.csv")
def people(rows: list[list[str]]):
    return StreamingResponse(lines(rows), media_type="text/csv", headers=DOWNLOAD)


# %% a byte order mark, no download
import csv
import io

from fastapi import FastAPI
from fastapi.responses import StreamingResponse

app = FastAPI()


def lines(rows):
    yield "\ufeff"
    for row in rows:
        buffer = io.StringIO()
        csv.writer(buffer).writerow(row)
        yield buffer.getvalue()


@app.post("/people.csv")
def people(rows: list[list[str]]):
    return StreamingResponse(lines(rows), media_type="text/csv")


# %% right, but returned whole
import csv
import io

from fastapi import FastAPI, Response

app = FastAPI()
DOWNLOAD = {"Content-Disposition": 'attachment; filename="people.csv"'}


def written(rows):
    buffer = io.StringIO()
    csv.writer(buffer).writerows(rows)
    return "\ufeff" + buffer.getvalue()


@app.post("/people.csv")
def people(rows: list[list[str]]):
    return Response(written(rows), media_type="text/csv", headers=DOWNLOAD)


# %% a text, of which each character becomes a chunk
import csv
import io

from fastapi import FastAPI
from fastapi.responses import StreamingResponse

app = FastAPI()
DOWNLOAD = {"Content-Disposition": 'attachment; filename="people.csv"'}


def lines(rows):
    buffer = io.StringIO()
    csv.writer(buffer).writerows(rows)
    return "\ufeff" + buffer.getvalue()


@app.post("/people.csv")
def people(rows: list[list[str]]):
    return StreamingResponse(lines(rows), media_type="text/csv", headers=DOWNLOAD)
