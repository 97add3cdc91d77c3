"""A camera that shakes, over people who walk: its turns are taken out exactly, and fewer ids are exchanged."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from models.geometry.camera import Camera
from models.metrics.clear_mot import measure_clear
from models.metrics.hota import measure_hota
from models.metrics.track_pairs import TrackedBoxes, pair_tracks
from models.tracking.offline import track_offline
from models.tracking.online import track_byte, track_sort
from models.tracking.sightings import Sightings
from models.tracking.steady import Turns, draw_chart, steady

CAMERA = Camera((640, 480), (500.0, 500.0), (319.5, 239.5))
FRAMES, WALKERS = 60, 8
SIDE_RAD = np.array([0.06, 0.16])  # 30 x 80 px


@pytest.fixture(scope="module")
def shaken():
    """Walkers about a camera whose hand shakes by some degrees from frame to frame: turns, boxes, and whose."""
    rng = np.random.default_rng(5)
    angles = np.cumsum(rng.normal(0, np.radians(1.6), (FRAMES, 3)), axis=0)
    angles -= np.linspace(0, 1, FRAMES)[:, None] * angles[-1]  # and comes home
    turned = Rotation.from_euler("yxz", angles * [1, 0.6, 0.3]).as_matrix()
    turns = Turns(CAMERA, np.arange(FRAMES), turned)
    start = np.column_stack(
        [np.linspace(-0.4, 0.4, WALKERS), rng.uniform(-0.1, 0.1, WALKERS)]
    )
    speed = rng.normal(0, 0.004, (WALKERS, 2)) * [1, 0.1]
    rows = []
    for frame in range(FRAMES):
        along, down = (start + frame * speed).T
        rays = np.column_stack([np.tan(along), np.tan(down), np.ones(WALKERS)])
        middles = CAMERA.project(rays @ turned[frame]) + 0.5
        half = SIDE_RAD * CAMERA.mean_focal_px / 2
        rows.append(np.concatenate([middles - half, middles + half], axis=1))
    frames = np.repeat(np.arange(FRAMES), WALKERS)
    whose = np.tile(np.arange(WALKERS), FRAMES)
    found = Sightings(frames, np.concatenate(rows), np.full(len(frames), 0.9))
    return turns, found, TrackedBoxes(frames, whose, found.boxes_xyxy)


def test_boxes_come_back_from_the_chart(shaken):
    turns, found, _ = shaken
    chart = draw_chart(turns)
    flat = chart.flatten(found.frames, found.boxes_xyxy)
    assert np.ptp(flat[::WALKERS, 0]) < 0.3 * np.ptp(found.boxes_xyxy[::WALKERS, 0])
    back = chart.unflatten(found.frames, flat)
    assert back == pytest.approx(found.boxes_xyxy, abs=1e-8)


def test_a_thing_that_stays_stays_while_the_camera_turns_all_around():
    angles = np.linspace(0, 4 * np.pi, 200)
    turned = Rotation.from_rotvec(np.outer(angles, [0, 1, 0])).as_matrix()
    chart = draw_chart(Turns(CAMERA, np.arange(200), turned))
    ahead = np.array([[310.0, 230.0, 330.0, 250.0]])
    along = [chart.flatten(np.array([n]), ahead)[0, 0] for n in range(200)]
    assert np.diff(along) == pytest.approx(np.diff(angles) * 500, abs=1e-6)
    seen = (turned[3].T @ turned[0] @ [0, 0, 1])[None]  # what lay ahead at first
    middle = CAMERA.project(seen)[0] + 0.5
    box = np.concatenate([middle - 10, middle + 10])[None]
    assert chart.flatten(np.array([3]), box)[0, 0] == pytest.approx(-10, abs=1e-6)


@pytest.mark.parametrize("track", [track_sort, track_byte, track_offline])
def test_fewer_ids_are_exchanged_where_turns_are_known(shaken, track):
    turns, found, truth = shaken
    chart = draw_chart(turns)
    steadied = steady(found, chart)
    assert steadied is not None
    plain, known = track(found), track(steadied)
    boxes = chart.unflatten(known.frames, known.boxes_xyxy)
    before = pair_tracks(
        truth, TrackedBoxes(plain.frames, plain.numbers, plain.boxes_xyxy)
    )
    after = pair_tracks(truth, TrackedBoxes(known.frames, known.numbers, boxes))
    told = [
        (measure_clear(p).switches, len(p.found_counts), measure_hota(p).hota)
        for p in (before, after)
    ]
    assert told[1][0] < told[0][0] and told[1][1] < told[0][1]
    assert told[1][0] == 0 and told[1][2] > told[0][2] + 0.2


def test_a_camera_that_goes_around_a_thing_is_not_steadied():
    angles = np.linspace(0, 2, 30)
    turned = Rotation.from_rotvec(np.outer(angles, [0, 1, 0])).as_matrix()
    chart = draw_chart(Turns(CAMERA, np.arange(30), turned))
    boxes = np.tile([300.0, 200.0, 340.0, 280.0], (30, 1))
    assert steady(Sightings(np.arange(30), boxes, np.ones(30)), chart) is None


def test_turns_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match="2 frames, rotations of shape"):
        Turns(CAMERA, np.arange(2), np.eye(3)[None])
    with pytest.raises(ValueError, match="not finite"):
        Turns(CAMERA, np.arange(1), np.full((1, 3, 3), np.nan))
