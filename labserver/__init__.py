"""A streaming lab: serve an app beside the notebook, record what arrives and when."""

from labserver import checks
from labserver.browser import show
from labserver.current import serve
from labserver.diagnosis import diagnose
from labserver.plotting import timeline
from labserver.recorder import record

__all__ = ["checks", "diagnose", "record", "serve", "show", "timeline"]
