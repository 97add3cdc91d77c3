"""The way from Dagster's pages to the frame browser: an address below them that leads there.

Belongs here: where a visitor finds the browser, by the name that the visitor called Dagster by. Does not: what is asked
there, which stands behind the # of the address, is kept by the visitor's browser, and comes to no server.
"""

from collections.abc import Sequence
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import RedirectResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from assets.browsing.links import ROOT

_HEADERS = {"Cache-Control": "no-store", "Referrer-Policy": "no-referrer"}
_NAMED = "browse"  # how the name of a browser behind a proxy begins


class BrowseLink:
    """Dagster's pages, and at /browse the way to the browser at `port`, or at the one of `origins` that is its."""

    def __init__(self, app: ASGIApp, port: int, origins: Sequence[str]) -> None:
        self._app = app
        self._port = port
        self._origins = origins

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Lead there, or hand on."""
        is_read = scope["type"] == "http" and scope["method"] in ("GET", "HEAD")
        if is_read and scope["path"] in (ROOT, f"{ROOT}/"):
            there = find_browser(Request(scope).url.netloc, self._port, self._origins)
            await RedirectResponse(f"{there}/", 303, _HEADERS)(scope, receive, send)
        else:
            await self._app(scope, receive, send)


def find_browser(host: str, port: int, origins: Sequence[str]) -> str:
    """The origin of the browser for who calls Dagster `host`, which the gate has let pass.

    Behind a proxy it is the origin that names its port, or whose name begins with "browse".
    """
    name = urlsplit(f"//{host}").hostname or host
    known = {origin: urlsplit(origin) for origin in origins}
    of_proxy = [
        origin
        for origin, parts in known.items()
        if parts.port == port or (parts.hostname or "").startswith(_NAMED)
    ]
    near = [origin for origin in of_proxy if known[origin].hostname == name]
    is_behind = any(parts.netloc == host for parts in known.values())
    if near or (is_behind and of_proxy):
        return (near or of_proxy)[0]
    return f"http://{name}:{port}"
