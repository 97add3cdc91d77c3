"""Drawn worlds and their shifts: what varies, what stays, and that labels are unambiguous."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from models.simulation.camera import Rig, make_camera, rotation_from_vector
from models.simulation.labels import label_frame
from models.simulation.motion import plan_trajectory
from models.simulation.renderer import Renderer
from models.simulation.scene import CLASS_NAMES, sample_scene
from models.simulation.shifts import SHIFTS, Shift

SEEDS = range(25)
STILL = np.zeros(2)


def scenes(with_unseen: bool = False):
    return [sample_scene(np.random.default_rng([9, s]), with_unseen) for s in SEEDS]


def test_scenes_hold_three_to_six_solids_of_at_least_two_classes():
    for scene in scenes():
        assert 3 <= len(scene.primitives) <= 6
        assert len({p.class_name for p in scene.primitives}) >= 2
        assert {p.class_name for p in scene.primitives} <= set(CLASS_NAMES)


def test_solids_stand_on_the_table_apart_from_each_other():
    for scene in scenes():
        for i, a in enumerate(scene.primitives):
            assert a.center_m[2] == pytest.approx(a.half_size_m[2])
            for b in scene.primitives[i + 1 :]:
                reach = sum(np.hypot(*p.half_size_m[:2]) for p in (a, b))
                assert (
                    np.hypot(
                        a.center_m[0] - b.center_m[0], a.center_m[1] - b.center_m[1]
                    )
                    > 0.95 * reach
                )


def test_unseen_worlds_hold_cones_and_are_otherwise_the_same():
    for plain, unseen in zip(scenes(), scenes(with_unseen=True), strict=True):
        assert any(p.class_name == "cone" for p in unseen.primitives)
        assert [p for p in unseen.primitives if p.class_name != "cone"] == [
            p
            for p in plain.primitives
            if unseen.primitives[p.track_id - 1].class_name != "cone"
        ]
        assert replace(unseen, primitives=plain.primitives) == plain


def test_the_class_of_a_frame_is_clear_and_changes_within_a_capture(photos):
    margins = []
    changes = 0
    for seed in range(6):
        scene = sample_scene(np.random.default_rng([4, seed]))
        rig = Rig(make_camera(80, 60))
        renderer = Renderer(scene, photos, rig.camera)
        classes = set()
        for pose in (
            plan_trajectory(scene, 4.0, np.random.default_rng([5, seed]))
            .at(np.arange(20) / 5)
            .poses()
        ):
            truth = label_frame(
                renderer.render(pose @ rig.rig_from_camera("left")).instances, scene
            )
            areas = [o.area_px for o in truth.objects] + [1]
            margins.append(areas[0] / areas[1])
            classes.add(truth.recognition)
        changes += len(classes) > 1
    assert np.mean(np.array(margins) > 1.2) > 0.85
    assert changes >= 4


def test_projected_centre_lies_inside_its_box(photos):
    scene = sample_scene(np.random.default_rng(8))
    rig = Rig(make_camera(160, 120))
    renderer = Renderer(scene, photos, rig.camera)
    checked = 0
    for pose in (
        plan_trajectory(scene, 3.0, np.random.default_rng(9))
        .at(np.arange(9) / 3)
        .poses()
    ):
        world_from_camera = pose @ rig.rig_from_camera("left")
        instances = renderer.render(world_from_camera).instances
        for label in label_frame(instances, scene).objects:
            solid = scene.primitives[label.track_id - 1]
            center = np.linalg.inv(world_from_camera) @ [*solid.center_m, 1.0]
            x, y = rig.camera.project(center[None, :3])[0] + 0.5
            column = int(x)
            row = int(y)
            if (
                0 <= column < 160
                and 0 <= row < 120
                and instances[row, column] == label.track_id
            ):
                x0, y0, x1, y1 = label.box_xyxy
                assert x0 <= x <= x1 and y0 <= y <= y1
                checked += 1
    assert checked >= 15


def test_dusk_dims_the_light_and_nothing_else(photos):
    scene = sample_scene(np.random.default_rng(3))
    dim = SHIFTS["dusk"].change_scene(scene)
    assert dim.primitives == scene.primitives
    rig = Rig(make_camera(80, 60))
    pose = plan_trajectory(scene, 2.0, np.random.default_rng(3)).at([0.5]).poses()[
        0
    ] @ rig.rig_from_camera("left")
    day, dusk = (Renderer(s, photos, rig.camera).render(pose) for s in (scene, dim))
    assert dusk.image_rgb.mean() < 0.6 * day.image_rgb.mean()
    assert np.array_equal(day.instances, dusk.instances)


def test_sensor_noise_spreads_grey_and_drops_depth():
    rng = np.random.default_rng(0)
    image = np.full((60, 80, 3), 100, np.uint8)
    depth = np.full((60, 80), 1.0, np.float32)
    noisy = SHIFTS["sensor_noise"].change_image(image, STILL, rng)
    # 6 + 0.9 * sqrt(100) = 15 grey levels
    assert noisy.std() == pytest.approx(15, abs=3)
    noisy_depth = SHIFTS["sensor_noise"].change_depth(depth, rng)
    assert (noisy_depth == 0).mean() == pytest.approx(0.03, abs=0.01)
    assert noisy_depth[noisy_depth > 0].std() == pytest.approx(0.008, abs=0.002)


def test_motion_blur_smears_along_the_flow():
    image = np.zeros((61, 61, 3), np.uint8)
    image[30, 30] = 255
    blurred = SHIFTS["motion_blur"].change_image(
        image, np.array([400.0, 0.0]), np.random.default_rng(0)
    )
    rows, columns = np.nonzero(blurred[..., 0])
    assert np.ptp(rows) == 0
    assert np.ptp(columns) == pytest.approx(400 * 0.045, abs=2)  # 18 px in 45 ms


def test_miscalibrated_turns_the_right_camera_by_one_to_two_degrees():
    for seed in SEEDS:
        rig = SHIFTS["miscalibrated"].change_rig(
            Rig(make_camera(320, 240)), np.random.default_rng(seed)
        )
        angle = np.rad2deg(np.linalg.norm(rig.true_tilt_rad))
        assert 1.0 <= angle <= 2.0
        difference = (
            rig.rig_from_camera("right")[:3, :3].T
            @ rig.true_rig_from_camera("right")[:3, :3]
        )
        assert difference == pytest.approx(rotation_from_vector(rig.true_tilt_rad))
        assert np.array_equal(
            rig.rig_from_camera("left"), rig.true_rig_from_camera("left")
        )


def test_late_clock_is_late_by_at_least_twenty_milliseconds():
    lags = [SHIFTS["late_clock"].camera_lag_ns(np.random.default_rng(s)) for s in SEEDS]
    assert min(lags) >= 20_000_000
    assert Shift().camera_lag_ns(np.random.default_rng(0)) == 0
