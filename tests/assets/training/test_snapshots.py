"""The newest sound snapshot counts; a training's folder belongs to one process and outlives a crash."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import torch

from assets.training.run_folder import own_folder
from assets.training.snapshots import read_newest_snapshot, write_snapshot
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
