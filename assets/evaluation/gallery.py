"""Gather what a person wants to see of one model: frames, labels beside predictions, worst mistakes, curves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from assets.evaluation.gallery_parts import (
    MISTAKE_PX,
    NUM_MISTAKES,
    NUM_OVERLAYS,
    NUM_THUMBNAILS,
    OVERLAY_PX,
    SMALL_MISTAKE_PX,
    THUMBNAIL_PX,
    Draw,
    Gallery,
    ImageReader,
    Picture,
    draw_learning,
    name_subject,
    spread,
)
from assets.evaluation.mistakes import WrongBoxes, WrongClass, find_wrong_boxes, find_wrong_classes
from assets.evaluation.pairs import DetectionPairs, Pairs, RecognitionPairs, Row, SegmentationPairs, pair
from assets.evaluation.regions import gather_regions
from assets.previews import plots
from assets.previews.drawing import (
    FALSE,
    MISSED,
    Color,
    Mark,
    color_classes,
    contact_sheet,
    draw_marks,
    encode_jpeg,
    fit_width,
    label_overlay,
    make_thumbnail,
)
from models.metrics.calibration import CalibrationResult, score_calibration
from models.metrics.classification import score_classification
from models.metrics.detection import DetectionResult, score_detections
from models.metrics.matching import count_confusions, find_operating_point, judge_detections
from models.types import Detections, Image

if TYPE_CHECKING:
    from assets.evaluation.exam import Exam

_QUIET: Color = (245, 245, 245)


def draw_exam(exam: Exam) -> dict[str, bytes]:
    """Name -> PNG or JPEG of one exam, for the orchestrator's metadata."""
    subject = name_subject(f"{exam.task} model {exam.model_sha256[:8]}", exam.release.release_id)
    gallery = gather_gallery(
        pair(exam.task, exam.predictions, exam.release_rows, exam.release.class_names),
        exam.release_rows, exam.images, exam.package.facts.history, subject,
    )  # fmt: skip
    thumbnails = gallery.thumbnails
    pictures = {
        "contact sheet": contact_sheet([p.image_rgb for p in thumbnails], [p.caption for p in thumbnails]),
        **{f"{'labels' if n % 2 == 0 else 'predictions'} {n // 2 + 1}": encode_jpeg(p.image_rgb)
           for n, p in enumerate(gallery.overlays[:2])},
        **{name: draw("light") for name, draw in gallery.charts.items()},
    }  # fmt: skip
    for n, mistake in enumerate(gallery.mistakes[:3], start=1):
        pictures[f"worst mistake {n}"] = encode_jpeg(mistake.image_rgb)
    return pictures


def gather_gallery(
    pairs: Pairs,
    release_rows: Sequence[Row],
    images: ImageReader,
    history: Sequence[Mapping[str, Any]],
    subject: str,
) -> Gallery:
    """Pictures and charts of one model. `release_rows` are the split's `release_frames`; a few images are read."""
    row_of = {row["frame_id"]: row for row in release_rows}
    if isinstance(pairs, DetectionPairs):
        return _gather_detection(pairs, row_of, images, history, subject)
    if isinstance(pairs, SegmentationPairs):
        return gather_regions(pairs, row_of, images, history, subject)
    return _gather_recognition(pairs, row_of, images, history, subject)


def _gather_recognition(
    pairs: RecognitionPairs, row_of: Mapping[str, Row], images: ImageReader, history: Sequence[Row], subject: str
) -> Gallery:
    names = pairs.subject.class_names
    result = score_classification(pairs.class_ids, pairs.predicted_ids, len(names))
    calibration = score_calibration(pairs.confidences.clip(0, 1), pairs.class_ids == pairs.predicted_ids)
    places = spread([names[c] for c in pairs.class_ids], NUM_THUMBNAILS)
    wrong = find_wrong_classes(pairs, NUM_MISTAKES)
    shown = images.read([row_of[pairs.frame_ids[p]] for p in [*places, *(w.place for w in wrong)]])
    return Gallery(
        thumbnails=tuple(
            Picture(make_thumbnail(shown[pairs.frame_ids[p]], THUMBNAIL_PX), names[pairs.class_ids[p]]) for p in places
        ),
        overlays=(),
        mistakes=tuple(_picture_wrong_class(w, shown[pairs.frame_ids[w.place]], names) for w in wrong),
        charts={
            "confusion matrix": lambda theme: plots.confusion_matrix_plot(result.confusion, names, subject, theme),
            "reliability": _reliability(calibration, subject),
            **draw_learning(history, subject),
        },
        colors={},
    )


def _gather_detection(
    pairs: DetectionPairs, row_of: Mapping[str, Row], images: ImageReader, history: Sequence[Row], subject: str
) -> Gallery:
    names = pairs.subject.class_names
    colors = color_classes(names)
    point = find_operating_point(pairs.truths, pairs.detections)
    min_score = point.min_score if point else 0.5
    result = score_detections(pairs.truths, pairs.detections, len(names))
    confusion = count_confusions(pairs.truths, pairs.detections, len(names), min_score)
    scores, is_hit = judge_detections(pairs.truths, pairs.detections)
    places = spread([row_of[i]["session"] for i in pairs.frame_ids], NUM_THUMBNAILS)
    looked_at = _choose_rich(pairs, NUM_OVERLAYS)
    wrong = find_wrong_boxes(pairs, min_score, NUM_MISTAKES)
    shown = images.read([row_of[pairs.frame_ids[p]] for p in [*places, *looked_at, *(w.place for w in wrong)]])
    return Gallery(
        thumbnails=tuple(_picture_thumbnail(pairs, p, shown, row_of) for p in places),
        overlays=tuple(o for p in looked_at for o in _picture_pair(pairs, p, shown, colors, min_score)),
        mistakes=tuple(_picture_wrong_boxes(w, pairs, shown[pairs.frame_ids[w.place]]) for w in wrong),
        charts={
            "precision and recall": _curves(result, names, subject),
            "confusion matrix": lambda theme: plots.confusion_matrix_plot(confusion, names, subject, theme),
            **({"reliability": _reliability(score_calibration(scores, is_hit), subject)} if len(scores) else {}),
            **draw_learning(history, subject),
        },
        colors=colors,
        min_score=min_score,
    )


