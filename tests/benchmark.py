"""What the lab costs, as ratios measured in one run on one machine: python tests/benchmark.py

Each figure is the median of five pairs, one measured right after the other; the last row runs
every lesson once. Names of measurements as arguments run those alone. Exits with 1 if a ratio is
out of its reach.
"""

import asyncio
import contextlib
import io
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import tracemalloc
from pathlib import Path
from subprocess import DEVNULL

import httpx
import httpx_sse
import nbformat
import psutil
from fastapi import FastAPI
from fastapi.responses import StreamingResponse
from nbclient import NotebookClient
from valkey import Valkey as Client

from labserver import record, serve
from labserver.connections import descriptors
from labserver.crowd import crowd
from labserver.storage import NONE_HERE, Valkey, find
from labserver.stores import KEY
from labserver.workers import Workers

LESSONS = sorted(Path(__file__).resolve().parents[1].glob("notebooks/[0-9][0-9]_*.ipynb"))
PROGRAM = "from fastapi import FastAPI\napp = FastAPI()\n"
app = FastAPI()
bare = httpx.Client(trust_env=False, timeout=60)
TIMES = 5
handed: list[float] = []  # when the paced stream handed each chunk over


@app.get("/paced")
async def paced() -> StreamingResponse:
    async def body():
        for _ in range(200):
            handed.append(time.perf_counter())
            yield b"x" * 20
            await asyncio.sleep(0.005)

    handed.clear()
    return StreamingResponse(body())


@app.get("/chunks")
async def chunks(n: int = 20_000) -> StreamingResponse:
    async def body():
        for _ in range(n):
            yield b"a chunk of a stream\n"
            await asyncio.sleep(0)  # else a reader may find several in one piece

    return StreamingResponse(body())


@app.get("/events")
async def events(n: int = 20_000) -> StreamingResponse:
    async def body():
        for i in range(n):
            yield f"id: {i}\nevent: tick\ndata: an event of a stream\n\n"
            await asyncio.sleep(0)

    return StreamingResponse(body(), media_type="text/event-stream")


@app.get("/big")
async def big(mib: int) -> StreamingResponse:
    async def body():
        for _ in range(mib):
            yield bytes(2**20)

    return StreamingResponse(body())


@app.get("/endless")
async def endless() -> StreamingResponse:
    async def body():
        while True:
            yield "x\n"
            await asyncio.sleep(0.01)

    return StreamingResponse(body())


def seconds(task, *args) -> float:
    start = time.perf_counter()
    task(*args)
    return time.perf_counter() - start


def until_answered(url: str, process: subprocess.Popen) -> None:
    while process.poll() is None:
        with contextlib.suppress(httpx.TransportError):
            bare.get(url)
            return
        time.sleep(0.002)
    raise RuntimeError("uvicorn did not start")


