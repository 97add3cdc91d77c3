"""Rows of a release and of predictions in a tiny world of two classes."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from assets.tables.schemas import content_id
from models.semantic_maps import split_map
from models.types import SemanticMap

Row = dict[str, Any]
MODEL_SHA256 = "ab" * 32
RELEASE_ID = content_id("release")


@pytest.fixture(scope="session")
def release_row() -> Callable[..., Row]:
    """A `release_frames` row: of recognition with `class_id`, of detection with boxes."""

    def make(
        name: str,
        class_id: int | None = None,
        boxes: list[float] | None = None,
        ids: list[int] | None = None,
        session: str = "monday",
        split: str = "test",
    ) -> Row:
        return {
            "row_id": content_id("row", name),
            "release_id": RELEASE_ID,
            "frame_id": content_id(name),
            "capture_id": content_id("capture"),
            "session": session,
            "sensor": "cam_left",
            "split": split,
            "sha256": "0" * 64,
            "class_id": class_id,
            "boxes_xyxy": boxes or [],
            "box_class_ids": ids or [],
        }

    return make


@pytest.fixture(scope="session")
def map_rows() -> Callable[..., tuple[Row, Row]]:
    """A `release_frames` row and a `predictions` row of segmentation, from two maps of ids."""

    def make(
        name: str,
        true_ids: Any,
        found_ids: Any,
        names: tuple[str, ...],
        session: str = "monday",
    ) -> tuple[Row, Row]:
        truth, found = (
            SemanticMap(np.array(ids, np.uint8)) for ids in (true_ids, found_ids)
        )
        masks, ids = split_map(truth)
        found_masks, ids_found = split_map(found)
        frame = {
            "row_id": content_id("row", name),
            "release_id": RELEASE_ID,
            "frame_id": content_id(name),
            "capture_id": content_id("capture"),
            "session": session,
            "sensor": "cam_left",
            "split": "test",
            "sha256": "0" * 64,
            "class_id": None,
            "boxes_xyxy": [],
            "box_class_ids": [],
            "mask_rles": masks,
            "mask_class_ids": ids,
            "mask_size_px": list(truth.class_ids.shape),
        }
        prediction = {
            "prediction_id": content_id("prediction", name),
            "frame_id": content_id(name),
            "session": session,
            "sensor": "cam_left",
            "task": "segmentation",
            "model_sha256": MODEL_SHA256,
            "purpose": "test",
            "boxes_xyxy": [],
            "class_names": [names[i] for i in ids_found],
            "scores": [0.9] * len(ids_found),
            "mask_rles": found_masks,
        }
        return frame, prediction

    return make


@pytest.fixture(scope="session")
def prediction_row() -> Callable[..., Row]:
    """A `predictions` row: classes and scores in order, boxes for detection."""

    def make(
        name: str,
        class_names: list[str],
        scores: list[float],
        boxes: list[float] | None = None,
    ) -> Row:
        return {
            "prediction_id": content_id("prediction", name),
            "frame_id": content_id(name),
            "session": "monday",
            "sensor": "cam_left",
            "task": "recognition" if boxes is None else "detection",
            "model_sha256": MODEL_SHA256,
            "purpose": "test",
            "boxes_xyxy": boxes or [],
            "class_names": class_names,
            "scores": scores,
        }

    return make
