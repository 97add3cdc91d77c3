"""What predictions of a model must be: classes, scores, boxes and masks that fit together."""

from __future__ import annotations

import pyarrow as pa

from assets.kinds import find_kind
from assets.tables.rows import PredictionRow
from checks.verdicts import Rule, Verdict, judge_share


def predictions_are_whole(predictions: pa.Table) -> Verdict:
    """Every prediction has one class per score, scores in [0, 1], and four numbers a box or a mask a class."""
    faults = [(r["prediction_id"], _find_fault(r)) for r in predictions.to_pylist()]
    return judge_share(
        "predictions_are_whole",
        num_checked=len(faults),
        offenders=[f"{i}: {f}" for i, f in faults if f],
        of="predictions",
        fault="do not fit together",
    )


PREDICTION_RULES = (
    Rule(
        predictions_are_whole,
        {
            "predictions": (
                "prediction_id",
                "task",
                "boxes_xyxy",
                "class_names",
                "scores",
                "mask_rles",
            )
        },
    ),
)


def _find_fault(row: PredictionRow) -> str | None:
    num_scores = len(row["scores"])
    if num_scores != len(row["class_names"]):
        return f"{num_scores} scores for {len(row['class_names'])} classes"
    if any(not 0 <= s <= 1 for s in row["scores"]):
        return "a score outside of [0, 1]"
    return find_kind(row["task"]).find_answer_fault(row)