def process_start() -> float:
    """Seconds from starting uvicorn as a process to its first answer."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "main.py").write_text(PROGRAM)
        command = [sys.executable, "-m", "uvicorn", "main:app", "--port", str(port)]
        start = time.perf_counter()
        with subprocess.Popen(command, cwd=folder, stdout=DEVNULL, stderr=DEVNULL) as process:
            until_answered(f"http://127.0.0.1:{port}/", process)
            taken = time.perf_counter() - start
            process.terminate()
    return taken


def first_serve() -> tuple[float, float]:
    serve(FastAPI()).stop()
    return seconds(lambda: bare.get(serve(FastAPI()).url)), process_start()


def serve_again() -> tuple[float, float]:
    with contextlib.ExitStack() as stack:
        server = serve(app)
        for _ in range(10):
            response = stack.enter_context(bare.stream("GET", f"{server.url}/endless"))
            pieces = response.iter_raw()
            next(pieces)
            stack.callback(pieces.close)
        taken = seconds(lambda: bare.get(serve(FastAPI()).url))
    return taken, process_start()


def latency() -> tuple[float, float]:
    url = serve(app).url
    got = record("/paced", quiet=True)
    ours = [c.at - s for c, s in zip(got.chunks, got.sent, strict=True)]
    with bare.stream("GET", f"{url}/paced") as response:
        arrived = [time.perf_counter() for _ in response.iter_raw()]
    theirs = [a - s for a, s in zip(arrived, handed, strict=True)]
    return statistics.median(ours), statistics.median(theirs)


def bare_chunks(url: str) -> int:
    with bare.stream("GET", url) as response:
        return sum(1 for _ in response.iter_raw())


def quiet_chunks() -> tuple[float, float]:
    url = f"{serve(app).url}/chunks"
    return seconds(bare_chunks, url), seconds(lambda: record(url, quiet=True))


def printed_chunks() -> tuple[float, float]:
    serve(app)
    quiet = seconds(lambda: record("/chunks", quiet=True))
    return quiet, seconds(lambda: record("/chunks"))


def library_events(url: str) -> int:
    with httpx_sse.connect_sse(bare, "GET", url) as source:
        return sum(1 for _ in source.iter_sse())


def quiet_events() -> tuple[float, float]:
    url = f"{serve(app).url}/events"
    return seconds(library_events, url), seconds(lambda: record(url, quiet=True))


def peak(mib: int) -> float:
    tracemalloc.start()
    record(f"/big?mib={mib}", quiet=True, keep_data=False)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return most / 2**20


def memory() -> tuple[float, float]:
    serve(app)
    return peak(1024), peak(16)


def first_cell() -> tuple[float, float]:
    cell = "from labserver import checks, record, serve, timeline"
    plain = "import fastapi, httpx, sse_starlette, matplotlib.pyplot"
    return tuple(
        seconds(lambda code=code: subprocess.run([sys.executable, "-c", code], check=True))
        for code in (cell, plain)
    )


# Many listeners


BY_HAND = """
import asyncio
from typing import Annotated
from fastapi import Body, FastAPI
from fastapi.responses import StreamingResponse
app = FastAPI()
queues = set()
@app.post("/notifications", status_code=202)
async def tell(text: Annotated[str, Body()]):
    for queue in queues:
        queue.put_nowait(text)
async def follow():
    queues.add(queue := asyncio.Queue(100))
    try:
        yield ": hello\\n\\n"
        while True:
            yield f"data: {await queue.get()}\\n\\n"
    finally:
        queues.discard(queue)
@app.get("/notifications")
async def listen():
    return StreamingResponse(follow(), media_type="text/event-stream")
"""
FINISHED = "from labserver.app import app\n"
MANY = min(1000, descriptors() - 200)  # listeners


def delays(program: str, count: int = 1, **environment: str) -> list[float]:
    """Seconds from publishing to arrival at each of many listeners, sorted."""
    environment["LABSERVER_LISTENERS"] = str(MANY)
    with Workers(program, count, **environment) as server:
        url = f"{server.url}/notifications"
        with crowd(url, MANY) as listeners:
            for _ in range(8):
                now = time.perf_counter() - listeners.start
                bare.post(url, json=f"{now:.6f}").raise_for_status()
                time.sleep(0.5)
            end = time.monotonic() + 30
            while sum(len(one.heard) for one in listeners) < 8 * MANY and time.monotonic() < end:
                time.sleep(0.1)
    heard = [event for one in listeners for event in one.heard]
    assert len(heard) == 8 * MANY, "each note, to each listener, once"
    return sorted(event.at - float(event.data) for event in heard)


def half() -> tuple[float, float]:
    """The median of the delays, ours and those of the loop written by hand."""
    return statistics.median(delays(FINISHED)), statistics.median(delays(BY_HAND))


def slowest() -> tuple[float, float]:
    """The 99th percentile."""
    return tuple(d[len(d) * 99 // 100] for d in (delays(FINISHED), delays(BY_HAND)))


def through_valkey() -> tuple[float, float]:
    """The median through Valkey, with two workers, and in memory, with one."""
    program = find()
    if program is None:
        raise RuntimeError(NONE_HERE)
    store = Valkey(program=program)
    try:
        two = statistics.median(delays(FINISHED, 2, LABSERVER_STORE=store.url))
    finally:
        store.stop()
    return two, statistics.median(delays(FINISHED))


def grown(program: str) -> float:
    """Bytes that a server's memory grows by with each listener."""
    with Workers(program, 1, LABSERVER_LISTENERS=str(MANY)) as server:
        url, [pid] = f"{server.url}/notifications", server.pids
        with crowd(url, 50):
            pass
        before = psutil.Process(pid).memory_info().rss
        with crowd(url, MANY):
            return (psutil.Process(pid).memory_info().rss - before) / MANY


def memory_a_listener() -> tuple[float, float]:
    return grown(FINISHED), grown(BY_HAND)


