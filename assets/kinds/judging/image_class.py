"""Judge image classes: figures, and the frames whose class is surest and wrong."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assets.kinds.judging.frame_rows import Examined, list_class_frames
from assets.kinds.judging.pairs import Slices, Subject, find_classes, join_rows
from assets.kinds.judging.score_rows import Figures, group_places, list_rows
from assets.previews import plots
from assets.previews.drawing import fit_width, make_thumbnail
from assets.previews.gallery import (
    NUM_MISTAKES,
    NUM_THUMBNAILS,
    SMALL_MISTAKE_PX,
    THUMBNAIL_PX,
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
from models.metrics.classification import score_classification
from models.metrics.frame_parts import ClassParts
from models.task_names import RECOGNITION
from models.types import Image


@dataclass(frozen=True)
class ClassPairs:
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

    def score(self, slices: Slices) -> list[ScoreRow]:
        """Rows with accuracy, macro_f1 and ece over all and per slice, and precision, recall and f1 per class.

        num_samples counts frames.
        """
        names = self.subject.class_names
        everything = range(len(self.frame_ids))
        rows = list_rows(
            self.subject, "all", "all", _figure(self, everything), len(everything)
        )
        for slice_by, value, places in group_places(self.frame_ids, slices):
            rows += list_rows(
                self.subject, slice_by, value, _figure(self, places), len(places)
            )
        for c in score_classification(
            self.class_ids, self.predicted_ids, len(names)
        ).per_class:
            figures = (("precision", c.precision), ("recall", c.recall), ("f1", c.f1))
            rows += list_rows(
                self.subject, "class", names[c.class_id], figures, c.num_truth
            )
        return rows

    def describe(self) -> ClassParts:
        """What totals are made of."""
        own = self.probabilities[np.arange(len(self.class_ids)), self.class_ids]
        return ClassParts(
            len(self.subject.class_names),
            self.class_ids,
            self.predicted_ids,
            # softmax in float32 may exceed 1 by rounding
            self.confidences.clip(0, 1),
            -np.log(own.clip(np.finfo(np.float32).tiny, 1)),
        )

    def choose_operating_score(self) -> float | None:
        return None

    def at(self, operating_score: float | None) -> ClassPairs:
        return self

    def list_frames(
        self, release_rows: Sequence[ReleaseFrameRow], group_of: Mapping[str, str]
    ) -> tuple[list[FrameScoreRow], list[ObjectScoreRow]]:
        examined = Examined(RECOGNITION, self.subject, release_rows, group_of)
        return list_class_frames(examined, self.describe()), []

    def draw(
        self,
        row_of: Mapping[str, ReleaseFrameRow],
        images: ImageReader,
        history: Sequence[Mapping[str, Any]],
        subject: str,
    ) -> Gallery:
        """Frames of all classes, those whose wrong class is surest, the confusion matrix and the reliability."""
        names = self.subject.class_names
        result = score_classification(self.class_ids, self.predicted_ids, len(names))
        calibration = score_calibration(
            self.confidences.clip(0, 1), self.class_ids == self.predicted_ids
        )
        places = spread([names[c] for c in self.class_ids], NUM_THUMBNAILS)
        wrong = find_wrong_classes(self, NUM_MISTAKES)
        shown = images.read(
            [row_of[self.frame_ids[p]] for p in [*places, *(w.place for w in wrong)]]
        )
        return Gallery(
            thumbnails=tuple(
                Picture(
                    make_thumbnail(shown[self.frame_ids[p]], THUMBNAIL_PX),
                    names[self.class_ids[p]],
                )
                for p in places
            ),
            overlays=(),
            mistakes=tuple(
                _picture_wrong_class(w, shown[self.frame_ids[w.place]], names)
                for w in wrong
            ),
            charts={
                "confusion matrix": lambda theme: plots.confusion_matrix_plot(
                    result.confusion, names, subject, theme
                ),
                "reliability": draw_reliability(calibration, subject),
                **draw_learning(history, subject),
            },
            colors={},
        )


@dataclass(frozen=True)
class WrongClass:
    """A frame whose most probable class is wrong. `place` is its index in the pairs."""

    place: int
    true_id: int
    predicted_id: int
    confidence: float
    true_probability: float


def pair_classes(
    prediction_rows: Sequence[PredictionRow],
    release_rows: Sequence[ReleaseFrameRow],
    class_names: Sequence[str],
) -> ClassPairs:
    """Join `predictions` with `release_frames` (one split) by frame. Predictions of other frames are not looked at.

    Raises ValueError for an empty split, a frame without prediction or class, and classes that are not the release's.
    """
    subject, joined = join_rows(prediction_rows, release_rows, class_names)
    unlabelled = [frame["frame_id"] for frame, _ in joined if frame["class_id"] is None]
    if unlabelled:
        raise ValueError(
            f"{len(unlabelled)} release frames have no class, the first is {unlabelled[0]}: release again"
        )
    probabilities = np.zeros((len(joined), len(class_names)))
    for n, (_, prediction) in enumerate(joined):
        probabilities[n, find_classes(prediction, subject.class_names)] = prediction[
            "scores"
        ]
    class_ids = np.array([frame["class_id"] for frame, _ in joined], np.int64)
    return ClassPairs(
        subject,
        tuple(frame["frame_id"] for frame, _ in joined),
        class_ids,
        probabilities,
    )


def find_wrong_classes(pairs: ClassPairs, limit: int) -> list[WrongClass]:
    """At most `limit` wrongly recognised frames, the surest first; equals by frame id."""
    predicted = pairs.predicted_ids
    confidence = pairs.confidences
    wrong = [
        WrongClass(
            n,
            int(truth),
            int(predicted[n]),
            float(confidence[n]),
            float(pairs.probabilities[n, truth]),
        )
        for n, truth in enumerate(pairs.class_ids)
        if predicted[n] != truth
    ]
    return sorted(wrong, key=lambda w: (-w.confidence, pairs.frame_ids[w.place]))[
        :limit
    ]


def _figure(pairs: ClassPairs, places: Sequence[int]) -> Figures:
    chosen = list(places)
    truth = pairs.class_ids[chosen]
    predicted = pairs.predicted_ids[chosen]
    result = score_classification(truth, predicted, len(pairs.subject.class_names))
    # softmax in float32 may exceed 1 by rounding
    confidences = pairs.confidences[chosen].clip(0, 1)
    calibration = score_calibration(confidences, truth == predicted)
    return (
        ("accuracy", result.accuracy),
        ("macro_f1", result.macro_f1),
        ("ece", calibration.ece),
    )


def _picture_wrong_class(
    wrong: WrongClass, image: Image, names: Sequence[str]
) -> Picture:
    detail = f"{wrong.confidence:.0%} sure; {wrong.true_probability:.1%} for {names[wrong.true_id]}"
    caption = f"{names[wrong.true_id]}, called {names[wrong.predicted_id]}"
    return Picture(
        fit_width(image, max(SMALL_MISTAKE_PX, min(image.shape[1], 360))),
        caption,
        detail,
    )
