"""Tables follow the schemas of the code: additive changes by themselves, others by an upgrade, newer ones never."""

from __future__ import annotations

import hashlib
import json
import threading
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pyarrow as pa
import pytest

from assets.tables import schema_versions
from assets.tables.appending import Appender
from assets.tables.catalog import Catalog
from assets.tables.migrate import Upgrade, upgrade_tables
from assets.tables.schema_versions import (
    Migration,
    ReadLatest,
    SchemaMoved,
    null_absent,
    version_of,
)
from assets.tables.schemas import TABLES, Column, Table, content_id, to_table
from checks.gates import gate_session

VERSIONS = Path(__file__).parent / "schema_versions.json"
AUTHOR = Column("author", pa.string(), nullable=True)


@pytest.fixture
def change(monkeypatch):
    """change("splits", columns, migration): the code has a newer schema of a table from now on; until `undo`."""

    def apply(
        name: str, columns: tuple[Column, ...], *steps: Migration
    ) -> pytest.MonkeyPatch:
        newer = replace(TABLES[name], columns=columns, version=TABLES[name].version + 1)
        monkeypatch.setitem(TABLES, name, newer)
        steps = (*schema_versions.MIGRATIONS, *steps)
        monkeypatch.setattr(schema_versions, "MIGRATIONS", steps)
        return monkeypatch

    return apply


def splits(*names: str, session: str = "monday", **more: object) -> pa.Table:
    ids = {n: content_id(n) for n in names}
    return to_table(
        TABLES["splits"],
        [
            {
                "frame_id": i,
                "capture_id": i,
                "session": session,
                "group_id": i,
                "split": "train",
                "rule": "cluster",
                **more,
            }
            for i in ids.values()
        ],
    )


def with_author(table: Table) -> tuple[Column, ...]:
    """A new column in the middle: the stored one comes last."""
    return (*table.columns[:2], AUTHOR, *table.columns[2:])


def test_a_column_that_may_be_null_is_added_when_the_table_is_written(catalog, change):
    catalog.merge("splits", splits("a", "b"))
    before = catalog.latest_version("splits")
    change("splits", with_author(TABLES["splits"]))
    assert catalog.read_latest("splits")["author"].to_pylist() == [None, None]
    assert catalog.open_stored("splits").version == before, (
        "who only reads writes nothing"
    )
    catalog.upsert("splits", splits("b", "c", author="Nadar"))
    rows = catalog.read_latest("splits").to_pylist()
    assert sorted((r["frame_id"], r["author"]) for r in rows) == sorted(
        [
            (content_id("a"), None),
            (content_id("b"), "Nadar"),
            (content_id("c"), "Nadar"),
        ],
        key=lambda p: p[0],
    )
    assert version_of(catalog.open_stored("splits").schema) == TABLES["splits"].version


def test_rows_with_lists_stay_what_they_were_through_two_changes(catalog, change):
    def release(name: str, **more: object) -> pa.Table:
        i = content_id(name)
        return to_table(
            TABLES["releases"],
            [
                {
                    "release_id": i,
                    "task": "detection",
                    "class_names": ["cup", name],
                    "num_frames": 1,
                    "num_labels": 2,
                    "content_sha256": "0" * 64,
                    "frames_version": 1,
                    "code_version": "1",
                    "sessions": ["monday", name],
                    **more,
                }
            ],
        )

    catalog.merge("releases", release("a"))
    tags = Column("tags", pa.list_(pa.string()), nullable=True)
    change("releases", (tags, *TABLES["releases"].columns))
    catalog.merge("releases", release("b", tags=["x", "y"]))
    change("releases", (AUTHOR, *TABLES["releases"].columns))
    catalog.merge("releases", release("c", tags=["z"], author="Nadar"))
    rows = {r["class_names"][1]: r for r in catalog.read_latest("releases").to_pylist()}
    assert [
        (rows[n]["sessions"][1], rows[n]["tags"], rows[n]["author"]) for n in "abc"
    ] == [
        ("a", None, None),
        ("b", ["x", "y"], None),
        ("c", ["z"], "Nadar"),
    ]