def replayed() -> tuple[float, float]:
    """Events a second to a late listener, from what is kept, and to one that was there.

    900 are published without a pause, in one pipeline.
    """
    program = find()
    if program is None:
        raise RuntimeError(NONE_HERE)
    store = Valkey(program=program)
    try:
        with Workers(FINISHED, 1, LABSERVER_STORE=store.url) as server:
            url = f"{server.url}/notifications"
            with crowd(url, 1) as (live,), Client.from_url(store.url) as publishing:
                first = live.last_id
                pipe = publishing.pipeline(transaction=False)
                for i in range(900):
                    pipe.xadd(KEY, {"text": str(i)}, maxlen=1000)
                pipe.execute()
                while len(live.heard) < 900:
                    time.sleep(0.01)
                seconds_live = live.heard[-1].at - live.heard[0].at
            late = record(url, max_chunks=900, quiet=True, headers={"Last-Event-ID": first})
    finally:
        store.stop()
    seconds_late = late.events[-1].at - late.events[0].at
    return 900 / seconds_late, 900 / seconds_live


NOTE_RECORDINGS = """
from labserver.recording import Recording as _Recording
_noted, _init = [], _Recording.__init__
_Recording.__init__ = lambda *a, **k: (_noted.append(a[0]), _init(*a, **k))[1]
"""
SUM_RECORDINGS = "print(sum(recording.seconds for recording in _noted))"


def lessons() -> tuple[float, float]:
    """Seconds that all lessons take headless, and those that their recordings last."""
    taken, recorded = 0.0, 0.0
    for path in LESSONS:
        notebook = nbformat.read(path, as_version=4)
        cells = [nbformat.v4.new_code_cell(code) for code in (NOTE_RECORDINGS, SUM_RECORDINGS)]
        notebook.cells = [cells[0], *notebook.cells, cells[1]]
        resources = {"metadata": {"path": str(path.parent)}}
        client = NotebookClient(notebook, timeout=120, resources=resources)
        taken += seconds(lambda client=client: client.execute(stderr=DEVNULL))
        recorded += float(cells[1].outputs[0].text)
    return taken, recorded


ROWS = [
    ("serve to first answer / uvicorn as a process", first_serve, "<=", 0.1),
    ("hand-over to arrival / bare iter_raw loop", latency, "<=", 1.2),
    ("chunks/s, record(quiet=True) / bare iter_raw loop", quiet_chunks, ">=", 0.8),
    ("chunks/s, record() printing / quiet=True", printed_chunks, ">=", 0.5),
    ("events/s, record(quiet=True) / httpx-sse", quiet_events, ">=", 0.9),
    ("peak memory of 1 GiB - of 16 MiB, in MiB", memory, "<=", 16),
    ("serve again, 10 streams open / uvicorn as a process", serve_again, "<=", 0.5),
    ("first cell of a lesson / the libraries it needs", first_cell, "<=", 1.2),
    ("1,000 listeners, median delay / by hand", half, "<=", 1.5),
    ("1,000 listeners, 99th percentile / by hand", slowest, "<=", 1.5),
    ("median through Valkey, two workers / in memory", through_valkey, "<=", 3),
    ("memory a listener / by hand", memory_a_listener, "<=", 1.7),
    ("events/s, replayed from Valkey / live", replayed, ">=", 0.8),
    ("all lessons headless / their recordings", lessons, "<=", 2),
]


def figure(measure) -> float:
    pairs = []
    for _ in range(1 if measure is lessons else TIMES):
        with contextlib.redirect_stdout(io.StringIO()):
            pairs.append(measure())
    if measure is memory:
        return statistics.median(ours - theirs for ours, theirs in pairs)
    return statistics.median(ours / theirs for ours, theirs in pairs)


def main() -> int:
    missed = 0
    print(f"{'what / against what':<54} {'measured':>9}  reach")
    for name, measure, sense, reach in ROWS:
        if sys.argv[1:] and measure.__name__ not in sys.argv[1:]:
            continue
        value = figure(measure)
        good = value <= reach if sense == "<=" else value >= reach
        missed += not good
        print(f"{name:<54} {value:>9.3f}  {sense} {reach}{'' if good else '  missed'}", flush=True)
    serve(FastAPI()).stop()
    return min(missed, 1)


if __name__ == "__main__":
    sys.exit(main())
