"""Every store is told of by its numbers, or as down: never by a number that is wrong."""

from __future__ import annotations

import hashlib
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from assets.tables.schemas import TABLES
from orchestration.metrics import families as f
from orchestration.metrics.families import FAMILIES, Family, Sample
from orchestration.metrics.scrape import Scraper, open_scraper
from orchestration.profiles import Settings, load_settings

from .conftest import DATED_NS

# Dagster and SQLAlchemy warn of their own
pytestmark = pytest.mark.filterwarnings("default")


def find(samples: list[Sample], family: Family) -> dict[tuple[str, ...], float]:
    found: dict[tuple[str, ...], float] = {}
    for sample in samples:
        if sample.family is family:
            found[sample.labels] = found.get(sample.labels, 0) + sample.value
    return found


def hash_files(home: Path) -> dict[str, str]:
    return {
        str(path): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(home.rglob("*"))
        if path.is_file() and not path.name.endswith(("-shm", "-wal"))
    }


def test_a_home_is_told_of_by_every_metric_and_not_changed(full_home: Settings) -> None:
    before = hash_files(full_home.home)
    told = open_scraper(full_home).scrape()
    assert hash_files(full_home.home) == before
    # those of serving come from its server
    mine = {one for one in FAMILIES if not one.name.startswith("daguerre_serving_")}
    assert {s.family for s in told} == mine - {f.LEFT_OUT}
    assert set(find(told, f.UP).values()) == {1}

    # the ledger and the landing zone
    files = {"ingested": 1, "quarantined": 2, "ignored": 0, "dropped": 0, "gone": 0}
    assert find(told, f.FILES) == {(o,): n for o, n in files.items()}
    assert find(told, f.SESSIONS_KNOWN) == {(): 1}
    assert find(told, f.SESSIONS_FORGOTTEN) == {(): 1}
    assert find(told, f.SESSIONS_FAILED) == {("listing",): 0, ("intake",): 1}
    assert find(told, f.CLAIMS) == {(): 1}
    assert find(told, f.SESSIONS_WAITING) == {(): 1}, "New One; monday was taken in"
    # reasons that are alike but for numbers and names are one
    assert find(told, f.QUARANTINED) == {
        ("file", "voc", "line # is no XML"): 2,
        ("record", "mcap", "message # of # does not decode"): 3,
    }

    # the tables
    assert find(told, f.TABLE_ROWS)["frames",] == 8
    assert find(told, f.SESSIONS_HELD)["frames",] == 2
    assert find(told, f.SESSIONS_HELD)["captures",] == 0
    assert find(told, f.SESSIONS_PUBLISHED)["frames",] == 2
    assert find(told, f.NEWEST_FRAME) == {("left",): DATED_NS / 1e9 + 2}
    assert find(told, f.UNDATED) == {(): 1}
    verdicts = {"drifted": 1, "stable": 1, "no verdict": 1}
    assert find(told, f.DRIFT) == {("detection", v): n for v, n in verdicts.items()}
    assert find(told, f.DRIFT_SENSORS) == {
        ("detection", "left", v): n for v, n in verdicts.items()
    }
    subjects = ("images", "answers", "request_images", "request_answers")
    followed = {("detection", subject) for subject in subjects}
    assert find(told, f.EVIDENCE).keys() == followed
    assert find(told, f.EVIDENCE)["detection", "request_images"] > 10
    assert find(told, f.EVIDENCE)["detection", "request_answers"] == 0
    assert find(told, f.REQUESTS) == {("detection",): 1}
    assert find(told, f.CHAMPION_VERSION) == {("detection",): 3}
    assert find(told, f.CHAMPION_SCORE) == {("detection", "map50"): 0.75}
    assert find(told, f.CHAMPION_SAMPLES) == {("detection",): 12}
    assert find(told, f.GATE_FLOOR) == {("detection", "map50"): 0.4}
    assert find(told, f.GATE_SPENT) == {("detection", "map50"): 0.005}

    # Dagster
    runs = find(told, f.RUNS)
    assert {labels: n for labels, n in runs.items() if n} == {
        ("assets", "success"): 1,
        ("train_detection", "failure"): 1,
    }
    # a first failure is a rise
    assert runs["ingest_session", "failure"] == runs["train_detection", "success"] == 0
    assert find(told, f.RUNS_OPEN) == {("train_detection", "queued"): 1}
    assert find(told, f.ROWS_RATE).keys() == {("capture/frames",)}
    assert find(told, f.ROWS_RATE)["capture/frames",] > 0

    # the disk
    ledger = (full_home.home / "ledger.db").stat().st_size
    wal = full_home.home / "ledger.db-wal"
    ledger += wal.stat().st_size if wal.exists() else 0
    assert find(told, f.STORE_BYTES)["ledger",] == ledger


