"""Rows that are followed from version to version are those that reading anew finds, whatever writers did between."""

from __future__ import annotations

import pytest

from assets.tables.commits import merge_files
from assets.tables.followed import FollowedRows
from bench.synthetic_home import admit

COLUMNS = ["session", "version", "is_held"]


def decide(catalog, *sessions: str, table: str = "frames", version: int = 1) -> None:
    """One commit with a decision a session."""
    admit(catalog, table, sessions, version)


def list_sessions(rows) -> list[str]:
    return rows["session"].to_pylist()


@pytest.fixture
def followed():
    return FollowedRows(COLUMNS, "table_name = 'frames'")


def read(catalog, followed):
    """What is followed, compared with what is there."""
    rows = followed.read(catalog.dataset("publications"))
    anew = catalog.read_latest("publications", COLUMNS, "table_name = 'frames'")
    assert rows.to_pylist() == anew.to_pylist()
    return rows


def test_what_writers_insert_change_delete_and_merge_is_followed(catalog, followed):
    decide(catalog, "a", "b", "c")
    assert list_sessions(read(catalog, followed)) == ["a", "b", "c"]
    decide(catalog, "d")
    decide(catalog, "e", table="labels")
    assert list_sessions(read(catalog, followed)) == ["a", "b", "c", "d"]
    decide(catalog, "b", version=2)
    changed = {r["session"]: r["version"] for r in read(catalog, followed).to_pylist()}
    assert changed == {"a": 1, "b": 2, "c": 1, "d": 1}
    catalog.delete("publications", "session = 'a'")
    assert sorted(list_sessions(read(catalog, followed))) == ["b", "c", "d"]
    dataset = catalog.dataset("publications")
    merged = merge_files(dataset, [f.fragment_id for f in dataset.get_fragments()], 100)
    assert merged and len(dataset.get_fragments()) == 1
    assert sorted(list_sessions(read(catalog, followed))) == ["b", "c", "d"]
    catalog.delete("publications", "true")
    assert list_sessions(read(catalog, followed)) == []


def test_an_older_version_can_be_asked_for_after_a_newer(catalog, followed):
    decide(catalog, "a")
    first = catalog.dataset("publications").version
    decide(catalog, "b")
    assert list_sessions(read(catalog, followed)) == ["a", "b"]
    older = catalog.dataset("publications", first)
    assert list_sessions(followed.read(older)) == ["a"]


def test_only_what_is_new_is_read(catalog, followed, monkeypatch):
    import lance

    decide(catalog, "a", "b")
    decide(catalog, "c")
    read(catalog, followed)
    asked = []
    scan = lance.LanceDataset.scanner

    def note(self, *args, fragments=None, **options):
        asked.append([f.fragment_id for f in fragments or ()])
        return scan(self, *args, fragments=fragments, **options)

    monkeypatch.setattr(lance.LanceDataset, "scanner", note)
    decide(catalog, "d")
    asked.clear()
    newest = catalog.dataset("publications")
    assert list_sessions(followed.read(newest)) == ["a", "b", "c", "d"]
    assert asked == [[max(f.fragment_id for f in newest.get_fragments())]]
    asked.clear()
    followed.read(newest)
    assert asked == []
