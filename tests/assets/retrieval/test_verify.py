"""What was changed, cut or removed behind our back is named, and nothing else is."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from assets.inference.model_store import open_model, store_package
from assets.inference.package import open_package
from assets.retrieval.verify import verify
from assets.storage import Folder
from assets.tables.schemas import TABLES, to_table
from bench.synthetic_home import plain_row


def named(world) -> list[tuple[str, str]]:
    return [(f.kind, f.id) for f in verify(world.stores)]


def only_reason(world) -> str:
    (finding,) = verify(world.stores)
    assert finding.remedy
    return finding.reason


def files_of(world, table: str, kind: str) -> list[Path]:
    return sorted((world.stores.home / "tables" / f"{table}.lance" / kind).iterdir())


def flip(path: Path, at: int) -> None:
    data = bytearray(path.read_bytes())
    data[at] ^= 1
    path.write_bytes(data)


def change(world, table: str, where: str, **columns) -> None:
    (row,) = world.catalog.read_latest(table, where=where).to_pylist()
    world.catalog.upsert(table, to_table(TABLES[table], [row | columns]))


def test_nothing_is_wrong_with_an_untouched_home(world):
    checked = {}
    assert verify(world.stores, checked.__setitem__) == []
    assert checked["frame"] == len(world.catalog.read_latest("frames"))
    assert (
        checked["blob"],
        checked["capture"],
        checked["release"],
        checked["model"],
    ) == (2, 2, 1, 1)
    assert checked["table"] == len(world.catalog.names())


def test_nothing_is_wrong_with_an_empty_home(intake, home):
    from assets.retrieval.verify import Stores

    assert verify(Stores(intake.catalog, intake.ledger, intake.blobs, home)) == []


def test_a_frame_with_other_bytes_is_named(world):
    payload = bytearray(
        world.catalog.read_latest("frames", where=f"frame_id = '{world.frame_id}'")[
            "payload"
        ][0].as_py()
    )
    payload[50] ^= 1
    change(world, "frames", f"frame_id = '{world.frame_id}'", payload=bytes(payload))
    assert named(world) == [("frame", world.frame_id)]


def test_a_bit_flipped_on_disk_in_a_stored_image_is_named_by_its_file_and_the_table_is_not_opened(
    world, make_png
):
    path = next(
        p for p in files_of(world, "frames", "data") if make_png(3) in p.read_bytes()
    )
    flip(path, path.read_bytes().index(make_png(3)) + 50)
    found = verify(world.stores)
    assert (found[0].kind, found[0].id) == ("file", f"frames.lance/data/{path.name}")
    assert all("is not opened while its file" in f.reason for f in found[1:])


def test_a_data_file_that_is_cut_short_is_named_and_the_rest_is_checked(world):
    path = files_of(world, "frames", "data")[0]
    path.write_bytes(path.read_bytes()[:-100])
    world.catalog.delete("predictions", "true")
    (
        world.stores.home
        / world.catalog.read_latest("models")["folder"][0].as_py()
        / "model.onnx"
    ).unlink()
    found = named(world)
    assert ("table", "frames") in found and ("model", world.model_sha256) in found


def test_a_changed_blob_is_named(world):
    (capture,) = world.catalog.read_latest(
        "captures", where="reader = 'mcap'"
    ).to_pylist()
    flip(world.stores.home / "blobs" / capture["sha256"][:2] / capture["sha256"], 1000)
    assert named(world) == [("blob", capture["sha256"])]


@pytest.mark.parametrize("name", ["drive.mcap", "README.md"])
def test_a_deleted_blob_is_named_and_comes_back_by_its_remedy(world, name):
    sha256 = next(
        r["sha256"]
        for r in world.stores.ledger.file_table().to_pylist()
        if r["path"] == name
    )
    (world.stores.home / "blobs" / sha256[:2] / sha256).unlink()
    assert named(world) == [("blob", sha256)]
    os.utime(world.landed / name, ns=(1, 1))
    world.intake.ingest(Folder(str(world.landed)), "monday")
    assert named(world) == []


def test_a_changed_release_row_is_named(world):
    change(world, "release_frames", f"frame_id = '{world.frame_id}'", split="train")
    assert named(world) == [("release", world.release_id)]


@pytest.mark.parametrize("column", ["sensor", "capture_id"])
def test_a_release_row_that_says_other_than_its_frame_is_named(world, column):
    change(
        world, "release_frames", f"frame_id = '{world.frame_id}'", **{column: "0" * 32}
    )
    assert (
        only_reason(world)
        == f"1 of its frames are gone or changed, first {world.frame_id}"
    )


def test_a_release_whose_frames_version_is_gone_is_named(world):
    change(world, "releases", "true", frames_version=99)
    assert "version 99 does not exist" in only_reason(world)


def test_a_release_that_is_gone_while_a_pointer_names_it_is_named(world):
    world.catalog.delete("releases", "true")
    assert named(world) == [("release", world.release_id)]


@pytest.mark.parametrize("name", ["model.safetensors", "model.onnx", "model.json"])
def test_a_changed_model_file_is_named(world, name):
    folder = (
        world.stores.home / world.catalog.read_latest("models")["folder"][0].as_py()
    )
    data = (folder / name).read_bytes()
    (folder / name).write_bytes(
        data.replace(b"cup", b"mug") if name == "model.json" else data + b"!"
    )
    assert named(world) == [("model", world.model_sha256)]
    assert name in only_reason(world)


def test_a_deleted_model_file_is_named(world):
    (
        world.stores.home
        / world.catalog.read_latest("models")["folder"][0].as_py()
        / "model.onnx"
    ).unlink()
    assert named(world) == [("model", world.model_sha256)]


def test_a_file_of_a_model_that_is_gone_from_the_store_is_named(world):
    store_model(world)
    assert named(world) == []
    package = open_package(model_folder(world))
    blob = world.stores.blobs.folder.uri
    sha256 = package.hashes["model.onnx"]
    Path(blob, sha256[:2], sha256).unlink()
    assert named(world) == [("model", world.model_sha256)]
    assert (
        only_reason(world)
        == f"model.onnx (blob {sha256[:16]}) is gone from the blob store"
    )


def test_a_mesh_and_splats_that_are_gone_are_named_with_what_makes_them_again(world):
    for name, sha256 in (("meshes", "a" * 64), ("splats", "b" * 64)):
        row = plain_row(name, {"session": "monday"}) | {"blob_sha256": sha256}
        world.catalog.merge(name, to_table(TABLES[name], [row]))
    mesh, splats = verify(world.stores)
    assert (mesh.id, splats.id) == ("a" * 64, "b" * 64)
    assert "`daguerre fuse SESSION`" in mesh.remedy
    assert splats.reason == "splats are gone from the blob store"
    assert "`daguerre splats SESSION`" in splats.remedy


def test_a_stored_model_needs_no_copy_on_this_machine(world):
    folder = model_folder(world)
    store_model(world)
    shutil.rmtree(folder)
    assert named(world) == []
    assert open_model(world.catalog, world.stores.home, world.model_sha256)
    (folder / "model.onnx").write_bytes(b"other")
    assert named(world) == [("model", world.model_sha256)]


def model_folder(world) -> Path:
    return world.stores.home / world.catalog.read_latest("models")["folder"][0].as_py()


def store_model(world) -> None:
    facts_sha256 = store_package(world.stores.blobs, open_package(model_folder(world)))
    change(world, "models", "true", facts_sha256=facts_sha256)


def test_a_models_row_that_says_other_than_its_package_is_named(world):
    change(world, "models", "true", seed=8)
    assert only_reason(world) == "seed is 8 in the table, 7 in the package"


@pytest.mark.parametrize("table", ["frames", "labels", "signals", "captures"])
def test_a_table_whose_newest_version_was_removed_is_named(world, table):
    versions = [
        p for p in files_of(world, table, "_versions") if p.suffix == ".manifest"
    ]
    versions[0].unlink()  # they are numbered downwards
    found = named(world)
    assert ("table", table) in found or any(kind == "capture" for kind, _ in found)


def test_a_published_table_without_any_version_is_named(world):
    for path in files_of(world, "splits", "_versions"):
        path.unlink()
    assert ("table", "splits") in named(world)


def test_missing_rows_of_a_capture_are_named_with_both_counts(world):
    (capture,) = world.catalog.read_latest(
        "captures", where="reader = 'mcap'"
    ).to_pylist()
    world.catalog.delete("signals", "true")
    assert named(world) == [("capture", capture["capture_id"])]
    assert (
        only_reason(world)
        == f"has 0 rows in signals, {capture['num_signals']} were ingested"
    )


def test_a_capture_that_only_the_ledger_knows_is_named(world):
    (capture,) = world.catalog.read_latest(
        "captures", where="reader = 'mcap'"
    ).to_pylist()
    world.catalog.delete("captures", f"capture_id = '{capture['capture_id']}'")
    assert ("capture", capture["capture_id"]) in named(world)


def test_a_key_that_stands_twice_is_named(world):
    import lance

    rows = world.catalog.read_latest("labels").slice(0, 1)
    lance.write_dataset(rows, world.catalog.dataset("labels").uri, mode="append")
    assert ("table", "labels") in named(world)


def test_a_tag_that_names_a_version_nobody_published_is_named(world):
    world.catalog.delete("splits", "split = 'test'")
    world.catalog.dataset("splits").tags.update(
        "published", world.catalog.latest_version("splits")
    )
    assert ("table", "splits") in named(world)


def test_a_release_without_its_seal_is_named(world):
    for path in (world.stores.home / "tables" / "_seals" / "frames").iterdir():
        path.unlink()
    assert named(world) == [("release", world.release_id)]
    assert "no seal vouches for version" in only_reason(world)


def test_a_changed_checkpoint_of_an_interrupted_training_is_named(world):
    import torch

    from assets.inference.checkpoint import write_checkpoint

    folder = world.stores.home / "models" / ".runs" / "run" / "best"
    write_checkpoint(folder, {"a": torch.zeros(2)}, {"epoch": 1})
    assert named(world) == []
    flip(folder / "facts.json", 3)
    assert named(world) == [
        ("checkpoint", "models/.runs/run/best")
    ] and "facts.json" in only_reason(world)
