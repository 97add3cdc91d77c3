"""Colours of another camera on the pixels of depth, lenses taken out."""

from __future__ import annotations

import numpy as np
import pytest

from models.fusion.poses import invert, to_pose
from models.fusion.registration import RgbdCameras
from models.geometry.camera import Camera
from tests.models.fusion.conftest import CAMERA, draw

COLOR = Camera((200, 150), (170.0, 170.0), (99.5, 74.5))
BESIDE = to_pose(np.array([0.0, 0.02, 0.0, 0.05, 0.0, 0.0]))  # depth_from_color


def test_colours_of_a_camera_beside_come_to_the_depth_that_shows_them():
    depth, wanted = draw(np.eye(4))
    _, beside = draw(BESIDE, COLOR)
    cameras = RgbdCameras(CAMERA, COLOR, invert(BESIDE))
    found = cameras.register_color(beside, cameras.register_depth(depth))
    off = np.abs(found.astype(int) - wanted)[10:-10, 10:-10]
    unmoved = np.abs(draw(BESIDE)[1].astype(int) - wanted)[10:-10, 10:-10]
    assert np.median(off) <= 4 and np.median(unmoved) > 10


def test_a_lens_is_taken_out_of_depth():
    bent = Camera(
        (160, 120), (130.0, 130.0), (79.5, 59.5), "plumb_bob", (0.2, 0.0, 0.0, 0.0)
    )
    cameras = RgbdCameras(bent)
    ramp = np.tile(np.linspace(1, 2, 160, dtype=np.float32), (120, 1))
    found = cameras.register_depth(ramp)
    # the pinhole's pixel 20 px left of the middle lies where the lens has it
    ((x, _),) = bent.project(np.array([[-59.5 / 130, 0.0, 1.0]]))
    assert found[59, 20] == pytest.approx(ramp[59, round(x)], abs=0.007)


def test_a_picture_of_another_size_is_refused():
    with pytest.raises(
        ValueError, match="the depth image has 80 x 60 px, its camera 160 x 120"
    ):
        RgbdCameras(CAMERA).register_depth(np.ones((60, 80), np.float32))
    with pytest.raises(ValueError, match="the picture has 80 x 60 px"):
        RgbdCameras(CAMERA).register_color(
            np.zeros((60, 80, 3), np.uint8), np.ones((120, 160))
        )
