"""Scores of stored predictions, over all and by slice, worked out by hand."""

from collections.abc import Callable
from typing import Any

import pytest

from assets.evaluation.score import score_predictions
from assets.tables.missed_classes import list_missed
from assets.tables.schemas import TABLES, content_id, to_table

Row = dict[str, Any]
Make = Callable[..., Row]
NAMES = ("cat", "dog")
BOX = [0.0, 0.0, 50.0, 50.0]
FAR = [200.0, 200.0, 250.0, 250.0]


def slice_frames(
    frames: list[Row], light_of: dict[str, str]
) -> dict[str, dict[str, str]]:
    """By session, sensor and light, "unknown" for a frame that has none."""
    return {
        row["frame_id"]: {
            "session": row["session"],
            "sensor": row["sensor"],
            "brightness": light_of.get(row["frame_id"], "unknown"),
        }
        for row in frames
    }


def look_up(
    rows: list[Row], slice_by: str, slice_value: str, metric: str
) -> tuple[float | None, int]:
    (row,) = [
        r
        for r in rows
        if (r["slice_by"], r["slice_value"], r["metric"])
        == (slice_by, slice_value, metric)
    ]
    return row["value"], row["num_samples"]


@pytest.fixture
def recognition(release_row: Make, prediction_row: Make) -> list[Row]:
    """Four frames: monday has two cats, one called dog; tuesday has two dogs, both right."""
    frames = [
        release_row("a", 0),
        release_row("b", 0),
        *(release_row(n, 1, session="tuesday") for n in "cd"),
    ]
    predictions = [
        prediction_row("a", ["cat", "dog"], [0.8, 0.2]),
        prediction_row("b", ["dog", "cat"], [0.6, 0.4]),
        prediction_row("c", ["dog", "cat"], [0.8, 0.2]),
        prediction_row("d", ["dog", "cat"], [0.6, 0.4]),
    ]
    slices = slice_frames(
        frames,
        {content_id("a"): "dark", content_id("b"): "medium", content_id("c"): "bright"},
    )
    return score_predictions("recognition", predictions, frames, NAMES, slices)


def test_recognition_over_all_frames(recognition: list[Row]):
    assert look_up(recognition, "all", "all", "accuracy") == (0.75, 4)
    # cat: 2*1/(2+1) = 2/3; dog: 2*2/(2+3) = 4/5
    assert look_up(recognition, "all", "all", "macro_f1")[0] == pytest.approx(
        (2 / 3 + 4 / 5) / 2
    )
    # at 0.8 both right: gap 0.2; at 0.6 one of two: gap 0.1
    assert look_up(recognition, "all", "all", "ece")[0] == pytest.approx(
        (0.2 + 0.1) / 2
    )


def test_recognition_by_session(recognition: list[Row]):
    assert look_up(recognition, "session", "monday", "accuracy") == (0.5, 2)
    assert look_up(recognition, "session", "tuesday", "accuracy") == (1.0, 2)


def test_recognition_by_brightness_with_frames_of_unknown_light_apart(
    recognition: list[Row],
):
    values = {
        value: look_up(recognition, "brightness", value, "accuracy")
        for value in ("dark", "medium", "bright", "unknown")
    }
    assert values == {
        "dark": (1.0, 1),
        "medium": (0.0, 1),
        "bright": (1.0, 1),
        "unknown": (1.0, 1),
    }


def test_recognition_by_class_counts_the_frames_of_the_class(recognition: list[Row]):
    assert look_up(recognition, "class", "cat", "recall") == (0.5, 2)
    assert look_up(recognition, "class", "dog", "precision") == (
        pytest.approx(2 / 3),
        2,
    )


def test_scores_fit_the_table_with_one_id_each(recognition: list[Row]):
    table = to_table(TABLES["scores"], recognition)
    assert len(set(table["score_id"].to_pylist())) == len(recognition)


@pytest.fixture
def detection(release_row: Make, prediction_row: Make) -> list[Row]:
    """Monday: one cat, found; tuesday: one cat, not found, and a box elsewhere. No dog anywhere."""
    frames = [
        release_row("a", boxes=BOX, ids=[0]),
        release_row("b", boxes=BOX, ids=[0], session="tuesday"),
    ]
    predictions = [
        prediction_row("a", ["cat"], [0.9], BOX),
        prediction_row("b", ["cat"], [0.8], FAR),
    ]
    return score_predictions(
        "detection", predictions, frames, NAMES, slice_frames(frames, {})
    )


