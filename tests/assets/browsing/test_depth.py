"""Depth over a picture: which colour is how many metres, where nothing is known, and pictures that are turned."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from assets.browsing.depth import DepthLayer, describe_depth, open_depth
from assets.browsing.frame_index import FrameMissing
from assets.tables.schemas import content_id
from tests.assets.browsing.conftest import name_frame, put

FRAME = name_frame("monday", 1)  # shown a quarter turn to the right of how it is stored


def encode(units: np.ndarray) -> bytes:
    return cv2.imencode(".png", units.astype(np.uint16))[1].tobytes()


def put_map(catalog, units: np.ndarray, name: str = "map", **facts) -> None:
    row = {
        "depth_map_id": content_id(name),
        "frame_id": FRAME,
        "session": "monday",
        "sensor": "left",
        "other_sensor": "right",
        "coverage": 0.5,
        "median_sigma_m": 0.02,
        "depth_m_per_unit": 0.001,
        "payload": encode(units),
        "reason": None,
    }
    put(catalog, "depth_maps", [row | facts])


def decode(layer: DepthLayer) -> np.ndarray:
    return cv2.imdecode(np.frombuffer(layer.paint(), np.uint8), cv2.IMREAD_UNCHANGED)


def test_near_is_red_far_is_blue_and_what_is_unknown_is_clear(looked_at, catalog):
    browser = looked_at()
    put_map(catalog, np.array([[1000, 4000, 0]]))
    layer = open_depth(catalog, browser.index, FRAME)
    # the row of three is a column when it stands upright
    assert layer.depth_m[:, 0].tolist() == pytest.approx([1, 4, 0])
    near, far, unknown = decode(layer)[:, 0].tolist()
    assert near[2] > near[0] and far[0] > far[2], "BGR"
    assert (near[3], far[3], unknown[3]) == (255, 255, 0)
    assert layer.coverage == pytest.approx(2 / 3)


def test_the_scale_goes_from_near_to_far_in_equal_steps_of_disparity(
    looked_at, catalog
):
    browser = looked_at()
    put_map(catalog, np.full((4, 4), 1000))
    layer = DepthLayer(np.array([[1, 4]], np.float32), 1.0, 4.0)
    scale = layer.list_scale()
    # 1 / z from 1 to 1/4 in 8 steps: the middle is 1 / (5/8)
    assert [scale[n]["depth_m"] for n in (0, 4, 8)] == pytest.approx([1, 1.6, 4])
    assert decode(layer)[0, 0, 2::-1].tolist() == scale[0]["rgb"]
    assert decode(layer)[0, 1, 2::-1].tolist() == scale[8]["rgb"]
    flat = open_depth(catalog, browser.index, FRAME)
    assert flat.near_m == pytest.approx(1) and flat.far_m > flat.near_m


def test_of_two_maps_the_one_that_covers_more_is_shown(looked_at, catalog):
    browser = looked_at()
    put_map(catalog, np.full((2, 2), 1000), coverage=0.2)
    other = {"other_sensor": "top", "coverage": 0.9}
    put_map(catalog, np.full((2, 2), 2000), "second", **other)
    assert open_depth(catalog, browser.index, FRAME).near_m == pytest.approx(2)
    told = describe_depth(catalog, browser.index, FRAME)
    assert told == {"told": "stereo of left and top", "sigma_m": 0.02}


def test_a_frame_without_a_depth_has_no_layer(looked_at, catalog):
    browser = looked_at()
    put_map(catalog, np.zeros((2, 2)), reason="no board was seen", coverage=None)
    assert describe_depth(catalog, browser.index, FRAME) is None
    assert open_depth(catalog, browser.index, FRAME) is None
    put_map(catalog, np.zeros((2, 2)))
    assert open_depth(catalog, browser.index, FRAME) is None, "nothing is known"
    with pytest.raises(FrameMissing):
        open_depth(catalog, browser.index, "0" * 32)


def test_a_large_map_is_shown_smaller_without_a_mean_of_depths(
    looked_at, catalog, lower
):
    from assets.browsing import depth as module

    lower(module, MOST_SIDE_PX=4)
    browser = looked_at()
    units = np.tile([1000, 9000], (8, 4))
    put_map(catalog, units)
    layer = open_depth(catalog, browser.index, FRAME)
    assert layer.depth_m.shape == (4, 4)
    assert set(np.unique(layer.depth_m)) <= {np.float32(1), np.float32(9)}
