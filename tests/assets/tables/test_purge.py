"""A purged table has its newest rows, and those that pinned versions alone had, in files that hold nothing else."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from assets.tables.catalog import PUBLISHED, is_in
from assets.tables.commits import pin
from assets.tables.purge import purge_table
from assets.tables.schemas import TABLES, content_id, to_table
from assets.tables.seals import find_broken, seal_tables
from bench.synthetic_home import plain_row

FIRST, GONE, LEFT = "an erased title", "a title of before", "a title that stays"


@pytest.fixture
def documents(catalog):
    """Three documents of which two are deleted; a tag pins the version that had all."""
    for title in (FIRST, GONE, LEFT):
        row = plain_row("documents", {"document_id": content_id(title), "title": title})
        row |= {"kind": "page", "vector": None, "session": "monday"}
        catalog.merge("documents", to_table(TABLES["documents"], [row]))
    version = catalog.latest_version("documents")
    pin(catalog.dataset("documents"), "release-a", version)
    catalog.publish("documents", "monday", version)
    ids = [content_id(title) for title in (FIRST, GONE)]
    catalog.delete("documents", is_in("document_id", ids))
    seal_tables(catalog)
    return catalog


def is_first(rows: pa.Table) -> pa.Array:
    found = pc.equal(rows["document_id"], content_id(FIRST))
    return found.combine_chunks()


def read_files(catalog) -> bytes:
    paths = Path(catalog.uri, "documents.lance").rglob("*")
    return b"".join(path.read_bytes() for path in paths if path.is_file())


def titles(catalog, version=None) -> list[str]:
    rows = catalog.read("documents", ["title"], version=version)
    return sorted(rows["title"].to_pylist())


def test_old_rows_that_a_tag_needs_stay_in_its_version_alone(documents, tmp_path):
    assert FIRST.encode() in read_files(documents)
    done = purge_table(documents, "documents", is_first, tmp_path)
    assert (done.num_kept, titles(documents)) == (1, [LEFT])
    tags = documents.dataset("documents").tags.list()
    assert tags["release-a"]["version"] == done.pinned
    assert tags[PUBLISHED]["version"] == done.version
    assert titles(documents, done.pinned) == [GONE, LEFT]
    stored = documents.dataset("documents")
    assert [v["version"] for v in stored.versions()] == [done.pinned, done.version]
    left = read_files(documents)
    assert FIRST.encode() not in left and content_id(FIRST).encode() not in left
    assert list(filter(None, find_broken(documents))) == []


def test_a_purge_that_is_done_again_changes_no_row(documents, tmp_path):
    for _ in range(2):
        done = purge_table(documents, "documents", is_first, tmp_path)
        assert titles(documents, done.pinned) == [GONE, LEFT]
        assert titles(documents) == [LEFT]


@pytest.mark.parametrize("step", ["_gather", "begin_anew", "drop_tag", "drop_history"])
def test_who_is_killed_in_between_is_finished_by_the_next_call(
    documents, tmp_path, monkeypatch, step
):
    class Killed(BaseException):
        """Ends the process in the real world."""

    def die(*_: object) -> None:
        raise Killed

    from assets.tables import purge

    with monkeypatch.context() as patched:
        if step == "_gather":  # behind its last write
            whole = purge._gather
            patched.setattr(purge, "_gather", lambda *given: die(whole(*given)))
        else:
            patched.setattr(purge, step, die)
        with pytest.raises(Killed):
            purge_table(documents, "documents", is_first, tmp_path)
    done = purge_table(documents, "documents", is_first, tmp_path)
    assert titles(documents) == [LEFT]
    assert titles(documents, done.pinned) == [GONE, LEFT]
    assert FIRST.encode() not in read_files(documents)
