"""A home is kept in order: what nobody needs goes, what is needed stays, whoever writes and wherever it is killed."""

from __future__ import annotations

import os
import shutil
import threading
import time
from pathlib import Path

import lance
import pytest
from lance.dataset import DatasetOptimizer

from assets.maintenance import home as care_of_home
from assets.maintenance.home import BLOB, TRAINING, Stores, maintain
from assets.tables import upkeep
from assets.tables.presence import being_first
from assets.tables.seals import find_broken, find_missing
from assets.tables.upkeep import find_needed

SESSIONS = 6  # of `grown_home`
RELEASED = 2
TABLES = ("frames", "publications")
DAYS = 86_400.0


def list_files(home: Path) -> dict[str, int]:
    """Every file with its size; the log of the ledger aside, which SQLite makes and removes as it likes."""
    return {
        path.relative_to(home).as_posix(): path.stat().st_size
        for path in home.rglob("*")
        if path.is_file() and not path.name.startswith("ledger.db")
    }


def assert_whole(stores: Stores, is_killed: bool = False) -> None:
    """All rows are there, what was published is, the release opens, and nothing is gone that a seal names."""
    catalog = stores.catalog
    wanted = sorted(f"session-{n}" for n in range(1, SESSIONS + 1))
    assert sorted(catalog.read_latest("frames")["session"].to_pylist()) == wanted
    assert sorted(catalog.read("frames")["session"].to_pylist()) == wanted
    version = int(catalog.dataset("frames").tags.list()["release-a"]["version"])
    assert len(catalog.read("frames", version=version)) == RELEASED
    broken = [broken for broken in find_broken(catalog) if broken]
    # who is killed between the two copies of a seal leaves one of them, and the other tells the same
    halves = [one for one in broken if "copy the other" in one.remedy]
    assert broken == (halves if is_killed else [])


def age(path: Path, days: float) -> None:
    at_s = time.time() - days * DAYS
    os.utime(path, (at_s, at_s))


def put_old(stores: Stores, name: str, days: float = 8, content: bytes = b"x") -> Path:
    path = stores.home / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    age(path, days)
    return path


def test_what_nobody_needs_goes_and_a_release_stays(stores, at_once):
    before = list_files(stores.home)
    care = maintain(stores)
    assert care.failed == []
    assert_whole(stores)
    frames = next(table for table in care.tables if table.table == "frames")
    assert frames.before.num_fragments == SESSIONS
    # those of the release, and one of all: the release pins its own
    assert frames.after.num_fragments == 1
    # newest, the one that is published, the release's
    assert frames.after.num_versions == 3
    assert frames.kept == {
        "newest and sealed": 1,
        "published and sealed and tag published": 1,
        "sealed and tag release-a": 1,
    }
    assert len(list_files(stores.home)) < len(before)


def test_a_second_run_does_nothing(stores, at_once):
    maintain(stores)
    after = list_files(stores.home)
    care = maintain(stores)
    assert list_files(stores.home) == after
    assert not any(table.is_changed for table in care.tables)
    assert care.removed == [] and care.failed == []


def test_a_dry_run_changes_nothing_and_foretells_what_goes(stores, monkeypatch):
    monkeypatch.setattr(upkeep, "ALONE_S", -1.0)
    put_old(stores, "blobs/ab/.x.part", content=b"xyz")
    before = list_files(stores.home)
    told = maintain(stores, is_dry_run=True)
    assert list_files(stores.home) == before
    done = maintain(stores)
    assert told.figures == done.figures
    assert told.figures["versions"] > told.figures["versions_after"]
    assert [(r.path, r.size_bytes) for r in told.removed] == [("blobs/ab/.x.part", 3)]
    after = list_files(stores.home)
    assert told.figures["table_files_after"] == sum(
        path.startswith(tuple(f"tables/{t}.lance" for t in TABLES)) for path in after
    )


def test_versions_just_out_of_date_stay(stores, monkeypatch):
    monkeypatch.setattr(upkeep, "ALONE_S", 3600.0)
    care = maintain(stores)
    assert not any(table.is_changed for table in care.tables)
    assert "out of date for too short a time" in care.tables[0].kept


