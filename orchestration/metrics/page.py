"""The page /metrics: in front of the pages of `daguerre ui`, behind its gate, or alone on loopback.

Alone it asks for no token, as other exporters do: it can only be read, by programs of this machine. A page in a browser
that calls it by another name, or from another origin, gets nothing.
"""

from collections.abc import Sequence
from urllib.parse import urlsplit

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from orchestration.metrics.exposition import CONTENT_TYPE, write_text
from orchestration.metrics.scrape import Scraper

PATH = "/metrics"
_HEADERS = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}


class Metrics:
    """An application, and /metrics in front of it."""

    def __init__(self, app: ASGIApp, scraper: Scraper) -> None:
        self._app = app
        self._scraper = scraper

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer with the metrics, or hand on."""
        is_ours = scope["type"] == "http" and scope["path"] == PATH
        if is_ours and scope["method"] in ("GET", "HEAD"):
            answer = await _answer(self._scraper)
            await answer(scope, receive, send)
        else:
            await self._app(scope, receive, send)


def make_page(scraper: Scraper, origins: Sequence[str]) -> Starlette:
    """/metrics alone, for who calls it by one of the `origins`, such as http://127.0.0.1:9464."""

    async def answer(_: Request) -> Response:
        return await _answer(scraper)

    names = {urlsplit(origin).hostname or "" for origin in origins}
    known = Middleware(
        TrustedHostMiddleware, allowed_hosts=sorted(names), www_redirect=False
    )
    return Starlette(routes=[Route(PATH, answer)], middleware=[known])


async def _answer(scraper: Scraper) -> Response:
    samples = await run_in_threadpool(scraper.scrape)
    return Response(write_text(samples), media_type=CONTENT_TYPE, headers=_HEADERS)
