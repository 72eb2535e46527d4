"""The front page of the finished server: fetch and EventSource side by side, with a clock.

It is made of the files in the folder `page`, which are put into one document at each request.
"""

import re
import secrets
from pathlib import Path

from fastapi import APIRouter
from fastapi.responses import HTMLResponse

from labserver.guard import LOOPBACK

PAGE = Path(__file__).with_name("page")  # the folder
PART = re.compile(r'nonce="">([a-z_]+\.(?:css|js))<')  # of the page: a style or a script
# Only scripts and styles with the nonce run, and they reach this server alone. A page on this
# machine, such as Jupyter's, may show it in a frame. (A policy cannot name an IPv6 address.)
POLICY = (
    "default-src 'none'; script-src 'nonce-{0}'; style-src 'nonce-{0}'; connect-src 'self'; "
    "img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'self' "
) + " ".join(f"{name}:*" for name in sorted(LOOPBACK) if ":" not in name)

router = APIRouter()


@router.get("/", response_class=HTMLResponse)
def page() -> HTMLResponse:
    """The page: fetch and EventSource side by side, with a clock."""
    nonce = secrets.token_urlsafe()
    headers = {
        "Content-Security-Policy": POLICY.format(nonce),
        "Referrer-Policy": "no-referrer",
        "Cache-Control": "no-store",
        "X-Content-Type-Options": "nosniff",
    }
    return HTMLResponse(page_text(nonce), headers=headers)


def page_text(nonce: str) -> str:
    """The page with its style and scripts in it.

    At addresses of their own, guard.py would refuse them where only its secret lets the page in.
    """

    def written_out(part: re.Match[str]) -> str:
        return f'nonce="{nonce}">\n{(PAGE / part[1]).read_text("utf-8")}<'

    return PART.sub(written_out, (PAGE / "index.html").read_text("utf-8"))
