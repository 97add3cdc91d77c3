"""The server of `daguerre metrics`: one page, on loopback."""

import uvicorn

from orchestration.gated import list_origins
from orchestration.metrics.page import make_page
from orchestration.metrics.scrape import Scraper
from orchestration.profiles import Settings
from orchestration.ui import HOST, require_free


def serve(scraper: Scraper, settings: Settings, port: int) -> None:
    """Answer until a signal. Raises ValueError for a port that is taken."""
    require_free({"--port": port})
    page = make_page(scraper, list_origins(str(port), settings))
    uvicorn.run(
        page,
        host=HOST,
        port=port,
        access_log=False,
        log_level="warning",
        proxy_headers=False,
        timeout_graceful_shutdown=3,
    )
