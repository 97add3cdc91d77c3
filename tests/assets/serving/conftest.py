"""A server's models and its event loop, and rows of `requests`, as a server writes them."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from assets.serving.versions import Version
from assets.tables.rows import RequestRow
from assets.tables.schemas import content_id
from tests.assets.serving.colours import (
    COLOURS,
    RELEASE,
    Colours,
    Loop,
    write_colour_model,
)


@pytest.fixture(scope="session")
def colours(tmp_path_factory: pytest.TempPathFactory) -> Colours:
    """The first says what it sees; the second calls red green, green blue, and blue red."""
    home = tmp_path_factory.mktemp("colours")
    versions = []
    for number in (1, 2):
        package = write_colour_model(home / "models", number - 1)
        versions.append(
            Version(
                "recognition",
                "daguerre-recognition",
                number,
                package.model_sha256,
                RELEASE,
                package.folder,
                COLOURS,
            )
        )
    return Colours(home, *versions)


@pytest.fixture(scope="module")
def loop() -> Iterator[Loop]:
    """For all tests of a file."""
    made = Loop()
    yield made
    made.close()


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
            "disagreement": None,
        }
        return {**row, **changed}  # type: ignore[typeddict-item]

    return make
