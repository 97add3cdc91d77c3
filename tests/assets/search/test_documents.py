"""Documents follow what they are made of, row by row, and hold nothing that is not for everybody."""

from __future__ import annotations

import json
import sqlite3

import pytest

from assets.search import sources
from assets.search.documents import refresh_documents
from assets.search.labelled_words import list_attributes
from assets.search.pages import list_pages, split_page
from assets.search.run_records import RunRecords
from assets.search.stored import read_stored
from assets.tables.schemas import TABLES
from tests.assets.search.conftest import Meanings


@pytest.fixture(autouse=True)
def no_pages(monkeypatch):
    """The documentation of this checkout is not what is tested."""
    monkeypatch.setattr(sources, "list_pages", lambda: iter(()))


def read(catalog) -> dict[tuple[str, str], dict]:
    rows = catalog.read_latest("documents").to_pylist()
    return {(row["kind"], row["source"]): row for row in rows}


def test_there_is_one_document_of_each_thing_that_is_known(asked, records):
    done = refresh_documents(asked, records, None)
    rows = read(asked)
    assert rows.keys() == {
        ("session", "monday"),
        ("session", "tuesday"),
        ("class", "mug"),
        ("class", "bicycle"),
        ("attribute", "colour: blue"),
        ("quarantine", "tuesday/broken.mcap"),
    }
    assert (done.new, done.stale, done.removed, done.computed) == (6, 0, 0, 6)
    assert (
        "3 objects, in sessions monday (2), tuesday (1)" in rows["class", "mug"]["text"]
    )
    problem = rows["quarantine", "tuesday/broken.mcap"]
    assert "magic bytes" in problem["text"] and "let the upload end" in problem["text"]
    assert problem["session"] == "tuesday" and problem["vector"] is None


def test_only_what_changed_is_made_again(asked, records, rows_of):
    meanings = Meanings(["mug"])
    refresh_documents(asked, records, meanings)
    assert meanings.num_texts == 6
    done = refresh_documents(asked, records, meanings)
    assert (done.computed, done.removed, meanings.num_texts) == (0, 0, 6)
    label = rows_of("labels", 1, label_id="ab" * 16, session="monday", class_name="mug", attributes=None)  # fmt: skip
    asked.merge("labels", label)
    done = refresh_documents(asked, records, meanings)
    assert (done.new, done.stale, done.removed, meanings.num_texts) == (0, 1, 0, 7)
    assert "4 objects" in read(asked)["class", "mug"]["text"]


def test_what_is_gone_goes(asked, records):
    refresh_documents(asked, records, None)
    asked.delete("labels", "class_name = 'bicycle'")
    asked.delete("quarantine", "true")
    done = refresh_documents(asked, records, None)
    assert (done.computed, done.removed) == (0, 2)
    assert not {("class", "bicycle"), ("quarantine", "tuesday/broken.mcap")} & read(asked).keys()  # fmt: skip


def test_vectors_stay_where_the_net_is_missing_and_come_where_it_is_there(
    asked, records
):
    refresh_documents(asked, records, None)
    done = refresh_documents(asked, records, Meanings(["mug"]))
    assert (done.new, done.stale) == (0, 6)
    assert refresh_documents(asked, records, None).computed == 0
    assert all(row["vector"] is not None for row in read(asked).values())


@pytest.mark.parametrize(
    ("table", "column"),
    [("label_versions", "author"), ("signals", "values"), ("frames", "payload")],
)
def test_columns_that_are_not_for_everybody_are_refused(catalog, table, column):
    assert TABLES[table].column(column).privacy in ("personal", "restricted")
    with pytest.raises(PermissionError, match=f"{table}.{column} is "):
        read_stored(catalog, table, [column])


def test_attributes_that_are_no_pairs_are_no_words():
    pairs = '[["caption", "a red mug"], ["size", 3]]'
    assert list(list_attributes(pairs)) == ["caption: a red mug", "size: 3"]
    for text in (None, "", "{", '{"a": 1}', '[["alone"]]', "3"):
        assert list(list_attributes(text)) == []


def test_what_a_version_replaced_is_no_word(asked, records, rows_of):
    old, new = "aa" * 16, "bb" * 16
    asked.merge(
        "label_versions",
        rows_of(
            "label_versions",
            2,
            version_id=[old, new],
            session="monday",
            replaces=[[], [old]],
            class_names=[["cup"], ["plate", "fork"]],
            attributes=[[""], ["", '[["made of", "tin"]]']],
        ),
    )
    refresh_documents(asked, records, None)
    found = read(asked).keys()
    assert ("class", "cup") not in found
    assert {
        ("class", "plate"),
        ("class", "fork"),
        ("attribute", "made of: tin"),
    } <= found


