"""Where the fit of a cuboid that turns begins: also with a part of a turn that is mirrored."""

from __future__ import annotations

import numpy as np

from models.geometry.boxes3d import list_planes
from models.geometry.motion_problem import MotionFit, MotionProblem
from models.geometry.turning_boxes import mirror_parts
from tests.models.geometry.test_boxes3d import make, see


def test_a_turn_that_goes_through_a_side_view_is_tried_as_one_that_comes_back_from_it():
    """Seen along x all the time, where a turn and its negative look alike: 0.5, 0.3, 0.1, -0.1, -0.3 rad may be 0.5,
    0.3, 0.1, 0.1, 0.3."""
    times_s, yaws_rad = np.arange(5.0), 0.5 - 0.2 * np.arange(5)
    rng = np.random.default_rng(0)
    box = make("cuboid", (0.14, 0.08, 0.1))
    planes = list_planes([see(box, 0.0, rng) for _ in times_s])
    turns = np.column_stack([yaws_rad, np.full(5, -0.2)]).ravel()
    standing = np.tile([*box.centre_m, 0, 0, 0], 5)
    values = np.concatenate([standing, box.size_m / 2, turns])
    fit = MotionFit("cuboid", 1.0, values, 1.0)
    parts = list(mirror_parts(MotionProblem.of(planes, times_s), fit))
    # before the third step, and after it; half a turn more is the same
    wanted = [-np.abs(yaws_rad), np.abs(yaws_rad)]
    off = [np.sin(part.yaws_rad - yaws) for part, yaws in zip(parts, wanted, strict=True)]  # fmt: skip
    assert np.abs(off).max() < 1e-9
