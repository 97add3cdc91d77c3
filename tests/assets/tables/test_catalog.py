"""Keys, versions, and what readers see: published rows of admitted sessions, never a step back."""

from __future__ import annotations

import pyarrow as pa
import pytest

from assets.tables.catalog import PUBLISHED, TableMissing, Written, is_in, session_is
from assets.tables.schemas import TABLES, content_id, to_table


def sequences(table: pa.Table) -> list[int]:
    return sorted(table["sequence"].to_pylist())


def clusters(*names: str, of: str = "a", session: str = "monday") -> pa.Table:
    """Rows of `unique_frames`, one a name."""
    rows = [
        {
            "frame_id": content_id(name),
            "session": session,
            "duplicate_of": None,
            "cluster_id": content_id(of),
            "similarity": None,
            "input_sha256": "0" * 64,
            "code_version": "1",
        }
        for name in names
    ]
    return to_table(TABLES["unique_frames"], rows)


def test_a_merge_inserts_only_what_is_not_there(catalog, frame_rows):
    assert catalog.merge("frames", frame_rows(2)).inserted == 2
    again = catalog.merge("frames", frame_rows(3, sensor="other"))
    assert (again.inserted, again.updated) == (1, 0)
    assert sorted(catalog.read_latest("frames")["sensor"].to_pylist()) == [
        "cam",
        "cam",
        "other",
    ]


def test_an_upsert_replaces_rows_with_an_equal_key(catalog, frame_rows):
    catalog.merge("frames", frame_rows(2))
    done = catalog.upsert("frames", frame_rows(2, seed=1, sensor="other"))
    assert (done.inserted, done.updated) == (1, 1)
    rows = catalog.read_latest("frames").to_pylist()
    assert sorted((r["sequence"], r["sensor"]) for r in rows) == [
        (0, "cam"),
        (1, "other"),
        (2, "other"),
    ]


def test_merging_no_rows_makes_the_table_and_no_more(catalog):
    first = catalog.merge("frames", TABLES["frames"].schema.empty_table())
    assert catalog.merge("frames", TABLES["frames"].schema.empty_table()) == Written(
        first.version, 0
    )
    assert catalog.exists("frames") and catalog.names() == ["frames"]


def test_two_rows_of_one_merge_may_not_share_a_key(catalog, frame_rows):
    twice = pa.concat_tables([frame_rows(1), frame_rows(1)])
    for write in (catalog.merge, catalog.upsert):
        with pytest.raises(
            ValueError, match="two rows for frames share the key frame_id"
        ):
            write("frames", twice)


def test_a_stored_table_keeps_units_and_privacy_in_its_fields(catalog, frame_rows):
    catalog.merge("frames", frame_rows(1))
    field = catalog.dataset("frames").schema.field("payload")
    assert field.metadata[b"privacy"] == b"restricted"
    assert catalog.dataset("frames").schema.field("t_ns").metadata[b"unit"] == b"ns"


def test_an_absent_table_reads_as_no_rows_of_its_schema(catalog):
    for read in (catalog.read, catalog.read_latest):
        assert read("frames").schema.names == TABLES["frames"].schema.names
        assert read(
            "frames", ["sha256", "frame_id"], "kind = 'color'"
        ).schema.names == ["sha256", "frame_id"]
    assert (
        catalog.names(),
        catalog.published_version("frames"),
        catalog.publications("frames"),
    ) == ([], None, [])
    with pytest.raises(TableMissing, match="table 'frames' does not exist"):
        catalog.latest_version("frames")


def test_an_unknown_table_is_refused(catalog):
    for act in (catalog.read, catalog.read_latest, catalog.exists, catalog.dataset):
        with pytest.raises(ValueError, match="there is no table 'frame'"):
            act("frame")


def test_a_version_that_is_not_there_is_named(catalog, frame_rows):
    catalog.merge("frames", frame_rows(1))
    with pytest.raises(TableMissing, match="at version 99"):
        catalog.read("frames", version=99)
    with pytest.raises(TableMissing, match="at version 99"):
        catalog.publish("frames", "monday", 99)
    assert catalog.publications("frames") == []


def test_nobody_reads_what_is_not_published(catalog, frame_rows):
    first = catalog.merge("frames", frame_rows(2)).version
    assert (len(catalog.read("frames")), len(catalog.read_latest("frames"))) == (0, 2)
    catalog.publish("frames", "monday", first)
    catalog.merge("frames", frame_rows(1, seed=2))
    assert (
        sequences(catalog.read("frames")),
        sequences(catalog.read_latest("frames")),
    ) == ([0, 1], [0, 1, 2])
    assert sequences(catalog.read("frames", where="sequence > 0")) == [1]


def test_a_pinned_version_reads_as_it_was(catalog, frame_rows):
    first = catalog.merge("frames", frame_rows(1)).version
    catalog.upsert("frames", frame_rows(1, sensor="other"))
    assert catalog.read("frames", version=first)["sensor"].to_pylist() == ["cam"]


def test_publishing_one_session_does_not_admit_another(catalog, frame_rows):
    catalog.merge("frames", frame_rows(1))
    version = catalog.merge("frames", frame_rows(1, session="tuesday")).version
    catalog.publish("frames", "tuesday", version)
    assert catalog.read("frames")["session"].to_pylist() == ["tuesday"]


