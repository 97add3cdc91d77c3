"""Metrics of a ledger on Postgres: the same numbers, and none while the server is away."""

from __future__ import annotations

from assets.ledger import FileOutcome, Ledger, database
from orchestration.metrics import families as f
from orchestration.metrics.families import Family, Sample
from orchestration.metrics.scrape import open_scraper
from orchestration.profiles import load_settings


def find(samples: list[Sample], family: Family) -> dict[tuple[str, ...], float]:
    return {s.labels: s.value for s in samples if s.family is family}


def test_a_ledger_is_down_with_its_server_and_up_with_it(
    postgres, home, monkeypatch
) -> None:
    url = postgres.make_database()
    ledger = Ledger(url)
    for session in ("monday", "tuesday"):
        broken = FileOutcome(session, "b", "1", 7, "quarantined", None, "voc", None)
        ledger.record(
            [FileOutcome(session, "a", "1", 7, "ingested", "c", "voc"), broken]
        )
    assert ledger.sessions() == ["monday", "tuesday"]
    ledger.engine.dispose()
    monkeypatch.setattr(database, "_RECONNECT_WAITS_S", ())
    settings = load_settings({"DAGUERRE_HOME": str(home), "DAGUERRE_LEDGER": url})
    told = open_scraper(settings, 60).scrape()
    assert find(told, f.UP)["ledger",] == 1
    files = find(told, f.FILES)
    assert (files["ingested",], files["quarantined",], files["gone",]) == (2, 2, 0)
    assert find(told, f.SESSIONS_KNOWN) == {(): 2}
    assert ("ledger",) not in find(told, f.STORE_BYTES)
    postgres.stop()
    try:
        told = open_scraper(settings, 60).scrape()
    finally:
        postgres.start()
    up = find(told, f.UP)
    assert (up["ledger",], up["landing",], up["tables",]) == (0, 0, 1)
    assert not find(told, f.FILES) and not find(told, f.SESSIONS_KNOWN)
    assert find(open_scraper(settings, 60).scrape(), f.UP)["ledger",] == 1
