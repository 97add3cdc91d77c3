"""Stored predictions beside the truth of the release they are judged by, frame by frame."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assets.tables.releases import read_semantic_map
from models.semantic_maps import compose_map
from models.types import BoxSet, Detections, SemanticMap

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Subject:
    """What is judged, and by what: one model on one split of one release."""

    model_sha256: str
    release_id: str
    split: str
    class_names: tuple[str, ...]


@dataclass(frozen=True)
class RecognitionPairs:
    """N frames: true class ids (N,) and predicted probabilities (N, C), in the order of frame_ids."""

    subject: Subject
    frame_ids: tuple[str, ...]
    class_ids: NDArray[np.int64]
    probabilities: NDArray[np.float64]

    @property
    def predicted_ids(self) -> NDArray[np.int64]:
        """(N,) most probable class."""
        return self.probabilities.argmax(1)

    @property
    def confidences(self) -> NDArray[np.float64]:
        """(N,) probability of the most probable class."""
        return self.probabilities.max(1)


@dataclass(frozen=True)
class DetectionPairs:
    """N frames: true boxes and detections, in the order of frame_ids."""

    subject: Subject
    frame_ids: tuple[str, ...]
    truths: tuple[BoxSet, ...]
    detections: tuple[Detections, ...]

    def take(self, places: Sequence[int]) -> DetectionPairs:
        """The pairs at these places."""
        return DetectionPairs(
            self.subject,
            tuple(self.frame_ids[i] for i in places),
            tuple(self.truths[i] for i in places),
            tuple(self.detections[i] for i in places),
        )


@dataclass(frozen=True)
class SegmentationPairs:
    """N frames: their `release_frames` and `predictions` rows. Maps are made when asked for: all at once are large."""

    subject: Subject
    frame_ids: tuple[str, ...]
    rows: tuple[tuple[Row, Row], ...]

    def truth(self, place: int) -> SemanticMap:
        """What was labelled at this place, IGNORE where nothing was."""
        return read_semantic_map(self.rows[place][0])

    def predicted(self, place: int) -> SemanticMap:
        """What was predicted at this place. Raises ValueError when it is for an image of another size."""
        frame, prediction = self.rows[place]
        height, width = frame["mask_size_px"]
        class_ids = _find_classes(prediction, self.subject.class_names).tolist()
        return compose_map(prediction["mask_rles"], class_ids, (height, width))


Pairs = RecognitionPairs | DetectionPairs | SegmentationPairs


def pair(task: str, prediction_rows: Sequence[Row], release_rows: Sequence[Row], class_names: Sequence[str]) -> Pairs:
    """The pairs of a task. Raises ValueError as its own function does."""
    pairers: dict[str, Callable[..., Pairs]] = {
        "recognition": pair_recognition, "detection": pair_detection, "segmentation": pair_segmentation,
    }  # fmt: skip
    return pairers[task](prediction_rows, release_rows, class_names)


def pair_recognition(
    prediction_rows: Sequence[Row], release_rows: Sequence[Row], class_names: Sequence[str]
) -> RecognitionPairs:
    """Join `predictions` with `release_frames` (one split) by frame. Predictions of other frames are not looked at.

    Raises ValueError for an empty split, a frame without prediction or class, and classes that are not the release's.
    """
    subject, joined = _join(prediction_rows, release_rows, class_names)
    if unlabelled := [frame["frame_id"] for frame, _ in joined if frame["class_id"] is None]:
        raise ValueError(f"{len(unlabelled)} release frames have no class, the first is {unlabelled[0]}: release again")
    probabilities = np.zeros((len(joined), len(class_names)))
    for n, (_, prediction) in enumerate(joined):
        if sorted(prediction["class_names"]) != sorted(class_names):
            raise ValueError(
                f"frame {prediction['frame_id']} was predicted over {sorted(prediction['class_names'])}, the release "
                f"has {sorted(class_names)}: judge the model by a release with its own classes"
            )
        probabilities[n, _find_classes(prediction, subject.class_names)] = prediction["scores"]
    class_ids = np.array([frame["class_id"] for frame, _ in joined], np.int64)
    return RecognitionPairs(subject, tuple(frame["frame_id"] for frame, _ in joined), class_ids, probabilities)


def pair_detection(
    prediction_rows: Sequence[Row], release_rows: Sequence[Row], class_names: Sequence[str]
) -> DetectionPairs:
    """Join `predictions` with `release_frames` (one split) by frame. Predictions of other frames are not looked at.

    Raises ValueError for an empty split, a frame without prediction, and a predicted class that the release lacks.
    """
    subject, joined = _join(prediction_rows, release_rows, class_names)
    return DetectionPairs(
        subject,
        tuple(frame["frame_id"] for frame, _ in joined),
        tuple(BoxSet(_read_boxes(f["boxes_xyxy"]), np.array(f["box_class_ids"], np.int64)) for f, _ in joined),
        tuple(
            Detections(
                _read_boxes(p["boxes_xyxy"]), np.array(p["scores"], np.float32), _find_classes(p, subject.class_names)
            )
            for _, p in joined
        ),
    )


def pair_segmentation(
    prediction_rows: Sequence[Row], release_rows: Sequence[Row], class_names: Sequence[str]
) -> SegmentationPairs:
    """Join `predictions` with `release_frames` (one split) by frame. Predictions of other frames are not looked at.

    Raises ValueError for an empty split, a frame without prediction or masks, and a predicted class that the release
    lacks.
    """
    subject, joined = _join(prediction_rows, release_rows, class_names)
    if unlabelled := [frame["frame_id"] for frame, _ in joined if not frame["mask_rles"]]:
        raise ValueError(f"{len(unlabelled)} release frames have no mask, the first is {unlabelled[0]}: release again")
    for _, prediction in joined:
        _find_classes(prediction, subject.class_names)
    return SegmentationPairs(subject, tuple(frame["frame_id"] for frame, _ in joined), tuple(joined))


def _join(
    prediction_rows: Sequence[Row], release_rows: Sequence[Row], class_names: Sequence[str]
) -> tuple[Subject, list[tuple[Row, Row]]]:
    if not release_rows:
        raise ValueError("the release has no frames in this split: nothing can be scored on it")
    prediction_of = {row["frame_id"]: row for row in prediction_rows}
    if missing := [row["frame_id"] for row in release_rows if row["frame_id"] not in prediction_of]:
        raise ValueError(
            f"{len(missing)} of {len(release_rows)} frames have no prediction, the first is {missing[0]}: "
            "predict the whole split before scoring it"
        )
    joined = [(frame, prediction_of[frame["frame_id"]]) for frame in release_rows]
    subject = Subject(
        model_sha256=_the_only([p["model_sha256"] for _, p in joined], "model_sha256", "predictions"),
        release_id=_the_only([f["release_id"] for f, _ in joined], "release_id", "release frames"),
        split=_the_only([f["split"] for f, _ in joined], "split", "release frames"),
        class_names=tuple(class_names),
    )
    return subject, joined


def _the_only(values: Sequence[str], name: str, of: str) -> str:
    if len(found := sorted(set(values))) != 1:
        raise ValueError(f"the {of} hold {len(found)} values of {name} ({', '.join(found)}): hand over one at a time")
    return found[0]


def _find_classes(prediction: Row, class_names: tuple[str, ...]) -> NDArray[np.int64]:
    if unknown := sorted(set(prediction["class_names"]) - set(class_names)):
        raise ValueError(
            f"frame {prediction['frame_id']} was predicted to show {unknown}, which the release does not know "
            f"({', '.join(class_names)}): judge the model by a release with its own classes"
        )
    return np.array([class_names.index(name) for name in prediction["class_names"]], np.int64)


def _read_boxes(flat_xyxy: Sequence[float]) -> NDArray[np.float32]:
    return np.array(flat_xyxy, np.float32).reshape(-1, 4)
