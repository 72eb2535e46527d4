# %% one buffer, emptied after each row
import csv
import io

from fastapi import FastAPI
from fastapi.responses import StreamingResponse

app = FastAPI()
DOWNLOAD = {"Content-Disposition": 'attachment; filename="people.csv"'}


def lines(rows):
    buffer = io.StringIO("\ufeff")
    buffer.seek(0, io.SEEK_END)
    writer = csv.writer(buffer)
    for row in rows:
        writer.writerow(row)
        yield buffer.getvalue()
        buffer.seek(0)
        buffer.truncate()


@app.post("/people.csv")
def people(rows: list[list[str]]):
    return StreamingResponse(lines(rows), media_type="text/csv", headers=DOWNLOAD)


# %% a file that gives back what is written
import csv

from fastapi import FastAPI
from fastapi.responses import StreamingResponse

app = FastAPI()
DOWNLOAD = {"Content-Disposition": 'attachment; filename="people.csv"'}


class Echo:
    def write(self, text):
        return text


def lines(rows):
    yield "\ufeff"
    writer = csv.writer(Echo())
    for row in rows:
        yield writer.writerow(row)


@app.post("/people.csv")
def people(rows: list[list[str]]):
    return StreamingResponse(lines(rows), media_type="text/csv", headers=DOWNLOAD)


# %% by hand: every field in quotes, those inside doubled
from fastapi import FastAPI
from fastapi.responses import StreamingResponse

app = FastAPI()
DOWNLOAD = {"Content-Disposition": 'attachment; filename="people.csv"'}


def written(field):
    return '"' + field.replace('"', '""') + '"'


def lines(rows):
    yield "\ufeff"
    for row in rows:
        yield ",".join(map(written, row)) + "\n"


@app.post("/people.csv")
def people(rows: list[list[str]]):
    return StreamingResponse(lines(rows), media_type="text/csv", headers=DOWNLOAD)


# %% bytes, in batches, with a name by RFC 5987
import codecs
import csv
import io

from fastapi import FastAPI
from fastapi.responses import StreamingResponse

app = FastAPI()
DOWNLOAD = {"Content-Disposition": "attachment; filename*=UTF-8''people.csv"}


def lines(rows):
    yield codecs.BOM_UTF8
    for batch in batched(rows, 2):
        buffer = io.StringIO()
        csv.writer(buffer, quoting=csv.QUOTE_ALL, lineterminator="\n").writerows(batch)
        yield buffer.getvalue().encode()


def batched(rows, count):
    for start in range(0, len(rows), count):
        yield rows[start : start + count]


@app.post("/people.csv")
def people(rows: list[list[str]]):
    return StreamingResponse(lines(rows), media_type="text/csv", headers=DOWNLOAD)


# %% an async generator, the mark in front of the first row
import csv
import io

from fastapi import FastAPI
from fastapi.responses import StreamingResponse

app = FastAPI()
DOWNLOAD = {"Content-Disposition": 'attachment; filename="people.csv"'}


async def lines(rows):
    mark = "\ufeff"
    for row in rows:
        buffer = io.StringIO(newline="")
        csv.writer(buffer).writerow(row)
        yield mark + buffer.getvalue()
        mark = ""


@app.post("/people.csv")
def people(rows: list[list[str]]):
    return StreamingResponse(lines(rows), media_type="text/csv", headers=DOWNLOAD)


# %% utf-8-sig, once
import codecs
import csv
import io

from fastapi import FastAPI
from fastapi.responses import StreamingResponse

app = FastAPI()
DOWNLOAD = {"Content-Disposition": 'attachment; filename="people.csv"'}


def lines(rows):
    encode = codecs.getincrementalencoder("utf-8-sig")().encode
    for row in rows:
        buffer = io.StringIO()
        csv.writer(buffer).writerow(row)
        yield encode(buffer.getvalue())


@app.post("/people.csv")
def people(rows: list[list[str]]):
    return StreamingResponse(lines(rows), media_type="text/csv", headers=DOWNLOAD)


# %% a text file over bytes, both forms of the name
import csv
import io

from fastapi import FastAPI
from fastapi.responses import StreamingResponse

app = FastAPI()


def lines(rows):
    raw = io.BytesIO()
    text = io.TextIOWrapper(raw, encoding="utf-8-sig", newline="")
    w = csv.writer(text)
    for row in rows:
        w.writerow(row)
        text.flush()
        yield raw.getvalue()
        raw.seek(0)
        raw.truncate()


@app.post("/people.csv")
def people(rows: list[list[str]]):
    return StreamingResponse(
        lines(rows),
        media_type="text/csv",
        headers={
            "Content-Disposition": "attachment; filename=\"people.csv\"; filename*=UTF-8''people.csv"
        },
    )


# %% spaces beside the equals sign
import csv
import io

from fastapi import FastAPI
from fastapi.responses import StreamingResponse

app = FastAPI()


def lines(rows):
    yield "\ufeff"
    for row in rows:
        b = io.StringIO()
        csv.writer(b).writerow(row)
        yield b.getvalue()


@app.post("/people.csv")
def people(rows: list[list[str]]):
    return StreamingResponse(
        lines(rows),
        media_type="text/csv",
        headers={"Content-Disposition": 'attachment; filename = "people.csv"'},
    )


# %% a field a chunk
from fastapi import FastAPI
from fastapi.responses import StreamingResponse

app = FastAPI()


def fields(rows):
    yield "\ufeff"
    for row in rows:
        for i, field in enumerate(row):
            yield ("," if i else "") + '"' + field.replace('"', '""') + '"'
        yield "\r\n"


@app.post("/people.csv")
def people(rows: list[list[str]]):
    headers = {"Content-Disposition": 'attachment; filename="people.csv"'}
    return StreamingResponse(fields(rows), media_type="text/csv", headers=headers)


# %% batches of 2,000 rows
import csv
import io
from itertools import islice

from fastapi import FastAPI
from fastapi.responses import StreamingResponse

app = FastAPI()


async def batches(rows):
    left, mark = iter(rows), "\ufeff"
    while batch := list(islice(left, 2000)):
        buffer = io.StringIO()
        csv.writer(buffer).writerows(batch)
        yield mark + buffer.getvalue()
        mark = ""


@app.post("/people.csv")
async def people(rows: list[list[str]]):
    headers = {"Content-Disposition": 'attachment; filename="people.csv"'}
    return StreamingResponse(batches(rows), media_type="text/csv", headers=headers)
