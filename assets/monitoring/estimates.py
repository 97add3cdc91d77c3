"""How good a champion is on a session without labels, as a row of `estimates`; and the truth, when labels come.

Of recognition the accuracy, of detection the precision of the boxes that count. What is missed has no confidence, so no
recall is estimated, and of maps only the mean probability of a class is stored, so nothing is.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from assets.current_labels import read_said
from assets.kinds.boxed_objects import read_boxes, stack_corners
from assets.monitoring.denied import find_doubt
from assets.monitoring.watch import Answered
from assets.tables.catalog import Catalog, is_in, repr_sql
from assets.tables.rows import (
    ChampionRow,
    EstimateRow,
    FrameRow,
    LabelRow,
    PredictionRow,
    ReleaseFrameRow,
)
from assets.tables.schemas import content_id
from models.metrics.estimation import (
    Estimate,
    Floats,
    KnownAnswers,
    estimate_rightness,
    learn_reliability,
)
from models.metrics.matching import match_detections
from models.task_names import DETECTION, RECOGNITION
from models.types import BoxSet, Detections

METRICS = {RECOGNITION: "accuracy", DETECTION: "precision"}
MIN_LIKENESS = 0.2  # of images: calibration fails before drift is beyond doubt, so a fifth of all sessions has none
_NO_METRIC = "none"
# an estimate below the figure of the test part by more than this and three times its error has fallen
_MAX_FALL = 0.05
# that so few labelled answers are right where no more than that was lost: one false alarm in a thousand sessions
_CHANCE = 0.001


@dataclass(frozen=True)
class Truth:
    """What a frame shows: its class, or all its objects, whose classes are indices into names that the caller has."""

    class_name: str = ""
    boxes: BoxSet | None = None


@dataclass(frozen=True)
class Judgement:
    """How likely the session's images are where nothing has changed, None without a verdict, and when it was judged
    (UTC)."""

    session: str
    p_value: float | None
    judged_ns: int


@dataclass(frozen=True)
class Estimated:
    """An estimate, in which metric; the true figure of the test part, and of how many recordings that is."""

    metric: str
    estimate: Estimate
    reference: float | None
    num_answers: int
    num_recordings: int
    reason: str


def estimate_session(
    catalog: Catalog, champion: ChampionRow, judgement: Judgement, answered: Answered
) -> EstimateRow:
    """The row of a champion and a session. Where there is no estimate its value is None, and `reason` says why."""
    session = judgement.session
    doubt = find_doubt(catalog, champion, session)
    found = estimate_answers(catalog, champion, judgement.p_value, answered, doubt)
    name, version = champion["model_name"], champion["model_version"]
    row: EstimateRow = {
        "estimate_id": content_id("estimate", session, name, version),
        "session": session,
        "task": champion["task"],
        "model_name": name,
        "model_version": version,
        "release_id": champion["release_id"],
        "metric": found.metric,
        "value": found.estimate.value,
        "error": found.estimate.error,
        "reference": found.reference,
        "num_answers": found.num_answers,
        "num_recordings": found.num_recordings,
        "reason": found.reason,
        "estimated_ns": judgement.judged_ns,
        "truth": None,
        "value_of_labelled": None,
        "num_labelled": 0,
    }
    return add_truth(catalog, champion, row, answered)


def estimate_answers(
    catalog: Catalog,
    champion: ChampionRow,
    p_value: float | None,
    answered: Answered,
    doubt: str | None,
) -> Estimated:
    """How good the new answers are, whose images are so likely (`p_value`, None without a verdict); none where there is
    a `doubt` of the champion's confidences."""
    task = champion["task"]
    confidence = _list_confidences(task, answered.new, answered.min_score)
    known = _read_known(catalog, champion, answered)
    found = _estimate(task, p_value, known, confidence)
    if doubt is not None and found.value is not None:
        found = Estimate(None, None, doubt)
    metric = METRICS.get(task, _NO_METRIC)
    return Estimated(
        metric,
        found,
        float(known.rightness.mean()) if len(known.rightness) else None,
        len(confidence),
        known.num_recordings,
        _describe(found, metric),
    )


