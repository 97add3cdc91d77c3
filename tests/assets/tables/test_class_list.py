"""The classes of a release as lines: a row a class that it holds, one line for those without an object."""

from __future__ import annotations

import pyarrow as pa

from assets.tables.class_list import count_classes, draw_class_list
from assets.tables.schemas import TABLES

NAMES = ["cat", "dog", "owl", "yak"]
ROWS = [
    {"split": "train", "box_class_ids": [0, 0, 2]},
    {"split": "test", "box_class_ids": [2]},
]
FRAMES = pa.Table.from_pylist(
    ROWS,
    pa.schema(
        [
            *map(
                TABLES["release_frames"].schema.field,
                ("split", "class_id", "box_class_ids"),
            )
        ]
    ),
)


def test_classes_without_an_object_are_one_line_below_the_table():
    lines = draw_class_list(count_classes(NAMES, FRAMES))
    assert [line.split()[0] for line in lines] == ["class", "cat", "owl", "without"]
    assert lines[-1] == "without an object, 2: dog, yak"
    assert lines[2].split() == ["owl", "1", "0", "1", "1", "0", "1"]


def test_only_classes_with_objects_are_counted_as_left_out():
    counts = count_classes(NAMES, FRAMES)
    lines = draw_class_list(counts, 1)
    assert lines[2:] == [
        "... and 1 classes more",
        "without an object, 2: dog, and 1 more",
    ]


def test_a_list_that_holds_them_all_has_no_such_line():
    lines = draw_class_list(count_classes(["cat"], FRAMES[:1]))
    assert len(lines) == 2