def test_detection_over_all_frames(detection: list[Row]):
    # the hit comes first: precision 1 at recall 0.00 .. 0.50, 51 of 101 levels
    assert look_up(detection, "all", "all", "map50") == (pytest.approx(51 / 101), 2)
    assert look_up(detection, "all", "all", "map") == (pytest.approx(51 / 101), 2)
    assert look_up(detection, "all", "all", "operating_score")[0] == pytest.approx(0.9)
    assert look_up(detection, "all", "all", "recall50") == (0.5, 2)
    assert look_up(detection, "all", "all", "ece")[0] == pytest.approx((0.1 + 0.8) / 2)


def test_detection_by_session(detection: list[Row]):
    assert look_up(detection, "session", "monday", "map50") == (1.0, 1)
    assert look_up(detection, "session", "tuesday", "map50") == (0.0, 1)


def test_detection_by_object_size_counts_objects(detection: list[Row]):
    assert look_up(detection, "object_size", "medium", "map50") == (
        pytest.approx(51 / 101),
        2,
    )
    assert look_up(detection, "object_size", "large", "map50") == (None, 0)


def test_a_class_that_the_split_does_not_show_has_no_value(detection: list[Row]):
    assert look_up(detection, "class", "cat", "ap50") == (pytest.approx(51 / 101), 2)
    assert look_up(detection, "class", "dog", "ap50") == (None, 0)
    assert to_table(TABLES["scores"], detection)["value"].null_count > 0


def test_a_model_that_finds_nothing_counts_from_one_half_on(
    release_row: Make, prediction_row: Make
):
    rows = score_predictions(
        "detection",
        [prediction_row("a", [], [], [])],
        [release_row("a", boxes=BOX, ids=[0])],
        NAMES,
        {},
    )
    assert look_up(rows, "all", "all", "map50") == (0.0, 1)
    assert look_up(rows, "all", "all", "operating_score") == (0.5, 1)
    assert look_up(rows, "all", "all", "precision50") == (None, 1)
    assert look_up(rows, "all", "all", "recall50") == (0.0, 1)


@pytest.mark.parametrize(
    ("found", "map50", "precision50"), [((), 1.0, 1.0), ((FAR, 0.9), 0.5, 0.5)]
)
def test_a_box_in_a_picture_without_an_object_lowers_precision(
    release_row: Make,
    prediction_row: Make,
    found: tuple,
    map50: float,
    precision50: float,
):
    frames = [release_row("a", boxes=BOX, ids=[0]), release_row("b", session="tuesday")]
    box, score = found or ([], None)
    predictions = [
        prediction_row("a", ["cat"], [0.6], BOX),
        prediction_row("b", ["cat"] if found else [], [score] if found else [], box),
    ]
    rows = score_predictions(
        "detection", predictions, frames, NAMES, slice_frames(frames, {})
    )
    assert look_up(rows, "all", "all", "map50") == (pytest.approx(map50), 2)
    assert look_up(rows, "all", "all", "precision50")[0] == pytest.approx(precision50)
    assert look_up(rows, "session", "monday", "map50") == (1.0, 1)
    assert look_up(rows, "session", "tuesday", "map50") == (None, 1), (
        "there is nothing to find there"
    )


def test_predictions_of_other_frames_are_not_looked_at(
    release_row: Make, prediction_row: Make
):
    predictions = [
        prediction_row("a", ["cat", "dog"], [0.9, 0.1]),
        prediction_row("other", ["dog", "cat"], [0.9, 0.1]),
    ]
    assert look_up(
        score_predictions("recognition", predictions, [release_row("a", 0)], NAMES, {}),
        "all",
        "all",
        "accuracy",
    ) == (
        1.0,
        1,
    )


def test_a_frame_without_prediction_is_refused(release_row: Make, prediction_row: Make):
    with pytest.raises(ValueError, match="1 of 2 frames have no prediction"):
        score_predictions(
            "recognition",
            [prediction_row("a", ["cat", "dog"], [1, 0])],
            [release_row("a", 0), release_row("b", 0)],
            NAMES,
            {},
        )


def test_an_empty_split_is_refused():
    with pytest.raises(ValueError, match="no frames in this split"):
        score_predictions("recognition", [], [], NAMES, {})


def test_a_class_that_the_release_lacks_is_refused(
    release_row: Make, prediction_row: Make
):
    with pytest.raises(ValueError, match="'horse'"):
        score_predictions(
            "detection",
            [prediction_row("a", ["horse"], [0.9], BOX)],
            [release_row("a", boxes=BOX, ids=[0])],
            NAMES,
            {},
        )
    with pytest.raises(ValueError, match="its own classes"):
        score_predictions(
            "recognition",
            [prediction_row("a", ["horse"], [1.0])],
            [release_row("a", 0)],
            NAMES,
            {},
        )