def has_fallen(
    value: float | None, error: float | None, reference: float | None
) -> bool:
    """Whether an estimate is below the figure of the test part by more than its error explains."""
    if value is None or reference is None or error is None:
        return False
    return reference - value > max(_MAX_FALL, 3 * error)


def is_seen_fallen(row: EstimateRow) -> bool:
    """Whether labels of the session show it: fewer answers are right than chance explains, with a margin allowed."""
    from scipy import stats

    if row["truth"] is None or row["reference"] is None or not row["num_labelled"]:
        return False
    allowed = max(0.0, row["reference"] - _MAX_FALL)
    num_right = round(row["truth"] * row["num_labelled"])
    return bool(stats.binom.cdf(num_right, row["num_labelled"], allowed) < _CHANCE)


def add_truth(
    catalog: Catalog,
    champion: ChampionRow,
    row: EstimateRow,
    answered: Answered,
) -> EstimateRow:
    """The row with the truth of the frames that have labels by now, and the estimate for these; else as it was."""
    task = champion["task"]
    if task not in METRICS:
        return row
    names = _read_class_names(catalog, champion)
    truths = _read_label_truths(catalog, task, answered.new_frames.to_pylist(), names)
    labelled = [r for r in answered.new if r["frame_id"] in truths]
    right = _judge(task, labelled, truths, names, answered.min_score)
    if not len(right):
        return row
    expected = None
    if row["value"] is not None:
        known = _read_known(catalog, champion, answered)
        confidence = _list_confidences(task, labelled, answered.min_score)
        expected = estimate_rightness(learn_reliability(known), confidence).value
    return {
        **row,
        "truth": float(right.mean()),
        "value_of_labelled": expected,
        "num_labelled": len(right),
    }


def _estimate(
    task: str, p_value: float | None, known: KnownAnswers, confidence: Floats
) -> Estimate:
    if task not in METRICS:
        return Estimate(None, None, f"answers about {task} have no confidence each")
    if p_value is None:
        return Estimate(None, None, "its images have no verdict of drift")
    if p_value < MIN_LIKENESS:
        why = f"images such as its are less likely (p = {p_value:.2g}) than {MIN_LIKENESS:g}"
        unknown = "what confidences are worth on others is not known"
        return Estimate(None, None, f"{why}, and {unknown}")
    return estimate_rightness(learn_reliability(known), confidence)


def _describe(found: Estimate, metric: str) -> str:
    if found.value is None:
        return f"no estimate: {found.why_not}"
    return f"{metric} {found.value:.3f}, off by {found.error:.3f} on average"


def _read_known(
    catalog: Catalog, champion: ChampionRow, answered: Answered
) -> KnownAnswers:
    """The answers on the test part of the champion's release, with how right they were."""
    task = champion["task"]
    if task not in METRICS:
        return KnownAnswers(np.empty(0), np.empty(0), np.empty(0, np.int64))
    capture_of = {
        row["frame_id"]: row["capture_id"]
        for row in answered.reference_frames.to_pylist()
    }
    rows = [row for row in answered.reference if row["frame_id"] in capture_of]
    names = _read_class_names(catalog, champion)
    truths = _read_release_truths(catalog, champion, names)
    rows = [row for row in rows if row["frame_id"] in truths]
    right = _judge(task, rows, truths, names, answered.min_score)
    captures = [
        capture_of[row["frame_id"]]
        for row in rows
        for _ in _list_confidences(task, [row], answered.min_score)
    ]
    _, recordings = np.unique(np.array(captures, np.str_), return_inverse=True)
    confidence = _list_confidences(task, rows, answered.min_score)
    return KnownAnswers(confidence, right, recordings.astype(np.int64))


