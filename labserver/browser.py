"""Show a page of the server in the notebook, wherever the browser sits."""

import html
import json
from urllib.parse import urlsplit

from labserver import server
from labserver.guard import KNOCK, SECRET, SECRET_NAME, hub_prefix


def show(path: str = "/", height: int = 720) -> "Page":
    """A page of the server that `serve` started, in the notebook, `height` pixels high.

    It is an iframe, at an address that the browser can reach: 127.0.0.1 where the browser sits on
    this machine, Jupyter's own address elsewhere, through jupyter-server-proxy.

    Raises RuntimeError when nothing is served, ValueError for a path that does not start with /.
    """
    lab = server.running()
    if lab is None:
        raise RuntimeError("Nothing is served yet: serve an app first, with serve(app).")
    if not isinstance(path, str) or not path.startswith("/") or path.startswith("//"):
        raise ValueError(f"show() takes a path that starts with one /, such as '/', not {path!r}.")
    return Page(lab.url, path, height)


class Page:
    """A page of the server, which a notebook shows as the last line of a cell."""

    def __init__(self, address: str, path: str, height: int) -> None:
        self.address, self.path, self.height = address, path, height

    def __repr__(self) -> str:
        return f"<Page {self.address}{self.path}>"

    def _repr_html_(self) -> str:
        port = self.address.rpartition(":")[2]
        hub = hub_prefix().rstrip("/")
        address = f"{hub}/proxy/{port}" if hub else self.address
        facts = {**vars(self), "port": port, "knock": KNOCK, "secret": SECRET, "name": SECRET_NAME}
        script = SCRIPT.replace("FACTS", json.dumps(facts).replace("<", r"\u003c"))
        link = html.escape(address + _with_secret(self.path))
        return OUTPUT.format(link=link, script=script)


def _with_secret(path: str) -> str:
    url = urlsplit(path)
    query = f"{url.query}&" if url.query else ""
    return url._replace(query=f"{query}{SECRET_NAME}={SECRET}").geturl()


# What is shown where no script runs: in a notebook that is not trusted, on a page that is no
# Jupyter's. There, nobody can tell whether the server still runs.
OUTPUT = """<div>
<p><a href="{link}" target="_blank" rel="noopener">Open the page of the server</a> in a tab of its
own. If it does not open, run the first cell again, then this one.</p>
<script>{script}</script>
</div>"""

# A page that is not on loopback never asks for 127.0.0.1: the browser would ask the user for leave
# (Private Network Access). A notebook opened again runs this again, with the server gone.
SCRIPT = """
(async (here, {address, port, path, knock, secret, name, height}) => {
  const config = document.getElementById("jupyter-config-data");
  if (!config) return;
  const status = url => fetch(url + knock, {cache: "no-store", signal: AbortSignal.timeout(8000)})
    .then(response => response.status, () => 0);
  const open = url => {
    const frame = document.createElement("iframe");
    frame.src = url;
    frame.title = "A page of the server: " + path;
    frame.style = `width: 100%; height: ${height}px; border: 0; display: block`;
    here.replaceChildren(frame);
  };
  const say = text => here.replaceChildren(
    Object.assign(document.createElement("p"), {textContent: text}));

  const near = ["127.0.0.1", "localhost", "[::1]"].includes(location.hostname);
  if (near && await status(address) === 204) return open(address + path);
  const base = new URL(JSON.parse(config.textContent).baseUrl, location.origin);
  const proxied = new URL("proxy/" + port, base);
  const answer = await status(proxied);
  if (answer === 204) {
    const url = new URL(proxied + path);
    url.searchParams.set(name, secret);
    return open(url);
  }
  if (near || answer !== 404)
    return say("The server of this page is gone: run the first cell again, then this one.");
  here.firstElementChild.append(" This Jupyter does not pass the page on: jupyter-server-proxy is"
    + " not installed there, or turned off. The link works where the browser and the notebook's"
    + " kernel are on one machine.");
})(document.currentScript.parentElement, FACTS);
"""
