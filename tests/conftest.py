"""The fixtures that several test files share."""

import shutil
import sys

import httpx
import pytest

# Before they are imported, so that their assertions say as much as those of a test.
pytest.register_assert_rewrite("lab", "lessons", "machine", "services", "waiting")

from lab import Lab
from machine import ROOT, find_python, make_environment, requirements
from playwright.sync_api import expect, sync_playwright
from services import together


@pytest.fixture(scope="session", params=["3.12", "3.13"])
def other_python(request, tmp_path_factory):
    """Each other Python that the set is tried on, as an interpreter that can import labserver."""
    if request.param == "{}.{}".format(*sys.version_info):
        pytest.skip(f"the tests run on Python {request.param} themselves")
    folder = tmp_path_factory.mktemp(f"python{request.param}-")
    wanted = [name for name in requirements() if not name.startswith("jupyter")]
    wanted.append("requests")  # JupyterLab brings it, and lesson 04 uses it
    return make_environment(folder, find_python(request.param), *wanted, "-e", ROOT)


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
    page = browser.new_page(viewport={"width": 1250, "height": 1500})
    page.errors = []
    page.on("console", lambda said: _note_error(page, said))
    page.on("pageerror", lambda error: page.errors.append(str(error)))
    page.set_default_timeout(60_000)
    expect.set_options(timeout=60_000)
    yield page
    page.close()


def _note_error(page, said):
    # The proxy's own extension asks for this, wherever it is installed but turned off.
    unasked = "/servers-info" in said.location["url"]
    # What a page stops, its server cuts: the console says so or not, whichever comes first.
    cut = "net::ERR_INCOMPLETE_CHUNKED_ENCODING" in said.text
    if said.type == "error" and not unasked and not cut:
        page.errors.append(f"{said.text} {said.location['url']}")


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


@pytest.fixture
def client():
    with httpx.Client(trust_env=False, timeout=10) as client:
        yield client


@pytest.fixture(scope="session")
def diagnoses(request):
    """What diagnose finds in each service of the selected tests, several at once, as futures."""
    with together(filter(None, map(_service, request.session.items))) as futures:
        yield futures


def _service(item):
    """The service that a test is about: the one it was made of, or its parameter."""
    parameters = item.callspec.params if hasattr(item, "callspec") else {}
    return getattr(item.function, "service", parameters.get("service"))