def test_a_held_session_stays_hidden_in_later_versions_until_it_passes(
    catalog, frame_rows
):
    catalog.publish("frames", "monday", catalog.merge("frames", frame_rows(1)).version)
    catalog.hold(
        "frames",
        "monday",
        catalog.merge("frames", frame_rows(1, seed=1)).version,
        "blurred",
    )
    catalog.publish(
        "frames",
        "tuesday",
        catalog.merge("frames", frame_rows(1, session="tuesday")).version,
    )
    assert catalog.read("frames")["session"].to_pylist() == ["tuesday"]
    held, _ = catalog.publications("frames")
    assert (held["session"], held["is_held"], held["reason"]) == (
        "monday",
        True,
        "blurred",
    )
    catalog.publish("frames", "monday", catalog.latest_version("frames"))
    assert sorted(catalog.read("frames")["session"].to_pylist()) == [
        "monday",
        "monday",
        "tuesday",
    ]


def test_a_late_verdict_on_an_older_version_changes_nothing(catalog, frame_rows):
    first = catalog.merge("frames", frame_rows(1)).version
    second = catalog.merge("frames", frame_rows(1, seed=1)).version
    catalog.publish("frames", "monday", second)
    catalog.publish("frames", "monday", first)
    catalog.hold("frames", "monday", first, "was blurred")
    assert (catalog.published_version("frames"), sequences(catalog.read("frames"))) == (
        second,
        [0, 1],
    )


def test_a_tag_left_behind_by_a_slower_publisher_hides_nothing(catalog, frame_rows):
    first = catalog.merge("frames", frame_rows(1)).version
    second = catalog.merge("frames", frame_rows(1, seed=1)).version
    catalog.publish("frames", "monday", second)
    # it read the tag before, and writes it now
    catalog.dataset("frames").tags.update(PUBLISHED, first)
    assert (catalog.published_version("frames"), sequences(catalog.read("frames"))) == (
        second,
        [0, 1],
    )


def test_a_table_judged_as_a_whole_shows_all_sessions_that_are_not_held(catalog):
    catalog.merge("unique_frames", clusters("a", session="monday"))
    version = catalog.merge("unique_frames", clusters("b", session="tuesday")).version
    catalog.publish("unique_frames", None, version)
    assert len(catalog.read("unique_frames")) == 2
    catalog.hold("unique_frames", "monday", version, "asked for by hand")
    assert catalog.read("unique_frames")["session"].to_pylist() == ["tuesday"]


def test_readers_stay_on_the_version_before_a_whole_table_was_held(catalog):
    catalog.publish(
        "unique_frames", None, catalog.merge("unique_frames", clusters("a")).version
    )
    worse = catalog.merge("unique_frames", clusters("b"))
    catalog.hold("unique_frames", None, worse.version, "torn")
    assert len(catalog.read("unique_frames")) == 1
    catalog.publish("unique_frames", None, worse.version)
    assert len(catalog.read("unique_frames")) == 2


def test_a_table_without_sessions_follows_its_tag(catalog):
    catalog.point("release/detection", "one")
    catalog.publish("pointers", None, catalog.latest_version("pointers"))
    catalog.point("release/detection", "two")
    assert catalog.read("pointers")["target"].to_pylist() == ["one"]


def test_deleting_removes_the_matching_rows_of_the_newest_version(catalog, frame_rows):
    first = catalog.merge("frames", frame_rows(3)).version
    assert catalog.delete("frames", "sequence = 1") > first
    assert sequences(catalog.read_latest("frames")) == [0, 2]
    assert sequences(catalog.read("frames", version=first)) == [0, 1, 2]


def test_a_deleted_row_can_come_back(catalog, frame_rows):
    catalog.merge("frames", frame_rows(1))
    catalog.delete("frames", "true")
    assert catalog.merge("frames", frame_rows(1)).inserted == 1


def test_a_pointer_names_what_it_was_set_to_last(catalog):
    assert catalog.pointed("release/detection") is None
    for target in ("one", "two"):
        catalog.point("release/detection", target)
    catalog.point("release/recognition", "three")
    assert (
        catalog.pointed("release/detection"),
        catalog.pointed("release/recognition"),
    ) == ("two", "three")


@pytest.mark.parametrize("session", ["it's", "a' OR 'a' = 'a", "100%", "a\\", 'a"b'])
def test_filters_quote_what_they_are_given(catalog, frame_rows, session):
    catalog.merge("frames", frame_rows(1))
    version = catalog.merge("frames", frame_rows(1, session=session)).version
    assert catalog.read_latest("frames", where=session_is(session))[
        "session"
    ].to_pylist() == [session]
    assert catalog.read_latest("frames", where=is_in("session", [session, "x"]))[
        "session"
    ].to_pylist() == [session]
    catalog.publish("frames", session, version)
    assert catalog.read("frames")["session"].to_pylist() == [session]


def test_no_values_match_no_rows(catalog, frame_rows):
    catalog.merge("frames", frame_rows(1))
    assert len(catalog.read_latest("frames", where=is_in("session", []))) == 0


def test_every_table_stores_no_rows_and_reads_them_back(catalog):
    for name, table in TABLES.items():
        catalog.merge(name, table.schema.empty_table())
        assert catalog.read_latest(name).schema.equals(table.schema)
    assert catalog.names() == list(TABLES)


@pytest.mark.parametrize("at_once", [1, 10])
def test_rows_of_many_values_are_those_of_few(
    catalog, frame_rows, monkeypatch, at_once
):
    monkeypatch.setattr("assets.tables.catalog._KEYS_AT_ONCE", at_once)
    rows = frame_rows(4)
    version = catalog.merge("frames", rows).version
    catalog.merge("frames", frame_rows(2, seed=50))
    ids = rows["frame_id"].to_pylist()
    wanted = [ids[2], ids[0], "no frame"]
    for pinned in (None, version):
        found = catalog.read_of("frames", ["sequence"], "frame_id", wanted, pinned)
        assert found.to_pydict() == {"sequence": [0, 2]}
    assert not len(catalog.read_of("frames", None, "frame_id", []))
