"""Stored rows of a tiny world: 2 classes, a few frames, real Lance tables."""

import hashlib
from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
import pytest

from assets.tables.catalog import Catalog
from assets.tables.schemas import TABLES, content_id, to_table

Row = dict[str, Any]
MODEL_SHA256, RELEASE_ID = "ab" * 32, content_id("release")


def encode_gray(level: int) -> bytes:
    """PNG of one grey level, so that a predictor can tell frames apart."""
    return cv2.imencode(".png", np.full((48, 64, 3), level, np.uint8))[1].tobytes()


@pytest.fixture(scope="session")
def frame_row() -> Callable[..., Row]:
    """A `frames` row by name, with a PNG of the given grey level."""

    def make(name: str, level: int, session: str = "monday") -> Row:
        payload = encode_gray(level)
        return {
            "frame_id": content_id(name), "capture_id": content_id("capture"), "session": session, "sensor": "cam_left",
            "kind": "color", "t_ns": None, "sequence": 0, "width_px": 64, "height_px": 48, "encoding": "png",
            "payload": payload, "sha256": hashlib.sha256(payload).hexdigest(), "split_hint": None,
            "source_path": f"{name}.png", "source_offset": 0, "source_length": None, "source_inner_offset": None,
        }  # fmt: skip

    return make


@pytest.fixture
def catalog(tmp_path: Any) -> Catalog:
    return Catalog(str(tmp_path / "tables"))


@pytest.fixture
def stored(catalog: Catalog, frame_row: Callable[..., Row]) -> tuple[Catalog, list[Row]]:
    """A catalog with five frames of grey level 10, 20 .. 50, and their rows."""
    rows = [frame_row(f"frame {n}", 10 * n) for n in range(1, 6)]
    catalog.merge("frames", to_table(TABLES["frames"], rows))
    return catalog, rows


@pytest.fixture(scope="session")
def release_row() -> Callable[..., Row]:
    """A `release_frames` row: of recognition with `class_id`, of detection with boxes."""

    def make(name: str, class_id: int | None = None, boxes: list[float] | None = None, ids: list[int] | None = None,
             session: str = "monday", split: str = "test") -> Row:  # fmt: skip
        return {
            "row_id": content_id("row", name), "release_id": RELEASE_ID, "frame_id": content_id(name),
            "capture_id": content_id("capture"), "session": session, "sensor": "cam_left", "split": split,
            "sha256": "0" * 64, "class_id": class_id, "boxes_xyxy": boxes or [], "box_class_ids": ids or [],
        }  # fmt: skip

    return make


@pytest.fixture(scope="session")
def prediction_row() -> Callable[..., Row]:
    """A `predictions` row: classes and scores in order, boxes for detection."""

    def make(name: str, class_names: list[str], scores: list[float], boxes: list[float] | None = None) -> Row:
        return {
            "prediction_id": content_id("prediction", name), "frame_id": content_id(name), "session": "monday",
            "sensor": "cam_left", "task": "recognition" if boxes is None else "detection", "model_sha256": MODEL_SHA256,
            "purpose": "test", "boxes_xyxy": boxes or [], "class_names": class_names, "scores": scores,
        }  # fmt: skip

    return make
