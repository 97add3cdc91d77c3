"""Small worlds and photographs made of numbers, so that these tests need no files."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from models.simulation.scene import PHOTOS, Light, Primitive, Scene


@pytest.fixture(scope="session")
def photos() -> dict[str, NDArray[np.uint8]]:
    rng = np.random.default_rng(0)
    return {name: rng.integers(60, 200, (64, 64, 3), dtype=np.uint8) for name in PHOTOS}


@pytest.fixture
def ball_scene() -> Scene:
    """One ball of radius 0.1 m that touches the table's middle, light from straight above."""
    ball = Primitive(
        1,
        "ball",
        (0.0, 0.0, 0.1),
        (0.1, 0.1, 0.1),
        (0.0, 0.0, 0.0),
        "moon",
        (1.0, 0.5, 0.2),
    )
    return Scene((ball,), Light((0.0, 0.6, 0.8)), "brick", (1.0, 1.0, 1.0), "coffee")
