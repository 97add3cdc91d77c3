"""Reasons that differ in names, paths and numbers alone are one cause; others are not."""

from __future__ import annotations

from assets.causes import find_cause, group_by_cause


def test_names_paths_and_numbers_make_no_other_cause():
    alike = [
        "label 'cup' is for a frame that is not there: a/1.jpg",
        'label "jug" is for a frame that is not there: b/22.jpg',
    ]
    assert len(set(map(find_cause, alike))) == 1
    other = "label 'cup' has no frame: a/1.jpg"
    assert find_cause(other) not in set(map(find_cause, alike))


def test_the_largest_group_comes_first_and_each_text_counts():
    rows = [("row 1", "mend"), ("row 2", "drop"), ("row 3", "drop"), ("row 4", "mend")]
    rows.append(("row 5", "drop"))
    found = group_by_cause(rows, lambda row: row)
    assert found == [[rows[1], rows[2], rows[4]], [rows[0], rows[3]]]
