"""The conversation that the lessons grew from, line by line, and where each line is taught.

A quote is a piece of one line of it, without its markup; the place is the number of a lesson and
the id of a cell, and the last text must stand in that cell. Where the conversation itself is
beside this checkout, the tests also hold that it says what is quoted, and that none of its lines
is left out.
"""

import functools
import re

import pytest
from lessons import cells_of, lesson
from machine import ROOT

SEED = ROOT.parent / "shared" / "seed"

TAUGHT = [
    # What is `StreamingResponse`?
    ("what is this in python", 1, "intro", "# Stream a response"),
    ("how does it works", 1, "streamed-why", "your generator runs while the client reads"),
    ("stream data to the client gradually", 1, "streamed-look", "response.iter_raw()"),
    ("import StreamingResponse", 1, "streamed-program", "import StreamingResponse"),
    ("after fully loading it in memory", 1, "returned-program", "return Response(whole"),
    ("send chunks of data progressively", 1, "streamed-why", "right after it is made"),
    # Why use it?
    ("You have large data", 2, "memory-look", "tracemalloc.get_traced_memory()"),
    ("start sending data before", 3, "first-row-seen", "What differs is when row 1 can be used"),
    ("You want to save memory", 2, "speed", "only a few are in memory at a time"),
    # How it works
    ("only when the whole result is ready", 1, "returned-why", "waited for the other four"),
    ("an iterator or generator", 1, "streamed", "hand the generator itself to"),
    ("FastAPI then:", 1, "streamed-why", "StreamingResponse takes a line from it"),
    ("Iterates through your generator", 1, "streamed-why", "comes back for the next"),
    ("Sends each chunk as soon as", 1, "streamed-record", "timeline("),
    ("open until all data is sent", 1, "wire-why", "A chunk of size 0 says that this was all"),
    # Example 1: stream a large file
    ("from fastapi import FastAPI", 1, "streamed-program", "from fastapi import FastAPI"),
    ("app = FastAPI()", 1, "streamed-program", "app = FastAPI()"),
    ('with open(file_path, mode="rb")', 2, "blocks-program", 'with open(file.name, "rb")'),
    ("iter(lambda: file.read(", 2, "clean-up-program", "iter(lambda: file.read(2**20)"),
    ("yield chunk", 2, "blocks-program", "yield block"),
    ("1MB", 2, "memory", "a MiB is 2**20 bytes"),
    ('@app.get("/download")', 2, "blocks-program", '@app.get("/download")'),
    ('media_type="video/mp4"', 2, "blocks-program", 'media_type="video/mp4"'),
    ("reads the file in chunks", 2, "blocks-program", "while block := f.read(size)"),
    ("no need to load the whole file", 2, "memory-look", "MiB at most"),
    # Example 2: stream generated data
    ("import io", 3, "quoting-program", "buffer = io.StringIO()"),
    ('yield "id,name\\n"', 3, "slow-program", 'yield "id,name\\n"'),
    ('yield f"{i},User {i}\\n"', 3, "slow-program", 'yield f"{i},User {i}\\n"'),
    ('@app.get("/export")', 3, "slow-program", '@app.get("/export")'),
    ('media_type="text/csv"', 3, "slow-program", 'media_type="text/csv"'),
    ("being generated", 3, "slow-by-hand", "csv.DictReader(response.iter_lines())"),
    # The parameters, and what each is for
    ("StreamingResponse(", 1, "parameters-program", "return StreamingResponse("),
    ("content,", 1, "parameters-why", "| content | an async generator, then a plain one"),
    ("content: Generator or iterable", 1, "your-turn", "content may be any iterable"),
    ("status_code=200", 1, "parameters-program", "status_code=202"),
    ("headers=None", 1, "parameters-program", 'headers={"X-Num-Steps": "5"}'),
    ("media_type=None", 1, "parameters-why", "| media_type | text/plain; charset=utf-8; left out"),
    ("background=None", 1, "parameters-program", "background=tasks"),
    ('MIME type (e.g., "text/csv"', 3, "json-seen", "labelled application/jsonl"),
    ("Can attach background tasks", 1, "parameters-look", "the client is done, the tasks are not"),
    ("cleanup after sending file", 2, "clean-up-program", "after.add_task(file.close)"),
    # Uses, and in short
    ("large CSVs / JSONL exports", 3, "json-program", '@app.get("/people.jsonl")'),
    ("Video/audio streaming", 8, "file-program", "FileResponse(file.name"),
    ("Log streaming", 8, "logs-program", '@app.get("/logs")'),
    ("(SSE) for live data feeds", 8, "dashboard-program", '@app.get("/dashboard")'),
    ("to clients chunk-by-chunk", 1, "wire-why", "a chunk for each yield"),
    ("sending logs in real-time", 8, "edit-class-look", 'record("/logs")'),
    # Is it similar to Starlette's SSE?
    ("is it similar to starlet's sse", 7, "headers", "is one a subclass"),
    ("built on top of Starlette", 7, "binary", "One class is Starlette's"),
    ("related, not the same thing", 7, "binary", "siblings under Response"),
    ("a general-purpose streaming mechanism", 5, "by-hand-program", "StreamingResponse(frames"),
    ("any bytes (binary or text)", 7, "resume", "A plain stream carries it as it is"),
    ("files (videos, CSVs, etc.)", 8, "file-program", '@app.get("/download")'),
    ("real-time logs", 8, "logs-program", "StreamingResponse(entries()"),
    ("generated reports", 8, "report-program", '@app.get("/report")'),
    ("anything streamable", 8, "upstream-program", '@app.get("/passed-on"'),
    ("care about the data format", 5, "by-hand-program", 'media_type="text/event-stream"'),
    ('yield f"Number: {i}\\n"', 1, "streamed-program", 'yield f"line {i}\\n"'),
    ('@app.get("/stream")', 1, "streamed-why", "such a route is /stream in"),
    ("as they are produced", 1, "streamed-why", "Each line arrives right after it is made"),
    (
        "not an SSE stream yet",
        8,
        "edit-class",
        "Which of them belong together, the text does not say",
    ),
    ("send data every second", 1, "streamed-look", "time.perf_counter() - start"),
    ("plain text chunks", 5, "bare-stream", "A bare stream does not say where a message ends"),
    # What SSE is
    ("a specific streaming protocol over HTTP", 7, "headers", "both are chunked HTTP"),
    ("one-way, real-time updates", 8, "chat-seen", "The stream goes one way"),
    ("It uses the MIME type", 5, "by-hand-happened", "under the media type text/event-stream"),
    ("text/event-stream", 7, "binary", "content-type tells a client how to read the body"),
    ("a specific text format", 5, "decoder", "an empty line | hands the event out"),
    ("data: your message\\n\\n", 5, "by-hand-program", 'f"data: {message}\\n\\n"'),
    ("import EventSourceResponse", 5, "response-program", "import EventSourceResponse"),
    ("import asyncio", 6, "again-program", "import asyncio"),
    ('yield {"data": f"Hello {i}"}', 5, "response-program", 'yield {"data": "Hello"}'),
    ('@app.get("/events")', 5, "response-program", '@app.get("/events")'),
    ("EventSourceResponse(event_generator", 5, "response-program", "EventSourceResponse(made"),
    # The first table
    ("General-purpose streaming |", 8, "title", "bytes where the client consumes"),
    ("Real-time browser push (one-way)", 8, "title", "events where it reacts"),
    ("Any (binary or text) | Text only", 7, "tables-corrected", "| any data against text only"),
    ("Protocol | Plain HTTP", 7, "tables-corrected", "| plain HTTP against the SSE protocol"),
    ("Requires fetch/stream handling", 7, "tables", "readStream, with fetch()"),
    ("Built-in via EventSource", 7, "seven-program", "new EventSource("),
    ("Use cases | File downloads, CSV, logs", 8, "choices-task", "[CSV export]("),
    ("Real-time notifications, live updates", 8, "choices-task", "[notifications]("),
    ("Ends after all data is sent", 7, "tables-corrected", "| ends when done against persistent"),
    # How they are related
    ("FastAPI → Starlette → ASGI", 1, "streamed-why", "of ASGI, the interface between an app"),
    ("base Response", 7, "tables-corrected", "| both inherit from Response"),
    ("with a defined format", 7, "headers", "an event stream is a format of the body"),
    ("All SSEs are streams", 5, "by-hand-happened", "every SSE response is a stream"),
    ("not all streams are SSEs", 5, "by-hand-happened", "not every stream is SSE"),
    ("raw streaming pipe", 5, "bare-stream", "/events puts data: before each line"),
    ("formatted for browsers", 5, "response", "EventSourceResponse writes the frames"),
    ("a side-by-side example of both", 7, "same-moments", "One program, five messages each way"),
    # The setup, and both side by side
    ("yes please", 7, "same-moments", "Both arrive at the same moments"),
    ("side-by-side example to really see", 7, "both-recorded", "timeline("),
    ("both work in the same app", 7, "same-moments", "One program"),
    ("pip install fastapi uvicorn", 0, "check-setup", "../labserver/environment.py"),
    ("Same data, two different", 7, "both-program", "app = FastAPI()"),
    ("1️⃣ StreamingResponse endpoint", 7, "both-program", "async def stream_endpoint()"),
    ("async def plain_stream()", 7, "both-program", "async def plain_stream()"),
    ('yield f"Chunk {i}\\n"', 7, "both-program", 'yield f"Chunk {i}\\n"'),
    ("await asyncio.sleep(1)", 7, "both-program", "await asyncio.sleep(0.2)"),
    ("simulate slow generation", 1, "streamed-program", "it takes a while to make a line"),
    ('@app.get("/plain-stream")', 7, "both-program", '@app.get("/plain-stream")'),
    ("raw text chunks (no SSE formatting)", 7, "headers", "The plain line adds 1 byte to its 7"),
    ('media_type="text/plain"', 7, "both-program", 'media_type="text/plain"'),
    ("2️⃣ SSE (EventSourceResponse)", 7, "both-program", "async def sse_endpoint()"),
    ('yield {"data": f"Event {i}"}', 7, "both-program", 'yield {"data": f"Event {i}"}'),
    ('@app.get("/sse")', 7, "both-program", '@app.get("/sse")'),
    ("Sends as text/event-stream", 7, "headers-both", "events.response.headers"),
    ("EventSourceResponse(sse_stream())", 7, "both-program", "EventSourceResponse(sse_stream())"),
    ("uvicorn main:app --reload", 1, "returned", "uvicorn main:app --reload"),
    # What happens
    ("Visit /plain-stream", 7, "both-recorded", 'record("/plain-stream")'),
    ("Chunk ", 7, "both-recorded", 'record("/plain-stream")'),
    ("It streams text chunks", 7, "wire", "Both hand on each yield as it is made"),
    ("file downloads or debugging streams", 4, "curl-look", '["curl", flags'),
    ("Visit /sse", 7, "both-recorded", 'record("/sse")'),
    ("Received: Event ", 7, "both-recorded", 'record("/sse")'),
    ("Structured for browser clients", 5, "decoder", "The rules are few"),
    # The second table
    ("| /plain-stream | /sse |", 7, "tables-measured", "row("),
    ("Response class |", 7, "both-program", "return EventSourceResponse"),
    ("MIME type | text/plain", 7, "tables-corrected", "| text/plain against text/event-stream"),
    ("Manual fetch/stream reading", 7, "tables", "reader.read()"),
    ("Native via EventSource", 7, "tables", "readEvents, with EventSource"),
    ("Connection | Ends when done", 7, "tables-measured", "came whole, and ended"),
    ("Best for | Files, CSVs, large data", 8, "choices-task", "[large file]("),
    ("Real-time UI updates, logs", 8, "choices-task", "[live logs]("),
    ("raw data stream (for large data", 8, "recap", "the client consumes: bytes"),
    ("real-time event feed", 8, "recap", "it reacts: events"),
    # When to use what? The core idea
    ("when to use what", 8, "title", "# Choose one"),
    ("writing efficient FastAPI apps", 8, "csv-look", "one.summary"),
    ("What you need | Use |", 8, "choices-task", "| Case | Choose | Because |"),
    ("send large data efficiently", 8, "csv", "A row at a time makes an export slow"),
    ("push real-time updates", 8, "notifications", "every listener gets every notification"),
    # When to use `StreamingResponse`
    ("large files (video, zip, CSV)", 8, "file-program", 'media_type="application/zip"'),
    ("generate and send data on the fly", 8, "report-program", "async def lines()"),
    ("downloading or consuming via fetch()", 4, "requests-look", "requests.get(url, stream=True"),
    ("a simple data stream", 8, "choices-task", "a script saves the bids"),
    ("File download endpoint", 8, "file-look", 'record("/download"'),
    ("Large CSV export", 8, "csv-look", '("export", "events")'),
    ("Long-running report generation", 8, "report-look", 'record("/report")'),
    ("Proxying large API responses", 8, "upstream-look", 'record("/passed-on"'),
    ('with open("big_data.zip", "rb")', 2, "newlines-program", 'with open(file.name, "rb") as f'),
    ("yield from f", 2, "newlines-program", "yield from f"),
    ('media_type="application/zip"', 8, "file-program", 'media_type="application/zip"'),
    ("Client: just downloads or reads", 8, "file-seen", "the client consumes"),
    # When to use `EventSourceResponse`
    ("live, ongoing updates", 8, "dashboard-program", "yield {"),
    ("to react to updates in real time", 8, "dashboard", "it reacts"),
    ("push notifications, progress", 8, "notifications-heard", "for listener in (ann, bob, cy)"),
    ("auto-reconnect and persistent", 6, "again", "It is the client that persists"),
    ("Real-time dashboard updates", 8, "dashboard-look", '"/dashboard"'),
    ("Chat or notification system", 8, "chat-look", '"/chat"'),
    ("Push new data points", 8, "dashboard-seen", "each state is whole, and has its time"),
    ("progress: 40%", 8, "progress", "the second leaves at 40 %"),
    ("Push messages as they arrive", 8, "chat", "A page shows each as it comes"),
    ("Background job progress", 8, "progress-look", 'record("/progress"'),
    ("Live system logs", 8, "logs-look", '"/logs"'),
    ('@app.get("/progress")', 8, "progress-program", '@app.get("/progress")'),
    ("Progress: {i * 20}%", 8, "progress-program", "Progress: {percent}%"),
    ("EventSourceResponse(event_gen())", 8, "progress-program", "EventSourceResponse(events())"),
    # Key differences
    ("Purpose | Send large data", 8, "title", "bytes where the client consumes"),
    ("Temporary (ends when done)", 7, "headers", "both bodies end with a chunk of size 0"),
    ("Protocol | Raw HTTP stream", 7, "wire-both", "bytes of body"),
    ("Format | Any (binary/text)", 7, "binary-look", "base64.b64encode(every_byte)"),
    ("Manual handling via fetch()", 7, "tables", "fetch() and reader.read()"),
    ("Auto-reconnect | ", 7, "tables-corrected", "| no reconnect against automatic"),
    ("Direction | One-way", 8, "choices-task", "No client above had to speak"),
    ("event” text", 7, "headers", "data: before, CR LF twice after"),
    ("Interactivity | No", 8, "dashboard-seen", "The page reacts to each state"),
    # In short, and the rule of thumb
    ("Sending or downloading big files", 8, "choices-task", "[large file]("),
    ("Generating reports line-by-line", 8, "choices-task", "[report]("),
    ("Real-time updates to web page", 8, "choices-task", "[dashboard]("),
    ("Chat messages, notifications", 8, "choices-task", "[chat]("),
    ("Live logs or progress bars", 8, "choices-task", "[job progress]("),
    ("Streaming a video/audio file", 8, "choices-task", "[video, audio]("),
    ("when the client just consumes", 8, "recap", "the client consumes: bytes"),
    ("when the client reacts to data", 8, "recap", "it reacts: events"),
    ("how you can switch from", 8, "logs", "A log becomes events in four edits"),
    ("streaming logs from a background", 8, "logs", "what a job in the background writes"),
    ("when to choose which in practice", 8, "edits-seen", "what each edit bought, as measured"),
]

