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


# %% the buffer is the program's: the next export begins with the last one => one row too many came
import csv
import io

from fastapi import FastAPI
from fastapi.responses import StreamingResponse

app = FastAPI()
DOWNLOAD = {"Content-Disposition": 'attachment; filename="people.csv"'}


buffer = io.StringIO()


def lines(rows):
    yield "\ufeff"
    csv.writer(buffer).writerows(rows)
    yield buffer.getvalue()


@app.post("/people.csv")
def people(rows: list[list[str]]):
    return StreamingResponse(lines(rows), media_type="text/csv", headers=DOWNLOAD)


# %% fields stripped => expected: [' 2', 'Bob
import csv
import io

from fastapi import FastAPI
from fastapi.responses import StreamingResponse

app = FastAPI()
DOWNLOAD = {"Content-Disposition": 'attachment; filename="people.csv"'}


def lines(rows):
    yield "\ufeff"
    for row in rows:
        buffer = io.StringIO()
        csv.writer(buffer).writerow([field.strip() for field in row])
        yield buffer.getvalue()


@app.post("/people.csv")
def people(rows: list[list[str]]):
    return StreamingResponse(lines(rows), media_type="text/csv", headers=DOWNLOAD)


# %% shown in the tab, not downloaded => Content-Disposition
import csv
import io

from fastapi import FastAPI
from fastapi.responses import StreamingResponse

app = FastAPI()
DOWNLOAD = {"Content-Disposition": 'inline; filename="people.csv"'}


def lines(rows):
    yield "\ufeff"
    for row in rows:
        buffer = io.StringIO()
        csv.writer(buffer).writerow(row)
        yield buffer.getvalue()


@app.post("/people.csv")
def people(rows: list[list[str]]):
    return StreamingResponse(lines(rows), media_type="text/csv", headers=DOWNLOAD)


# %% another name => Content-Disposition
import csv
import io

from fastapi import FastAPI
from fastapi.responses import StreamingResponse

app = FastAPI()
DOWNLOAD = {"Content-Disposition": 'attachment; filename="people.csv.txt"'}


def lines(rows):
    yield "\ufeff"
    for row in rows:
        buffer = io.StringIO()
        csv.writer(buffer).writerow(row)
        yield buffer.getvalue()


@app.post("/people.csv")
def people(rows: list[list[str]]):
    return StreamingResponse(lines(rows), media_type="text/csv", headers=DOWNLOAD)


# %% semicolons => a row, read back
import csv
import io

from fastapi import FastAPI
from fastapi.responses import StreamingResponse

app = FastAPI()
DOWNLOAD = {"Content-Disposition": 'attachment; filename="people.csv"'}


def lines(rows):
    yield "\ufeff"
    for row in rows:
        buffer = io.StringIO()
        csv.writer(buffer, delimiter=";").writerow(row)
        yield buffer.getvalue()


@app.post("/people.csv")
def people(rows: list[list[str]]):
    return StreamingResponse(lines(rows), media_type="text/csv", headers=DOWNLOAD)


# %% labelled as text => expected: 'text/csv'
import csv
import io

from fastapi import FastAPI
from fastapi.responses import StreamingResponse

app = FastAPI()
DOWNLOAD = {"Content-Disposition": 'attachment; filename="people.csv"'}


def lines(rows):
    yield "\ufeff"
    for row in rows:
        buffer = io.StringIO()
        csv.writer(buffer).writerow(row)
        yield buffer.getvalue()


@app.post("/people.csv")
def people(rows: list[list[str]]):
    return StreamingResponse(lines(rows), media_type="text/plain", headers=DOWNLOAD)


# %% the rows answer as JSON => expected: 'text/csv'
from fastapi import FastAPI

app = FastAPI()


@app.post("/people.csv")
def people(rows: list[list[str]]):
    return rows


# %% a file without end => came to no end
from fastapi import FastAPI
from fastapi.responses import StreamingResponse

app = FastAPI()


def lines(rows):
    while True:
        yield "1,Ann,none\n" * 1000


@app.post("/people.csv")
def people(rows: list[list[str]]):
    return StreamingResponse(lines(rows), media_type="text/csv")


# %% all rows in one piece, in a list of one => one piece has
import csv
import io

from fastapi import FastAPI
from fastapi.responses import StreamingResponse

app = FastAPI()


@app.post("/people.csv")
def people(rows: list[list[str]]):
    b = io.StringIO()
    b.write("\ufeff")
    csv.writer(b).writerows(rows)
    return StreamingResponse(
        [b.getvalue()],
        media_type="text/csv",
        headers={"Content-Disposition": 'attachment; filename="people.csv"'},
    )


# %% the mark for the first export alone => in a second export
import csv
import io

from fastapi import FastAPI
from fastapi.responses import StreamingResponse

app = FastAPI()
first = ["\ufeff"]


def lines(rows):
    if first:
        yield first.pop()
    for row in rows:
        b = io.StringIO()
        csv.writer(b).writerow(row)
        yield b.getvalue()


@app.post("/people.csv")
def people(rows: list[list[str]]):
    return StreamingResponse(
        lines(rows),
        media_type="text/csv",
        headers={"Content-Disposition": 'attachment; filename="people.csv"'},
    )


# %% the name in single quotes => Content-Disposition
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
        headers={"Content-Disposition": "attachment; filename='people.csv'"},
    )


# %% each line stripped, its spaces too => expected: [' 2', 'Bob
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
        yield buffer.getvalue().strip() + "\n"


@app.post("/people.csv")
def people(rows: list[list[str]]):
    headers = {"Content-Disposition": 'attachment; filename="people.csv"'}
    return StreamingResponse(lines(rows), media_type="text/csv", headers=headers)


# %% the route as a GET => status 405 to POST
from fastapi import Body, FastAPI
from fastapi.responses import StreamingResponse

app = FastAPI()


@app.get("/people.csv")
def people(rows: list[list[str]] = Body()):
    return StreamingResponse([], media_type="text/csv")
