"""What is right for questions with conditions, by a home of which a person can count everything.

monday: frame 1 (front) with two cups, frame 2 (front) with a cup and a spoon, frame 3 (rear) without labels.
tuesday: frame 4 (rear) with a spoon. wednesday: nothing but its capture.
"""

import operator
from typing import Any

import pytest

from assets.tables.catalog import Catalog
from assets.tables.schemas import TABLES, content_id, to_table
from bench.synthetic_home import plain_row
from orchestration.agent.exam import conditions
from orchestration.agent.exam.truths import Names

FRAMES = [
    ("monday", "front", ("cup", "cup")),
    ("monday", "front", ("cup", "spoon")),
    ("monday", "rear", ()),
    ("tuesday", "rear", ("spoon",)),
]
RELEASE = content_id("release")


@pytest.fixture(scope="module")
def counted(tmp_path_factory: pytest.TempPathFactory) -> Catalog:
    catalog = Catalog(str(tmp_path_factory.mktemp("counted")))
    rows: dict[str, list[dict[str, Any]]] = {t: [] for t in ("frames", "labels")}
    for number, (session, sensor, classes) in enumerate(FRAMES, start=1):
        mine = {"frame_id": content_id("frame", str(number)), "session": session}
        rows["frames"].append({**mine, "sensor": sensor})
        for place, name in enumerate(classes):
            label_id = content_id("label", str(number), str(place))
            rows["labels"].append({**mine, "label_id": label_id, "class_name": name})
    rows["captures"] = [
        {"capture_id": content_id(session), "session": session}
        for session in ("monday", "tuesday", "wednesday")
    ]
    rows["release_frames"] = [
        {"row_id": content_id(split), "release_id": RELEASE, "split": split}
        for split in ("train", "test")
    ]
    for table, some in rows.items():
        plain = [plain_row(table, row) for row in some]
        catalog.merge(table, to_table(TABLES[table], plain))
    return catalog


@pytest.mark.parametrize(
    ("find", "names", "number"),
    [
        (conditions.frames_without_labels, {}, 1),
        (conditions.frames_without_labels, {"session": "monday"}, 1),
        (conditions.frames_without_labels, {"session": "tuesday"}, 0),
        (conditions.frames_with_both_classes, {"class": "cup", "class2": "spoon"}, 1),
        (
            conditions.labels_of_class_of_sensor,
            {"class": "spoon", "sensor": "rear"},
            1,
        ),
        (conditions.labels_of_class_of_sensor, {"class": "cup", "sensor": "front"}, 3),
        (
            conditions.number_of_others("labels", "class_name", "class"),
            {"class": "cup"},
            2,
        ),
        (
            conditions.number_of_others("frames", "session", "session"),
            {"session": "monday"},
            1,
        ),
        (conditions.frames_of_test_part, {"release": RELEASE[:12]}, 1),
        (conditions.average_of_session("frames"), {}, 4 / 3),
        (conditions.average_of_session("labels"), {}, 5 / 3),
        (conditions.average_labels_of_frame, {}, 5 / 4),
    ],
)
def test_a_number_is_that_of_a_count_by_hand(
    counted: Catalog, find: conditions.FindTruth, names: Names, number: float
) -> None:
    assert find(counted, names).numbers == (number,)


@pytest.mark.parametrize(
    ("find", "names", "found"),
    [
        (conditions.most("labels", "class_name"), {}, {"cup"}),
        (conditions.fewest("labels", "class_name"), {}, {"spoon"}),
        (conditions.fewest("frames", "session"), {}, {"tuesday"}),
        (
            conditions.most("labels", "session", class_name="class"),
            {"class": "spoon"},
            {"monday", "tuesday"},
        ),
        (conditions.most("labels", "session", class_name="class"), {"class": "x"}, {}),
        (
            conditions.sessions_by_number("frames", operator.gt),
            {"number": "1"},
            {"monday"},
        ),
        (
            conditions.sessions_by_number("labels", operator.lt),
            {"number": "4"},
            {"tuesday", "wednesday"},
        ),
    ],
)
def test_what_has_most_or_fewest_is_named_and_equal_ones_are_all_of_it(
    counted: Catalog, find: conditions.FindTruth, names: Names, found: set[str]
) -> None:
    assert find(counted, names).names == frozenset(found)