def test_two_models_or_two_splits_at_once_are_refused(
    release_row: Make, prediction_row: Make
):
    frames = [release_row("a", 0), release_row("b", 0)]
    mixed = [
        prediction_row("a", ["cat", "dog"], [1, 0]),
        {**prediction_row("b", ["cat", "dog"], [1, 0]), "model_sha256": "ff" * 32},
    ]
    with pytest.raises(ValueError, match="2 values of model_sha256"):
        score_predictions("recognition", mixed, frames, NAMES, {})
    frames[1]["split"] = "val"
    with pytest.raises(ValueError, match="2 values of split"):
        score_predictions(
            "recognition",
            [prediction_row(n, ["cat", "dog"], [1, 0]) for n in "ab"],
            frames,
            NAMES,
            {},
        )


@pytest.fixture
def segmentation(map_rows: Callable[..., tuple[Row, Row]]) -> list[Row]:
    """Two frames of three pixels; monday has one wrong, tuesday shows no car and one pixel nobody labelled."""
    names = ("car", "road", "sky")
    pairs = [
        map_rows("a", [[0, 1, 1]], [[0, 0, 1]], names),
        map_rows("b", [[1, 2, 255]], [[1, 2, 0]], names, "tuesday"),
    ]
    frames, predictions = zip(*pairs, strict=True)
    return score_predictions(
        "segmentation", predictions, frames, names, slice_frames(frames, {})
    )


def test_segmentation_over_all_frames(segmentation: list[Row]):
    # car: 1 / 2; road: 2 / 3; sky: 1 / 1
    assert look_up(segmentation, "all", "all", "miou") == (
        pytest.approx((1 / 2 + 2 / 3 + 1) / 3),
        2,
    )
    assert look_up(segmentation, "all", "all", "pixel_accuracy")[0] == pytest.approx(
        4 / 5
    )
    # monday: car 1 / 2, road 1 / 2; tuesday: all right
    assert look_up(segmentation, "all", "all", "image_miou")[0] == pytest.approx(
        (1 / 2 + 1) / 2
    )


def test_segmentation_says_what_share_of_the_pixels_it_judges(
    segmentation: list[Row], map_rows: Callable[..., tuple[Row, Row]]
):
    # of six pixels one has no class
    assert look_up(segmentation, "all", "all", "judged_share") == (
        pytest.approx(5 / 6),
        2,
    )
    frame, prediction = map_rows("a", [[0, 1]], [[0, 0]], ("car", "road"))
    rows = score_predictions("segmentation", [prediction], [frame], ("car", "road"), {})
    assert look_up(rows, "all", "all", "judged_share") == (1.0, 1)
    # road is there, and not a pixel of it was found
    assert list_missed(rows, frame["release_id"], "") == ()
    found = (prediction["model_sha256"], frame["release_id"])
    assert list_missed(rows, *found) == ("road",)


def test_a_class_that_is_never_found_is_listed_by_any_kind_of_label(
    release_row: Make, prediction_row: Make
):
    frames = [release_row("a", 0), release_row("b", 1)]
    answers = [
        prediction_row("a", ["cat", "dog"], [0.8, 0.2]),
        prediction_row("b", ["cat", "dog"], [0.8, 0.2]),
    ]
    rows = score_predictions("recognition", answers, frames, NAMES, {})
    exam = (answers[0]["model_sha256"], frames[0]["release_id"])
    assert list_missed(rows, *exam) == ("dog",)
    # a class that the test part does not show is not missed
    rows = score_predictions("recognition", answers[:1], frames[:1], NAMES, {})
    assert list_missed(rows, *exam) == ()


def test_segmentation_by_session_and_by_class(segmentation: list[Row]):
    assert look_up(segmentation, "session", "monday", "miou") == (0.5, 1)
    assert look_up(segmentation, "session", "tuesday", "miou") == (1.0, 1)
    assert look_up(segmentation, "class", "road", "iou") == (pytest.approx(2 / 3), 2)
    assert look_up(segmentation, "class", "car", "iou") == (0.5, 1)
    assert len(to_table(TABLES["scores"], segmentation)) == len(
        {r["score_id"] for r in segmentation}
    )


def test_segmentation_without_a_mask_and_with_a_map_of_another_size_is_refused(
    map_rows: Callable[..., tuple[Row, Row]],
):
    names = ("car", "road")
    frame, prediction = map_rows("a", [[0, 1]], [[0, 1]], names)
    with pytest.raises(ValueError, match="1 release frames have no mask"):
        score_predictions(
            "segmentation", [prediction], [frame | {"mask_rles": []}], names, {}
        )
    with pytest.raises(ValueError, match="cover 2 of 3 px"):
        _, other = map_rows("a", [[0, 1]], [[0, 1]], names)
        score_predictions(
            "segmentation",
            [other],
            [map_rows("a", [[0, 1, 1]], [[0, 1, 1]], names)[0]],
            names,
            {},
        )
    with pytest.raises(ValueError, match=r"predicted to show \['road'\]"):
        score_predictions("segmentation", [prediction], [frame], ("car", "street"), {})
