"""A training goes on from a bucket, and what it left there goes at its end; charts come back from there."""

from __future__ import annotations

import pytest
import torch
from s3fs import S3FileSystem

from assets.storage import BlobStore
from assets.training.run_folder import own_folder
from assets.training.run_store import RunStore, drop_abandoned_runs
from assets.training.snapshots import read_newest_snapshot, write_snapshot
from models.training.snapshot import Snapshot


@pytest.fixture
def store(settings) -> RunStore:
    assert settings.workspace.store is not None
    return RunStore(settings.workspace.store, "tiny-run")


def snapshot(step: int) -> Snapshot:
    return Snapshot({"net": torch.full((2, 3), float(step))}, {"step": step})


def list_keys(settings) -> list[str]:
    fs = S3FileSystem(**settings.file_options, skip_instance_cache=True)
    return [path.split("/blobs/")[1] for path in fs.find(settings.blobs_uri)]


def test_another_machine_goes_on_from_the_bucket(settings, store, tmp_path):
    for step in (1, 2):
        write_snapshot(tmp_path / "a", snapshot(step), store)
    assert store.names() == ["step-000000002"] and len(list_keys(settings)) == 3
    found = read_newest_snapshot(tmp_path / "b", store)
    assert found is not None and torch.equal(
        found.tensors["net"], torch.full((2, 3), 2.0)
    )
    with own_folder(tmp_path / "b", store):
        pass
    assert list_keys(settings) == []


def test_what_trainings_leave_is_no_blob_of_the_home(settings, store, tmp_path):
    write_snapshot(tmp_path / "a", snapshot(1), store)
    assert list(BlobStore(settings.blobs_uri, settings.file_options).names()) == []


def test_only_trainings_that_nobody_wrote_to_go(settings, store, tmp_path):
    write_snapshot(tmp_path / "a", snapshot(1), store)
    assert drop_abandoned_runs(store.store, 7) == []
    assert drop_abandoned_runs(store.store, -1) == ["tiny-run"]
    assert list_keys(settings) == []


def test_charts_lie_in_the_bucket(settings):
    place = settings.workspace.keep_plots("f" * 64, {"a b": b"\x89PNG"})
    assert place == f"{settings.blobs_uri}/reports/plots/{'f' * 16}"
    assert settings.workspace.read_plots("f" * 64) == {"a_b.png": b"\x89PNG"}
