"""Seeded faults in every kind of stored object that a release depends on: each is found and named."""

from __future__ import annotations

import numpy as np
import pytest

from assets.inference.checkpoint import read_checkpoint
from assets.inference.package import open_package
from assets.retrieval.verify import verify
from assets.tables.releases import open_release
from bench.prove.flips import build_home, damage, list_targets


@pytest.fixture(scope="module")
def stores(tmp_path_factory):
    return build_home(tmp_path_factory.mktemp("rot"))


def test_sixty_seeded_faults_are_found_and_named(stores):
    assert verify(stores) == []
    kinds = set(list_targets(stores))
    assert kinds >= {
        "blob",
        "table data",
        "manifest",
        "deletion",
        "transaction",
        "tag",
        "seal",
        "model",
        "checkpoint",
    }
    done = damage(stores, 60, np.random.default_rng(4))
    assert (done["flips"], done["flips_found"], done["flips_missed"]) == (60, 60, [])
    assert verify(stores) == [], "every fault was undone"


@pytest.mark.parametrize("name", ["model.safetensors", "model.onnx", "model.json"])
def test_no_bit_of_a_model_file_may_change_before_it_is_served(stores, name):
    path = next(t.path for t in list_targets(stores)["model"] if t.path.name == name)
    content = path.read_bytes()
    try:
        for at in np.linspace(0, len(content) - 1, 25).astype(int):
            path.write_bytes(
                content[:at] + bytes([content[at] ^ 8]) + content[at + 1 :]
            )
            with pytest.raises(ValueError, match=name.replace(".", r"\.")):
                open_package(path.parent)
    finally:
        path.write_bytes(content)
    assert open_package(path.parent).facts.task == "detection"


@pytest.mark.parametrize("name", ["weights.safetensors", "facts.json", "manifest.json"])
def test_no_bit_of_a_checkpoint_may_change_before_a_training_goes_on_from_it(
    stores, name
):
    path = next(
        t.path for t in list_targets(stores)["checkpoint"] if t.path.name == name
    )
    content = path.read_bytes()
    try:
        for at in np.linspace(0, len(content) - 1, 25).astype(int):
            path.write_bytes(
                content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :]
            )
            with pytest.raises(ValueError, match=name.replace(".", r"\.")):
                read_checkpoint(path.parent)
    finally:
        path.write_bytes(content)


def test_training_never_reads_a_changed_release_as_if_it_were_the_frozen_one(stores):
    """Every byte of the release's own rows: it opens as what it was, or not at all."""
    release_id = stores.catalog.pointed("release/detection")
    frozen = open_release(stores.catalog, release_id)
    targets = [
        t.path
        for t in list_targets(stores)["table data"]
        if "release_frames.lance" in t.path.parts
    ]
    refused = 0
    for path in targets:
        content = path.read_bytes()
        try:
            for at in np.linspace(0, len(content) - 1, 60).astype(int):
                path.write_bytes(
                    content[:at] + bytes([content[at] ^ 4]) + content[at + 1 :]
                )
                refused += not _opens_as(stores.catalog, release_id, frozen)
        finally:
            path.write_bytes(content)
    assert refused > 5


def _opens_as(catalog, release_id, frozen) -> bool:
    try:
        found = open_release(catalog, release_id)
    except BaseException as error:  # Lance panics on some
        assert isinstance(error, Exception) or type(error).__name__ == "PanicException"
        return False
    columns = ["frame_id", "sha256", "split", "class_id", "boxes_xyxy", "box_class_ids"]
    assert found.frames.select(columns).equals(frozen.frames.select(columns))
    assert (found.task, found.class_names) == (frozen.task, frozen.class_names)
    return True
