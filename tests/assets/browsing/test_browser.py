"""Pages of frames: which are asked for, in which order, and what follows when the tables move."""

from __future__ import annotations

import re
from typing import Any

import pyarrow as pa
import pytest

from assets.browsing.browser import Browser
from assets.browsing.conditions import ConditionError, find_positions
from assets.browsing.frame_index import _narrow
from assets.browsing.questions import Question, QuestionError, list_sort_columns
from assets.search import sources
from assets.search.documents import refresh_documents
from assets.search.run_records import RunRecords
from assets.tables.catalog import Catalog
from assets.tables.schemas import content_id
from assets.workspace import Workspace
from tests.assets.browsing.conftest import name_frame, put


def list_ids(browser: Browser, **asked: Any) -> list[str]:
    return [
        f["frame_id"] for f in browser.list_frames(Question(**asked), 0, 100).frames
    ]


def of_monday(*numbers: int) -> list[str]:
    return [name_frame("monday", n) for n in numbers]


def of_tuesday(*numbers: int) -> list[str]:
    return [name_frame("tuesday", n) for n in numbers]


def test_frames_come_by_session_and_time_and_a_page_is_a_part_of_them(looked_at):
    browser = looked_at()
    assert list_ids(browser) == of_monday(0, 1, 2) + of_tuesday(0, 1, 2, 3)
    page = browser.list_frames(Question(), 2, 3)
    assert page.total == 7 and page.offset == 2
    assert [f["frame_id"] for f in page.frames] == of_monday(2) + of_tuesday(0, 1)
    first = page.frames[0]
    assert (first["session"], first["sensor"], first["time_ns"]) == (
        "monday",
        "left",
        200_000_000,
    )


def test_filters_hold_together(looked_at):
    browser = looked_at()
    assert list_ids(browser, sessions=("monday",), sensors=("left",)) == of_monday(0, 2)
    assert list_ids(browser, classes=("mug",)) == of_monday(0) + of_tuesday(1)
    assert list_ids(browser, classes=("mug",), splits=("test",)) == of_monday(0)
    both = {"classes": ("mug", "fork"), "sessions": ("tuesday", "nobody's")}
    assert list_ids(browser, **both) == of_tuesday(1, 2)
    assert list_ids(browser, sessions=("nobody's",)) == []
    assert list_ids(browser, classes=("nobody's",)) == []


def test_a_column_orders_both_ways_and_frames_without_a_value_come_last(looked_at):
    browser = looked_at()
    unmeasured = of_monday(0, 1, 2)
    assert list_ids(browser, sort="sharpness") == of_tuesday(1, 3, 0, 2) + unmeasured
    assert list_ids(browser, sort="-sharpness") == of_tuesday(2, 0, 1, 3) + unmeasured
    assert list_ids(browser, sort="-session")[0] == of_tuesday(0)[0]
    with pytest.raises(QuestionError, match="no order 'sharp'"):
        list_ids(browser, sort="sharp")


def test_a_condition_asks_columns_in_memory_and_tables_in_subqueries(looked_at):
    browser = looked_at()
    assert list_ids(browser, where="sharpness >= 0.5") == of_tuesday(0, 2)
    where = "frame_id IN (SELECT frame_id FROM labels WHERE class_name = 'fork')"
    assert list_ids(browser, where=where) == of_tuesday(2)
    where = "WITH q AS (SELECT frame_id FROM labels) SELECT 1"
    assert list_ids(browser, where=f"EXISTS ({where} FROM q)", sessions=("monday",))