class Killed(BaseException):
    """Where a process could have been killed."""


CALLS = (
    (lance.LanceDataset, "cleanup_old_versions"),
    (DatasetOptimizer, "compact_files"),
    (os, "fsync"),
    (os, "unlink"),
    (os, "rename"),
    (os, "replace"),
    (shutil, "rmtree"),
    (Path, "replace"),
    (Path, "unlink"),
)


def stop_at(patch: pytest.MonkeyPatch, number: int) -> list[int]:
    """Let call `number` to the disk be the last one, and not come to be."""
    count = [0]

    def stop(call):
        def stopping(*given, **named):
            count[0] += 1
            if count[0] == number:
                raise Killed
            return call(*given, **named)

        return stopping

    for owner, name in CALLS:
        patch.setattr(owner, name, stop(getattr(owner, name)))
    return count


def test_killed_at_any_step_it_loses_nothing_and_the_next_run_ends_the_work(
    open_home, at_once, grown_home
):
    number = 0
    while True:
        number += 1
        stores = open_home(f"home-{number}")
        leftover = put_old(stores, "blobs/ab/.x.part")
        with pytest.MonkeyPatch.context() as patch:
            count = stop_at(patch, number)
            try:
                maintain(stores)
            except Killed:
                pass
            else:
                break
        assert_whole(stores, is_killed=True)
        again = maintain(stores)
        assert again.failed == [] and not leftover.exists()
        assert_whole(stores)
        assert not any(table.is_changed for table in maintain(stores).tables), number
        shutil.rmtree(stores.home)
    assert number == count[0] + 1 and number > 20


def list_data(dataset: lance.LanceDataset) -> set[str]:
    return {f.path for g in dataset.get_fragments() for f in g.metadata.files}


def test_what_was_dropped_in_part_is_dropped_to_the_end(stores, monkeypatch):
    """Killed within Lance: a file of a version that goes is gone, and the version is still there."""
    monkeypatch.setattr(upkeep, "MANY", 4)
    monkeypatch.setattr(upkeep, "ALONE_S", 3600.0)
    maintain(stores)  # merges, and leaves what is just out of date
    table = Path(stores.catalog.uri, "publications.lance")
    versions = stores.catalog.open_stored("publications").versions()
    monkeypatch.setattr(upkeep, "ALONE_S", -1.0)
    needed = find_needed(
        stores.catalog.place("publications"),
        stores.catalog.open_stored("publications"),
        stores.catalog.published_version("publications"),
    )
    data = {
        v["version"]: list_data(
            stores.catalog.open_stored("publications", v["version"])
        )
        for v in versions
    }
    kept = set().union(*(data[version] for version in needed))
    gone = set().union(*data.values()) - kept
    assert gone
    for name in gone:
        (table / "data" / name).unlink()
    assert maintain(stores).failed == []
    assert_whole(stores)
    assert {path.name for path in (table / "data").iterdir()} == kept
    assert len(list((table / "_versions").glob("*.manifest"))) == len(needed)


def test_beside_a_writer_no_row_is_lost_and_none_comes_twice(stores, at_once):
    names = [f"pointer-{n}" for n in range(30)]
    failures = []

    def write() -> None:
        try:
            for name in names:
                stores.catalog.point(name.replace("-", "/"), "a")
        except Exception as error:
            failures.append(error)

    writer = threading.Thread(target=write)
    writer.start()
    while writer.is_alive():
        assert maintain(stores).failed == []
    writer.join()
    assert failures == []
    found = stores.catalog.read_latest("pointers")["pointer"].to_pylist()
    assert sorted(found) == sorted(name.replace("-", "/") for name in names)
    assert_whole(stores)


def test_a_table_that_another_process_tidies_is_left(stores, at_once):
    with being_first(f"{stores.catalog.uri}/frames.lance") as is_first:
        assert is_first
        care = maintain(stores)
    left = {table.table: table.left for table in care.tables}
    assert left == {"frames": "another process tidies it", "publications": ""}


