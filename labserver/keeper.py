"""Run a program for as long as this process lives, and remove its folder when it has ended.

    this process  --stdin-->  python keeper.py FOLDER PROGRAM ARGUMENT …  ---->  the program

This process holds the keeper's stdin open. When that closes, because of `end` or because this
process was killed, the keeper ends the program. As a program it needs the standard library alone,
so that it starts at once.
"""

import os
import shutil
import subprocess
import sys
import threading
import time
from typing import Any

END_SECONDS = 10.0  # that a program and its keeper have to end
TERMINATIONS = 20  # that a program is asked to end, before it is killed
PAUSE_SECONDS = 0.1  # between two of them


def start(folder: str, *command: str, stderr: int | None = None) -> "subprocess.Popen[str]":
    """Start a keeper that runs the command; `stderr` as `subprocess.Popen` takes it.

    An interrupt of the kernel goes to all processes of its group, and is not for them.
    """
    windows = os.name == "nt"  # 0x200 is CREATE_NEW_PROCESS_GROUP, a name known there alone
    apart: dict[str, Any] = {"creationflags": 0x200} if windows else {"start_new_session": True}
    return subprocess.Popen(
        [sys.executable, "-I", "-S", __file__, folder, *command],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=stderr,
        text=True,
        **apart,
    )


def end(keeper: "subprocess.Popen[str]", folder: str) -> None:
    """End the program and its keeper. Ended before: do nothing."""
    if keeper.stdin:
        keeper.stdin.close()
    try:
        keeper.wait(END_SECONDS)
    except subprocess.TimeoutExpired:
        keeper.kill()
        keeper.wait()
    finally:
        if keeper.stderr:
            keeper.stderr.close()
        shutil.rmtree(folder, ignore_errors=True)


def main(folder: str, *command: str) -> int:
    """Run the command until it ends or stdin does; give its exit code."""
    program = subprocess.Popen(command, stdin=subprocess.DEVNULL)

    def terminate() -> None:
        while os.read(0, 1024):
            pass
        # Again, since nginx notes a signal that comes right before it waits, and then waits on.
        for ask in [program.terminate] * TERMINATIONS + [program.kill]:
            ask()
            time.sleep(PAUSE_SECONDS)

    threading.Thread(target=terminate, daemon=True).start()
    code = program.wait()
    shutil.rmtree(folder, ignore_errors=True)
    return code


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
