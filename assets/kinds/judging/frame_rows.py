"""Rows of `frame_scores` and `object_scores`: what an exam found of each frame."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from assets.kinds.judging.pairs import Subject
from assets.tables.rows import (
    ExaminedFrame,
    FrameScoreRow,
    ObjectScoreRow,
    ReleaseFrameRow,
)
from assets.tables.schemas import content_id
from models.metrics.detection import name_object_size
from models.metrics.frame_parts import BoxParts, ClassParts, MapParts
from models.metrics.matching import MIN_IOU, JudgedImage, match_objects


@dataclass(frozen=True)
class Examined:
    """The N frames of one exam of one task: their `release_frames` rows, and what splits keep together of them."""

    task: str
    subject: Subject
    release_rows: Sequence[ReleaseFrameRow]
    group_of: Mapping[
        str, str
    ]  # frame_id -> group_id; a frame that is not there is a group of its own

    def begin_row(self, place: int) -> ExaminedFrame:
        """What every row says of the frame at this place."""
        frame = self.release_rows[place]
        return {
            "model_sha256": self.subject.model_sha256,
            "release_id": self.subject.release_id,
            "task": self.task,
            "split": self.subject.split,
            "frame_id": frame["frame_id"],
            "capture_id": frame["capture_id"],
            "session": frame["session"],
            "sensor": frame["sensor"],
        }

    def begin_frame(self, place: int, value: float | None) -> FrameScoreRow:
        """The row of the frame at this place, with its own score and nothing else."""
        row = self.begin_row(place)
        frame_id = row["frame_id"]
        return {
            "frame_score_id": content_id(*self._identify(frame_id)),
            **row,
            "group_id": self.group_of.get(frame_id, frame_id),
            "value": value,
            "true_class": None,
            "found_class": None,
            "confidence": None,
            "log_loss": None,
            "operating_score": None,
            "num_matched": None,
            "num_missed": None,
            "num_false": None,
            "num_confused": None,
            "object_class_ids": None,
            "found_class_ids": None,
            "found_scores": None,
            "found_hits": None,
            "class_hits_px": None,
            "class_truth_px": None,
            "class_found_px": None,
            "boundary_hits_px": None,
            "boundary_union_px": None,
            "region": None,
        }

    def identify_object(self, frame_id: str, is_object: bool, place: int) -> str:
        """The id of a row of `object_scores`."""
        return content_id(*self._identify(frame_id), is_object, place)

    def _identify(self, frame_id: str) -> tuple[str, ...]:
        subject = self.subject
        return (
            subject.model_sha256,
            subject.release_id,
            self.task,
            subject.split,
            frame_id,
        )


def list_class_frames(examined: Examined, parts: ClassParts) -> list[FrameScoreRow]:
    """Frames of recognition: right or not, how sure, and how surprised."""
    names = examined.subject.class_names
    return [
        {
            **examined.begin_frame(n, float(parts.is_right[n])),
            "true_class": names[parts.true_ids[n]],
            "found_class": names[parts.found_ids[n]],
            "confidence": float(parts.confidences[n]),
            "log_loss": float(parts.log_losses[n]),
        }
        for n in range(len(parts))
    ]


def list_map_frames(examined: Examined, parts: MapParts) -> list[FrameScoreRow]:
    """Frames of segmentation: pixels by class, and how sure of each class an answer is."""
    from models.metrics.frame_parts import mean_rows

    values = mean_rows(parts.ious)
    return [
        {
            **examined.begin_frame(
                n, None if np.isnan(values[n]) else float(values[n])
            ),
            "confidence": _weigh_confidence(parts, n),
            "found_scores": parts.confidences[n].tolist(),
            "class_hits_px": parts.hits_px[n].tolist(),
            "class_truth_px": parts.truth_px[n].tolist(),
            "class_found_px": parts.found_px[n].tolist(),
            "boundary_hits_px": parts.boundary_hits_px[n].tolist(),
            "boundary_union_px": parts.boundary_union_px[n].tolist(),
        }
        for n in range(len(parts))
    ]


def list_map_objects(examined: Examined, parts: MapParts) -> list[ObjectScoreRow]:
    """A row a class that a frame shows, or that an answer gives it wrongly."""
    rows: list[ObjectScoreRow] = []
    for n in range(len(parts)):
        for class_id in np.flatnonzero(parts.truth_px[n] + parts.found_px[n]):
            rows.append(_describe_region(examined, parts, n, int(class_id)))
    return rows


def list_box_frames(
    examined: Examined,
    parts: BoxParts,
    images: Iterable[JudgedImage],
) -> list[FrameScoreRow]:
    """Frames with objects: what was matched, missed, false and confused at the operating score, and all answers."""
    score = parts.min_score
    by_frame = [
        np.flatnonzero(parts.found_frames == n) for n in range(parts.num_frames)
    ]
    rows: list[FrameScoreRow] = []
    for n, image in enumerate(images):
        truth, found = image.truth, image.found
        matches = match_objects(image, min_score=score)
        is_right = (
            truth.class_ids[matches.truth_ids] == found.class_ids[matches.detection_ids]
        )
        num_matched = int(is_right.sum())
        num_kept = int((found.scores >= score).sum())
        num_told = len(truth.class_ids) + num_kept
        value = 2 * num_matched / num_told if num_told else 1.0
        rows.append(
            {
                **examined.begin_frame(n, value),
                "confidence": float(found.scores[found.scores >= score].mean())
                if num_kept
                else None,
                "operating_score": score,
                "num_matched": num_matched,
                "num_missed": len(matches.missed_truth_ids),
                "num_false": len(matches.false_detection_ids),
                "num_confused": len(is_right) - num_matched,
                "object_class_ids": truth.class_ids.tolist(),
                "found_class_ids": found.class_ids.tolist(),
                "found_scores": found.scores.astype(np.float64).tolist(),
                "found_hits": parts.found_hits[by_frame[n]].tolist(),
            }
        )
    return rows


def list_box_objects(
    examined: Examined,
    parts: BoxParts,
    images: Iterable[JudgedImage],
) -> list[ObjectScoreRow]:
    """A row an object, and a row an answer of at least the operating score that hits none."""
    score = parts.min_score
    rows: list[ObjectScoreRow] = []
    for n, image in enumerate(images):
        rows += _list_objects_of(examined, n, image, score)
    return rows


def _list_objects_of(
    examined: Examined, place: int, image: JudgedImage, score: float
) -> list[ObjectScoreRow]:
    truth, found, overlaps = image.truth, image.found, image.overlaps
    kept = np.flatnonzero(found.scores >= score)
    matches = match_objects(image, min_score=score)
    answer_of = dict(
        zip(matches.truth_ids.tolist(), matches.detection_ids.tolist(), strict=True)
    )
    names = examined.subject.class_names
    rows: list[ObjectScoreRow] = []
    for t, class_id in enumerate(truth.class_ids.tolist()):
        d = answer_of.get(t)
        found_id = None if d is None else int(found.class_ids[d])
        rows.append(
            {
                **_begin_box(examined, place, True, t, truth.boxes_xyxy[t]),
                "class_name": names[class_id],
                "found_class": None if found_id is None else names[found_id],
                "iou": float(
                    overlaps[t, kept].max(initial=0.0) if d is None else overlaps[t, d]
                ),
                "is_matched": found_id == class_id,
                "confidence": None if d is None else float(found.scores[d]),
            }
        )
    for d in matches.false_detection_ids.tolist():
        name = names[found.class_ids[d]]
        rows.append(
            {
                **_begin_box(examined, place, False, d, found.boxes_xyxy[d]),
                "class_name": name,
                "found_class": name,
                "iou": float(overlaps[:, d].max(initial=0.0)),
                "is_matched": False,
                "confidence": float(found.scores[d]),
            }
        )
    return rows


def _begin_box(
    examined: Examined,
    place: int,
    is_object: bool,
    index: int,
    box_xyxy: NDArray[np.float32],
) -> ObjectScoreRow:
    """The row of one object or answer, matched with nothing."""
    row = examined.begin_row(place)
    x_min, y_min, x_max, y_max = box_xyxy.astype(np.float64).tolist()
    area_px2 = max(x_max - x_min, 0.0) * max(y_max - y_min, 0.0)
    return {
        "object_score_id": examined.identify_object(row["frame_id"], is_object, index),
        **row,
        "is_object": is_object,
        "place": index,
        "class_name": "",
        "found_class": None,
        "area_px2": area_px2,
        "size": name_object_size(area_px2),
        "iou": 0.0,
        "is_matched": False,
        "confidence": None,
        "x_min": x_min,
        "y_min": y_min,
        "x_max": x_max,
        "y_max": y_max,
        "distance_m": None,
    }


def _describe_region(
    examined: Examined,
    parts: MapParts,
    place: int,
    class_id: int,
) -> ObjectScoreRow:
    row = examined.begin_row(place)
    hits, truth, answer = (
        int(px[place, class_id])
        for px in (parts.hits_px, parts.truth_px, parts.found_px)
    )
    is_object = truth > 0
    iou = hits / (truth + answer - hits)
    area_px2 = float(truth if is_object else answer)
    name = examined.subject.class_names[class_id]
    return {
        "object_score_id": examined.identify_object(
            row["frame_id"], is_object, class_id
        ),
        **row,
        "is_object": is_object,
        "place": class_id,
        "class_name": name,
        "found_class": name if answer else None,
        "area_px2": area_px2,
        "size": name_object_size(area_px2),
        "iou": iou,
        "is_matched": is_object and iou >= MIN_IOU,
        "confidence": float(parts.confidences[place, class_id]) if answer else None,
        "x_min": None,
        "y_min": None,
        "x_max": None,
        "y_max": None,
        "distance_m": None,
    }


def _weigh_confidence(parts: MapParts, place: int) -> float | None:
    """The mean over pixels; None where no labelled pixel has an answer."""
    found_px = parts.found_px[place]
    total = int(found_px.sum())
    return float(parts.confidences[place] @ found_px / total) if total else None