# Wrong or incomplete: the code cell that measures what is right, and the text that says it.
CORRECTED = [
    # Both end with their generator. A client that asks again gets all of it once more.
    (
        (
            "keeps a persistent connection open",
            "Persistent (auto-reconnect)",
            "SSE keeps the connection open",
            "Stays open, auto-reconnect",
            "Persistent (keeps open)",
        ),
        (7, "wire-both", "lines[-2:]"),
        (7, "headers", "yet both bodies end with a chunk of size 0"),
    ),
    (
        ("persistent connection handled automatically", "stay connected forever (or until done)"),
        (6, "again-watched", "replayed = watch("),
        (6, "resume", "Fifteen: the same five, three times"),
    ),
    # It is the client that asks again, also after an end; it gives up at any status but 200.
    (
        ("Auto-reconnect | ❌ No | ✅ Yes",),
        (7, "resume-cut", 'again_events = record("/sse"'),
        (7, "demands", "Nothing came back by itself"),
    ),
    (
        ("Auto-reconnects if dropped", "want auto-reconnect"),
        (6, "statuses-look", '"/nowhere"'),
        (6, "strange", "any status but 200 does"),
    ),
    # Lines, however long, are no blocks.
    (
        ("yield from f",),
        (2, "newlines-look", "sizes = [len(line) for line in lines()]"),
        (2, "part", "Iterating over a file gives lines"),
    ),
    # A player that seeks needs Range; a file on disk has a size.
    (
        ("large_video.mp4", "Video/audio streaming", "Streaming a video/audio file"),
        (8, "file-look", "headers=part"),
        (8, "file-seen", "does not look at Range"),
    ),
    (
        ("Streams chunks directly from disk",),
        (2, "part-look", '"Range": "bytes=1000-1099"'),
        (2, "names", "For a file on disk, `FileResponse` is the better choice"),
    ),
    # Earlier and smaller, not faster; small chunks are slower.
    (
        ("improving performance",),
        (1, "streamed-record", "timeline(returned=returned, streamed=streamed)"),
        (1, "streamed-why", "Streaming makes nothing faster"),
    ),
    (
        ("improving performance",),
        (7, "proxy-recorded", "timeline("),
        (7, "proxy-seen", "Streaming is earlier, not faster"),
    ),
    (
        ("saving memory", "Send large data efficiently"),
        (3, "memory-look", "MiB at the peak"),
        (3, "memory-seen", "So each way wins somewhere"),
    ),
    (
        ("downloading the CSV as", "Stream rows as they"),
        (3, "batch-look", "rows a chunk:"),
        (3, "batches-seen", "the export takes a small fraction of the time"),
    ),
    # One class is Starlette's, the other sse-starlette's; neither is made from the other.
    (
        (
            "powerful feature in FastAPI",
            "a FastAPI response class",
            "SSE (Server-Sent Events) since FastAPI is",
            "EventSourceResponse (which FastAPI can use directly)",
            "from fastapi.responses) is a",
        ),
        (7, "headers-both", "response_class.__mro__"),
        (7, "binary", "One class is Starlette's, the other sse-starlette's"),
    ),
    (
        ("SSE is built on top of streaming", "All SSEs are streams"),
        (7, "headers-both", "response_class.__mro__"),
        (7, "binary", "is true of the bytes, not of the classes"),
    ),
    # Here the line ends are CR LF; a message of two lines needs `data: ` twice.
    (
        ("data: your message\\n\\n",),
        (7, "wire-both", "body.splitlines(keepends=True)"),
        (7, "headers", "here it is \\r\\n\\r\\n"),
    ),
    (
        ("data: your message\\n\\n",),
        (5, "by-hand-look", "response.iter_lines()"),
        (5, "by-hand-happened", "an empty line ends each message"),
    ),
    # A format of the body, over the same HTTP.
    (
        (
            "a specific streaming protocol",
            "| Plain HTTP | SSE protocol |",
            "following SSE protocol",
            "| Raw HTTP stream | SSE (text/event-stream) |",
        ),
        (7, "wire-both", "len(headers)"),
        (7, "headers", "Below that, both are chunked HTTP"),
    ),
    # Three examples lack imports, and an app; here each program runs as it stands.
    (
        ("async def stream_numbers()", "async def event_gen()", "def download_big_file()"),
        (1, "streamed-program", "import asyncio"),
        (1, "returned", "it is whole: saved as main.py"),
    ),
    # Joined strings are no CSV.
    (
        ('yield f"{i},User {i}\\n"',),
        (3, "quoting-look", "csv.reader("),
        (3, "quoting-seen", "Joined, four people become five rows"),
    ),
    # What arrives is cut anywhere.
    (
        ("send 1MB chunks",),
        (8, "file-look", "blocks sent,"),
        (8, "file-seen", "they are cut wherever the network and httpx cut them"),
    ),
    (
        ("to clients chunk-by-chunk", "Forward chunks as they arrive"),
        (4, "burst-look", "len(came.chunks)"),
        (4, "leaving", "Let nothing depend on where a piece ends"),
    ),
    # Its own examples yield text.
    (
        ("The iterator or generator yielding bytes", "Generator or iterable yielding bytes"),
        (1, "streamed-look", "chunk)"),
        (1, "parameters-why", "of text, which is sent as UTF-8"),
    ),
    # Whatever is sent before all is ready has said 200.
    (
        ("start sending data before", "instead of waiting for all"),
        (8, "report-look", "server.log"),
        (8, "report-seen", "it had left before the error"),
    ),
    # After the body is not always after its clean-up.
    (
        ("cleanup after sending file",),
        (2, "clean-up-look", "exists(made[-1])"),
        (2, "your-turn", "The background task ran without it"),
    ),
    # `curl` collects in a pipe.
    (
        ("consuming via fetch() / curl",),
        (4, "curl-look", '("-sN", "-s")'),
        (4, "timeouts", "Without -N, all came at the end"),
    ),
    # What `EventSource` cannot ask for.
    (
        ("Built-in via EventSource", "Native via EventSource"),
        (7, "demands-by-hand", '("POST", {"json"'),
        (7, "demands", "no method, no headers of your own, no body"),
    ),
    # A tab shows the reverse, until one header says not to guess the type.
    (
        (
            "see plain text in your browser",
            "you just see data as it arrives",
            "see much directly",
        ),
        (7, "tabs-headers", "x-content-type-options"),
        (7, "page", "nosniff, which means: do not guess"),
    ),
    # A line is no entry; a stream is no job; a stream has one direction.
    (
        ("Stream logs line-by-line",),
        (8, "logs-look", "enumerate(answer.iter_lines(), 1)"),
        (8, "edit-class", "counted five lines, of four entries"),
    ),
    (
        ("Background job progress",),
        (8, "progress-look", 'record("/progress", max_chunks=2)'),
        (8, "dashboard", "the second job stopped where its client left"),
    ),
    (
        ("Chat or notification system", "Chat messages, notifications"),
        (8, "chat-look", "httpx.post(url"),
        (8, "chat-seen", "What a client says goes by POST"),
    ),
]

