"""Find the worst mistakes of a model: sure and wrong, or many objects missed and boxes around nothing."""

from __future__ import annotations

from dataclasses import dataclass

from assets.evaluation.pairs import DetectionPairs, RecognitionPairs
from models.metrics.matching import Matches, match_detections


@dataclass(frozen=True)
class WrongClass:
    """A frame whose most probable class is wrong. `place` is its index in the pairs."""

    place: int
    true_id: int
    predicted_id: int
    confidence: float
    true_probability: float


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
        return self.num_missed + self.num_false + self.num_confused


def find_wrong_classes(pairs: RecognitionPairs, limit: int) -> list[WrongClass]:
    """At most `limit` wrongly recognised frames, the surest first; equals by frame id."""
    predicted, confidence = pairs.predicted_ids, pairs.confidences
    wrong = [
        WrongClass(n, int(truth), int(predicted[n]), float(confidence[n]), float(pairs.probabilities[n, truth]))
        for n, truth in enumerate(pairs.class_ids)
        if predicted[n] != truth
    ]
    return sorted(wrong, key=lambda w: (-w.confidence, pairs.frame_ids[w.place]))[:limit]


def find_wrong_boxes(pairs: DetectionPairs, min_score: float, limit: int) -> list[WrongBoxes]:
    """At most `limit` frames with something wrong, most wrong boxes first; equals by frame id."""
    judged = [_judge(pairs, place, min_score) for place in range(len(pairs.frame_ids))]
    wrong = [w for w in judged if w.num_wrong]
    return sorted(wrong, key=lambda w: (-w.num_wrong, pairs.frame_ids[w.place]))[:limit]


def _judge(pairs: DetectionPairs, place: int, min_score: float) -> WrongBoxes:
    truth, found = pairs.truths[place], pairs.detections[place]
    matches = match_detections(truth, found, min_score=min_score)
    is_confused = truth.class_ids[matches.truth_ids] != found.class_ids[matches.detection_ids]
    return WrongBoxes(
        place, matches, len(matches.missed_truth_ids), len(matches.false_detection_ids), int(is_confused.sum())
    )
