"""What was changed in the registry behind our back is named; moving the home is no change."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from assets.registry.promotion import follow_home, submit
from assets.registry.verdict import GateRules
from assets.retrieval.verify import verify
from tests.assets.retrieval.conftest import open_tracker

VERSION = "daguerre-detection version 1"


@pytest.fixture
def now(promoted, tmp_path) -> Path:
    """A copy of the home, which has not been opened yet."""
    return Path(shutil.copytree(promoted, tmp_path / "now"))


def change(home: Path, statement: str) -> None:
    with closing(sqlite3.connect(home / "mlflow" / "mlflow.db")) as store:
        assert store.execute(statement).rowcount == 1
        store.commit()


def find_file(home: Path, name: str) -> Path:
    (found,) = (home / "mlflow" / "artifacts").rglob(name)
    return found


def test_a_copied_home_verifies_before_and_after_it_is_opened_to_write(
    now, promoted, open_stores
):
    checked = {}
    assert verify(open_stores(now), checked.__setitem__) == []
    assert checked["registered model"] == 1
    before = (now / "mlflow" / "mlflow.db").read_bytes()
    (line,) = follow_home(open_stores(now).catalog, open_tracker(now), dry_run=True)
    assert str(promoted) in line and str(now) in line
    assert (now / "mlflow" / "mlflow.db").read_bytes() == before
    assert follow_home(open_stores(now).catalog, open_tracker(now)) == [line]
    assert follow_home(open_stores(now).catalog, open_tracker(now)) == []
    assert verify(open_stores(now)) == []


def test_each_damage_is_named_alone(now, open_stores):
    """One home for all: each is undone before the next."""
    stores = open_stores(now)
    for name in (
        "model.onnx",
        "MLmodel",
        "requirements.txt",
        "curve.png",
        "model_card.md",
        "version_1.json",
    ):
        path = find_file(now, name)
        content = path.read_bytes()
        flipped = bytearray(content)
        flipped[len(content) // 2] ^= 4
        path.write_bytes(flipped)
        (found,) = verify(stores)
        assert (found.kind, found.id) == ("registered model", VERSION)
        assert found.reason.endswith("has changed") and name in found.reason
        path.unlink()
        assert f"{name} is gone" in verify(stores)[0].reason
        path.write_bytes(content)
    store = now / "mlflow" / "mlflow.db"
    whole = store.read_bytes()
    tag = "UPDATE model_version_tags SET value = value || '0' WHERE key = "
    for statement, reason in (
        (f"{tag} 'release_id'", "its tag release_id is"),
        (f"{tag} 'seed'", "its tag seed is '70', registered was '7'"),
        ("UPDATE params SET value = '3' WHERE key = 'epochs'", "the params of its run"),
        ("UPDATE metrics SET value = 0.8 WHERE key = 'mAP50'", "the metrics of its"),
        (
            "UPDATE model_version_tags SET value = 'x' WHERE key = 'model_sha256'",
            "the table of models does not have its weights x",
        ),
    ):
        change(now, statement)
        assert verify(stores)[0].id == VERSION
        assert reason in verify(stores)[0].reason
        store.write_bytes(whole)
    assert verify(stores) == []


def test_a_seal_that_is_gone_or_changed_is_named(now, open_stores):
    stores = open_stores(now)
    (seal,) = (now / "mlflow" / "artifacts").rglob("seal/*.json")
    content = seal.read_bytes()
    seal.write_bytes(content.replace(b"7", b"6", 1))
    assert "has changed" in verify(stores)[0].reason
    seal.unlink()
    assert "is gone" in verify(stores)[0].reason
    seal.write_bytes(content)
    assert verify(stores) == []


def test_an_alias_that_was_deleted_or_moved_is_named_and_put_back_by_the_remedy(
    now, open_stores
):
    stores = open_stores(now)
    change(now, "DELETE FROM registered_model_aliases WHERE alias = 'champion'")
    (found,) = verify(stores)
    assert found.id == "champion of detection"
    assert found.reason == "MLflow names none, the table version 1"
    assert "daguerre upgrade" in found.remedy
    assert len(follow_home(stores.catalog, open_tracker(now))) == 2  # it was moved, too
    assert verify(stores) == []
    assert open_tracker(now).champion("detection").version == 1


def test_a_champion_and_a_store_that_are_gone_are_named(now, open_stores):
    change(now, "DELETE FROM model_versions")
    assert "champion of detection" in [f.id for f in verify(open_stores(now))]
    (now / "mlflow" / "mlflow.db").unlink()
    (found,) = verify(open_stores(now))
    assert found.id == "store" and "is gone" in found.reason


def test_a_store_with_a_broken_page_is_named(now, open_stores):
    store = now / "mlflow" / "mlflow.db"
    content = bytearray(store.read_bytes())
    page = content.index(b"dagster_run_id") // 4096 * 4096
    content[page : page + 8] = b"\xff" * 8
    store.write_bytes(content)
    assert any(f.kind == "registered model" for f in verify(open_stores(now)))


def test_a_version_from_before_seals_is_held_against_its_hashes(now, open_stores):
    stores = open_stores(now)
    stores.catalog.delete("pointers", "pointer LIKE 'sealed/%'")
    assert verify(stores) == []
    path = find_file(now, "model.onnx")
    path.write_bytes(path.read_bytes() + b"!")
    assert "model.onnx has changed" in verify(stores)[0].reason


def test_what_is_submitted_again_is_sealed_again(now, open_stores):
    stores = open_stores(now)
    (model,) = stores.catalog.read_latest("models").to_pylist()
    rules = GateRules("mAP50", floor=0.95, max_drop=0.1, min_test_samples=1)
    folder = now / model["folder"]
    submit(stores.catalog, open_tracker(now), folder, {"a": True}, "run", rules=rules)
    assert verify(stores) == []