# What only a browser shows: in the page that the lesson opens, which carries its JavaScript.
BROWSER = [
    ("how the browser receives them", 7, "page", "The finished server's page reads both"),
    ("consume both endpoints in JavaScript", 7, "page-show", 'show("/")'),
    ("the browser console or a simple HTML", 7, "page-show", 'show("/")'),
    ("open your browser console", 7, "tables", "The page ends with its JavaScript"),
    ("Output in console (live)", 7, "page", "Press Start; then Cut the line"),
    ("JavaScript client can then use", 7, "tables", "JavaScript, to take away"),
    ("evtSource = new EventSource", 7, "seven-program", "const source = new EventSource"),
    ("source = new EventSource", 7, "seven-program", "const source = new EventSource"),
    ("sse = new EventSource", 7, "seven-program", "const source = new EventSource"),
    ("evtSource.onmessage", 7, "tables", "onmessage gets only events without a name"),
    ("source.onmessage", 7, "tables", "onmessage gets only events without a name"),
    ("sse.onmessage", 7, "tables", "onmessage gets only events without a name"),
    ("Auto-reconnects if dropped", 7, "tables", "asks again after its retry"),
    ("The browser will start downloading", 3, "json-seen", "header that makes it the download"),
]

# Greetings, and what only leads to a line that is quoted above.
NOTHING = [
    "break it down clearly",
    "You use StreamingResponse when:",
    "Here:",
    "In short:",
    "Excellent follow-up",
    "unpack that carefully",
    "you can use it for:",
    "For example:",
    "| Feature | StreamingResponse |",
    "Under the hood:",
    "So you can think:",
    "differs from",
    "🔹 StreamingResponse",
    "🔹 EventSourceResponse (SSE).",
    "need:",
    "Run it:",
    "go step-by-step",
    "Think of the two like this:",
    "| Scenario |",
    "doing this... | Use |",
    "Rule of thumb:",
    "> Client:",
]
# Headings; where code begins or ends; Python that only holds it together.
FRAME = r"#{2,} |(?:> )?```|(?:async )?def |for i in "


