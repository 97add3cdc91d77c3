"""Judge boxes: COCO's figures, and the frames with most objects missed and boxes around nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assets.captions import caption_released
from assets.kinds.boxed_objects import read_boxes
from assets.kinds.judging.frame_rows import (
    Examined,
    list_box_frames,
    list_box_objects,
)
from assets.kinds.judging.pairs import Slices, Subject, find_classes, join_rows
from assets.kinds.judging.score_rows import Figures, group_places, list_rows
from assets.previews import plots
from assets.previews.drawing import (
    FALSE,
    MISSED,
    Color,
    Mark,
    color_classes,
    draw_marks,
    label_overlay,
    make_thumbnail,
)
from assets.previews.gallery import (
    MISTAKE_PX,
    NUM_MISTAKES,
    NUM_OVERLAYS,
    NUM_THUMBNAILS,
    OVERLAY_PX,
    THUMBNAIL_PX,
    Draw,
    Gallery,
    ImageReader,
    Picture,
    draw_learning,
    draw_reliability,
    spread,
)
from assets.tables.rows import (
    FrameScoreRow,
    ObjectScoreRow,
    PredictionRow,
    ReleaseFrameRow,
    ScoreRow,
)
from models.metrics.calibration import score_calibration
from models.metrics.detection import DetectionResult, score_detections
from models.metrics.frame_parts import BoxParts, describe_detections
from models.metrics.matching import (
    JudgedImage,
    Matches,
    count_confusions,
    judge_boxes,
    judge_detections,
    match_detections,
)
from models.task_names import DETECTION
from models.types import BoxSet, Detections, Image

_QUIET: Color = (245, 245, 245)


@dataclass(frozen=True)
class BoxPairs:
    """N frames: true boxes and detections, in the order of frame_ids.

    `operating_score`: from which on answers count; None: that of the best F1 on these frames.
    """

    subject: Subject
    frame_ids: tuple[str, ...]
    truths: tuple[BoxSet, ...]
    detections: tuple[Detections, ...]
    operating_score: float | None = None

    @cached_property
    def parts(self) -> BoxParts:
        """What totals are made of."""
        return describe_detections(
            self.truths,
            self.detections,
            len(self.subject.class_names),
            self.operating_score,
        )

    def choose_operating_score(self) -> float | None:
        return self.parts.min_score

    def at(self, operating_score: float | None) -> BoxPairs:
        return replace(self, operating_score=operating_score)

    def take(self, places: Sequence[int]) -> BoxPairs:
        """The pairs at these places."""
        return BoxPairs(
            self.subject,
            tuple(self.frame_ids[i] for i in places),
            tuple(self.truths[i] for i in places),
            tuple(self.detections[i] for i in places),
            self.operating_score,
        )

    def score(self, slices: Slices) -> list[ScoreRow]:
        """Rows with map, map50, map75 over all and per slice; over all also ece and the operating point at IoU 0.5.

        Classes have ap and ap50, object sizes (COCO's) map and map50; there num_samples counts true objects, elsewhere
        frames. A value is None where the split does not show the class or size.
        """
        names = self.subject.class_names
        whole = score_detections(self.truths, self.detections, len(names))
        rows = list_rows(
            self.subject, "all", "all", _figure_boxes(whole), len(self.frame_ids)
        )
        rows += list_rows(
            self.subject, "all", "all", _figure_operation(self), len(self.frame_ids)
        )
        for slice_by, value, places in group_places(self.frame_ids, slices):
            part = self.take(places)
            result = score_detections(part.truths, part.detections, len(names))
            rows += list_rows(
                self.subject, slice_by, value, _figure_boxes(result), len(places)
            )
        for s in whole.per_size:
            rows += list_rows(
                self.subject,
                "object_size",
                s.size,
                (("map", s.map), ("map50", s.map50)),
                s.num_objects,
            )
        for c in whole.per_class:
            figures = (("ap", c.ap), ("ap50", c.ap50))
            rows += list_rows(
                self.subject, "class", names[c.class_id], figures, c.num_objects
            )
        return rows

    def list_frames(
        self, release_rows: Sequence[ReleaseFrameRow], group_of: Mapping[str, str]
    ) -> tuple[list[FrameScoreRow], list[ObjectScoreRow]]:
        examined = Examined(DETECTION, self.subject, release_rows, group_of)
        parts = self.parts
        return (
            list_box_frames(examined, parts, self._judge_all()),
            list_box_objects(examined, parts, self._judge_all()),
        )

    def _judge_all(self) -> Iterator[JudgedImage]:
        for truth, found in zip(self.truths, self.detections, strict=True):
            yield judge_boxes(truth, found)

    def draw(
        self,
        row_of: Mapping[str, ReleaseFrameRow],
        images: ImageReader,
        history: Sequence[Mapping[str, Any]],
        subject: str,
    ) -> Gallery:
        """Labels beside predictions, the frames with most mistakes at the operating score, the charts."""
        names = self.subject.class_names
        colors = color_classes(names)
        min_score = self.parts.min_score
        result = score_detections(self.truths, self.detections, len(names))
        confusion = count_confusions(
            self.truths, self.detections, len(names), min_score
        )
        scores, is_hit = judge_detections(self.truths, self.detections)
        places = spread([row_of[i]["session"] for i in self.frame_ids], NUM_THUMBNAILS)
        looked_at = _choose_rich(self, NUM_OVERLAYS)
        wrong = find_wrong_boxes(self, min_score, NUM_MISTAKES)
        shown = images.read(
            [
                row_of[self.frame_ids[p]]
                for p in [*places, *looked_at, *(w.place for w in wrong)]
            ]
        )
        return Gallery(
            thumbnails=tuple(
                _picture_thumbnail(self, p, shown, row_of) for p in places
            ),
            overlays=tuple(
                o
                for p in looked_at
                for o in _picture_pair(self, p, shown, colors, min_score)
            ),
            mistakes=tuple(
                _picture_wrong_boxes(w, self, shown[self.frame_ids[w.place]])
                for w in wrong
            ),
            charts={
                "precision and recall": _curves(result, names, subject),
                "confusion matrix": lambda theme: plots.confusion_matrix_plot(
                    confusion, names, subject, theme
                ),
                **(
                    {
                        "reliability": draw_reliability(
                            score_calibration(scores, is_hit), subject
                        )
                    }
                    if len(scores)
                    else {}
                ),
                **draw_learning(history, subject),
            },
            colors=colors,
            min_score=min_score,
        )


@dataclass(frozen=True)
class WrongBoxes:
    """What is wrong in a frame above a score, at IoU 0.5. `place` is its index in the pairs."""

    place: int
    matches: Matches
    num_missed: int
    num_false: int
    num_confused: int

    @property
    def num_wrong(self) -> int:
        """Objects that were missed, boxes on nothing, and boxes with another's class."""
        return self.num_missed + self.num_false + self.num_confused


def pair_boxes(
    prediction_rows: Sequence[PredictionRow],
    release_rows: Sequence[ReleaseFrameRow],
    class_names: Sequence[str],
) -> BoxPairs:
    """Join `predictions` with `release_frames` (one split) by frame. Predictions of other frames are not looked at.

    Raises ValueError for an empty split, a frame without prediction, and a predicted class that the release lacks.
    """
    subject, joined = join_rows(prediction_rows, release_rows, class_names)
    return BoxPairs(
        subject,
        tuple(frame["frame_id"] for frame, _ in joined),
        tuple(
            BoxSet(read_boxes(f), np.array(f["box_class_ids"], np.int64))
            for f, _ in joined
        ),
        tuple(
            Detections(
                read_boxes(p),
                np.array(p["scores"], np.float32),
                find_classes(p, subject.class_names),
            )
            for _, p in joined
        ),
    )


def find_wrong_boxes(pairs: BoxPairs, min_score: float, limit: int) -> list[WrongBoxes]:
    """At most `limit` frames with something wrong, most wrong boxes first; equals by frame id."""
    judged = [_judge(pairs, place, min_score) for place in range(len(pairs.frame_ids))]
    wrong = [w for w in judged if w.num_wrong]
    return sorted(wrong, key=lambda w: (-w.num_wrong, pairs.frame_ids[w.place]))[:limit]


def _judge(pairs: BoxPairs, place: int, min_score: float) -> WrongBoxes:
    truth = pairs.truths[place]
    found = pairs.detections[place]
    matches = match_detections(truth, found, min_score=min_score)
    is_confused = (
        truth.class_ids[matches.truth_ids] != found.class_ids[matches.detection_ids]
    )
    return WrongBoxes(
        place,
        matches,
        len(matches.missed_truth_ids),
        len(matches.false_detection_ids),
        int(is_confused.sum()),
    )


def _figure_boxes(result: DetectionResult) -> Figures:
    return (("map", result.map), ("map50", result.map50), ("map75", result.map75))


def _figure_operation(pairs: BoxPairs) -> Figures:
    scores, is_hit = judge_detections(pairs.truths, pairs.detections)
    ece = score_calibration(scores, is_hit).ece if len(scores) else None
    point = pairs.parts.operating_point
    names = {
        "operating_score": "min_score",
        "precision50": "precision",
        "recall50": "recall",
        "f1_50": "f1",
    }
    return [
        ("ece", ece),
        *((name, getattr(point, field)) for name, field in names.items()),
    ]


def _curves(result: DetectionResult, names: Sequence[str], subject: str) -> Draw:
    return lambda theme: plots.pr_curves_plot(result, names, subject, theme)


def _choose_rich(pairs: BoxPairs, limit: int) -> list[int]:
    """Places of frames that show most classes, then most objects; equals by frame id."""

    def poverty(place: int) -> tuple[int, int, str]:
        ids = pairs.truths[place].class_ids
        return -len(np.unique(ids)), -len(ids), pairs.frame_ids[place]

    return sorted(range(len(pairs.frame_ids)), key=poverty)[:limit]


def _picture_thumbnail(
    pairs: BoxPairs,
    place: int,
    shown: Mapping[str, Image],
    row_of: Mapping[str, ReleaseFrameRow],
) -> Picture:
    frame_id = pairs.frame_ids[place]
    count = len(pairs.truths[place].class_ids)
    row = row_of[frame_id]
    return Picture(
        make_thumbnail(shown[frame_id], THUMBNAIL_PX),
        f"{count} object{'s' * (count != 1)}",
        caption_released(row["session"], row["sensor"]),
    )


def _picture_pair(
    pairs: BoxPairs,
    place: int,
    shown: Mapping[str, Image],
    colors: Mapping[str, Color],
    min_score: float,
) -> tuple[Picture, Picture]:
    names = pairs.subject.class_names
    truth = pairs.truths[place]
    image = shown[pairs.frame_ids[place]]
    found = _keep(pairs.detections[place], min_score)
    labels = label_overlay(
        image, truth.boxes_xyxy, _name(names, truth.class_ids), None, colors, OVERLAY_PX
    )
    predicted_names = _name(names, found.class_ids)
    predicted = label_overlay(
        image,
        found.boxes_xyxy,
        predicted_names,
        found.scores.tolist(),
        colors,
        OVERLAY_PX,
    )
    return (
        Picture(
            labels,
            f"Labelled: {len(truth.class_ids)} objects",
            f"frame {pairs.frame_ids[place][:12]}",
        ),
        Picture(
            predicted,
            f"Predicted: {len(found.class_ids)} boxes",
            f"score {min_score:.2f} and above",
        ),
    )


def _keep(found: Detections, min_score: float) -> Detections:
    is_kept = found.scores >= min_score
    return Detections(
        found.boxes_xyxy[is_kept], found.scores[is_kept], found.class_ids[is_kept]
    )


def _name(names: Sequence[str], class_ids: NDArray[np.int64]) -> list[str]:
    return [names[c] for c in class_ids]


def _picture_wrong_boxes(wrong: WrongBoxes, pairs: BoxPairs, image: Image) -> Picture:
    names = pairs.subject.class_names
    truth = pairs.truths[wrong.place]
    found = pairs.detections[wrong.place]
    marks = []
    for t, d in zip(wrong.matches.truth_ids, wrong.matches.detection_ids, strict=True):
        is_right = truth.class_ids[t] == found.class_ids[d]
        text = f"{names[found.class_ids[d]]}, is {names[truth.class_ids[t]]}"
        marks.append(
            _mark(
                found.boxes_xyxy[d],
                text,
                _QUIET if is_right else FALSE,
                has_label=not is_right,
            )
        )
    for t in wrong.matches.missed_truth_ids:
        marks.append(
            _mark(
                truth.boxes_xyxy[t],
                f"missed {names[truth.class_ids[t]]}",
                MISSED,
                is_dashed=True,
            )
        )
    for d in wrong.matches.false_detection_ids:
        marks.append(
            _mark(
                found.boxes_xyxy[d],
                f"{names[found.class_ids[d]]} {found.scores[d]:.2f}",
                FALSE,
            )
        )
    parts = (
        (wrong.num_missed, "missed"),
        (wrong.num_false, "false"),
        (wrong.num_confused, "wrong class"),
    )
    caption = ", ".join(f"{count} {what}" for count, what in parts if count)
    right = len(wrong.matches.truth_ids) - wrong.num_confused
    detail = f"{right} of {len(truth.class_ids)} objects right · frame {pairs.frame_ids[wrong.place][:12]}"
    return Picture(draw_marks(image, marks, MISTAKE_PX), caption, detail)


def _mark(
    box: NDArray[np.float32],
    text: str,
    color: Color,
    is_dashed: bool = False,
    has_label: bool = True,
) -> Mark:
    return Mark(
        (float(box[0]), float(box[1]), float(box[2]), float(box[3])),
        text,
        color,
        is_dashed,
        has_label,
    )