@pytest.mark.parametrize(
    "condition",
    [
        "sharp > 1",
        "true; DROP TABLE frames",
        "true) UNION (SELECT 1",
        "payload IS NOT NULL",
        "EXISTS (SELECT payload FROM frames)",
        "frame_id IN (SELECT frame_id FROM frame_exif WHERE latitude_deg > 48)",
        "EXISTS (SELECT 1 FROM signals WHERE values[1] > 0)",
        "EXISTS (SELECT 1 FROM label_versions WHERE author = 'somebody')",
        "EXISTS (SELECT 1 FROM frame_embeddings WHERE vector[1] > 0)",
        "EXISTS (SELECT 1 FROM read_csv('/etc/hostname'))",
        "EXISTS (SELECT 1 FROM '/etc/hostname')",
        "EXISTS (SELECT 1 FROM duckdb_views())",
        "EXISTS (SELECT 1 FROM information_schema.tables)",
        "EXISTS (SELECT 1 FROM query('SELECT 1 FROM frame_exif'))",
        "EXISTS (WITH frame_exif AS (SELECT 1 AS a) SELECT 1 FROM main.frame_exif)",
        "(" * 2000 + "true" + ")" * 2000,
    ],
)
def test_a_condition_reaches_no_file_no_write_and_nothing_that_is_not_shown(
    looked_at, condition
):
    with pytest.raises(ConditionError):
        list_ids(looked_at(), where=condition)


@pytest.mark.parametrize(
    ("condition", "told"),
    [
        ("sharpnes < 1", "no column is called 'sharpnes'; near it: sharpness"),
        ('sensor = "left"', "'left' in single quotes"),
        ("sequence < 'few'", "'few' is no number"),
        ("sensor + 1 > 2", "+ does not go with text, integer"),
        ("sensor like 5", "LIKE does not go with text, integer"),
        ("nearby(t_ns) > 1", "no function 'nearby'"),
        ("x.y = 1", "'x' is no table that is asked here"),
        ("sum(sharpness) > 1", "a frame by itself has no sum"),
        ("sharpness < 1 ORDER BY t_ns", "at 'ORDER' (character 15)"),
        ("(sharpness < 1", "it ends before it is whole"),
        (
            "EXISTS (WITH Labels AS (SELECT 1 AS a) SELECT a FROM Labels)",
            "'labels' is the name of a table: call what stands in WITH something else",
        ),
        (
            "EXISTS (WITH duckdb_views AS (SELECT 1 AS a) SELECT a FROM duckdb_views)",
            "'duckdb_views' is the name of a table",
        ),
        (
            "frame_id IN (SELECT frame_id FROM labels WHERE class_nam = 'mug')",
            "near it: class_name",
        ),
    ],
)
def test_a_wrong_condition_is_told_in_words_of_its_writer(looked_at, condition, told):
    with pytest.raises(ConditionError, match=re.escape(told)) as caught:
        list_ids(looked_at(), where=condition)
    said = str(caught.value)
    assert len(said) < 500 and "Candidate" not in said and "Binder" not in said


def test_a_condition_that_takes_too_long_is_stopped(looked_at):
    browser = looked_at()
    endless = "(SELECT count(*) FROM range(1000000000000) t(n) WHERE n % 7 = 3) > 1"
    with pytest.raises(ConditionError, match=r"stopped after 0\.2 s"):
        find_positions(browser.catalog, browser.index, endless, most_s=0.2)


def test_an_index_follows_its_tables_and_stays_while_nothing_moves(looked_at, catalog):
    browser = looked_at()
    before = browser.index
    assert not browser.refresh() and browser.index is before
    put(
        catalog,
        "splits",
        [{"frame_id": of_monday(2)[0], "session": "monday", "split": "val"}],
    )
    assert browser.refresh() and browser.index is not before
    assert list_ids(browser, splits=("val",)) == of_monday(2)


def test_a_condition_follows_tables_that_the_index_does_not(looked_at, catalog):
    browser = looked_at()
    where = "session IN (SELECT session FROM quarantine)"
    assert list_ids(browser, where=where) == []
    put(catalog, "quarantine", [{"session": "monday"}])
    assert list_ids(browser, where=where) == of_monday(0, 1, 2)


