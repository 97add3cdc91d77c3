"""The newest sound snapshot counts; a training's folder belongs to one process and outlives a crash."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from assets.training.run_folder import own_folder
from assets.training.run_store import RunStore, drop_abandoned_runs
from assets.training.snapshots import read_newest_snapshot, write_snapshot
from assets.workspace import Elsewhere
from models.training.snapshot import Snapshot

CHECKOUT = Path(__file__).resolve().parents[3]


def snapshot(step: int) -> Snapshot:
    return Snapshot(
        {
            "net.weight": torch.full((2, 3), float(step)),
            "optimizer.0.step": torch.tensor(step),
        },
        {"step": step},
    )


def test_what_was_written_is_read_and_only_the_newest_is_kept(tmp_path):
    assert read_newest_snapshot(tmp_path) is None
    for step in (9, 10, 1000):
        write_snapshot(tmp_path, snapshot(step))
    found = read_newest_snapshot(tmp_path)
    assert found is not None and found.facts == {"step": 1000}
    assert torch.equal(found.tensors["net.weight"], torch.full((2, 3), 1000.0))
    assert [p.name for p in tmp_path.iterdir()] == ["step-000001000"]


@pytest.mark.parametrize("damage", ["flip", "cut", "no manifest"])
def test_a_damaged_snapshot_is_passed_over(tmp_path, damage, caplog):
    write_snapshot(tmp_path, snapshot(1))
    kept = tmp_path / "step-000000001"
    aside = tmp_path / "kept"
    kept.rename(aside)
    write_snapshot(tmp_path, snapshot(2))
    aside.rename(kept)
    newest = tmp_path / "step-000000002"
    weights = newest / "weights.safetensors"
    if damage == "flip":
        content = bytearray(weights.read_bytes())
        content[-3] ^= 1
        weights.write_bytes(content)
    elif damage == "cut":
        weights.write_bytes(weights.read_bytes()[:-4])
    else:
        (newest / "manifest.json").unlink()
    with caplog.at_level("WARNING", logger="daguerre.training"):
        found = read_newest_snapshot(tmp_path)
    assert found is not None and found.facts["step"] == 1
    assert "step-000000002" in caplog.text


def test_a_folder_stays_after_a_crash_and_goes_after_success_or_a_users_mistake(
    tmp_path,
):
    folder = tmp_path / "run"
    with pytest.raises(RuntimeError), own_folder(folder):
        (folder / "work").write_text("half")
        raise RuntimeError("a crash")
    with own_folder(folder):
        assert (folder / "work").read_text() == "half"
    assert not folder.exists()
    with pytest.raises(ValueError, match="lower"), own_folder(folder):
        raise ValueError("lower the rate")
    assert not folder.exists()


def test_a_second_process_is_told_that_the_training_is_under_way(tmp_path):
    folder = tmp_path / "run"
    code = (
        "import sys\nfrom pathlib import Path\nfrom assets.training.run_folder import own_folder\n"
        "with own_folder(Path(sys.argv[1])): pass"
    )
    command = [sys.executable, "-c", code, str(folder)]
    with own_folder(folder):
        other = subprocess.run(
            command, cwd=CHECKOUT, capture_output=True, text=True, check=False
        )
    assert other.returncode == 1 and "under way in another process" in other.stderr


@pytest.fixture
def store(tmp_path) -> RunStore:
    return RunStore(Elsewhere(str(tmp_path / "shared")), "tiny-run")


def files_of(store: RunStore) -> list[Path]:
    return [p for p in Path(store.store.uri).rglob("*") if p.is_file()]


def test_another_machine_goes_on_from_the_newest_that_was_stored(tmp_path, store):
    for step in (9, 10):
        write_snapshot(tmp_path / "here", snapshot(step), store)
    assert store.names() == ["step-000000010"] and len(files_of(store)) == 3
    found = read_newest_snapshot(tmp_path / "there", store)
    assert found is not None and found.facts == {"step": 10}
    assert torch.equal(found.tensors["net.weight"], torch.full((2, 3), 10.0))
    write_snapshot(tmp_path / "there", snapshot(20), store)
    back = read_newest_snapshot(tmp_path / "here", store)
    assert back is not None and back.facts == {"step": 20}


def test_what_did_not_come_to_the_store_does_not_count(tmp_path, store):
    """A worker that is killed while it stores a snapshot has it alone: the others would go on from another."""
    write_snapshot(tmp_path / "here", snapshot(1), store)
    write_snapshot(tmp_path / "here", snapshot(2))
    found = read_newest_snapshot(tmp_path / "here", store)
    assert found is not None and found.facts == {"step": 1}


@pytest.mark.parametrize("damage", ["flip", "gone", "manifest", "no manifest"])
def test_a_damaged_one_in_the_store_is_passed_over(tmp_path, store, damage, caplog):
    write_snapshot(tmp_path / "a", snapshot(1), store)
    whole = {p: p.read_bytes() for p in files_of(store)}
    write_snapshot(tmp_path / "a", snapshot(2), store)
    manifest = next(p for p in files_of(store) if p.name == "step-000000002.json")
    blob = max(
        (p for p in files_of(store) if p != manifest), key=lambda p: p.stat().st_size
    )
    if damage == "flip":
        content = bytearray(blob.read_bytes())
        content[-3] ^= 1
        blob.write_bytes(content)
    elif damage == "gone":
        blob.unlink()
    elif damage == "manifest":
        manifest.write_bytes(manifest.read_bytes().replace(b'"facts', b'"fakts'))
    else:
        manifest.unlink()
    for path, content in whole.items():
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content)
    found = read_newest_snapshot(tmp_path / "b", store)
    assert found is not None and found.facts == {"step": 1}
    assert ("passed over" in caplog.text) == (damage != "no manifest")


def test_a_damaged_one_of_this_machine_comes_from_the_store(tmp_path, store):
    write_snapshot(tmp_path / "a", snapshot(3), store)
    (tmp_path / "a" / "step-000000003" / "weights.safetensors").write_bytes(b"cut")
    found = read_newest_snapshot(tmp_path / "a", store)
    assert found is not None and found.facts == {"step": 3}


def test_what_was_stored_goes_with_the_folder_and_stays_after_a_crash(tmp_path, store):
    with pytest.raises(RuntimeError), own_folder(tmp_path / "run", store):
        write_snapshot(tmp_path / "run", snapshot(1), store)
        raise RuntimeError("a crash")
    assert store.names() == ["step-000000001"]
    with own_folder(tmp_path / "run", store):
        pass
    assert files_of(store) == []


def test_a_training_that_nobody_goes_on_with_goes_and_others_stay(tmp_path, store):
    other = RunStore(store.store, "another")
    for one in (store, other):
        write_snapshot(tmp_path / one.run, snapshot(1), one)
    old_s = time.time() - 8 * 86_400
    for path in (tmp_path / "shared" / "trainings" / "tiny-run").rglob("*"):
        os.utime(path, (old_s, old_s))
    assert drop_abandoned_runs(store.store, 7) == ["tiny-run"]
    assert (store.names(), other.names()) == ([], ["step-000000001"])
