"""Drawn pictures and charts: they decode, have the size asked for, and show what they should where they should."""

import base64
import io

import numpy as np
import pytest
from PIL import Image as Pillow

from assets.previews.drawing import (
    Mark,
    as_data_uri,
    color_classes,
    contact_sheet,
    draw_marks,
    encode_jpeg,
    label_overlay,
    make_thumbnail,
)
from assets.previews.drift import drift_plot
from assets.previews.plots import (
    THEMES,
    confusion_matrix_plot,
    learning_curve_plot,
    pr_curves_plot,
    reliability_plot,
)
from models.metrics.calibration import score_calibration
from models.metrics.detection import score_detections
from models.types import BoxSet, Detections

GRAY = np.full((100, 200, 3), 128, np.uint8)
SUBJECT = "detector v3 · release 1a2b3c4d"


def decode(picture: bytes) -> np.ndarray:
    return np.asarray(Pillow.open(io.BytesIO(picture)).convert("RGB"))


def test_a_box_is_drawn_where_it_lies_after_scaling():
    # twice as wide: the left edge of the box at x = 50 is at 100, and its middle stays as it was
    picture = label_overlay(
        GRAY, np.array([[50, 40, 150, 90]], np.float32), ["cell"], width_px=400
    )
    assert picture.shape == (200, 400, 3)
    assert tuple(picture[130, 100]) == color_classes(["cell"])["cell"]
    assert tuple(picture[150, 200]) == (128, 128, 128)


def test_an_overlay_without_boxes_is_the_image():
    assert (
        label_overlay(GRAY, np.zeros((0, 4), np.float32), [], width_px=200) == GRAY
    ).all()


def test_boxes_over_the_border_and_without_area_are_drawn():
    boxes = np.array([[-50, -50, 500, 500], [20, 20, 20, 20]], np.float32)
    assert label_overlay(GRAY, boxes, ["a", "b"], [0.9, 0.1]).shape == (480, 960, 3)


def test_a_dashed_box_has_gaps():
    mark = Mark(
        (20, 20, 180, 80), "missed", (255, 0, 0), is_dashed=True, has_label=False
    )
    edge = draw_marks(GRAY, [mark], 200)[20, 30:170]
    is_red = (edge == (255, 0, 0)).all(-1)
    assert 0.3 < is_red.mean() < 0.7


def test_classes_have_colours_of_their_own():
    assert len(set(color_classes([str(n) for n in range(40)]).values())) == 40


def test_a_thumbnail_is_the_middle_square():
    image = np.zeros((10, 30, 3), np.uint8)
    image[:, 10:20] = 255
    assert make_thumbnail(image, 20).shape == (20, 20, 3)
    assert make_thumbnail(image, 20).min() == 255


def test_a_contact_sheet_has_rows_and_columns():
    sheet = decode(
        contact_sheet(
            [GRAY] * 5,
            ["a very long caption that does not fit"] * 5,
            num_columns=3,
            thumbnail_px=60,
        )
    )
    assert sheet.shape == (8 + 2 * (60 + 22 + 8), 8 + 3 * (60 + 8), 3)


def test_a_contact_sheet_of_nothing_is_refused():
    with pytest.raises(ValueError, match="no images"):
        contact_sheet([], [])


def test_the_uri_holds_the_picture_itself():
    jpeg = encode_jpeg(GRAY)
    text = as_data_uri(jpeg)
    assert (
        text.startswith("data:image/jpeg;base64,")
        and base64.b64decode(text.split("base64,")[1]) == jpeg
    )


def test_bytes_that_are_no_picture_have_no_uri():
    with pytest.raises(ValueError, match="neither PNG nor JPEG"):
        as_data_uri(b"<svg></svg>")


RESULT = score_detections(
    [BoxSet(np.array([[0, 0, 50, 50]], np.float32), np.array([0]))],
    [
        Detections(
            np.array([[0, 0, 50, 50]], np.float32),
            np.array([0.9], np.float32),
            np.array([0]),
        )
    ],
    2,
)
DRIFT = {
    "session": "dusk",
    "sensor": "cam $left$",
    "statistic": "brightness",
    "value": -9.5,
    "p_value": 0.0,
    "threshold": 0.01,
    "is_drifted": True,
}


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize(
    "draw",
    [
        lambda theme: confusion_matrix_plot(
            np.array([[3, 1], [0, 4]]), ["cat", "$dog_1$"], SUBJECT, theme
        ),
        lambda theme: confusion_matrix_plot(
            np.zeros((3, 3), np.int64), ["cat", "dog"], SUBJECT, theme
        ),
        lambda theme: confusion_matrix_plot(
            np.eye(60, dtype=np.int64),
            [f"class {n}" for n in range(60)],
            SUBJECT,
            theme,
        ),
        lambda theme: pr_curves_plot(
            RESULT, ["cat", "a name that is much too long for a legend"], SUBJECT, theme
        ),
        lambda theme: reliability_plot(
            score_calibration([0.9, 0.4], [True, False]), SUBJECT, theme
        ),
        lambda theme: learning_curve_plot(
            [{"epoch": 0, "train_loss": 2.0, "val_map50": None}], SUBJECT, theme
        ),
        lambda theme: learning_curve_plot(
            [{"epoch": 0, "train_loss": 2.0, "val_accuracy": 0.5}] * 40, SUBJECT, theme
        ),
        lambda theme: drift_plot(
            [DRIFT, {**DRIFT, "p_value": None, "is_drifted": None}], SUBJECT, theme
        ),
    ],
    ids=[
        "confusion",
        "confusion of nothing",
        "confusion of many",
        "curves",
        "reliability",
        "one epoch",
        "epochs",
        "drift",
    ],
)
def test_a_chart_is_a_png_on_the_ground_of_its_theme(draw, theme: str):
    png = draw(theme)
    assert png.startswith(b"\x89PNG")
    ground = tuple(int(THEMES[theme].ground[i : i + 2], 16) for i in (1, 3, 5))
    # the palette is coarse
    assert np.abs(decode(png)[-1, -1].astype(int) - ground).max() <= 4


def test_a_learning_curve_shows_which_epoch_is_kept():
    history = [
        {"epoch": n, "train_loss": 2.0 - n, "val_accuracy": 0.5} for n in range(2)
    ]
    drawn = [
        decode(
            learning_curve_plot(
                [{**row, "is_kept": row["epoch"] == kept} for row in history], SUBJECT
            )
        ).astype(int)
        for kept in (None, 0, 1)
    ]
    assert len({picture.tobytes() for picture in drawn}) == 3


def test_an_empty_history_and_no_drift_are_refused():
    with pytest.raises(ValueError, match="history is empty"):
        learning_curve_plot([], SUBJECT)
    with pytest.raises(ValueError, match="no session"):
        drift_plot([], SUBJECT)


def test_charts_leave_no_figure_open():
    import matplotlib.pyplot as plt

    before = plt.get_fignums()
    pr_curves_plot(RESULT, ["cat", "dog"], SUBJECT)
    assert plt.get_fignums() == before
