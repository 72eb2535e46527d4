"""The exercises of the lesson "Find what holds it back"."""

import time
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from statistics import median
from typing import Any

from labserver.checks.exercise import ask, body, exercise, fetched, require, served
from labserver.recording import counted


@exercise
def mend(app: Any) -> None:
    """Refuses with a 403; streams step by step to who has the key, others served meanwhile."""
    with served(app) as url, ThreadPoolExecutor(1) as pool:
        for path in ("/steps", "/steps?key=coffee"):
            refused = ask(url + path)
            status, cut = refused.response.status_code, "" if refused.whole else " and was cut"
            require(status == 403, f"{path} answered with status {status}{cut}, expected: 403.")
        streaming = pool.submit(fetched, f"{url}/steps", params={"key": "tea"})
        time.sleep(0.1)
        pings = []
        while not streaming.done():
            pings.append(fetched(f"{url}/ping").seconds)
            time.sleep(0.02)
        chunks, got = streaming.result().chunks, body(streaming.result())
        wanted = b"".join(b"step %d\n" % i for i in range(4))
        require(got == wanted, f"with the key, yours: {got!r}, expected: {wanted!r}.")
        require(len(chunks) == 4, f"the four steps came as {counted(chunks, 'chunk')}.")
        gap = median(after.at - before.at for before, after in pairwise(chunks))
        require(gap > 0.1, f"the steps came {gap:.3f} s apart: none is to wait for the next.")
        late = f"while /steps streams, /ping takes {median(pings or [9]):.1f} s to answer"
        require(median(pings or [9]) < gap / 2, f"{late}: what does it wait for?")
