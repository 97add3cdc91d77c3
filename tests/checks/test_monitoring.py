"""Sessions that drifted or got no verdict, and predictions that do not fit together."""

from __future__ import annotations

import pytest

from checks.monitoring import predictions_are_whole, session_has_not_drifted


def drift(rows_of, *answers, **columns):
    sensors = ["all"] + [f"cam{i}" for i in range(len(answers) - 1)]
    statistics = ["session"] + ["embedding"] * (len(answers) - 1)
    facts = {"sensor": sensors, "statistic": statistics, "is_drifted": list(answers), "p_value": 0.001,
             "threshold": 0.01, "value": 3.5}  # fmt: skip
    return rows_of("drift", len(answers), **(facts | columns))


def test_a_drifted_session_is_told_and_never_blocks(rows_of):
    verdict = session_has_not_drifted(drift(rows_of, True, True, False))
    assert not verdict.passed and not verdict.stops
    assert verdict.figures["drifted_sensors"] == "cam0"
    assert verdict.examples == ("cam0: embedding by 3.5 standard deviations, p 0.001, threshold 0.01",)


def test_the_sessions_own_row_decides_over_single_cameras(rows_of):
    assert session_has_not_drifted(drift(rows_of, False, True)).passed


def test_a_session_without_a_verdict_does_not_pass(rows_of):
    verdict = session_has_not_drifted(drift(rows_of, None, None, p_value=None, reason="not enough reference"))
    assert not verdict.passed and not verdict.stops and "not enough reference" in verdict.summary


def test_rows_without_a_session_verdict_block(rows_of):
    assert session_has_not_drifted(drift(rows_of, False, sensor="cam0")).stops


def test_only_the_newest_version_of_each_model_counts(rows_of):
    rows = rows_of("drift", 3, sensor="all", model_name=["cups", "cups", "balls"], model_version=[1, 2, 1],
                   is_drifted=[True, False, False])  # fmt: skip
    assert session_has_not_drifted(rows).passed


@pytest.mark.parametrize(
    ("columns", "fault"),
    [
        ({"class_names": [["cup"]], "scores": [[0.5, 0.4]]}, "2 scores for 1 classes"),
        ({"class_names": [["cup"]], "scores": [[1.5]]}, "a score outside"),
        (
            {"task": "detection", "class_names": [["cup"]], "scores": [[0.5]], "boxes_xyxy": [[1.0, 2.0]]},
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
