"""Which mistakes come first."""

from collections.abc import Callable
from typing import Any

from assets.kinds.judging.boxes import find_wrong_boxes, pair_boxes
from assets.kinds.judging.image_class import find_wrong_classes, pair_classes
from assets.tables.schemas import content_id

Make = Callable[..., dict[str, Any]]
NAMES = ("cat", "dog")
BOX = [0.0, 0.0, 50.0, 50.0]
FAR = [200.0, 200.0, 250.0, 250.0]


def test_the_surest_wrong_class_comes_first_and_right_ones_not_at_all(
    release_row: Make, prediction_row: Make
):
    scores = {
        "a": (["cat", "dog"], [0.99, 0.01]),
        "b": (["dog", "cat"], [0.6, 0.4]),
        "c": (["dog", "cat"], [0.9, 0.1]),
    }
    pairs = pair_classes(
        [prediction_row(n, *s) for n, s in scores.items()],
        [release_row(n, 0) for n in scores],
        NAMES,
    )
    wrong = find_wrong_classes(pairs, limit=5)
    assert [pairs.frame_ids[w.place] for w in wrong] == [
        content_id("c"),
        content_id("b"),
    ]
    assert (wrong[0].confidence, wrong[0].true_probability, wrong[0].predicted_id) == (
        0.9,
        0.1,
        1,
    )


def test_frames_with_most_wrong_boxes_come_first(
    release_row: Make, prediction_row: Make
):
    frames = [
        release_row("right", boxes=BOX, ids=[0]),
        release_row("confused", boxes=BOX, ids=[0]),
        release_row("missed and false", boxes=BOX, ids=[0]),
    ]
    predictions = [
        prediction_row("right", ["cat"], [0.9], BOX),
        prediction_row("confused", ["dog"], [0.9], BOX),
        prediction_row("missed and false", ["cat"], [0.9], FAR),
    ]
    wrong = find_wrong_boxes(
        pair_boxes(predictions, frames, NAMES), min_score=0.5, limit=5
    )
    assert [(w.place, w.num_missed, w.num_false, w.num_confused) for w in wrong] == [
        (2, 1, 1, 0),
        (1, 0, 0, 1),
    ]


def test_boxes_below_the_score_are_no_mistake(release_row: Make, prediction_row: Make):
    pairs = pair_boxes(
        [prediction_row("a", ["cat"], [0.2], FAR)], [release_row("a")], NAMES
    )
    assert find_wrong_boxes(pairs, min_score=0.5, limit=5) == []