def _list_confidences(
    task: str, rows: Sequence[PredictionRow], min_score: float
) -> Floats:
    """Confidence of each answer: one a frame, or one a box that counts."""
    if task == RECOGNITION:
        return np.array([row["scores"][0] for row in rows], np.float64)
    if task == DETECTION:
        scores = [s for row in rows for s in row["scores"] if s >= min_score]
        return np.array(scores, np.float64)
    return np.empty(0)


def _judge(
    task: str,
    rows: Sequence[PredictionRow],
    truths: Mapping[str, Truth],
    names: Sequence[str],
    min_score: float,
) -> Floats:
    """1 for each answer that is right and 0 for the others, in the order of `_list_confidences`."""
    if task == RECOGNITION:
        return np.array(
            [r["class_names"][0] == truths[r["frame_id"]].class_name for r in rows],
            np.float64,
        )
    if task != DETECTION or not rows:
        return np.empty(0)
    right = [_judge_boxes(r, truths[r["frame_id"]], names, min_score) for r in rows]
    return np.concatenate(right)


def _judge_boxes(
    row: PredictionRow, truth: Truth, names: Sequence[str], min_score: float
) -> Floats:
    assert truth.boxes is not None
    ids = np.array([names.index(name) for name in row["class_names"]], np.int64)
    detections = Detections(read_boxes(row), np.array(row["scores"], np.float32), ids)
    found = match_detections(
        truth.boxes, detections, min_score=min_score, same_class_only=True
    )
    is_right = np.zeros(len(ids))
    is_right[found.detection_ids] = 1.0
    return is_right[np.array(row["scores"], np.float64) >= min_score]


def _read_class_names(catalog: Catalog, champion: ChampionRow) -> list[str]:
    where = is_in("release_id", [champion["release_id"]])
    rows = catalog.read_latest("releases", ["class_names"], where).to_pylist()
    return list(rows[0]["class_names"]) if rows else []


def _read_release_truths(
    catalog: Catalog, champion: ChampionRow, names: Sequence[str]
) -> dict[str, Truth]:
    columns = ["frame_id", "class_id", "boxes_xyxy", "box_class_ids"]
    where = f"release_id = {repr_sql(champion['release_id'])} AND split = 'test'"
    rows = catalog.read_latest("release_frames", columns, where).to_pylist()
    make = _TRUTH_OF_RELEASE.get(champion["task"])
    return {row["frame_id"]: make(row, names) for row in rows} if make else {}


def _read_label_truths(
    catalog: Catalog, task: str, frames: list[FrameRow], names: Sequence[str]
) -> dict[str, Truth]:
    """Of the frames that somebody labelled for the task, with classes that the model knows: what files and people say
    of them now."""
    said = read_said(catalog, frames)
    mine = {
        frame_id: one
        for (frame_id, of), one in said.items()
        if of == task and not one.is_interpolated
    }
    if task == RECOGNITION:
        classes = {i: {r["class_name"] for r in one.labels} for i, one in mine.items()}
        return {i: Truth(next(iter(c))) for i, c in classes.items() if len(c) == 1}
    return {frame_id: _box(one.labels, names) for frame_id, one in mine.items()}


def _box(labels: Sequence[LabelRow], names: Sequence[str]) -> Truth:
    """All boxes of a frame; one of a class that the model does not know is none that it could be right about."""
    known = [label for label in labels if label["class_name"] in names]
    ids = np.array([names.index(label["class_name"]) for label in known], np.int64)
    return Truth(boxes=BoxSet(stack_corners(known).astype(np.float32), ids))


def _name_class(row: ReleaseFrameRow, names: Sequence[str]) -> Truth:
    return Truth("" if row["class_id"] is None else names[row["class_id"]])


def _take_boxes(row: ReleaseFrameRow, names: Sequence[str]) -> Truth:
    ids = np.array(row["box_class_ids"], np.int64)
    return Truth(boxes=BoxSet(read_boxes(row), ids))


_TRUTH_OF_RELEASE: dict[str, Callable[[ReleaseFrameRow, Sequence[str]], Truth]] = {
    RECOGNITION: _name_class,
    DETECTION: _take_boxes,
}
