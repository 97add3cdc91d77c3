"""Score stored predictions against a release, over all frames and by slice, as rows for the `scores` table.

num_samples counts frames (for a class of segmentation those that show it), except in the slices "class" and
"object_size" of detection, where it counts true objects.
A value is None where nothing was there to measure (a class or size that the split does not show).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from assets.evaluation.pairs import (
    DetectionPairs,
    RecognitionPairs,
    Row,
    Subject,
    pair_detection,
    pair_recognition,
    pair_segmentation,
)
from assets.tables.schemas import content_id
from models.metrics.calibration import score_calibration
from models.metrics.classification import score_classification
from models.metrics.detection import DetectionResult, score_detections
from models.metrics.matching import find_operating_point, judge_detections
from models.metrics.segmentation import SegmentationResult, count_pixels, score_segmentation

DARK_BELOW, BRIGHT_ABOVE = 0.25, 0.60  # mean luma in [0, 1]; fixed, so that slices of different releases compare
UNKNOWN = "unknown"
Slices = Mapping[str, Mapping[str, str]]  # frame_id -> slice_by -> slice_value
Figures = Iterable[tuple[str, float | None]]


def score_recognition(
    prediction_rows: Sequence[Row], release_rows: Sequence[Row], class_names: Sequence[str], slices: Slices
) -> list[dict[str, Any]]:
    """Rows with accuracy, macro_f1 and ece over all and per slice, and precision, recall and f1 per class.

    `release_rows` are the `release_frames` of one split. Raises ValueError as `pair_recognition` does.
    """
    pairs = pair_recognition(prediction_rows, release_rows, class_names)
    everything = range(len(pairs.frame_ids))
    rows = _list_rows(pairs.subject, "all", "all", _figure_recognition(pairs, everything), len(everything))
    for slice_by, value, places in _group(pairs.frame_ids, slices):
        rows += _list_rows(pairs.subject, slice_by, value, _figure_recognition(pairs, places), len(places))
    for c in score_classification(pairs.class_ids, pairs.predicted_ids, len(class_names)).per_class:
        figures = (("precision", c.precision), ("recall", c.recall), ("f1", c.f1))
        rows += _list_rows(pairs.subject, "class", class_names[c.class_id], figures, c.num_truth)
    return rows


def score_detection(
    prediction_rows: Sequence[Row], release_rows: Sequence[Row], class_names: Sequence[str], slices: Slices
) -> list[dict[str, Any]]:
    """Rows with map, map50, map75 over all and per slice; over all also ece and the operating point at IoU 0.5.

    Classes have ap and ap50, object sizes (COCO's) map and map50. `release_rows` are the `release_frames` of one split.
    Raises ValueError as `pair_detection` does.
    """
    pairs = pair_detection(prediction_rows, release_rows, class_names)
    whole = score_detections(pairs.truths, pairs.detections, len(class_names))
    rows = _list_rows(pairs.subject, "all", "all", _figure_boxes(whole), len(pairs.frame_ids))
    rows += _list_rows(pairs.subject, "all", "all", _figure_operation(pairs), len(pairs.frame_ids))
    for slice_by, value, places in _group(pairs.frame_ids, slices):
        part = pairs.take(places)
        result = score_detections(part.truths, part.detections, len(class_names))
        rows += _list_rows(pairs.subject, slice_by, value, _figure_boxes(result), len(places))
    for s in whole.per_size:
        rows += _list_rows(pairs.subject, "object_size", s.size, (("map", s.map), ("map50", s.map50)), s.num_objects)
    for c in whole.per_class:
        figures = (("ap", c.ap), ("ap50", c.ap50))
        rows += _list_rows(pairs.subject, "class", class_names[c.class_id], figures, c.num_objects)
    return rows


def score_segmentation_rows(
    prediction_rows: Sequence[Row], release_rows: Sequence[Row], class_names: Sequence[str], slices: Slices
) -> list[dict[str, Any]]:
    """Rows with miou, image_miou, boundary_miou and pixel_accuracy over all and per slice; classes have iou and
    boundary_iou.

    `release_rows` are the `release_frames` of one split. Raises ValueError as `pair_segmentation` does.
    """
    pairs = pair_segmentation(prediction_rows, release_rows, class_names)
    places = range(len(pairs.frame_ids))
    counts = [count_pixels(pairs.truth(place), pairs.predicted(place), len(class_names)) for place in places]
    whole = score_segmentation(counts)
    rows = _list_rows(pairs.subject, "all", "all", _figure_regions(whole), len(counts))
    for slice_by, value, chosen in _group(pairs.frame_ids, slices):
        part = score_segmentation([counts[place] for place in chosen])
        rows += _list_rows(pairs.subject, slice_by, value, _figure_regions(part), len(chosen))
    for c in whole.per_class:
        figures = (("iou", c.iou), ("boundary_iou", c.boundary_iou))
        rows += _list_rows(pairs.subject, "class", class_names[c.class_id], figures, c.num_images)
    return rows


SCORERS = {
    "recognition": score_recognition, "detection": score_detection, "segmentation": score_segmentation_rows,
}  # fmt: skip


def score_open(
    figures: Mapping[str, float], model_sha256: str, release_id: str, num_samples: int
) -> list[dict[str, Any]]:
    """Rows of what an open task found on the test split."""
    return _list_rows(Subject(model_sha256, release_id, "test", ()), "all", "all", figures.items(), num_samples)


def slice_frames(release_rows: Iterable[Row], brightness_of: Mapping[str, float]) -> dict[str, dict[str, str]]:
    """Slices of each frame by session, sensor and brightness (`frame_quality.brightness`, by frame_id)."""
    return {
        row["frame_id"]: {
            "session": row["session"],
            "sensor": row["sensor"],
            "brightness": name_brightness(brightness_of.get(row["frame_id"])),
        }
        for row in release_rows
    }


def name_brightness(brightness: float | None) -> str:
    """ "dark" below 0.25, "bright" above 0.60, "medium" between, "unknown" for None. Mean luma in [0, 1]."""
    if brightness is None:
        return UNKNOWN
    if brightness < DARK_BELOW:
        return "dark"
    return "bright" if brightness > BRIGHT_ABOVE else "medium"


def _figure_recognition(pairs: RecognitionPairs, places: Sequence[int]) -> Figures:
    chosen = list(places)
    truth, predicted = pairs.class_ids[chosen], pairs.predicted_ids[chosen]
    result = score_classification(truth, predicted, len(pairs.subject.class_names))
    confidences = pairs.confidences[chosen].clip(0, 1)  # softmax in float32 may exceed 1 by rounding
    calibration = score_calibration(confidences, truth == predicted)
    return (("accuracy", result.accuracy), ("macro_f1", result.macro_f1), ("ece", calibration.ece))


def _figure_boxes(result: DetectionResult) -> Figures:
    return (("map", result.map), ("map50", result.map50), ("map75", result.map75))


def _figure_regions(result: SegmentationResult) -> Figures:
    names = ("miou", "image_miou", "boundary_miou", "pixel_accuracy")
    return [(name, getattr(result, name)) for name in names]


def _figure_operation(pairs: DetectionPairs) -> Figures:
    scores, is_hit = judge_detections(pairs.truths, pairs.detections)
    ece = score_calibration(scores, is_hit).ece if len(scores) else None
    point = find_operating_point(pairs.truths, pairs.detections)
    names = {"operating_score": "min_score", "precision50": "precision", "recall50": "recall", "f1_50": "f1"}
    return [("ece", ece), *((name, getattr(point, field) if point else None) for name, field in names.items())]


def _group(frame_ids: Sequence[str], slices: Slices) -> Iterable[tuple[str, str, list[int]]]:
    kinds = sorted({kind for frame_id in frame_ids for kind in slices.get(frame_id, {})})
    for kind in kinds:
        places: dict[str, list[int]] = {}
        for place, frame_id in enumerate(frame_ids):
            places.setdefault(slices.get(frame_id, {}).get(kind, UNKNOWN), []).append(place)
        for value in sorted(places):
            yield kind, value, places[value]


def _list_rows(
    subject: Subject, slice_by: str, slice_value: str, figures: Figures, num_samples: int
) -> list[dict[str, Any]]:
    place = (subject.model_sha256, subject.release_id, subject.split, slice_by, slice_value)
    return [
        {
            "score_id": content_id(*place, metric),
            "model_sha256": subject.model_sha256,
            "release_id": subject.release_id,
            "split": subject.split,
            "slice_by": slice_by,
            "slice_value": slice_value,
            "metric": metric,
            "value": value,
            "num_samples": num_samples,
        }
        for metric, value in figures
    ]