def test_what_was_published_stays_and_is_read_with_nulls(catalog, change, frame_rows):
    catalog.merge("frames", frame_rows(3, session="monday"))
    assert not [
        v
        for v in gate_session(catalog, "frames", "monday")
        if v.name.startswith("frames_rows") and v.stops
    ]
    catalog.publish("frames", "monday", catalog.latest_version("frames"))
    change("frames", (*TABLES["frames"].columns, AUTHOR))
    catalog.merge("frames", frame_rows(2, seed=7, session="tuesday"))
    published = catalog.read(
        "frames", ["frame_id", "author"], "author IS NULL AND kind = 'color'"
    )
    assert len(published) == 3 and published["author"].null_count == 3
    schema = gate_session(catalog, "frames", "monday")[0]
    assert schema.passed, schema.summary


def test_a_column_that_may_be_null_by_now_takes_null(catalog, change):
    catalog.merge("splits", splits("a"))
    loose = tuple(
        replace(c, nullable=True) if c.name == "group_id" else c
        for c in TABLES["splits"].columns
    )
    change("splits", loose)
    catalog.merge("splits", splits("b", group_id=None))
    assert sorted(
        r["group_id"] or "" for r in catalog.read_latest("splits").to_pylist()
    ) == ["", content_id("a")]


def test_workers_that_race_add_a_column_once(home, catalog, change):
    catalog.merge("splits", splits("a"))
    before = catalog.latest_version("splits")
    change("splits", with_author(TABLES["splits"]))
    start = threading.Barrier(6)
    failed = []

    def work(number: int) -> None:
        mine = Catalog(str(home / "tables"))
        start.wait()
        try:
            mine.merge("splits", splits(f"worker {number}", author=str(number)))
        except Exception as error:
            failed.append(error)

    workers = [threading.Thread(target=work, args=(n,)) for n in range(6)]
    [w.start() for w in workers]
    [w.join() for w in workers]
    assert failed == []
    assert sorted(
        r["author"] or "" for r in catalog.read_latest("splits").to_pylist()
    ) == ["", *"012345"]
    schemas = [
        catalog.open_stored("splits", v).schema
        for v in range(1, catalog.latest_version("splits") + 1)
    ]
    changes = sum(
        "author" in after.names and "author" not in b.names
        for b, after in pairwise(schemas)
    )
    assert changes == 1 and len(schemas) == before + 1 + 6, (
        "one change, and a version a merge"
    )


def test_a_table_of_newer_code_is_refused_with_both_versions(
    catalog, change, frame_rows
):
    catalog.merge("splits", splits("a"))
    appender = Appender(catalog, "splits", "true", lambda: None)
    patched = change("splits", with_author(TABLES["splits"]))
    newer = TABLES["splits"].version
    catalog.merge("splits", splits("b"))
    patched.undo()
    rows = splits("c")
    for use in (
        catalog.read,
        catalog.read_latest,
        catalog.dataset,
        lambda name: catalog.merge(name, rows),
    ):
        if use == catalog.read:
            continue  # nothing is published
        with pytest.raises(
            SchemaMoved,
            match=f"has schema version {newer}, this Daguerre knows {newer - 1}: .* update",
        ):
            use("splits")
    with pytest.raises(SchemaMoved, match="update Daguerre here"):
        appender.append(rows)
    with pytest.raises(SchemaMoved, match="update Daguerre here"):
        gate_session(catalog, "splits", None)
    assert catalog.publications("splits") == [], (
        "no verdict on rows that could not be read"
    )
    assert ["update Daguerre here" in u.refusal for u in upgrade_tables(catalog)] == [
        True
    ]


def shout(read: ReadLatest, rows: pa.Table) -> pa.Table:
    """`split` becomes `side`, in capitals."""
    side = pa.array([s.upper() for s in rows["split"].to_pylist()])
    return rows.append_column("side", side).drop_columns(["split"])


