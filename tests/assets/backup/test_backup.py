"""A home is backed up while others write, and restored elsewhere; what is wrong in a backup is refused by its name."""

from __future__ import annotations

import os
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from assets.backup.listing import find_backup, list_backups, read_list
from assets.backup.make import make_backup, plan_backup
from assets.backup.restore import restore_backup
from assets.backup.table_files import order_tables
from assets.registry.promotion import follow_home
from assets.registry.tracker import CHAMPION
from assets.retrieval.verify import verify
from assets.storage import Folder
from assets.tables.seals import seal_tables
from tests.assets.retrieval.conftest import open_tracker


@pytest.fixture
def home(promoted, tmp_path) -> Path:
    """A home of its own, which lies where its registry says."""
    home = Path(shutil.copytree(promoted, tmp_path / "home"))
    (home / "cache").mkdir()
    (home / "cache" / "net").write_bytes(b"made again")
    (home / "landing" / "tuesday").mkdir(parents=True)
    (home / "landing" / "tuesday" / "link").symlink_to("/elsewhere")
    (home / "dagster").mkdir()
    with closing(sqlite3.connect(home / "dagster" / "runs.db")) as database:
        database.execute("CREATE TABLE runs (id)")
    return home


@pytest.fixture(scope="module")
def backed_up(promoted, tmp_path_factory) -> Path:
    """A folder with one backup. Not to be changed."""
    return make_backup(promoted, tmp_path_factory.mktemp("backups"), {}).folder


def restore(source: Path, to: Path) -> Path:
    restore_backup(source, to)
    return to


def test_what_is_written_meanwhile_makes_no_backup_inconsistent(
    home, tmp_path, open_at, open_stores, make_png, write_files
):
    """A session is taken in, published and sealed: after the ledger, among the tables, and among the blobs."""
    live = open_at(home)
    moments = {
        "first": lambda path: True,
        "second": lambda path: "frames.lance/_versions" in path,
        "third": lambda path: path.startswith("tables/models.lance"),
        "fourth": lambda path: path.startswith("blobs/"),
    }
    due = dict(moments)

    def take_in(session: str, intake) -> None:
        source = write_files({"a.png": make_png(hash(session) % 999)}, session)
        intake.ingest(Folder(str(source)), session)
        for table in ("captures", "frames", "labels"):
            version = intake.catalog.latest_version(table)
            intake.catalog.publish(table, session, version)
        seal_tables(intake.catalog)

    def write_meanwhile(done: int, total: int, path: str) -> None:
        for session in [s for s, is_due in due.items() if is_due(path)][:1]:
            del due[session]
            take_in(session, live)

    acknowledged = set(live.ledger.committed())
    made = make_backup(home, tmp_path / "backups", {}, write_meanwhile)
    assert (due, made.damaged) == ({}, [])
    there = restore(tmp_path / "backups", tmp_path / "there")
    shutil.rmtree(home)
    assert verify(open_stores(there)) == []
    restored = open_at(there)
    assert set(restored.ledger.committed()) == acknowledged
    for session in moments:  # as its sensor does
        source = Folder(str(tmp_path / session))
        assert restored.ingest(source, session).frames == 1
    take_in("fifth", restored)
    frames = restored.catalog.read_latest("frames")
    ids = frames["frame_id"].to_pylist()
    assert len(ids) == len(set(ids))
    assert {*moments, "fifth"} < set(frames["session"].to_pylist())
    follow_home(restored.catalog, open_tracker(there))
    open_tracker(there).set_alias("detection", CHAMPION, 1)
    assert open_tracker(there).decision("detection", 1)["is_promoted"]
    assert verify(open_stores(there)) == []


def test_tables_that_name_others_are_fixed_before_them():
    order = order_tables()
    for naming, named in (
        ("publications", "frames"),
        ("pointers", "releases"),
        ("champions", "models"),
        ("scores", "models"),
        ("models", "releases"),
        ("releases", "release_frames"),
        ("release_frames", "frames"),
        ("captures", "frames"),
        ("captures", "signals"),
    ):
        assert order.index(naming) < order.index(named), (naming, named)


def test_a_restored_home_has_every_file_but_what_is_made_again(home, tmp_path):
    (home / "landing" / "tuesday" / ".upload.part").write_bytes(b"half")
    make_backup(home, tmp_path / "backups", {})
    there = restore(tmp_path / "backups", tmp_path / "there")
    left_out = {"landing/tuesday/.upload.part", "cache/net", "erasure_lock"}
    before, after = (
        {
            p.relative_to(root).as_posix(): p
            for p in root.rglob("*")
            if not p.is_dir() and "hint" not in p.name
        }
        for root in (home, there)
    )
    assert before.keys() - after.keys() == left_out
    assert after.keys() <= before.keys()
    assert os.readlink(there / "landing" / "tuesday" / "link") == "/elsewhere"
    readme = next(p for p in before if p.startswith("blobs/"))
    assert after[readme].stat().st_mtime_ns == before[readme].stat().st_mtime_ns


