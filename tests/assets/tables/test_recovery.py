"""A table whose newest versions a power cut took opens at the newest whole one, and nothing is deleted."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from assets.tables import recovery
from assets.tables.catalog import Catalog
from assets.tables.recovery import list_losses


@pytest.fixture
def tables(tmp_path):
    """Three pointers, the first two of them published, as no process has looked at them yet."""
    catalog = Catalog(str(tmp_path / "tables"))
    for name in "abc":
        catalog.point(name, name)
    catalog.publish("pointers", None, 3)
    recovery._checked.clear()
    return tmp_path / "tables"


def _newest(folder: Path) -> Path:
    return max(folder.iterdir(), key=lambda path: path.stat().st_mtime_ns)


def _manifests(tables: Path) -> list[Path]:
    """The newest first."""
    return sorted((tables / "pointers.lance/_versions").glob("*.manifest"))


def _cut(path: Path, share: float) -> None:
    os.truncate(path, int(path.stat().st_size * share))


def _zero(path: Path) -> None:
    path.write_bytes(bytes(path.stat().st_size))


_DAMAGE = {
    "its manifest is empty": lambda t: _cut(_manifests(t)[0], 0),
    "its manifest is cut": lambda t: _cut(_manifests(t)[0], 0.5),
    "its manifest is zeros": lambda t: _zero(_manifests(t)[0]),
    "its data is empty": lambda t: _cut(_newest(t / "pointers.lance/data"), 0),
    "its data is cut": lambda t: _cut(_newest(t / "pointers.lance/data"), 0.5),
    "its data is zeros": lambda t: _zero(_newest(t / "pointers.lance/data")),
    "its data is gone": lambda t: _newest(t / "pointers.lance/data").unlink(),
    "its transaction is empty": lambda t: _cut(
        _newest(t / "pointers.lance/_transactions"), 0
    ),
}


@pytest.mark.parametrize("damage", _DAMAGE)
def test_newest_version_opens_at_the_one_before_it_when(tables, damage, caplog):
    _DAMAGE[damage](tables)
    files = {path.name for path in (tables / "pointers.lance").rglob("*.*")}
    catalog = Catalog(str(tables))
    assert catalog.read_latest("pointers")["pointer"].to_pylist() == ["a", "b"]
    assert "table 'pointers' lost versions 4 to 4" in caplog.text
    (loss,) = list_losses(tables)
    assert (loss.newest_whole, loss.versions) == (3, [4])
    kept = {path.name for path in tables.rglob("*.*")}
    assert files <= kept
    catalog.point("d", "d")
    assert catalog.read_latest("pointers")["pointer"].to_pylist() == ["a", "b", "d"]
    assert catalog.published_version("pointers") == 3


def test_what_was_published_of_a_lost_version_is_held_and_its_tag_set_aside(tables):
    catalog = Catalog(str(tables))
    catalog.publish("pointers", None, 4)
    recovery._checked.clear()
    _cut(_manifests(tables)[0], 0)
    assert catalog.latest_version("pointers") == 3
    (decision,) = catalog.publications("pointers")
    assert (decision["is_held"], decision["version"]) == (True, 3)
    assert "version 4 was lost to a power cut" in decision["reason"]
    assert catalog.published_version("pointers") is None
    catalog.point("d", "d")  # takes the number 4, and nobody has checked it
    assert catalog.published_version("pointers") is None
    catalog.publish("pointers", None, 4)
    assert catalog.published_version("pointers") == 4


def test_table_without_a_whole_version_begins_anew(tables):
    for manifest in _manifests(tables):
        _cut(manifest, 0)
    catalog = Catalog(str(tables))
    assert catalog.read_latest("pointers").num_rows == 0
    catalog.point("d", "d")
    assert catalog.read_latest("pointers")["pointer"].to_pylist() == ["d"]
    assert len(list((tables / "_lost/pointers/000001").glob("*.manifest"))) == 4


def test_file_that_broke_long_before_the_newest_version_moves_nothing(tables):
    os.utime(_manifests(tables)[1], (0, 0))
    data = sorted((tables / "pointers.lance/data").iterdir(), key=os.path.getmtime)
    _cut(data[1], 0.5)  # of versions 3 and 4
    before = sorted(tables.rglob("*"))
    with pytest.raises(ValueError, match="that was no power cut"):
        Catalog(str(tables)).read_latest("pointers")
    assert [p for p in before if not p.exists()] == []


def test_reader_who_may_not_write_is_told_what_to_run(tables, monkeypatch):
    _cut(_manifests(tables)[0], 0)
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    with pytest.raises(ValueError, match="run `daguerre status` as one who may"):
        Catalog(str(tables)).read_latest("pointers")
    assert len(_manifests(tables)) == 4


def test_commit_under_way_is_no_damage(tables):
    folder = tables / "pointers.lance"
    (folder / "data/0123.lance").write_bytes(b"")  # no version names it yet
    (folder / "_versions/18446744073709551610.manifest#1").write_bytes(b"")
    assert Catalog(str(tables)).latest_version("pointers") == 4
    assert list_losses(tables) == []


@pytest.mark.parametrize("share", [0, 0.5])
def test_torn_tag_is_set_aside_and_readers_stay_where_they_were(tables, share):
    _cut(tables / "pointers.lance/_refs/tags/published.json", share)
    catalog = Catalog(str(tables))
    assert catalog.published_version("pointers") == 3
    catalog.publish("pointers", None, 4)
    assert catalog.published_version("pointers") == 4
    assert len(list((tables / "_lost/pointers/tags").iterdir())) == 1
