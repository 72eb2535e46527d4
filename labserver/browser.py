"""Show a page of the server in the notebook, wherever the browser runs."""

import html
import json
from secrets import token_urlsafe
from urllib.parse import urlsplit

from labserver import current
from labserver.guard import LIVENESS_PATH, LOOPBACK, SECRET, SECRET_NAME, hub_prefix

AGAIN = "run this notebook's cells from the top down to this one"


def show(path: str = "/", height: int = 600) -> "Page":
    """A page of the server that `serve` started, in the notebook.

    The page is in a frame, `height` pixels high, or as high as the window leaves room for. The
    frame takes an address that the browser can reach: 127.0.0.1 where the browser runs on this
    machine, elsewhere Jupyter's own address, through jupyter-server-proxy.

    Raises RuntimeError when nothing is served, ValueError for a path that does not start with /.
    """
    lab = current.running()
    if lab is None:
        raise RuntimeError("No server is running: serve an app first, with serve(app).")
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
        # A browser writes ::1 in brackets, so it is none of these. A page from there goes through
        # the proxy: the policy of our page cannot name such an address as one that may frame it.
        facts = {"near": sorted(LOOPBACK), "again": AGAIN, "port": port, "liveness": LIVENESS_PATH}
        facts |= {**vars(self), "secret": SECRET, "name": SECRET_NAME}
        facts["id"] = id = f"labserver-{token_urlsafe(8)}"
        script = SCRIPT.replace("FACTS", json.dumps(facts).replace("<", r"\u003c"))
        link = html.escape(address + _with_secret(self.path))
        return OUTPUT.format(id=id, link=link, again=AGAIN, script=script)


def _with_secret(path: str) -> str:
    url = urlsplit(path)
    query = f"{url.query}&" if url.query else ""
    return url._replace(query=f"{query}{SECRET_NAME}={SECRET}").geturl()


# Where no script runs, in a notebook that is not trusted or outside Jupyter, the output is a link.
# Nothing there can tell whether the server still runs.
OUTPUT = """<div id="{id}">
<p><a href="{link}" target="_blank" rel="noopener">Open the page of the server</a> in a tab of its
own. If it does not open, {again}.</p>
<script>{script}</script>
</div>"""

# A page that is not on loopback never asks for 127.0.0.1: the browser would ask the user for
# permission (Private Network Access). A notebook that is opened again runs this script again, when
# the server may be gone. JupyterLab names its theme on the body; the classic notebook (nbclassic)
# is light, and runs the script apart from its output, a moment before that is in the page.
SCRIPT = """
(async (script, {address, port, path, liveness, secret, name, height, near, again, id}) => {
  await null;
  const config = document.getElementById("jupyter-config-data");
  const {baseUrl} = config ? JSON.parse(config.textContent) : document.body.dataset;
  if (!baseUrl) return;
  const here = script.parentElement ?? document.getElementById(id);
  const options = () => ({cache: "no-store", signal: AbortSignal.timeout(8000)});
  const status = url => fetch(url + liveness, options())
    .then(response => response.status, () => 0);
  const open = url => {
    const frame = document.createElement("iframe");
    const tell = () => {
      frame.name = document.body.dataset.jpThemeLight === "false" ? "dark" : "light";
      frame.contentWindow?.postMessage({theme: frame.name}, new URL(url).origin);
    };
    frame.title = "A page of the server: " + path;
    frame.style = `width: 100%; height: min(${height}px, 100vh - 140px); border: 0`;
    frame.style.display = "block";
    tell();
    frame.onload = tell;
    new MutationObserver(tell).observe(document.body, {attributeFilter: ["data-jp-theme-light"]});
    frame.src = url;
    here.replaceChildren(frame);
  };
  const say = text => here.replaceChildren(
    Object.assign(document.createElement("p"), {textContent: text}));

  const direct = near.includes(location.hostname);
  if (direct && await status(address) === 204) return open(address + path);
  const base = new URL(baseUrl, location.origin);
  const proxied = new URL("proxy/" + port, base);
  const answer = await status(proxied);
  if (answer === 204) {
    const url = new URL(proxied + path);
    url.searchParams.set(name, secret);
    return open(url);
  }
  if (direct || answer !== 404) return say(`The server of this page is gone: ${again}.`);
  here.firstElementChild.append(" This Jupyter does not pass the page on: jupyter-server-proxy is"
    + " not installed there, or turned off. The link works where the browser and the notebook's"
    + " kernel are on one machine.");
})(document.currentScript, FACTS);
"""
