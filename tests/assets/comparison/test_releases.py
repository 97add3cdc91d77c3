"""What two releases differ in, on releases of a few frames that a person can count."""

import json

import pytest

from assets.comparison.page import render_page
from assets.comparison.release_page import make_page, tell_diff
from assets.comparison.releases import Label, diff_releases, match_labels
from tests.assets.comparison.conftest import (
    box_row,
    frame_id,
    write_frames,
    write_release,
)

CUP = (0, 2, 2, 12, 12)
MOVED_CUP = (0, 3, 2, 13, 12)  # IoU 9 / 11 with CUP
BALL = (1, 20, 4, 28, 12)


@pytest.fixture
def two(catalog):
    """Of frames a to e: b's cup is drawn anew and its ball is gone, c went to test, d is gone, e is new."""
    version = write_frames(catalog, "abcde")
    first = [
        box_row("a", "train", [CUP]),
        box_row("b", "train", [CUP, BALL]),
        box_row("c", "train", [BALL]),
        box_row("d", "val", [], "sunday"),
    ]
    second = [
        box_row("a", "train", [CUP]),
        box_row("b", "train", [MOVED_CUP]),
        box_row("c", "test", [BALL]),
        box_row("e", "val", [(2, 0, 0, 8, 8)]),
    ]
    return (
        write_release(catalog, "detection", ["cup", "ball"], first, version),
        write_release(catalog, "detection", ["cup", "ball", "<key>"], second, version),
    )


def test_frames_labels_classes_and_parts_are_counted(catalog, two):
    diff = diff_releases(catalog, *two)
    found = {w: [f.frame_id for f in frames] for w, frames in diff.frames.items()}
    assert found == {
        "added": [frame_id("e")],
        "removed": [frame_id("d")],
        "relabelled": [frame_id("b")],
        "moved": [frame_id("c")],
    }
    assert (diff.num_same, diff.moves) == (1, {("train", "test"): 1})
    assert (diff.classes_added, diff.sessions_removed) == (("<key>",), ("sunday",))
    (relabelled,) = diff.frames["relabelled"]
    assert relabelled.labels.tell() == "ball removed, cup drawn anew"
    counts = {c.name: (c.before, c.after, c.removed, c.changed) for c in diff.classes}
    assert counts == {"cup": (2, 2, 0, 1), "ball": (2, 1, 1, 0), "<key>": (0, 1, 0, 0)}
    assert "1 frames went from train to test" in diff.warnings[0]
    assert "  train -> test: 1 frames" in tell_diff(diff)
    assert json.loads(json.dumps(diff.to_dict()))["num_frames"]["same"] == 1


def test_the_page_shows_each_change_and_escapes_what_it_shows(catalog, two):
    page = render_page(make_page(catalog, diff_releases(catalog, *two)))
    # b before and after, and one of c, d and e each
    assert page.count("data:image/jpeg") == 5
    assert "before: 1 cup, 1 ball" in page and "after: 1 cup" in page
    assert "&lt;key&gt;" in page and "<key>" not in page


def test_a_release_and_itself_are_the_same(catalog, two):
    diff = diff_releases(catalog, two[0], two[0])
    assert diff.is_same and tell_diff(diff)[0].startswith("the same 4 frames")


def test_class_names_in_another_order_change_no_label(catalog):
    rows = ([box_row("a", "train", [CUP])], [box_row("a", "train", [(1, *CUP[1:])])])
    names = (["cup", "ball"], ["ball", "cup"])
    ids = [
        write_release(catalog, "detection", *of) for of in zip(names, rows, strict=True)
    ]
    diff = diff_releases(catalog, *ids)
    assert not any(diff.frames.values()) and not diff.is_same


def test_releases_of_two_kinds_are_refused(catalog, two):
    row = box_row("a", "train", []) | {"class_id": 0}
    other = write_release(catalog, "recognition", ["cup"], [row])
    with pytest.raises(ValueError, match=r"for detection.*for recognition.*one kind"):
        diff_releases(catalog, two[0], other)


def test_labels_pair_by_overlap_whatever_their_class_and_else_came_or_went():
    one = Label("cup", (0.0, 0.0, 10.0, 10.0))
    same_place = Label("box", (0.0, 0.0, 10.0, 9.0))
    far = Label("cup", (50.0, 50.0, 60.0, 60.0))
    changes = match_labels([one, one], [same_place, far])
    assert changes.changed == ((one, same_place),)
    assert (changes.removed, changes.added) == ((one,), (far,))
    assert changes.tell() == "cup added, cup removed, cup -> box"


def test_the_only_class_of_a_picture_changes_and_a_mask_is_drawn_anew():
    assert match_labels([Label("cup")], [Label("box")]).tell() == "cup -> box"
    before = [Label("road", (), "a"), Label("sky", (), "b")]
    after = [Label("road", (), "c"), Label("sky", (), "b")]
    assert match_labels(before, after).tell() == "road drawn anew"
