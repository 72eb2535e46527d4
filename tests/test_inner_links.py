"""Links within a lesson, clicked in a JupyterLab as it comes: far cells are not there yet."""

import re
import shutil
from urllib.parse import unquote

import pytest
from lab import Lab, open_notebook
from lessons import LESSONS, cells_of
from playwright.sync_api import expect

CELLS = ".jp-NotebookPanel:not(.lm-mod-hidden) .jp-WindowedPanel-outer"


def links_of(path):
    """The links to headings of the same lesson, each once: the farthest from its target first.

    A link is (href, words of its heading); how far it leads is counted in cells.
    """
    headings, found = {}, {}
    for cell in cells_of(path, "markdown"):
        for heading in re.findall(r"^#+ +(.+?) *$", cell.source, re.MULTILINE):
            words = re.sub(r"[*_`]", "", heading)
            headings[words.replace(" ", "-").lower()] = (words, cell.number)
        for href in re.findall(r"\]\((#[^)\s]+)\)", cell.source):
            found.setdefault(href, cell.number)
    links = []
    for href, number in found.items():
        words, target = headings[unquote(href[1:]).lower()]
        links.append((abs(number - target), href, words))
    return [link for _, *link in sorted(links, reverse=True)]


LINKED = [path for path in LESSONS if links_of(path)]


@pytest.fixture(scope="module")
def as_it_comes(chromium, tmp_path_factory):
    """JupyterLab with the settings that it comes with."""
    lab = Lab(tmp_path_factory.mktemp("as_it_comes"), windowing=None)
    yield lab
    lab.stop()


@pytest.mark.parametrize("path", LINKED, ids=lambda path: path.stem)
def test_links_lead_to_their_headings_in_a_notebook_just_opened(path, as_it_comes, page):
    """At one click each, the farthest first: the heights of cells not yet shown are guessed.

    All cells have to be there: until JupyterLab has made a cell, which it does once it is idle, a
    click on a link to it does nothing.
    """
    shutil.copy(path, as_it_comes.folder)
    page.set_viewport_size({"width": 1280, "height": 720})
    open_notebook(page, as_it_comes, name=path.name)
    expect(page.locator(CELLS).locator(".jp-Cell")).to_have_count(len(cells_of(path)))
    for href, words in links_of(path):
        bring_into_view(page, href).click()
        expect(page.locator(CELLS).get_by_role("heading", name=words)).to_be_in_viewport()
    assert not page.errors


DOWN = """panel => {
  const end = panel.scrollHeight - panel.clientHeight - 1;
  panel.scrollTop = panel.scrollTop < end ? panel.scrollTop + panel.clientHeight / 2 : 0; }"""


def bring_into_view(page, href):
    """The link, once scrolling down has brought it into the document; from the end, to the top."""
    panel = page.locator(CELLS)
    link = panel.locator(f'a:not(.jp-InternalAnchorLink)[href="{href}"]').first
    panel.evaluate("panel => { panel.scrollTop = 0; }")
    for _ in range(600):  # a busy machine may not have made a cell before it is scrolled away
        page.wait_for_timeout(100)
        if link.count():
            link.scroll_into_view_if_needed()
            return link
        panel.evaluate(DOWN)
    return pytest.fail(f"{href} is nowhere in the notebook")
