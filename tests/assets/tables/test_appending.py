"""Appending with keys: no key twice, whoever else writes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from assets.tables.appending import Appender
from assets.tables.catalog import Catalog
from assets.tables.schemas import TABLES, content_id, to_table

ROOT = Path(__file__).resolve().parents[3]
MINE = "session = 'monday'"


def rows(*names: str, session: str = "monday"):
    facts = {
        "session": session,
        "duplicate_of": None,
        "similarity": None,
        "input_sha256": "0" * 64,
        "code_version": "1",
    }
    return to_table(
        TABLES["unique_frames"],
        [
            {"frame_id": content_id(n), "cluster_id": content_id(n), **facts}
            for n in names
        ],
    )


def keys(catalog: Catalog) -> list[str]:
    return sorted(
        catalog.read_latest("unique_frames", ["frame_id"])["frame_id"].to_pylist()
    )


def ids(*names: str) -> list[str]:
    return sorted(content_id(n) for n in names)


@pytest.fixture
def catalog(tmp_path) -> Catalog:
    return Catalog(str(tmp_path / "tables"))


def append(catalog: Catalog, *names: str) -> Appender:
    appender = Appender(catalog, "unique_frames", MINE, lambda: None)
    appender.append(rows(*names))
    return appender


def test_rows_go_in_once(catalog):
    appender = append(catalog, "a", "b")
    assert appender.append(rows("b", "c")) == 1
    assert keys(catalog) == ids("a", "b", "c")
    assert (
        Appender(catalog, "unique_frames", MINE, lambda: None).append(
            rows("a", "b", "c")
        )
        == 0
    )


def test_the_table_reads_as_after_a_merge(catalog, tmp_path):
    append(catalog, "a", "b").append(rows("c"))
    other = Catalog(str(tmp_path / "other"))
    other.merge("unique_frames", rows("a", "b", "c"))
    read = [
        c.read_latest("unique_frames").sort_by("frame_id") for c in (catalog, other)
    ]
    assert read[0].equals(read[1]) and read[0].schema.equals(
        read[1].schema, check_metadata=True
    )
    assert catalog.merge("unique_frames", rows("a", "d")).inserted == 1
    catalog.delete("unique_frames", f"frame_id = '{content_id('a')}'")
    assert keys(catalog) == ids("b", "c", "d")


@pytest.mark.parametrize("how", ["append", "merge", "upsert", "delete"])
def test_another_writer_in_between_is_noticed(catalog, how):
    appender = append(catalog, "a")
    if how == "append":
        append(catalog, "b", "c")
    elif how == "delete":
        catalog.merge("unique_frames", rows("b", "c"))
        catalog.delete("unique_frames", f"frame_id = '{content_id('a')}'")
    else:
        getattr(catalog, how)("unique_frames", rows("b", "c"))
    assert appender.append(rows("b", "d")) == 1
    assert keys(catalog) == ids(*("bcd" if how == "delete" else "abcd"))


def test_rows_of_others_do_not_matter(catalog):
    appender = append(catalog, "a")
    catalog.merge("unique_frames", rows("x", "y", session="tuesday"))
    assert appender.append(rows("b")) == 1 and keys(catalog) == ids("a", "b", "x", "y")


def test_a_writer_that_lost_its_right_writes_nothing(catalog):
    def refuse() -> None:
        raise PermissionError("lease lost")

    append(catalog, "a")
    with pytest.raises(PermissionError):
        Appender(catalog, "unique_frames", MINE, refuse).append(rows("b"))
    assert keys(catalog) == ids("a")


def test_two_rows_with_one_key_are_refused(catalog):
    with pytest.raises(ValueError, match="share the key"):
        append(catalog, "a", "a")


def test_processes_that_race_write_every_row_once(catalog, tmp_path):
    script = (
        "import sys; sys.path.insert(0, sys.argv[2])\n"
        "from tests.assets.tables.test_appending import *\n"
        "a = Appender(Catalog(sys.argv[1]), 'unique_frames', MINE, lambda: None)\n"
        "for start in range(0, 20, 4): a.append(rows(*[str(n) for n in range(start, start + 6)]))\n"
    )
    command = [sys.executable, "-c", script, str(tmp_path / "tables"), str(ROOT)]
    racers = [
        subprocess.Popen(command, stderr=subprocess.PIPE, text=True) for _ in range(4)
    ]
    assert [(p.communicate()[1], p.returncode) for p in racers] == [("", 0)] * 4
    assert keys(catalog) == ids(*(str(n) for n in range(22)))