def test_frames_on_which_a_model_answered_are_chosen_by_its_scores(looked_at, catalog):
    said = (
        (of_monday(0)[0], "a", [0.75, 0.25]),
        (of_tuesday(2)[0], "b", [0.5]),
        (of_tuesday(3)[0], "b", []),
    )
    rows = [
        {
            "prediction_id": content_id(frame_id, model),
            "frame_id": frame_id,
            "model_sha256": model * 64,
            "class_names": ["mug"] * len(scores),
            "scores": scores,
        }
        for frame_id, model, scores in said
    ]
    browser = looked_at()
    put(catalog, "predictions", rows)
    browser.refresh()
    assert list_ids(browser, model_id="a" * 64) == of_monday(0)
    assert list_ids(browser, model_id="b") == of_tuesday(2, 3)  # no score is an answer
    assert list_ids(browser, model_id="b", score_from=0.5) == of_tuesday(2)
    assert list_ids(browser, score_from=0.5) == of_monday(0) + of_tuesday(2)
    assert list_ids(browser, model_id="a", score_from=0.875) == []


def test_a_text_finds_frames_that_readers_get_and_follows_what_they_get(
    looked_at, catalog, tmp_path, monkeypatch
):
    monkeypatch.setattr(sources, "list_pages", lambda: iter(()))
    browser = looked_at()
    with pytest.raises(QuestionError, match="nothing is known in words yet"):
        list_ids(browser, sort="text:mug")
    version = catalog.latest_version("frames")
    catalog.publish("frames", "tuesday", version)
    refresh_documents(catalog, RunRecords(tmp_path / "dagster"), None)
    assert list_ids(browser, sort="text:mug") == of_tuesday(1)
    catalog.publish("frames", "monday", version)
    assert list_ids(browser, sort="text:mug") == of_monday(0) + of_tuesday(1)
    page = browser.list_frames(Question(sort="text:mug", splits=("test",)), 0, 9)
    assert [f["frame_id"] for f in page.frames] == of_monday(0)
    assert page.frames[0]["score"] > 0
    with pytest.raises(QuestionError, match="no word to look for"):
        list_ids(browser, sort="text:?!")


def test_frames_that_readers_do_not_get_say_so(looked_at, catalog):
    browser = looked_at()
    catalog.publish("frames", "tuesday", catalog.latest_version("frames"))
    frames = browser.list_frames(Question(), 0, 7).frames
    assert [f["is_held"] for f in frames] == [True] * 3 + [False] * 4


def test_a_home_without_a_table_has_no_frames_in_any_order(home, catalog: Catalog):
    browser = Browser(catalog, Workspace(home))
    for column in list_sort_columns(browser.index):
        asked = Question(sort=f"-{column}", where="width_px > 3", sessions=("monday",))
        assert browser.list_frames(asked, 0, 10).total == 0


def test_ids_that_are_none_are_not_found(looked_at):
    index = looked_at().index
    known = of_tuesday(3)[0]
    asked = [known, known.upper(), known[:31], "", "0" * 32, known[:16] + "0" * 16]
    assert index.find(asked).tolist() == [6, -1, -1, -1, -1, -1]


def test_what_did_not_change_is_not_read_again(looked_at, catalog):
    browser = looked_at()
    before = browser.index
    label = {"label_id": content_id("new"), "class_name": "cup", "task": "detection"}
    of = {"frame_id": name_frame("monday", 1), "session": "monday"}
    put(catalog, "labels", [label | of])
    assert browser.refresh()
    after = browser.index
    assert after.rows is before.rows and after.number > before.number
    assert "cup" in after.classes and "cup" not in before.classes
    put(catalog, "splits", [{**of, "split": "val"}])
    assert browser.refresh()
    assert browser.index.rows is not after.rows
    assert list_ids(browser, splits=("val",)) == of_monday(1)


@pytest.mark.parametrize(("count", "width"), [(2, 8), (127, 8), (128, 8), (129, 16)])
def test_words_are_told_apart_by_as_many_bits_as_they_need(count, width):
    words = pa.array([f"word {n}" for n in range(count)]).dictionary_encode()
    narrow = _narrow(words)
    assert narrow.type.index_type.bit_width == width
    assert narrow.to_pylist() == words.to_pylist()
