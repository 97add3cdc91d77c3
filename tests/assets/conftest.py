"""Five stored frames that a predictor can tell apart, for the stages that read images."""

import hashlib
from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
import pytest

from assets.tables.catalog import Catalog
from assets.tables.schemas import TABLES, content_id, to_table

Row = dict[str, Any]


def encode_gray(level: int) -> bytes:
    """PNG of one grey level, so that a predictor can tell frames apart."""
    return cv2.imencode(".png", np.full((48, 64, 3), level, np.uint8))[1].tobytes()


@pytest.fixture(scope="session")
def frame_row() -> Callable[..., Row]:
    """A `frames` row by name, with a PNG of the given grey level."""

    def make(name: str, level: int, session: str = "monday") -> Row:
        payload = encode_gray(level)
        return {
            "frame_id": content_id(name),
            "capture_id": content_id("capture"),
            "session": session,
            "sensor": "cam_left",
            "kind": "color",
            "t_ns": None,
            "sequence": 0,
            "width_px": 64,
            "height_px": 48,
            "encoding": "png",
            "payload": payload,
            "sha256": hashlib.sha256(payload).hexdigest(),
            "split_hint": None,
            "source_path": f"{name}.png",
            "source_offset": 0,
            "source_length": None,
            "source_inner_offset": None,
        }

    return make


@pytest.fixture
def stored(
    catalog: Catalog, frame_row: Callable[..., Row]
) -> tuple[Catalog, list[Row]]:
    """A catalog with five frames of grey level 10, 20 .. 50, and their rows."""
    rows = [frame_row(f"frame {n}", 10 * n) for n in range(1, 6)]
    catalog.merge("frames", to_table(TABLES["frames"], rows))
    return catalog, rows