def _reliability(result: CalibrationResult, subject: str) -> Draw:
    return lambda theme: plots.reliability_plot(result, subject, theme)


def _curves(result: DetectionResult, names: Sequence[str], subject: str) -> Draw:
    return lambda theme: plots.pr_curves_plot(result, names, subject, theme)


def _choose_rich(pairs: DetectionPairs, limit: int) -> list[int]:
    """Places of frames that show most classes, then most objects; equals by frame id."""

    def poverty(place: int) -> tuple[int, int, str]:
        ids = pairs.truths[place].class_ids
        return -len(np.unique(ids)), -len(ids), pairs.frame_ids[place]

    return sorted(range(len(pairs.frame_ids)), key=poverty)[:limit]


def _picture_thumbnail(
    pairs: DetectionPairs, place: int, shown: Mapping[str, Image], row_of: Mapping[str, Row]
) -> Picture:
    frame_id, count = pairs.frame_ids[place], len(pairs.truths[place].class_ids)
    detail = f"{row_of[frame_id]['session']} · {row_of[frame_id]['sensor']}"
    return Picture(make_thumbnail(shown[frame_id], THUMBNAIL_PX), f"{count} object{'s' * (count != 1)}", detail)


def _picture_pair(
    pairs: DetectionPairs, place: int, shown: Mapping[str, Image], colors: Mapping[str, Color], min_score: float
) -> tuple[Picture, Picture]:
    names, truth, image = pairs.subject.class_names, pairs.truths[place], shown[pairs.frame_ids[place]]
    found = _keep(pairs.detections[place], min_score)
    labels = label_overlay(image, truth.boxes_xyxy, _name(names, truth.class_ids), None, colors, OVERLAY_PX)
    predicted_names = _name(names, found.class_ids)
    predicted = label_overlay(image, found.boxes_xyxy, predicted_names, found.scores.tolist(), colors, OVERLAY_PX)
    return (
        Picture(labels, f"Labelled: {len(truth.class_ids)} objects", f"frame {pairs.frame_ids[place][:12]}"),
        Picture(predicted, f"Predicted: {len(found.class_ids)} boxes", f"score {min_score:.2f} and above"),
    )


def _keep(found: Detections, min_score: float) -> Detections:
    is_kept = found.scores >= min_score
    return Detections(found.boxes_xyxy[is_kept], found.scores[is_kept], found.class_ids[is_kept])


def _name(names: Sequence[str], class_ids: NDArray[np.int64]) -> list[str]:
    return [names[c] for c in class_ids]


def _picture_wrong_class(wrong: WrongClass, image: Image, names: Sequence[str]) -> Picture:
    detail = f"{wrong.confidence:.0%} sure; {wrong.true_probability:.1%} for {names[wrong.true_id]}"
    caption = f"{names[wrong.true_id]}, called {names[wrong.predicted_id]}"
    return Picture(fit_width(image, max(SMALL_MISTAKE_PX, min(image.shape[1], 360))), caption, detail)


def _picture_wrong_boxes(wrong: WrongBoxes, pairs: DetectionPairs, image: Image) -> Picture:
    names, truth, found = pairs.subject.class_names, pairs.truths[wrong.place], pairs.detections[wrong.place]
    marks = []
    for t, d in zip(wrong.matches.truth_ids, wrong.matches.detection_ids, strict=True):
        is_right = truth.class_ids[t] == found.class_ids[d]
        text = f"{names[found.class_ids[d]]}, is {names[truth.class_ids[t]]}"
        marks.append(_mark(found.boxes_xyxy[d], text, _QUIET if is_right else FALSE, has_label=not is_right))
    for t in wrong.matches.missed_truth_ids:
        marks.append(_mark(truth.boxes_xyxy[t], f"missed {names[truth.class_ids[t]]}", MISSED, is_dashed=True))
    for d in wrong.matches.false_detection_ids:
        marks.append(_mark(found.boxes_xyxy[d], f"{names[found.class_ids[d]]} {found.scores[d]:.2f}", FALSE))
    parts = ((wrong.num_missed, "missed"), (wrong.num_false, "false"), (wrong.num_confused, "wrong class"))
    caption = ", ".join(f"{count} {what}" for count, what in parts if count)
    right = len(wrong.matches.truth_ids) - wrong.num_confused
    detail = f"{right} of {len(truth.class_ids)} objects right · frame {pairs.frame_ids[wrong.place][:12]}"
    return Picture(draw_marks(image, marks, MISTAKE_PX), caption, detail)


def _mark(box: NDArray[np.float32], text: str, color: Color, is_dashed: bool = False, has_label: bool = True) -> Mark:
    return Mark((float(box[0]), float(box[1]), float(box[2]), float(box[3])), text, color, is_dashed, has_label)
