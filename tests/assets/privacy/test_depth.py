"""Depth images under a privacy policy: covered where their colour frame is, or, where nothing says where, whole."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from assets.capture.session import anonymise
from assets.images import decode_depth
from assets.privacy.depth import find_companion
from assets.privacy.keys import SealKeys
from assets.privacy.told import tell_privacy
from assets.storage import Folder
from checks.gates import gate_session

POLICY = "privacy: {faces: false, regions: {cam0: [[8, 8, 24, 16]]}%s}\n"
DEPTH = np.arange(1, 32 * 48 + 1, dtype=np.uint16).reshape(32, 48)
CAMERA = {
    **{"width_px": 48, "height_px": 32, "fx_px": 50.0, "fy_px": 50.0},
    **{"cx_px": 24.0, "cy_px": 16.0, "distortion_model": None, "distortion": []},
    "rig_from_camera": None,
}
SMALL = [{"width_px": 48, "height_px": 32}]
LARGE = [{"width_px": 96, "height_px": 64}]


@pytest.mark.parametrize(
    ("colors", "cameras", "companion"),
    [
        ({"left": SMALL}, {}, "left"),
        ({"left": LARGE}, {}, None),
        ({"left": SMALL, "right": SMALL}, {}, None),
        ({"left": SMALL, "right": LARGE}, {}, "left"),
        # what is stated of both decides
        ({"left": SMALL}, {"depth": CAMERA, "left": CAMERA}, "left"),
        ({"left": SMALL}, {"depth": CAMERA, "left": {**CAMERA, "fx_px": 60.0}}, None),
        (
            {"left": SMALL, "right": SMALL},
            {"depth": CAMERA, "left": {**CAMERA, "cx_px": 20.0}, "right": CAMERA},
            "right",
        ),
        # what is stated of one alone does not
        ({"left": SMALL}, {"left": CAMERA}, "left"),
    ],
)
def test_the_colour_sensor_that_shares_pixels_is_told_by_calibration_or_size(
    colors, cameras, companion
):
    assert find_companion("depth", SMALL, colors, cameras) == companion


@pytest.fixture
def take_in(tmp_path, intake, home):
    """take_in(depth, more): a colour frame of 48 x 32 px and a depth image; the depth image as it is stored then."""
    sealing = replace(intake, keys=SealKeys(home))

    def run(depth: np.ndarray, more: str = "") -> np.ndarray:
        folder = tmp_path / "in"
        write(folder / "cam0" / "0.png", np.full((32, 48, 3), 200, np.uint8))
        write(folder / "depth" / "0.png", depth)
        (folder / "daguerre.yaml").write_text(POLICY % more)
        sealing.ingest(Folder(str(folder)), "street")
        assert not read_depth(sealing.catalog).any()  # blank until it is covered
        anonymise("street", sealing)
        return read_depth(sealing.catalog)

    return run


def write(path: Path, image: np.ndarray) -> None:
    path.parent.mkdir(parents=True)
    cv2.imwrite(str(path), image)


def read_depth(catalog) -> np.ndarray:
    (payload,) = catalog.read_latest("frames", ["payload"], "kind = 'depth'")["payload"]
    return decode_depth(payload.as_py())


def test_a_depth_image_is_covered_where_its_colour_frame_is(take_in, catalog):
    """16 x 8 px of 48 x 32: 128 of 1,536."""
    shown = take_in(DEPTH)
    expected = DEPTH.copy()
    expected[8:16, 8:24] = 0
    np.testing.assert_array_equal(shown, expected)
    made = catalog.read_latest("anonymised_frames", ["covered_share"])
    assert made["covered_share"].to_pylist() == [128 / 1536] * 2
    assert tell_privacy(catalog)[0].hidden == 0


def test_one_that_nothing_places_is_covered_whole_and_told(take_in, catalog):
    assert not take_in(DEPTH[:16]).any()
    assert tell_privacy(catalog)[0].hidden == 1
    verdicts = gate_session(catalog, "anonymised_frames", "street")
    (wrong,) = (v for v in verdicts if not v.passed)
    assert wrong.name == "depth_is_covered_where_colour_is" and not wrong.stops
    assert "depth: false" in wrong.summary


def test_a_policy_may_leave_depth_as_it_came(take_in):
    np.testing.assert_array_equal(take_in(DEPTH[:16], ", depth: false"), DEPTH[:16])
