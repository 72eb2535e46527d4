"""Run a program for as long as another process lives, and remove its folder when it has ended.

    python keeper.py FOLDER PROGRAM ARGUMENT …

The other process holds this one's stdin open. When that closes, because it was closed or because
the process was killed, the program is ended. This file needs the standard library alone, so that
it starts at once.
"""

import os
import shutil
import subprocess
import sys
import threading


def main(folder: str, *command: str) -> int:
    """Run the command until it ends or stdin does; give its exit code."""
    program = subprocess.Popen(command, stdin=subprocess.DEVNULL)

    def end() -> None:
        while os.read(0, 1024):
            pass
        program.terminate()

    threading.Thread(target=end, daemon=True).start()
    code = program.wait()
    shutil.rmtree(folder, ignore_errors=True)
    return code


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
