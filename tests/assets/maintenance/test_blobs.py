"""Blobs that nothing names go, after a week; every kind of row keeps its own, those of pinned versions too."""

from __future__ import annotations

import io
import time
from dataclasses import replace

import pytest

from assets.inference.model_store import store_package
from assets.inference.package import open_package
from assets.ledger import FileOutcome
from assets.maintenance import blobs as of_blobs
from assets.maintenance.blobs import ELSEWHERE
from assets.maintenance.home import BLOB, Stores, maintain
from assets.sandbox.video_places import Key, VideoPlace
from assets.storage import BlobStore
from assets.tables.catalog import Catalog
from assets.tables.commits import pin
from assets.tables.schemas import TABLES, content_id, to_table
from bench.synthetic_home import plain_row

PLACES = ("captures", "scans", "gone", "ledger", "video", "released video")


@pytest.fixture
def stores(stores) -> Stores:
    """Whatever was written before a call is old then."""
    return replace(stores, keep_days=-1)


def put(stores: Stores, content: bytes) -> str:
    return stores.catalog.blobs.put(io.BytesIO(content))


def add_row(stores: Stores, table: str, **facts) -> None:
    key = {TABLES[table].key: content_id(repr(sorted(facts)), table, str(facts))}
    session = {"session": "monday"} if TABLES[table].has_session else {}
    row = plain_row(table, {**key, **session, **facts})
    stores.catalog.merge(table, to_table(TABLES[table], [row]))


def add_video(stores: Stores, sha256: str) -> None:
    place = VideoPlace(sha256, "mov", 0, Key(0, 0, 0), 0, 0, 0, 0)
    add_row(stores, "frames", encoding="video", payload=place.pack())


@pytest.fixture
def named(stores) -> dict[str, str]:
    """A blob for each kind of row that names one, by what names it."""
    found = {place: put(stores, place.encode()) for place in PLACES}
    add_row(stores, "captures", sha256=found["captures"])
    add_row(stores, "scans", blob_sha256=found["scans"])
    add_row(stores, "gone", sha256=found["gone"])
    outcome = FileOutcome(
        "monday", "notes.txt", "1", 1, "ignored", None, "", found["ledger"]
    )
    stores.ledger.record([outcome])
    add_video(stores, found["released video"])
    dataset = stores.catalog.dataset("frames")
    pin(dataset, "release-b", dataset.version)
    stores.catalog.delete("frames", "encoding = 'video'")
    add_video(stores, found["video"])
    return found


def list_gone(stores: Stores) -> list[str]:
    return [r.path.rsplit("/")[-1] for r in maintain(stores).removed if r.why == BLOB]


def test_a_blob_that_nothing_names_goes_and_all_others_stay(stores, named, at_once):
    orphan = put(stores, b"orphan")
    told = [r.path for r in maintain(stores, is_dry_run=True).removed]
    assert told == [f"blobs/{orphan[:2]}/{orphan}"]
    assert list_gone(stores) == [orphan]
    assert set(stores.catalog.blobs.names()) == set(named.values())
    assert list_gone(stores) == []


def test_the_files_of_a_stored_model_stay(stores, named, encoder):
    """Its row names its facts alone, and these name the rest."""
    blobs = stores.catalog.blobs
    package = open_package(encoder)
    facts = store_package(blobs, package)
    add_row(stores, "models", facts_sha256=facts)
    files = set(package.hashes.values())
    assert len(files) > 1 and files <= set(blobs.names())
    assert list_gone(stores) == []
    (stores.home / "blobs" / facts[:2] / facts).unlink()
    assert list_gone(stores) == [] and "is gone" in maintain(stores).failed[0]
    assert files - {facts} <= set(blobs.names())


def test_a_young_one_may_be_on_its_way_and_stays(stores, named):
    put(stores, b"orphan")
    assert list_gone(replace(stores, keep_days=7)) == []


def test_one_that_is_met_after_nobody_named_it_stays(stores, named, monkeypatch):
    """It was left by a worker that died; now another has the same file, and its rows come last."""
    orphan = put(stores, b"orphan")
    path = stores.home / "blobs" / orphan[:2] / orphan
    before = path.stat()
    find = of_blobs.find_unnamed

    def meet(*given):
        found = find(*given)
        assert found == ([orphan], "")
        now_s = time.time()
        while path.stat().st_ctime <= now_s:
            put(stores, b"orphan")
        return found

    monkeypatch.setattr("assets.maintenance.home.find_unnamed", meet)
    assert list_gone(replace(stores, keep_days=0)) == []
    after = path.stat()
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


def test_blobs_outside_of_the_home_may_be_those_of_others(stores, named, tmp_path):
    elsewhere = Catalog(stores.catalog.uri, blobs_uri=str(tmp_path / "shared"))
    other = replace(stores, catalog=elsewhere)
    BlobStore(str(tmp_path / "shared")).put(io.BytesIO(b"of another home"))
    care = maintain(other)
    assert care.removed == [] and care.kept == [ELSEWHERE]


def test_without_its_captures_nobody_knows_what_is_named(stores):
    put(stores, b"orphan")
    care = maintain(stores)
    assert care.removed == [] and "no table of captures" in care.kept[0]


def test_a_table_that_cannot_be_read_keeps_all_blobs(stores, named, monkeypatch):
    orphan = put(stores, b"orphan")

    def refuse(*_):
        raise OSError("scans cannot be read")

    monkeypatch.setattr(of_blobs, "_list_of_table", refuse)
    care = maintain(stores)
    assert care.failed == ["blobs: scans cannot be read"]
    assert stores.catalog.blobs.exists(orphan)


def test_room_of_deleted_rows_is_given_back(stores):
    """A session of ten thousand files, forgotten again."""
    outcomes = [
        FileOutcome("monday", f"{n:05d}.txt", "1", 1, "ignored", None, "", "d" * 64)
        for n in range(10_000)
    ]
    kept = FileOutcome("tuesday", "a.txt", "1", 1, "ignored", None, "", "e" * 64)
    stores.ledger.record([*outcomes, kept])
    stores.ledger.forget(outcomes)
    path = stores.home / "ledger.db"
    told = maintain(stores, is_dry_run=True).ledger_bytes
    assert told > 1 << 20
    assert maintain(stores).ledger_bytes == told
    assert path.stat().st_size < 1 << 20
    assert stores.ledger.file_table()["path"].to_pylist() == ["a.txt"]
    assert [fault for fault in stores.ledger.find_faults() if fault] == []
    assert maintain(stores).ledger_bytes == 0
