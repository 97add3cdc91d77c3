"""What a catalog has written is on disk when the call returns: each new file and the folder that names it."""

from __future__ import annotations

import os

import pytest

from assets import disk
from assets.tables import durable
from assets.tables.appending import Appender
from assets.tables.catalog import Catalog
from assets.tables.fencing import FencedWriter
from assets.tables.schemas import TABLES, to_table
from assets.tables.seals import seal_tables


@pytest.fixture
def synced(monkeypatch):
    """The real paths that were synced, in order; of the disk itself nothing is replaced."""
    paths: list[str] = []
    fsync = os.fsync

    def note(descriptor):
        fsync(descriptor)
        paths.append(os.readlink(f"/proc/self/fd/{descriptor}"))

    monkeypatch.setattr(disk.os, "fsync", note)
    return paths


@pytest.fixture
def catalog(tmp_path):
    """A catalog whose table `pointers` this process has met."""
    catalog = Catalog(str(tmp_path / "tables"))
    catalog.point("release/detection", "a")
    return catalog


def _list_all(folder):
    return {str(path) for path in folder.rglob("*") if path.is_file()}


def _rows(pointer):
    return to_table(TABLES["pointers"], [{"pointer": pointer, "target": "b"}])


_WRITERS = {
    "merge": lambda c: c.merge("pointers", _rows("new")),
    "upsert": lambda c: c.upsert("pointers", _rows("release/detection")),
    "delete": lambda c: c.delete("pointers", "target = 'a'"),
    "fenced upsert": lambda c: FencedWriter(c, lambda: None).upsert(
        "pointers", _rows("release/detection")
    ),
    "fenced delete": lambda c: FencedWriter(c, lambda: None).delete(
        "pointers", "target = 'a'"
    ),
    "append": lambda c: Appender(c, "pointers", "true", lambda: None).append(
        _rows("new")
    ),
    "publish": lambda c: (
        c.publish("pointers", None, 1),
        c.publish("pointers", None, 2),
    ),
}


@pytest.mark.parametrize("name", _WRITERS)
def test_every_file_that_a_writer_adds_is_synced_and_its_folder(
    catalog, tmp_path, synced, name
):
    table = tmp_path / "tables/pointers.lance"
    before = _list_all(table)
    _WRITERS[name](catalog)
    # Lance finds versions without its hint
    new = {path for path in _list_all(table) - before if not path.endswith("hint.json")}
    assert new
    assert new <= set(synced)
    assert {os.path.dirname(path) for path in new} <= set(synced)
    assert len(synced) < 40  # not the whole table


def test_a_table_that_is_new_to_the_process_is_synced_with_its_file_system(
    tmp_path, monkeypatch
):
    calls = []
    monkeypatch.setattr(durable, "sync_file_system", calls.append)
    Catalog(str(tmp_path / "tables")).point("release/detection", "a")
    assert calls == [tmp_path / "tables/pointers.lance"]


def test_what_another_process_wrote_is_synced_before_it_is_built_on(
    catalog, tmp_path, synced
):
    import lance

    table = tmp_path / "tables/pointers.lance"
    before = _list_all(table)
    lance.dataset(str(table)).delete("target = 'a'")
    new = {path for path in _list_all(table) - before if not path.endswith("hint.json")}
    catalog.sync(["pointers", "frames"])
    assert new <= set(synced)
    del synced[:]
    catalog.sync(["pointers"])
    assert synced == []


def test_a_home_made_anew_under_its_path_is_synced_again(tmp_path, monkeypatch):
    tables = tmp_path / "tables"
    Catalog(str(tables)).point("release/detection", "a")
    # emptied, not removed: its folders keep their numbers, as new ones may get those of removed ones
    for path in tables.rglob("*"):
        if path.is_file():
            path.unlink()
    calls = []
    monkeypatch.setattr(durable, "sync_file_system", calls.append)
    Catalog(str(tables)).point("release/detection", "a")
    assert calls == [tables / "pointers.lance"]


def test_both_copies_of_a_seal_are_synced_and_then_their_folder_once(
    catalog, tmp_path, synced
):
    assert seal_tables(catalog, ["pointers"]) == {"pointers": 2}
    folder = str(tmp_path / "tables" / "_seals" / "pointers")
    *copies, last = [path for path in synced if path.startswith(folder)]
    assert last == folder
    assert [os.path.dirname(path) for path in copies] == [folder, folder]
    assert len(os.listdir(folder)) == 2
