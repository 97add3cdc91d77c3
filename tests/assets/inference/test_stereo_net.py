"""A stereo net by a file: the disparities that it computes, at any size, and what is no such net."""

from __future__ import annotations

import numpy as np
import pytest

from assets.inference.stereo_net import StereoNet, open_stereo_net
from tests.assets.inference.tiny_stereo_net import write_stereo_net
from tests.assets.reconstruction.conftest import draw_pair


@pytest.fixture(scope="module")
def pair():
    """A wall of 12 px of disparity, and a square of 24 px before it."""
    drawn = draw_pair(0)
    return drawn["left"], drawn["right"]


def test_disparities_of_free_sides_are_those_of_the_net(tmp_path, pair):
    """120 rows are padded to 128, and cut again."""
    found = StereoNet(write_stereo_net(tmp_path / "net.onnx")).match(*pair)
    assert found.px.shape == (120, 160)
    assert np.median(found.px[90:115, 40:150]) == 12
    assert np.median(found.px[35:75, 85:125]) == 24
    # both sides agree to the px, and what only the left one sees is unknown
    assert found.agreement > 0.9 and np.isnan(found.px[:, :10]).mean() > 0.9
    assert np.nanmax(found.sigma_px) < 1.1
    assert np.median(found.confidence[35:75, 85:125]) > 0.9


def test_a_net_of_a_fixed_size_has_its_disparities_scaled(tmp_path):
    """Half as wide a picture has half the disparity: 6 and 12 px there."""
    coarse = [
        np.kron(draw_pair(0)[side], np.ones((2, 2), np.uint8))
        for side in ("left", "right")
    ]
    path = write_stereo_net(tmp_path / "net.onnx", shape=(1, 1, 120, 160))
    px = StereoNet(path).match(*coarse).px
    assert np.median(px[180:230, 80:300]) == 24
    assert np.median(px[70:150, 170:250]) == 48


def test_a_net_that_is_none_says_what_is_wanted(tmp_path, pair):
    assert open_stereo_net(None) is None
    with pytest.raises(ValueError, match=r"DAGUERRE_STEREO_NET: there is no file"):
        StereoNet(tmp_path / "nowhere.onnx")
    plain = tmp_path / "plain.onnx"
    plain.write_bytes(b"no net")
    with pytest.raises(ValueError, match="cannot be loaded as an ONNX net"):
        StereoNet(plain)
    alone = write_stereo_net(tmp_path / "alone.onnx", names=("picture",))
    with pytest.raises(ValueError, match="needed are two float inputs"):
        StereoNet(alone)
    four = write_stereo_net(tmp_path / "four.onnx", shape=(1, 4, "h", "w"))
    with pytest.raises(ValueError, match=r"right \[1, 4, 'h', 'w'\] tensor\(float\)"):
        StereoNet(four)
    turned = write_stereo_net(tmp_path / "turned.onnx", sign=-1.0)
    with pytest.raises(ValueError, match="negate them at the export"):
        StereoNet(turned).match(*pair)
