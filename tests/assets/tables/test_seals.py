"""A sealed table version is proven byte by byte, and sealing costs only what is new."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from fsspec.implementations.local import LocalFileSystem

from assets.tables.catalog import Catalog
from assets.tables.schemas import TABLES, to_table
from assets.tables.seal_store import SealStore
from assets.tables.seals import find_broken, find_unsealed, seal_tables


def point(catalog: Catalog, *targets: str) -> None:
    for target in targets:
        catalog.point("release/detection", target)


def broken(catalog: Catalog) -> list[tuple[str, str]]:
    return [(b.path, b.reason) for b in find_broken(catalog) if b is not None]


def seals(catalog: Catalog, table: str = "pointers") -> dict[int, dict]:
    paths = sorted(Path(catalog.uri, "_seals", table).glob("*.json"))
    return {int(p.name[:20]): json.loads(p.read_bytes())["files"] for p in paths}


def stored(catalog: Catalog, folder: str, table: str = "pointers") -> list[Path]:
    """Newest first."""
    found = Path(catalog.uri, f"{table}.lance", folder).iterdir()
    return sorted(
        (p for p in found if p.suffix != ".json"), key=os.path.getmtime, reverse=True
    )


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(bytes(data))


def test_a_seal_names_every_file_of_the_newest_version_once(catalog, frame_rows):
    catalog.merge("frames", frame_rows(3))
    catalog.merge("frames", frame_rows(2, seed=3))
    # the first file keeps two rows, and gets a deletion file
    catalog.delete("frames", "sequence = 1")
    version = catalog.latest_version("frames")
    assert seal_tables(catalog) == {"frames": version}
    kinds = sorted(path.split("/")[0] for path in seals(catalog, "frames")[version])
    assert kinds == ["_deletions", "_transactions", "_versions", "data", "data"]
    assert broken(catalog) == []
    assert seal_tables(catalog) == {}, "nothing is new"


def test_only_what_is_new_is_read_again(catalog, frame_rows, monkeypatch):
    catalog.merge("frames", frame_rows(3))
    seal_tables(catalog)
    catalog.merge("frames", frame_rows(3, seed=9))
    hashed = []
    monkeypatch.setattr(
        SealStore,
        "_hash",
        lambda self, path, old=SealStore._hash: hashed.append(path) or old(self, path),
    )
    seal_tables(catalog)
    assert sorted(p.split("/")[1] for p in hashed if "_versions" not in p) == [
        "_transactions",
        "data",
    ]


@pytest.mark.parametrize("folder", ["data", "_versions", "_transactions"])
@pytest.mark.parametrize("fault", ["flip", "cut", "delete"])
def test_a_fault_in_a_file_is_named(catalog, folder, fault):
    point(catalog, "a", "b")
    seal_tables(catalog)
    path = stored(catalog, folder)[0]
    if fault == "flip":
        flip(path)
    elif fault == "cut":
        path.write_bytes(path.read_bytes()[:-1])
    else:
        path.unlink()
    reason = "is gone" if fault == "delete" else "no longer matches its sha256"
    assert broken(catalog) == [(f"pointers.lance/{folder}/{path.name}", reason)]


@pytest.mark.parametrize("ending", ["json", "copy"])
@pytest.mark.parametrize("is_gone", [True, False])
def test_a_fault_in_either_copy_of_a_seal_is_named_and_the_other_still_proves(
    catalog, ending, is_gone
):
    point(catalog, "a")
    seal_tables(catalog)
    (path,) = Path(catalog.uri, "_seals").rglob(f"*.{ending}")
    path.unlink() if is_gone else flip(path)
    ((name, _),) = broken(catalog)
    assert name == f"_seals/pointers/{path.name}"
    flip(stored(catalog, "data")[0])
    assert len(broken(catalog)) == 2


def test_tagged_versions_stay_sealed_and_others_give_way_to_the_newest(
    catalog, frame_rows
):
    for seed in (0, 10, 20):
        catalog.merge("frames", frame_rows(2, seed=seed))
        if seed == 0:
            catalog.dataset("frames").tags.create(
                "release-1", catalog.latest_version("frames")
            )
        seal_tables(catalog)
    assert sorted(seals(catalog, "frames")) == [2, 4]
    assert "_refs/tags/release-1.json" in seals(catalog, "frames")[2]
    assert find_unsealed(catalog, [("frames", 2), ("frames", 3), ("frames", 4)]) == [
        ("frames", 3)
    ]
    # a second release on the same version
    catalog.dataset("frames").tags.create("release-2", 2)
    seal_tables(catalog)
    assert "_refs/tags/release-2.json" in seals(catalog, "frames")[2]


def test_a_version_that_was_cleaned_away_is_not_missed_once_it_is_not_the_newest(
    catalog,
):
    from datetime import timedelta

    point(catalog, "a", "b")
    seal_tables(catalog)
    point(catalog, "c")
    seal_tables(catalog)
    catalog.dataset("pointers").cleanup_old_versions(
        timedelta(0), delete_unverified=True
    )
    assert broken(catalog) == []


def test_a_newest_version_that_was_lost_is_named_also_after_others_wrote_on(catalog):
    """Without its newest manifest a table shows the version before, and the next writer makes that number again."""
    point(catalog, "a", "b")
    seal_tables(catalog)
    lost = catalog.latest_version("pointers")
    stored(catalog, "_versions")[0].unlink()
    assert [reason for _, reason in broken(catalog)] == ["is gone"]
    point(catalog, "c")
    assert catalog.latest_version("pointers") == lost
    seal_tables(catalog)
    point(catalog, "d")
    seal_tables(catalog)
    assert "no longer matches its sha256" in [reason for _, reason in broken(catalog)]


def test_rot_is_not_sealed_as_if_it_were_new(catalog):
    point(catalog, "a")
    catalog.merge(
        "pointers",
        to_table(
            TABLES["pointers"], [{"pointer": "release/recognition", "target": "walnut"}]
        ),
    )
    seal_tables(catalog)
    (rotten,) = (p for p in stored(catalog, "data") if b"walnut" in p.read_bytes())
    # a value: the file can be read as before
    rotten.write_bytes(rotten.read_bytes().replace(b"walnut", b"walnuu"))
    point(catalog, "b")
    seal_tables(catalog)
    assert broken(catalog) == [
        (f"pointers.lance/data/{rotten.name}", "no longer matches its sha256")
    ]


def test_a_home_without_tables_has_nothing_to_seal(catalog):
    assert seal_tables(catalog) == {} and list(find_broken(catalog)) == []


def test_a_seal_that_another_worker_drops_at_the_same_time_is_gone(
    catalog, frame_rows, monkeypatch
):
    catalog.merge("frames", frame_rows(3))
    seal_tables(catalog)
    (first,) = seals(catalog, "frames")
    catalog.merge("frames", frame_rows(3, seed=9))
    remove = LocalFileSystem.rm_file

    def lose_to_another(self: LocalFileSystem, path: str) -> None:
        os.unlink(path)
        remove(self, path)

    monkeypatch.setattr(LocalFileSystem, "rm_file", lose_to_another)
    assert "frames" in seal_tables(catalog)
    assert first not in seals(catalog, "frames") and broken(catalog) == []
