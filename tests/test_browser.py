"""show: a page of the server, in Chromium under JupyterLab, wherever the browser sits."""

import socket

import httpx
import nbformat
import pytest
from between import Buffering, Passing, between
from fastapi import FastAPI
from fastapi.responses import HTMLResponse
from lab import FRAME, choose, open_notebook, run_all, see_streams, shown
from playwright.sync_api import expect
from waiting import PATIENT

from labserver import serve, show
from labserver.app import app as finished
from labserver.browser import AGAIN, Page
from labserver.guard import SECRET, SECRET_NAME
from labserver.server import Server


def test_show_needs_a_server_and_a_path():
    serve(FastAPI()).stop()
    with pytest.raises(RuntimeError, match="serve an app first"):
        show("/")
    with serve(finished) as server:
        for path in ("", "page", "//evil.example/", "http://evil.example/", None):
            with pytest.raises(ValueError, match="starts with one /"):
                show(path)
        assert repr(show("/?a=1")) == f"<Page {server.url}/?a=1>"


def test_what_is_shown_without_a_script_is_a_link(monkeypatch):
    with serve(finished) as server:
        shown = show('/a"b</script>?x=1&y#z')._repr_html_()
        assert (
            f'href="{server.url}/a&quot;b&lt;/script&gt;?x=1&amp;y&amp;{SECRET_NAME}={SECRET}#z"'
            in shown
        )
        assert shown.count("</script>") == 1
        assert f"If it does not open, {AGAIN}." in " ".join(shown.split())
        monkeypatch.setenv("JUPYTERHUB_SERVICE_PREFIX", "/user/x/")
        proxied = f'href="/user/x/proxy/{server.port}/?{SECRET_NAME}={SECRET}"'
        assert proxied in show()._repr_html_()


# In Chromium, under JupyterLab


@pytest.mark.parametrize("name", ["hub_like", "bare"])
def test_on_this_machine_the_page_is_asked_directly(name, page, request):
    lab = request.getfixturevalue(name)
    open_notebook(page, lab)
    run_all(page)
    inside = shown(page)
    see_streams(inside)
    assert page.locator(FRAME).get_attribute("src").startswith("http://127.0.0.1:")
    assert SECRET_NAME not in page.locator(FRAME).get_attribute("src")
    expect(inside.locator("#held")).to_be_empty()
    assert not page.errors


def test_what_another_server_says_on_that_port_is_not_believed(page, hub_like):
    """Through an SSH tunnel, Jupyter is on loopback, and 127.0.0.1 is another machine."""
    page.route(
        lambda url: url.startswith("http://127.0.0.1:") and "/user/x/" not in url,
        lambda route: route.fulfill(body="here", headers={"Access-Control-Allow-Origin": "*"}),
    )
    open_notebook(page, hub_like)
    run_all(page)
    expect(shown(page).get_by_role("button", name="Start")).to_be_visible()
    assert "/user/x/proxy/" in page.locator(FRAME).get_attribute("src")
    assert not page.errors


def test_from_elsewhere_it_goes_through_the_proxy(page, hub_like):
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    open_notebook(page, hub_like, "lab.test")
    run_all(page)
    inside = shown(page)
    see_streams(inside)
    base = f"http://lab.test:{hub_like.port}/user/x/proxy/"
    assert page.locator(FRAME).get_attribute("src").startswith(base)
    assert not [url for url in asked if "127.0.0.1" in url], "a browser would ask for leave"
    expect(inside.locator("#held")).to_be_empty()
    assert not page.errors


@pytest.fixture
def buffering(hub_like):
    with between(Buffering, hub_like.port) as port:
        yield port


def test_where_http_is_held_back_the_relay_takes_over(page, hub_like, buffering):
    sockets = []
    page.on("websocket", lambda wire: sockets.append(wire.url))
    open_notebook(page, hub_like, "lab.test", buffering)
    run_all(page)
    inside = shown(page)
    expect(inside.locator("#held")).to_contain_text("WebSocket")
    see_streams(inside)
    relays = [url for url in sockets if "/relay?" in url]
    assert relays and all(f"lab.test:{buffering}/user/x/proxy/" in url for url in relays)
    assert not page.errors


# What jQuery does with an output: its script runs first, in the head, and is removed from there.
CLASSIC = """<!doctype html><body data-base-url="/"><div id="out"></div><script>
function put(output) {
  const part = document.createRange().createContextualFragment(output);
  const script = part.querySelector("script");
  script.remove();
  document.head.appendChild(script).remove();
  document.querySelector("#out").append(part);
}
</script>"""


