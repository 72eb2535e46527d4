"""keeper: a program ends with the process that started it, however the program takes that."""

import sys

import psutil
import pytest
from waiting import LONG, wait_until

from labserver import keeper

PROGRAM = """if True:
    import pathlib, signal, sys, time
    asked = []

    def note(number, frame):
        asked.append(number)
        if len(asked) == int(sys.argv[1]):
            sys.exit()

    signal.signal(signal.SIGTERM, note)
    pathlib.Path(sys.argv[2], "ready").touch()
    while True:
        time.sleep(60)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="there a program is killed at once")
@pytest.mark.parametrize("heeded", [1, 2, 0], ids=["first", "second", "none"])
def test_a_program_ends_whichever_signal_it_heeds(heeded, tmp_path):
    folder = str(tmp_path)
    process = keeper.start(folder, sys.executable, "-c", PROGRAM, str(heeded), folder)
    wait_until(lambda: (tmp_path / "ready").exists())
    [program] = psutil.Process(process.pid).children()
    keeper.end(process, folder)
    assert not tmp_path.exists()
    program.wait(LONG)