def plain(text):
    """Text without markup, on one line."""
    return " ".join(re.sub(r"[*`]", "", text).split())


def holds(quote, number, id, text):
    """The kind of the cell, which is there and says `text`."""
    name = lesson(number).name
    cell = next((cell for cell in cells_of(lesson(number)) if cell.id == id), None)
    assert cell, f"{quote!r} was taught in {name}, cell {id}, which is gone"
    found = plain(text) in plain(cell.source)
    assert found, f"{quote!r} is not taught in {name}, cell {id}: no {text!r} in\n{cell.source}"
    return cell.cell_type


@pytest.mark.parametrize(("quote", "number", "id", "text"), TAUGHT + BROWSER)
def test_is_taught(quote, number, id, text):
    holds(quote, number, id, text)


@pytest.mark.parametrize(("quotes", "code", "words"), CORRECTED)
def test_is_corrected_by_a_measurement_and_in_words(quotes, code, words):
    assert holds(quotes[0], *code) == "code"
    assert holds(quotes[0], *words) == "markdown"


# Against the conversation


@functools.cache
def seed_lines():
    files = sorted(SEED.glob("*.txt")) or pytest.skip("the seed is not beside this checkout")
    text = "\n".join(file.read_text(encoding="utf-8") for file in files)
    return [line.strip() for line in text.splitlines() if re.search(r"\w", line)]


def quotes():
    single = [row[0] for row in TAUGHT + BROWSER]
    return [*single, *(quote for row in CORRECTED for quote in row[0]), *NOTHING]


def test_the_seed_says_what_is_quoted():
    said = [*map(plain, seed_lines())]
    for quote in map(plain, quotes()):
        assert any(quote in line for line in said), f"not in the seed: {quote!r}"


def test_no_line_of_the_seed_is_left_out():
    known = [*map(plain, quotes())]
    lines = [plain(line) for line in seed_lines() if not re.match(FRAME, line)]
    left = [line for line in lines if not any(quote in line for quote in known)]
    assert not left, "neither taught nor said to be nothing:\n" + "\n".join(left)