@pytest.fixture
def moved(catalog, change) -> Catalog:
    """A home whose published splits have to be migrated."""
    catalog.merge("splits", splits("a", "b"))
    catalog.publish("splits", None, catalog.latest_version("splits"))
    columns = (
        *(c for c in TABLES["splits"].columns if c.name != "split"),
        Column("side", pa.string()),
    )
    change(
        "splits",
        columns,
        Migration(
            "splits", TABLES["splits"].version + 1, "call the split a side", shout
        ),
    )
    return catalog


def test_a_migration_changes_rows_and_publishes_what_was_published(moved):
    with pytest.raises(SchemaMoved, match="run `daguerre upgrade`"):
        moved.read("splits")
    published = moved.published_version("splits")
    planned = list(upgrade_tables(moved, is_dry_run=True))
    assert planned == [
        Upgrade("publications", 1, 1, ()),
        Upgrade(
            "splits",
            1,
            2,
            ("call the split a side", f"publish version {published} again"),
        ),
    ]
    assert moved.open_stored("splits").schema.names[-1] == "rule", (
        "a dry run changes nothing"
    )
    assert list(upgrade_tables(moved)) == planned
    assert moved.read("splits")["side"].to_pylist() == ["TRAIN", "TRAIN"]
    assert moved.published_version("splits") > published
    assert all(not u.steps and not u.refusal for u in upgrade_tables(moved))


@pytest.mark.parametrize("step", ["write_fragments", "publish"])
def test_an_upgrade_that_was_killed_goes_on(moved, monkeypatch, step):
    class Killed(BaseException):
        pass

    def die(*args: object, **kwargs: object) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(
            *{"write_fragments": ("lance.fragment.write_fragments", die)}.get(
                step, (Catalog, step, die)
            )[:3]
        )
        with pytest.raises(Killed):
            list(upgrade_tables(moved))
    assert [u.table for u in upgrade_tables(moved) if u.steps] == ["splits"]
    assert moved.read("splits")["side"].to_pylist() == ["TRAIN", "TRAIN"]


def test_rows_that_no_check_has_passed_are_not_published_by_an_upgrade(catalog, change):
    catalog.merge("splits", splits("a", "b"))
    catalog.publish("splits", None, catalog.latest_version("splits"))
    catalog.merge("splits", splits("c"))
    columns = (
        *(c for c in TABLES["splits"].columns if c.name != "split"),
        Column("side", pa.string()),
    )
    change(
        "splits",
        columns,
        Migration(
            "splits", TABLES["splits"].version + 1, "call the split a side", shout
        ),
    )
    found = {u.table: u for u in upgrade_tables(catalog)}["splits"]
    assert found.steps == () and "no check has passed" in found.refusal
    assert "split" in catalog.open_stored("splits").schema.names


def test_rows_that_do_not_fit_without_a_migration_are_refused(catalog, change):
    catalog.merge("splits", splits("a"))
    change("splits", tuple(c for c in TABLES["splits"].columns if c.name != "rule"))
    with pytest.raises(
        SchemaMoved,
        match=r"a column 'rule' that is unknown, .* open it with the version that wrote it",
    ):
        catalog.read_latest("splits")


def test_columns_that_are_absent_are_null_in_filters_and_texts_stay():
    assert (
        null_absent("author = 'author''s' AND kind = 'x'", ["author"])
        == "NULL = 'author''s' AND kind = 'x'"
    )
    assert null_absent("authors IS NULL", ["author"]) == "authors IS NULL"
    assert null_absent(None, ["author"]) is None


def test_every_change_of_a_schema_has_a_version_of_its_own():
    """When this fails, raise `version` of the table in its schema, and write the new hash beside it."""
    stored = json.loads(VERSIONS.read_text())
    found = {
        t.name: [t.version, hashlib.sha256(repr(t.columns).encode()).hexdigest()[:16]]
        for t in TABLES.values()
    }
    assert found == stored
