"""A streaming lab: serve an app beside the notebook, record what arrives and when."""

from labserver import checks
from labserver.browser import show
from labserver.diagnose import diagnose
from labserver.recording import record
from labserver.server import serve
from labserver.timeline import timeline

__all__ = ["checks", "diagnose", "record", "serve", "show", "timeline"]
