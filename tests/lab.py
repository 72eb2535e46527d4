"""A JupyterLab of its own, and what a test does with a notebook in it, in Chromium."""

import json
import subprocess
import sys
import time
from contextlib import suppress

import httpx
import nbformat
import pytest
from machine import NO_PROXIES
from playwright.sync_api import expect
from waiting import LONG, PATIENT

from labserver.connections import free_port

OURS = ["from labserver import serve, show", "from labserver.app import app"]
FRAME = "iframe[title^='A page of the server']"
QUIET = {"fetchNews": "false", "checkForUpdates": False}  # no question, no news


class Lab:
    """A JupyterLab of its own, with one notebook that serves the finished app and shows `/`.

    `windowing="none"` keeps every cell in the document; None leaves it as JupyterLab comes.
    """

    def __init__(self, folder, base_url="/", token="", proxy=True, windowing="none"):
        self.port = free_port()
        self.base_url, self.token, self.folder = base_url, token, folder / "notebooks"
        self.folder.mkdir()
        self._write_settings(folder / "config", proxy, windowing)
        self.write("one.ipynb", "\n".join([*OURS, "server = serve(app)"]), 'show("/")')
        places = {f"JUPYTER_{name.upper()}_DIR": folder / name for name in ("config", "data")}
        places |= {"JUPYTER_RUNTIME_DIR": folder / "runtime", "IPYTHONDIR": folder / "ipython"}
        with (folder / "log").open("w") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "jupyterlab"],
                env=NO_PROXIES | {name: str(place) for name, place in places.items()},
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        for _ in range(1200):
            with suppress(httpx.ConnectError):
                if self.api("GET", "status").status_code == 200:
                    return
            time.sleep(0.1)
        self.stop()
        pytest.fail((folder / "log").read_text())

    def _write_settings(self, config, proxy, windowing):
        settings = {"apputils-extension/notification": QUIET}
        if windowing:
            settings["notebook-extension/tracker"] = {"windowingMode": windowing}
        for name, setting in settings.items():
            file = config / f"lab/user-settings/@jupyterlab/{name}.jupyterlab-settings"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(json.dumps(setting))
        options = {
            "ServerApp": {
                "port": self.port,
                "base_url": self.base_url,
                "local_hostnames": ["localhost", "lab.test"],
                "root_dir": str(self.folder),
                "open_browser": False,
                "allow_root": True,
                "jpserver_extensions": {"jupyter_server_proxy": proxy},
            },
            "IdentityProvider": {"token": self.token},
        }
        (config / "jupyter_server_config.json").write_text(json.dumps(options))

    def write(self, name, *cells):
        notebook = nbformat.v4.new_notebook(cells=[*map(nbformat.v4.new_code_cell, cells)])
        notebook.metadata.kernelspec = {"name": "python3", "display_name": "Python 3"}
        nbformat.write(notebook, self.folder / name)

    def api(self, method, path):
        url = f"http://127.0.0.1:{self.port}{self.base_url}api/{path}"
        headers = {"Authorization": f"token {self.token}"} if self.token else {}
        return httpx.request(method, url, headers=headers, **PATIENT)

    def stop_kernels(self):
        for kernel in self.api("GET", "kernels").json():
            self.api("DELETE", f"kernels/{kernel['id']}")

    def stop(self):
        with suppress(httpx.HTTPError):
            self.stop_kernels()
        self.process.kill()
        self.process.wait(LONG)


def new_page(browser):
    """An empty tab; `errors` has what its console and its scripts report."""
    page = browser.new_page(viewport={"width": 1250, "height": 1500})
    page.errors = []
    page.on("console", lambda said: _note_error(page, said))
    page.on("pageerror", lambda error: page.errors.append(str(error)))
    page.set_default_timeout(60_000)
    expect.set_options(timeout=60_000)
    return page


def _note_error(page, said):
    # The proxy's own extension asks for this, wherever it is installed but turned off.
    unasked = "/servers-info" in said.location["url"]
    # What a page stops, its server cuts: the console says so or not, whichever comes first.
    cut = "net::ERR_INCOMPLETE_CHUNKED_ENCODING" in said.text
    if said.type == "error" and not unasked and not cut:
        page.errors.append(f"{said.text} {said.location['url']}")


def open_notebook(page, lab, host="127.0.0.1", port=0, name="one.ipynb"):
    at = f"http://{host}:{port or lab.port}{lab.base_url}lab/tree/{name}"
    page.goto(f"{at}?reset&token={lab.token}")
    expect(page.locator(".jp-NotebookPanel .jp-CodeCell")).not_to_have_count(0)


def run_all(page):
    # Before the kernel is there, Run All does nothing.
    expect(page.locator("#jp-main-statusbar")).to_contain_text("| Idle")
    choose(page, "Run", "Run All Cells")


def choose(page, menu, item):
    page.click(f".lm-MenuBar-item:has-text('{menu}')")
    page.click(f".lm-Menu-item:has-text('{item}')")


def shown(page):
    """The page inside the notebook, once it is there."""
    expect(page.locator(FRAME)).to_be_visible()
    return page.frame_locator(FRAME)


def see_streams(inside, count=5):
    """Both panes fill as it comes, and both streams end.

    The first two streams would take longer than any test: what something in between holds back
    until their end is not seen.
    """
    for total, every, rows in ((1000, 6, 1), (1000, 0.3, 4)):
        start(inside, total, every)
        for pane in ("fetch", "events"):
            inside.locator(f"#{pane} tbody tr:nth-child({rows})").wait_for(state="attached")
    start(inside, count, 0.3)
    expect(inside.locator("#status")).to_contain_text("Both have ended")
    expect(inside.locator("#fetch tbody tr")).to_have_count(count)
    expect(inside.locator("#events tbody tr")).to_have_count(count + 1)


def start(inside, count, every):
    """Start both streams again."""
    inside.get_by_label("How many").fill(str(count))
    inside.get_by_label("Every (s)").fill(str(every))
    inside.get_by_role("button", name="Start").click()
