"""The fixtures that several test files share."""

import shutil
import signal
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from functools import partial

import httpx
import pytest
from environments import OTHER_PYTHONS, find_newest_wheels, make_binder, make_other_python
from fastapi import FastAPI
from jupyter_core.utils import ensure_event_loop
from kernels import run_all
from lab import Lab, new_page
from lessons import lesson
from machine import ROOT
from playwright.sync_api import sync_playwright
from waiting import PATIENT

from labserver import serve

# Three processes run the tests, each a whole file. What takes long, or waits for long, is made
# side by side for all tests of a file that were asked for, before the first of them: so it is in
# no test's time.

LONG = {"binder", "browser", "diagnoses", "hub_like", "newest_wheels", "runs", "verdicts"}


def pytest_collection_modifyitems(items):
    """Files that take long come first: then at the end no process has long to go alone."""
    long = {item.path for item in items if LONG & {*item.fixturenames}}
    items.sort(key=lambda item: item.path not in long)


def items_of(request):
    """The tests of the file that asks, of those that this run was asked for."""
    return [item for item in request.session.items if item.path == request.path]


@pytest.fixture(scope="module")
def made(request, tmp_path_factory):
    """What pip makes, two at a time, as futures that are done, by a fixture or its parameter."""
    asked = [item for item in items_of(request) if "made" in item.fixturenames]
    names = {name for item in asked for name in item.fixturenames}
    jobs = {name: ENVIRONMENTS[name] for name in ENVIRONMENTS.keys() & names}
    for item in asked:
        if version := _parameters(item).get("other_python"):
            jobs[version] = partial(make_other_python, version=version)
    with ThreadPoolExecutor(2) as threads:
        return {
            name: threads.submit(job, tmp_path_factory.mktemp(name))
            for name, job in sorted(jobs.items())
        }


def _parameters(item):
    return item.callspec.params if hasattr(item, "callspec") else {}


ENVIRONMENTS = {"binder": make_binder, "newest_wheels": find_newest_wheels}


@pytest.fixture(params=OTHER_PYTHONS)
def other_python(request, made):
    """Each other Python that the set is tried on, as an interpreter that can import labserver."""
    return made[request.param].result()


@pytest.fixture
def binder(made):
    """Binder's Python, the checkout that is installed in it, and the versions of its base."""
    return made["binder"].result()


@pytest.fixture
def newest_wheels(made):
    """The names of what pip would install on the newest Python."""
    return made["newest_wheels"].result()


@pytest.fixture(scope="module")
def runs(request, made, tmp_path_factory):
    """Run All of lessons in folders of their own, four at once: most is waiting.

    As futures that are done, by lesson and Python: what `run_all` returns, and what was in the
    folder before and after.
    """

    def run(path, python):
        folder = shutil.copytree(ROOT / "notebooks", tmp_path_factory.mktemp("run") / "notebooks")
        before = set(folder.rglob("*"))
        with closing(ensure_event_loop()):  # this thread's, of which jupyter_client makes use
            return *run_all(path, folder, python), before, set(folder.rglob("*"))

    asked = [_parameters(item) for item in items_of(request) if "runs" in item.fixturenames]
    jobs = {(params["path"], sys.executable) for params in asked if "path" in params}
    for version in {params["other_python"] for params in asked if "other_python" in params}:
        if made[version].exception() is None:
            jobs.add((lesson(4), made[version].result()))
    with ThreadPoolExecutor(4) as threads:
        return {job: threads.submit(run, *job) for job in sorted(jobs, key=str)}


@pytest.fixture(scope="session")
def chromium():
    """The path of a Chromium or Chrome, for Playwright's `executable_path`."""
    names = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
    path = next(filter(None, map(shutil.which, names)), None)
    return path or pytest.skip("this machine has no Chromium")


@pytest.fixture(scope="module")  # while Playwright runs, nothing else may run an event loop
def browser(chromium):
    """A Chromium that asks nobody but this machine, and knows it as lab.test too."""
    flags = "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-component-update"
    flags += " --disable-background-networking --disable-sync"
    resolve = "--host-resolver-rules=MAP lab.test 127.0.0.1"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chromium, args=[*flags.split(), resolve]
        )
        yield browser
        browser.close()


@pytest.fixture
def page(browser):
    """An empty tab; `errors` has what its console and its scripts report."""
    page = new_page(browser)
    yield page
    page.close()


@pytest.fixture(scope="session")
def hub_like(chromium, tmp_path_factory):
    """JupyterLab as a hub starts it: under a base URL, with a token, with the proxy."""
    lab = Lab(tmp_path_factory.mktemp("hub_like"), "/user/x/", "t0ken")
    yield lab
    lab.stop()


@pytest.fixture(scope="session")
def bare(chromium, tmp_path_factory):
    """JupyterLab as at home, with the proxy turned off."""
    lab = Lab(tmp_path_factory.mktemp("bare"), proxy=False)
    yield lab
    lab.stop()


@pytest.fixture(autouse=True, scope="session")
def interruptible():
    """A shell's background job ignores SIGINT, and so would each process that a test starts."""
    before = signal.getsignal(signal.SIGINT)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture
def no_server_left():
    yield
    serve(FastAPI()).stop()
    assert not [t.name for t in threading.enumerate() if t.name.startswith("labserver")]


@pytest.fixture
def client():
    with httpx.Client(**PATIENT) as client:
        yield client


@pytest.fixture(scope="module")
def diagnoses(request):
    """What diagnose finds in each service of the file's tests, several at once, as futures."""
    from services import together  # which needs this module

    with together(filter(None, map(_service, items_of(request)))) as futures:
        yield futures


def _service(item):
    """The service that a test is about: the one it was made of, or its parameter."""
    parameters = item.callspec.params if hasattr(item, "callspec") else {}
    return getattr(item.function, "service", parameters.get("service"))