def test_an_empty_home_is_up_and_stays_empty(settings: Settings) -> None:
    told = open_scraper(settings).scrape()
    assert set(find(told, f.UP).values()) == {1}
    assert find(told, f.SESSIONS_WAITING) == {(): 0}
    assert not find(told, f.RUNS) and not find(told, f.TABLE_ROWS)
    assert list(settings.home.iterdir()) == []


def test_a_store_that_is_damaged_is_down_and_has_no_number(full_home: Settings) -> None:
    (full_home.home / "ledger.db").write_bytes(b"no database at all" * 300)
    for suffix in ("-wal", "-shm"):
        (full_home.home / f"ledger.db{suffix}").unlink(missing_ok=True)
    told = open_scraper(full_home).scrape()
    up = find(told, f.UP)
    assert (up["ledger",], up["landing",], up["tables",]) == (0, 0, 1)
    assert not find(told, f.FILES) and not find(told, f.SESSIONS_WAITING)
    assert find(told, f.TABLE_ROWS)["frames",] == 8


def test_a_table_that_cannot_be_read_takes_all_numbers_of_tables(
    full_home: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    older = replace(TABLES["drift"], version=0)
    monkeypatch.setitem(TABLES, "drift", older)  # newer code has written it
    told = open_scraper(full_home).scrape()
    assert find(told, f.UP)["tables",] == 0
    for family in (f.TABLE_ROWS, f.SESSIONS_HELD, f.CHAMPION_VERSION, f.DRIFT):
        assert not find(told, family)


def test_a_server_that_is_away_is_down_and_its_password_is_not_told(
    home: Path, caplog: pytest.LogCaptureFixture
) -> None:
    away = "postgresql+psycopg://me:marker-77@127.0.0.1:1/nothing"
    settings = load_settings({"DAGUERRE_HOME": str(home), "DAGUERRE_MLFLOW": away})
    told = open_scraper(settings).scrape()
    assert find(told, f.UP)["registry",] == 0
    assert "registry cannot be read" in caplog.text
    assert "marker-77" not in caplog.text


def test_a_store_that_hangs_is_down_while_the_others_are_told() -> None:
    answer = threading.Event()

    def hang() -> list[Sample]:
        answer.wait(60)
        return [f.FREE_BYTES.at(7)]

    readers = {"slow": hang, "quick": lambda: [f.CLAIMS.at(2)]}
    scraper = Scraper(readers, patience_s=0.2)
    for _ in range(2):
        told = scraper.scrape()
        assert find(told, f.UP) == {("slow",): 0, ("quick",): 1}
        assert find(told, f.CLAIMS) == {(): 2} and not find(told, f.FREE_BYTES)
    assert sum(t.name.endswith("(_look)") for t in threading.enumerate()) == 1
    answer.set()
    told = Scraper.scrape(scraper)
    while not find(told, f.UP)["slow",]:
        told = scraper.scrape()
    assert find(told, f.FREE_BYTES) == {(): 7}


def test_a_store_that_fails_keeps_no_number_of_before() -> None:
    answers = [[f.CLAIMS.at(2)]]
    scraper = Scraper({"once": lambda: answers.pop()})
    assert find(scraper.scrape(), f.CLAIMS) == {(): 2}
    told = scraper.scrape()
    while find(told, f.UP) == {("once",): 1}:  # a look is worth a while
        told = scraper.scrape()
    assert find(told, f.UP) == {("once",): 0}
    assert not find(told, f.CLAIMS) and not find(told, f.READ_AT)
