"""The verb that tells Prometheus of the home."""

from typing import Annotated

import typer

from orchestration.cli.output import Json, say

_PATIENCE_S = 60.0  # of who waits himself


def metrics(
    port: Annotated[
        int, typer.Option(help="Port on 127.0.0.1.", min=1, max=65535)
    ] = 9464,
    once: Annotated[
        bool, typer.Option("--once", help="Print them once, as Prometheus reads them.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Serve the home's metrics for Prometheus on loopback, until interrupted. Changes nothing.

    With --once or --json they are printed once. `daguerre ui` serves them too, to who has its token. A store that does
    not answer has daguerre_up 0 and no numbers; then --once and --json exit 1.
    """
    from orchestration.metrics.exposition import to_facts, write_text
    from orchestration.metrics.families import UP
    from orchestration.metrics.scrape import open_scraper
    from orchestration.profiles import load_settings

    settings = load_settings()
    if not once and not as_json:
        from orchestration.metrics.server import serve

        return serve(settings, port)
    samples = open_scraper(settings, _PATIENCE_S).scrape()
    say(as_json, to_facts(samples) if as_json else None, write_text(samples).rstrip())
    is_whole = all(s.value for s in samples if s.family is UP)
    raise typer.Exit(0 if is_whole else 1)
