"""A streaming lab: serve an app beside the notebook, record what arrives and when."""

import os
import signal
import sys

if sys.orig_argv[1:3] == ["-m", "labserver"]:
    # The command: Ctrl+C while it imports what follows ends it as later, without a traceback.
    signal.signal(signal.SIGINT, lambda number, frame: os._exit(130))

from labserver import checks
from labserver.browser import show
from labserver.current import serve
from labserver.diagnosis import diagnose
from labserver.plotting import timeline
from labserver.recorder import record

__all__ = ["checks", "diagnose", "record", "serve", "show", "timeline"]