def test_in_the_classic_notebook_it_is_a_page_too(page):
    classic = FastAPI()
    classic.get("/", response_class=HTMLResponse)(lambda: CLASSIC)
    with Server(finished) as server, Server(classic) as notebook:
        page.goto(notebook.url)
        page.evaluate("put", Page(server.url, "/", 600)._repr_html_())
        expect(shown(page).get_by_role("button", name="Start")).to_be_visible()
        assert page.locator(FRAME).get_attribute("src") == f"{server.url}/"


def test_from_ipv6_it_goes_through_the_proxy(page, hub_like):
    """No policy of a page can allow an address in brackets to frame it."""
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        pytest.skip("this machine has no IPv6")
    with between(Passing, hub_like.port, "::1") as port:
        open_notebook(page, hub_like, "[::1]", port)
        run_all(page)
        expect(shown(page).get_by_role("button", name="Start")).to_be_visible()
        see_streams(shown(page))
        base = f"http://[::1]:{port}/user/x/proxy/"
        assert page.locator(FRAME).get_attribute("src").startswith(base)
    assert not page.errors


@pytest.mark.parametrize("host", ["127.0.0.1", "lab.test"])  # another origin, and the same
def test_the_theme_is_jupyterlab_s_and_follows_a_change(host, page, hub_like):
    page.emulate_media(color_scheme="dark")  # the system's
    open_notebook(page, hub_like, host)
    run_all(page)
    inside = shown(page)
    expect(inside.get_by_role("button", name="Start")).to_be_visible()
    for theme, color in (("Dark", "rgb(17, 17, 17)"), ("Light", "rgb(255, 255, 255)")):
        page.click(".lm-MenuBar-item:has-text('Settings')")
        page.hover(".lm-Menu-item:has-text('Theme')")
        page.click(f".lm-Menu-item:has-text('JupyterLab {theme}'):not(:has-text('Contrast'))")
        expect(inside.locator("body")).to_have_css("background-color", color)
    assert not page.errors


def test_a_page_in_a_light_jupyterlab_is_light_from_the_start(page, hub_like):
    page.emulate_media(color_scheme="dark")
    page.add_init_script("""
      addEventListener("message", (event) => event.stopImmediatePropagation(), true);""")
    open_notebook(page, hub_like)
    run_all(page)
    expect(shown(page).locator("body")).to_have_css("background-color", "rgb(255, 255, 255)")


def test_from_elsewhere_without_the_proxy_there_is_a_link(page, bare):
    open_notebook(page, bare, "lab.test")
    run_all(page)
    output = page.locator(".jp-OutputArea-output:has-text('Open the page')")
    expect(output).to_contain_text("jupyter-server-proxy is not installed there, or turned off")
    link = output.get_by_role("link").get_attribute("href")
    assert link.startswith("http://127.0.0.1:")
    assert httpx.get(link, **PATIENT).status_code == 200
    assert page.locator(FRAME).count() == 0
    assert all("404" in error for error in page.errors), "what Chromium itself says of it"


def test_when_the_server_is_gone_the_page_says_what_to_do(page, hub_like):
    open_notebook(page, hub_like, "lab.test")
    run_all(page)
    inside = shown(page)
    inside.get_by_label("How many").fill("1000")
    inside.get_by_role("button", name="Start").click()
    expect(inside.locator("#events tbody tr")).not_to_have_count(0)
    hub_like.stop_kernels()
    expect(inside.locator("#status")).to_contain_text(
        "Run this notebook's cells from the top down"
    )

    choose(page, "File", "Save Notebook")
    page.wait_for_function("() => !document.querySelector('.jp-mod-dirty')")
    distrusted = nbformat.read(hub_like.folder / "one.ipynb", 4)
    distrusted.cells[1].outputs[0].data["text/html"] += "<!-- changed -->"
    nbformat.write(distrusted, hub_like.folder / "distrusted.ipynb")
    for host, name, words in (
        ("lab.test", "one.ipynb", f"is gone: {AGAIN}."),
        ("127.0.0.1", "one.ipynb", f"is gone: {AGAIN}."),
        ("127.0.0.1", "distrusted.ipynb", f"If it does not open, {AGAIN}."),
    ):
        open_notebook(page, hub_like, host, name=name)
        expect(page.locator(".jp-OutputArea-output").last).to_contain_text(words)
        assert page.locator(FRAME).count() == 0
    assert all(error.startswith("Failed to load resource") for error in page.errors)
