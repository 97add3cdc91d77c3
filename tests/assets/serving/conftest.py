"""Rows of `requests`, as a server writes them."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from assets.tables.rows import RequestRow
from assets.tables.schemas import content_id


@pytest.fixture
def request_row() -> Callable[..., RequestRow]:
    """A row with a name of its own, and what the test says."""

    def make(name: str, **changed: object) -> RequestRow:
        row: RequestRow = {
            "sample_id": content_id(name),
            "request_id": content_id("request", name),
            "image_index": 0,
            "at_ns": 1_000,
            "keep_until_ns": 2_000,
            "sample_rate": 1.0,
            "task": "recognition",
            "model_name": "daguerre-recognition",
            "model_version": 1,
            "model_sha256": "a" * 64,
            "release_id": "b" * 32,
            "role": "champion",
            "image_sha256": "c" * 64,
            "frame_id": None,
            "width_px": 8,
            "height_px": 6,
            "brightness": 0.5,
            "contrast": 0.1,
            "sharpness": 0.1,
            "clipped_dark": 0.0,
            "clipped_bright": 0.0,
            "noise": 0.0,
            "perceptual_hash": "0" * 16,
            "vector": None,
            "vector_version": None,
            "boxes_xyxy": [],
            "class_names": ["cup"],
            "scores": [0.75],
            "mask_rles": None,
            "confidence": 0.75,
            "latency_ms": 10.0,
            "batch_size": 1,
        }
        return {**row, **changed}  # type: ignore[typeddict-item]

    return make