def test_the_next_backup_shares_what_has_not_changed(home, tmp_path):
    backups = tmp_path / "backups"
    first = make_backup(home, backups, {})
    assert first.new_bytes == first.size_bytes
    blob = next(p for p in (home / "blobs").rglob("*") if p.is_file())
    (home / "landing" / "tuesday" / "new").write_bytes(b"12345")
    databases = sum(file.stat().st_size for file in home.rglob("*.db"))
    assert databases < first.size_bytes - 300_000
    assert plan_backup(home, backups).new_bytes < databases + 50_000
    second = make_backup(home, backups, {})
    assert [p.name for p in list_backups(backups)] == [
        first.folder.name,
        second.folder.name,
    ]
    copies = [m.folder / "home" / blob.relative_to(home) for m in (first, second)]
    assert copies[0].samefile(copies[1])
    assert second.new_bytes == 5
    shutil.rmtree(first.folder)
    restore(backups, tmp_path / "there")


def test_a_shared_file_that_has_changed_is_copied_again(home, tmp_path):
    backups = tmp_path / "backups"
    first = make_backup(home, backups, {})
    blob = next(p for p in (home / "blobs").rglob("*") if p.is_file())
    flip(first.folder / "home" / blob.relative_to(home))
    make_backup(home, backups, {})
    restore(backups, tmp_path / "there")
    with pytest.raises(ValueError, match=blob.name):
        restore(first.folder, tmp_path / "other")


@pytest.mark.parametrize(
    "pattern", ["blobs/*/*", "tables/frames.lance/data/*", "ledger.db", "models/*/*/*"]
)
def test_a_changed_or_missing_file_is_refused_by_name_and_nothing_is_restored(
    backed_up, tmp_path, pattern
):
    backup = Path(shutil.copytree(backed_up, tmp_path / "backup"))
    path = sorted((backup / "home").glob(pattern))[0]
    flip(path)
    with pytest.raises(ValueError, match=f"{path.name} has changed"):
        restore(backup, tmp_path / "there")
    path.unlink()
    with pytest.raises(ValueError, match=f"{path.name} is gone"):
        restore(backup, tmp_path / "there")
    assert [p.name for p in tmp_path.iterdir()] == ["backup"]


def test_a_changed_list_is_refused(backed_up, tmp_path):
    backup = Path(shutil.copytree(backed_up, tmp_path / "backup"))
    flip(next(backup.glob("files-*.json")))
    with pytest.raises(ValueError, match=r"files-.*\.json has changed"):
        read_list(backup)


def test_a_backup_that_was_cut_short_is_none_and_the_next_one_clears_it_away(
    promoted, tmp_path
):
    class Cut(Exception):
        pass

    def cut(done: int, total: int, path: str) -> None:
        if path.startswith("tables/"):
            raise Cut

    backups = tmp_path / "backups"
    with pytest.raises(Cut):
        make_backup(promoted, backups, {}, cut)
    assert [p.name for p in backups.iterdir()] == [".lock"]
    (backups / ".partial-20200101T000000Z" / "home").mkdir(parents=True)  # of a kill
    with pytest.raises(ValueError, match="there is no backup"):
        find_backup(backups)
    folder = make_backup(promoted, backups, {}).folder
    assert {p.name for p in backups.iterdir()} == {".lock", folder.name}


def test_two_backups_into_one_folder_do_not_mix(promoted, tmp_path):
    def again(done: int, total: int, path: str) -> None:
        with pytest.raises(ValueError, match="wait for it"):
            make_backup(promoted, tmp_path / "backups", {})

    make_backup(promoted, tmp_path / "backups", {}, again)


def test_a_folder_in_the_home_and_a_home_with_something_in_it_are_refused(
    promoted, backed_up, tmp_path
):
    with pytest.raises(ValueError, match="lies in the home"):
        make_backup(promoted, promoted / "backups", {})
    (tmp_path / "there").mkdir()
    with pytest.raises(ValueError, match=r"there is nothing in .*DAGUERRE_HOME"):
        make_backup(tmp_path / "there", tmp_path / "backups", {})
    (tmp_path / "there" / "mine").touch()
    with pytest.raises(ValueError, match="is not empty"):
        restore(backed_up, tmp_path / "there")
    (tmp_path / "there" / "mine").unlink()
    restore(backed_up, tmp_path / "there")


def test_damage_in_the_home_is_told_and_the_rest_is_backed_up(home, tmp_path):
    blob = next(p for p in (home / "blobs").rglob("*") if p.is_file())
    flip(blob)
    data = next((home / "tables" / "labels.lance" / "data").iterdir())
    data.unlink()
    made = make_backup(home, tmp_path / "backups", {})
    gone, changed = made.damaged
    assert (gone, changed) == (
        f"tables/labels.lance/data/{data.name}",
        blob.relative_to(home).as_posix(),
    )
    restore(tmp_path / "backups", tmp_path / "there")


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.unlink()
    path.write_bytes(content)
