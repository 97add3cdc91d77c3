"""The server of `daguerre metrics`: one page, on loopback."""

import uvicorn

from orchestration.log_lines import tell
from orchestration.metrics.page import PATH, make_page
from orchestration.metrics.scrape import open_scraper
from orchestration.ports import list_origins, require_free
from orchestration.profiles import LOOPBACK, Settings


def serve(settings: Settings, port: int) -> None:
    """Answer until a signal. Raises ValueError for a port that is taken."""
    require_free({"--port": port})
    scraper = open_scraper(settings)
    # loads what reads the stores, which takes longer than a scrape
    scraper.scrape()
    tell(f"http://{LOOPBACK}:{port}{PATH}")
    page = make_page(scraper, list_origins(str(port), settings))
    uvicorn.run(
        page,
        host=LOOPBACK,
        port=port,
        access_log=False,
        log_level="warning",
        proxy_headers=False,
        timeout_graceful_shutdown=3,
    )
