"""The end of a script, of a kernel, of a forked child: what it stops, and what it does not."""

import os
import subprocess
import sys

import pytest
from machine import NO_PROXIES
from waiting import LONG

pytestmark = pytest.mark.skipif(
    (3, 12) <= sys.version_info < (3, 12, 3), reason="this Python starts no thread at its end"
)

SCRIPT = """if True:
    import asyncio, sys, threading, time
    from contextlib import asynccontextmanager
    from fastapi import FastAPI
    from fastapi.responses import StreamingResponse
    from labserver import record, serve

    @asynccontextmanager
    async def lifespan(app):
        stopping = threading.Event()
        worker = threading.Thread(target=stopping.wait)  # Python waits for its end
        worker.start()
        await asyncio.to_thread(time.sleep, 0)
        yield
        stopping.set()
        await asyncio.to_thread(worker.join)
        print("shut down", flush=True)

    async def body():
        try:
            while True:
                yield "x"
                await asyncio.sleep(0.01)
        finally:
            print("cleaned up", flush=True)

    app = FastAPI(lifespan=lifespan)
    app.get("/")(lambda: StreamingResponse(body()))
    server = serve(app)
    record("/", max_chunks=2, quiet=True)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork there")
def test_the_end_of_a_forked_child_stops_nothing():
    code = f"""{SCRIPT}
    import multiprocessing
    child = multiprocessing.get_context("fork").Process(target=print, args=["child"])
    child.start()
    child.join()
    print(server.running, record("/", max_chunks=1, quiet=True).response.status_code)
    """
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code],
        env=NO_PROXIES,
        capture_output=True,
        text=True,
        timeout=LONG,
    )
    # The child and a thread of its parent may write at one moment, one between the other's words.
    told = done.stdout.partition("\n")[2].replace("cleaned up", "").split()
    assert told == ["child", "True", "200", "shut", "down"], done.stderr


@pytest.mark.parametrize("end", ["", "sys.exit(3)", "raise LookupError('on purpose')"])
def test_a_script_that_ends_shuts_its_app_down(end):
    code = f"{SCRIPT}    {end}\n"
    done = subprocess.run(
        [sys.executable, "-c", code], env=NO_PROXIES, capture_output=True, text=True, timeout=LONG
    )
    assert done.stdout.splitlines()[1:] == ["cleaned up", "shut down"], done.stderr


def test_what_cannot_be_stopped_cuts_off_neither_the_next_nor_a_thread():
    code = """if True:
    import threading
    from labserver.exiting import stop_at_exit

    class One:
        def __init__(self, name):
            self.name = name
            stop_at_exit(self)

        def begin_to_stop(self):
            pass

        def stop(self):
            print(self.name, flush=True)
            raise BrokenPipeError(self.name)

    ending = threading.Event()
    threading._register_atexit(ending.set)  # called after the end of the two
    both = One("one"), One("two")
    threading.Thread(target=lambda: print(ending.wait(60) and "thread", flush=True)).start()
    """
    done = subprocess.run(
        [sys.executable, "-c", code], env=NO_PROXIES, capture_output=True, text=True, timeout=LONG
    )
    assert sorted(done.stdout.split()) == ["one", "thread", "two"], done.stderr


def test_a_kernel_that_ends_shuts_its_app_down(tmp_path):
    from jupyter_client.manager import start_new_kernel

    note = tmp_path / "note"
    manager, client = start_new_kernel(kernel_name="python3", env=NO_PROXIES)
    try:
        code = SCRIPT.replace(
            'print("shut down", flush=True)', f'open({str(note)!r}, "w").close()'
        )
        assert client.execute_interactive(code, timeout=60)["content"]["status"] == "ok"
        client.stop_channels()
        manager.shutdown_kernel()
    finally:
        manager.shutdown_kernel(now=True)
    assert note.exists()