def test_a_page_is_cut_at_its_headings_and_not_in_code():
    text = "# Limits\n\nAll of them.\n\n## Images & video\n\nOne a file.\n\n```sh\n# no heading\n```\n\n## Empty\n"
    found = [(d.source, d.title, d.text) for d in split_page("docs/limits.md", text)]
    assert found == [
        ("docs/limits.md", "Limits", "All of them."),
        (
            "docs/limits.md#images--video",
            "Limits: Images & video",
            "One a file.",
        ),
    ]


def test_the_documentation_is_there_in_a_checkout_and_nowhere_else(tmp_path):
    assert list(list_pages(tmp_path)) == []
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "a.md").write_text("# A\n\nWords.")
    assert [d.source for d in list_pages(tmp_path)] == ["docs/a.md"]


CLAIM = "capture/labels:boxes_have_area[monday]"


def store_runs(home) -> None:
    """What Dagster keeps of a run that failed and of claims, in the columns that are read."""
    runs = home / "history" / "runs"
    runs.mkdir(parents=True)
    error = {"message": "boom: no space", "cause": {"message": "OSError 28"}}
    failed = {"step_key": "mesh", "dagster_event": {"event_specific_data": {"error": error}}}  # fmt: skip
    said = {
        "description": "2 of 9 boxes \\[x\\] have no area",
        "severity": {"__enum__": "AssetCheckSeverity.WARN"},
        "metadata": {"num_checked": {"value": 9}, "look": {"md_str": "![p](data:image)"}},
    }  # fmt: skip
    check = json.dumps({"dagster_event": {"event_specific_data": said}})
    with sqlite3.connect(home / "history" / "runs.db") as db:
        db.execute("CREATE TABLE runs (id, run_id, pipeline_name, partition, status)")
        db.execute("INSERT INTO runs VALUES (1, 'r1', 'fuse', 'monday', 'FAILURE')")
        db.execute("INSERT INTO runs VALUES (2, 'r2', 'fuse', 'monday', 'SUCCESS')")
        db.execute("INSERT INTO runs VALUES (3, 'r3', 'fuse', NULL, 'FAILURE')")
    with sqlite3.connect(runs / "r1.db") as db:
        db.execute("CREATE TABLE event_logs (id, run_id, dagster_event_type, event)")
        row = 1, "r1", "STEP_FAILURE", json.dumps(failed)
        db.execute("INSERT INTO event_logs VALUES (?, ?, ?, ?)", row)
    with sqlite3.connect(runs / "index.db") as db:
        db.execute(
            "CREATE TABLE asset_check_executions (id INTEGER, asset_key, check_name, partition, execution_status, "
            "evaluation_event)"
        )
        key = '["capture", "labels"]'
        for row in (
            (1, key, "boxes_have_area", "monday", "FAILED", check),
            (2, key, "mended_since", "monday", "FAILED", check),
            (3, key, "mended_since", "monday", "SUCCEEDED", check),
            (4, key, "boxes_have_area", "monday", "PLANNED", None),
        ):
            db.execute("INSERT INTO asset_check_executions VALUES (?,?,?,?,?,?)", row)


def test_runs_and_claims_of_a_forgotten_session_do_not_come_back(
    asked, tmp_path, rows_of
):
    store_runs(tmp_path)
    records = RunRecords(tmp_path)
    refresh_documents(asked, records, None)
    assert {("run", "r1"), ("check", CLAIM)} < read(asked).keys()
    gone = rows_of("gone", 1, session="monday", cause="forgotten")
    asked.merge("gone", gone)
    refresh_documents(asked, records, None)
    assert ("run", "r1") in read(asked)  # of a file: the session is there still
    asked.delete("captures", "session = 'monday'")
    refresh_documents(asked, records, None)
    found = read(asked).keys()
    assert not {("run", "r1"), ("check", CLAIM)} & found and ("run", "r3") in found


def test_runs_that_failed_and_claims_that_do_not_hold_are_told(tmp_path):
    store_runs(tmp_path)
    check, one, other = sorted(
        RunRecords(tmp_path).list_documents(), key=lambda d: (d.kind, d.source)
    )
    assert check.source == "capture/labels:boxes_have_area[monday]"
    assert check.text == "2 of 9 boxes [x] have no area\nnum_checked: 9"
    assert check.session == "monday" and check.title.endswith("of monday: a warning")
    assert (one.source, one.title) == ("r1", "run of fuse of monday failed")
    assert one.text == "mesh: boom: no space\nmesh: OSError 28"
    assert (other.source, other.text) == ("r3", "its log tells no error")