def test_what_a_store_refuses_is_told_and_the_others_go_on(
    stores, at_once, monkeypatch
):
    care_for = care_of_home.care_for_table

    def refuse(catalog, name, is_dry_run):
        if name == "frames":
            raise OSError("the disk says no")
        return care_for(catalog, name, is_dry_run)

    monkeypatch.setattr(care_of_home, "care_for_table", refuse)
    care = maintain(stores)
    assert care.failed == ["table 'frames': the disk says no"]
    assert [t.table for t in care.tables if t.is_changed] == ["publications"]


def test_every_file_that_a_seal_names_is_looked_for(stores):
    gone = next((stores.home / "tables/frames.lance/data").iterdir())
    gone.unlink()
    missing = [path for path, is_missing in find_missing(stores.catalog) if is_missing]
    assert missing == [f"frames.lance/data/{gone.name}"]


LEFT = {
    "blobs/ab/.tmpx.part": "a file that was never completed",
    "blobs/.tmpy.part": "a file that was never completed",
    "cache/.net.onnx.1.part": "a file that was never completed",
    f"cache/browse/.{'d' * 32}": "a file that was never completed",
    f"cache/browse/.{'e' * 32}.npz": "a file that was never completed",
    f"cache/search/.words-1a.{'f' * 32}.lance/data": "a folder that was never completed",
    "tables/_seals/frames/.abcd_123": "a seal that was never completed",
    f"models/detection/.model.{'a' * 32}/facts.json": "a folder that was never completed, or was replaced",
    f"models/.runs/r/snapshots/.step-1.{'b' * 32}/f": "a folder that was never completed, or was replaced",
    "mlflow/tmpabcd1234/aside.db": "a store that was never completed",
}
OTHERS = (
    "landing/monday/.big.mcap.part",  # the producers'
    "blobs/ab/" + "c" * 64 + ".txt",
    "mlflow/tmpabcd1234/mine.txt",
    "mlflow/artifacts/.x.part",
    "cache/search/words-1a.lance/data",
    "tables/_seals/frames/.keep",
    "models/detection/.notes/facts.json",
    # a writer is between two renames for so long as there is no new one
    f"models/detection/.gone.old.{'c' * 32}/facts.json",
)


def put_leftovers(stores: Stores, names: tuple[str, ...], days: float) -> None:
    for name in names:
        path = put_old(stores, name, days)
        age(path.parent, days)


def test_what_killed_processes_left_goes_after_a_week(stores):
    put_leftovers(stores, tuple(LEFT), 8)
    care = maintain(stores)
    told = {left.path: left.why for left in care.removed}
    wanted = {
        name
        if why.startswith("a file") or "seal" in why
        else str(Path(name).parent): why
        for name, why in LEFT.items()
    }
    assert told == wanted
    assert [name for name in LEFT if (stores.home / name).exists()] == []


def test_what_is_younger_or_not_ours_stays(stores):
    put_leftovers(stores, tuple(LEFT), 6)
    put_leftovers(stores, OTHERS, 100)
    assert maintain(stores).removed == []
    there = [n for n in (*LEFT, *OTHERS) if (stores.home / n).exists()]
    assert there == [*LEFT, *OTHERS]


def test_a_folder_that_was_replaced_goes_where_the_new_one_is_there(stores):
    old = f"models/detection/.model.old.{'c' * 32}"
    put_leftovers(stores, (f"{old}/facts.json",), 8)
    (stores.home / "models/detection/model").mkdir()
    assert [left.path for left in maintain(stores).removed] == [old]


def test_trainings_that_died_go_and_one_under_way_stays(stores):
    import fcntl

    dead, alive, young = (
        put_old(stores, f"models/.runs/{name}/lock", days)
        for name, days in (("dead", 8), ("alive", 8), ("young", 6))
    )
    (dead.parent / "kept").write_bytes(b"12345")
    with alive.open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        care = maintain(stores)
    assert [(r.path, r.why, r.size_bytes) for r in care.removed] == [
        ("models/.runs/dead", TRAINING, 6)
    ]
    assert not dead.parent.exists() and alive.exists() and young.exists()
    assert [left for left in care.removed if left.why == BLOB] == []
