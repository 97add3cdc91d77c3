"""Rules of paths and meshes: each claim, where it warns and where it blocks."""

import pytest

from checks import fused_depth as rules

POSE = {
    "sensor": "depth",
    "capture_id": "c",
    "part": 0,
    "reason": None,
    "loop_drift_m": 0.01,
    "loop_drift_deg": 0.2,
    "loop_path_m": 1.0,
    "given_off_m": 0.01,
    "given_off_deg": 0.2,
}


@pytest.mark.parametrize(
    ("rule", "change", "passed", "stops"),
    [
        (rules.every_depth_camera_has_a_path, {}, True, False),
        (
            rules.every_depth_camera_has_a_path,
            {"part": None, "reason": "no depth image"},
            False,
            True,
        ),
        (rules.frames_are_tracked, {}, True, False),
        # one of ten is more than 2 %, and less than a fifth
        (
            rules.frames_are_tracked,
            {"part": [None, *[0] * 9], "reason": ["dark", *[None] * 9]},
            False,
            False,
        ),
        (
            rules.frames_are_tracked,
            {"part": [*[None] * 3, *[0] * 7], "reason": "dark"},
            False,
            True,
        ),
        (rules.path_is_of_one_piece, {}, True, False),
        (rules.path_is_of_one_piece, {"part": [0] * 5 + [1] * 5}, False, False),
        (rules.loops_agree_with_odometry, {}, True, False),
        # 3 cm over 1 m is more than 2 %
        (rules.loops_agree_with_odometry, {"loop_drift_m": 0.03}, False, False),
        (rules.loops_agree_with_odometry, {"loop_drift_m": None}, True, False),
        (rules.path_agrees_with_given_poses, {}, True, False),
        (rules.path_agrees_with_given_poses, {"given_off_m": 0.06}, False, True),
        (rules.path_agrees_with_given_poses, {"given_off_m": None}, True, False),
    ],
)
def test_a_path_is_judged_by_what_is_lost_drifts_and_contradicts(
    rule, change, passed, stops, rows_of
):
    verdict = rule(rows_of("odometry", 10, **{**POSE, **change}))
    assert (verdict.passed, verdict.stops) == (passed, stops), verdict.summary


@pytest.mark.parametrize(
    ("rule", "change", "passed"),
    [
        (rules.every_path_has_a_mesh, {}, True),
        (rules.every_path_has_a_mesh, {"reason": "too many blocks"}, False),
        (rules.surfaces_are_sharp, {}, True),
        (rules.surfaces_are_sharp, {"median_off_m": 0.006}, False),
        (rules.surfaces_are_sharp, {"median_off_m": None}, False),
    ],
)
def test_a_mesh_is_judged_by_its_being_there_and_sharp(rule, change, passed, rows_of):
    sound = {"sensor": "depth", "part": 0, "reason": None, "voxel_m": 0.005}
    rows = rows_of("meshes", 2, **{**sound, "median_off_m": 0.002, **change})
    verdict = rule(rows)
    assert (verdict.passed, verdict.stops) == (passed, not passed), verdict.summary
