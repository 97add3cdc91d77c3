"""Predictions that fit together, and those that do not."""

from __future__ import annotations

import pytest

from checks.predictions import predictions_are_whole


@pytest.mark.parametrize(
    ("columns", "fault"),
    [
        ({"class_names": [["cup"]], "scores": [[0.5, 0.4]]}, "2 scores for 1 classes"),
        ({"class_names": [["cup"]], "scores": [[1.5]]}, "a score outside"),
        (
            {
                "task": "detection",
                "class_names": [["cup"]],
                "scores": [[0.5]],
                "boxes_xyxy": [[1.0, 2.0]],
            },
            "2 numbers for 1",
        ),
        ({"class_names": [[]], "scores": [[]]}, "no class"),
    ],
)
def test_a_prediction_that_does_not_fit_together_blocks(columns, fault, rows_of):
    verdict = predictions_are_whole(rows_of("predictions", 1, **columns))
    assert verdict.stops and fault in verdict.examples[0]


def test_no_boxes_found_is_a_prediction(rows_of):
    assert predictions_are_whole(rows_of("predictions", 1, task="detection")).passed
