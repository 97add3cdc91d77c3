"""Homes that earlier commits wrote open: what they hold is read, published and proven as it was."""

from __future__ import annotations

import tarfile
from dataclasses import replace
from pathlib import Path

import pytest

from assets.capture.intake import Intake
from assets.curation.clusters import update_clusters
from assets.ledger import Ledger
from assets.retrieval.verify import Stores, verify
from assets.storage import BlobStore, Folder
from assets.tables.catalog import Catalog
from assets.tables.migrate import upgrade_tables
from assets.tables.releases import open_release
from assets.tables.schema_versions import SchemaMoved, version_of
from assets.tables.schemas import TABLES
from checks.gates import INTAKE_TABLES, gate_session
from tests.homes.make import MODEL, SESSIONS, draw_session

HOMES = Path(__file__).parent
# from before tables had a version, and from before these tables had the one that came next
UNVERSIONED = ("before_clocks", "before_segmentation", "before_versions")
MOVED = {
    "before_laser_scans": {"scans", "models", "champions"},
    "before_shared_models": {"models", "champions"},
    "before_promotions": {"champions"},
}
RELEASE = "0715f92ed4f80973512974542eb1453f"  # the same pictures and labels, by any of the commits


@pytest.fixture(params=[*UNVERSIONED, *MOVED])
def name(request) -> str:
    return request.param


@pytest.fixture
def stores(name, tmp_path) -> Stores:
    home = tmp_path / "home"
    with tarfile.open(HOMES / f"{name}.tar.xz") as packed:
        packed.extractall(home, filter="data")
    ledger = Ledger(f"sqlite:///{home / 'ledger.db'}")
    return Stores(
        Catalog(str(home / "tables")), ledger, BlobStore(str(home / "blobs")), home
    )


def list_stored(catalog: Catalog) -> list[str]:
    return [name for name in TABLES if catalog.exists(name)]


def test_what_was_published_is_read_without_an_upgrade(stores):
    labels = stores.catalog.read("labels")
    assert len(labels) == 12 and labels.schema.names == TABLES["labels"].schema.names
    assert sorted(set(labels["class_name"].to_pylist())) == ["bolt", "nut"]
    assert stores.catalog.read("frames", ["payload"])["payload"].null_count == 0
    assert (
        version_of(stores.catalog.dataset("labels").schema) == TABLES["labels"].version
    )


def test_an_upgrade_is_done_once_and_everything_verifies(stores, name):
    is_older = (
        "input_sha256" not in stores.catalog.open_stored("unique_frames").schema.names
    )
    planned = list(upgrade_tables(stores.catalog, is_dry_run=True))
    assert [u.table for u in planned if u.refusal] == [] and {
        u.table for u in planned
    } == set(list_stored(stores.catalog))
    moved = {u.table for u in planned if u.steps}
    if name in MOVED:
        assert moved >= MOVED[name] and "frames" not in moved
    else:
        assert all(u.stored_version == 0 and u.steps for u in planned)
    assert list(upgrade_tables(stores.catalog, is_dry_run=True)) == planned, (
        "a dry run changes nothing"
    )
    assert list(upgrade_tables(stores.catalog)) == planned
    assert [u for u in upgrade_tables(stores.catalog) if u.steps] == []
    rows = stores.catalog.read("unique_frames").to_pylist()
    assert len(rows) == 12 and all(len(r["input_sha256"]) in (32, 64) for r in rows)
    assert ({r["code_version"] for r in rows} == {"0"}) == is_older
    if name in MOVED:  # its model is a row alone
        assert stores.catalog.read_latest("models").num_rows == 1
        stores.catalog.delete("models", "true")
        stores.catalog.delete("champions", "true")
    assert verify(stores) == []


@pytest.mark.parametrize("name", MOVED)
def test_what_came_later_is_null_in_rows_that_stay_as_they_were(stores, name):
    (before,) = stores.catalog.open_stored("models").to_table().to_pylist()
    list(upgrade_tables(stores.catalog))
    (model,) = stores.catalog.read_latest("models").to_pylist()
    (champion,) = stores.catalog.read_latest("champions").to_pylist()
    assert model == {"facts_sha256": None, **before}
    assert champion["model_sha256"] == model["model_sha256"] == MODEL["model_sha256"]
    assert champion["promotion_id"] is None
    (scan,) = stores.catalog.read("scans").to_pylist()
    assert (scan["encoding"], scan["num_points"]) == ("pcd", 3)


def test_a_home_of_newer_code_is_refused_with_a_sentence(tmp_path, monkeypatch):
    """As this code is to what will come."""
    with tarfile.open(HOMES / "before_promotions.tar.xz") as packed:
        packed.extractall(tmp_path, filter="data")
    catalog = Catalog(str(tmp_path / "tables"))
    monkeypatch.setitem(TABLES, "models", replace(TABLES["models"], version=1))
    (refused,) = [u for u in upgrade_tables(catalog) if u.refusal]
    assert (refused.table, refused.steps) == ("models", ())
    assert "has schema version 2, this Daguerre knows 1" in refused.refusal
    assert version_of(catalog.open_stored("models").schema) == 2
    assert version_of(catalog.open_stored("champions").schema) > 2, "others go on"


def test_rows_that_have_to_be_migrated_are_not_read_before(stores):
    if "input_sha256" in stores.catalog.open_stored("unique_frames").schema.names:
        assert len(stores.catalog.read("unique_frames")) == 12
        return
    for read in (stores.catalog.read, stores.catalog.read_latest):
        with pytest.raises(SchemaMoved, match="daguerre upgrade"):
            read("unique_frames")
    with pytest.raises(SchemaMoved, match="daguerre upgrade"):
        gate_session(stores.catalog, "unique_frames", None)
    assert not any(
        d["is_held"] for d in stores.catalog.publications("unique_frames")
    ), "no verdict, nothing held"


def test_a_release_opens_and_clusters_go_on(stores):
    before = stores.catalog.pointed("release/detection")
    list(upgrade_tables(stores.catalog))
    release = open_release(stores.catalog, before)
    assert before == RELEASE and len(release.frames) == 12
    assert update_clusters(stores.catalog).total == 12


@pytest.mark.parametrize("name", [*UNVERSIONED, "before_laser_scans"])
def test_gates_hold_nothing_and_intake_knows_the_files(stores, tmp_path):
    for session, seed in SESSIONS.items():
        draw_session(tmp_path / session, seed)
        intake = Intake(stores.catalog, stores.ledger, stores.blobs, "test")
        intake.ingest(Folder(str(tmp_path / session)), session)
        assert [
            v.summary
            for t in INTAKE_TABLES
            for v in gate_session(stores.catalog, t, session)
            if v.stops
        ] == []
    assert (
        len(stores.catalog.read("frames")) == 12
        and len(stores.catalog.read("labels")) == 12
    )
