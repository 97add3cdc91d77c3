"""Errors that points of a model share: as large as those of models that were made of noisy pixels."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from scipy.spatial.transform import Rotation

from models.geometry.localisation import Matches, locate
from models.geometry.model_errors import find_shared_errors, find_slopes
from models.geometry.sparse_model import SparseImage, SparseModel
from tests.models.geometry.test_localisation import CAMERA, NOISE_PX, measure

NUM_CAMERAS, NUM_POINTS = 6, 40
LENGTH = 5.0  # middle depth
BLANK = np.empty((0, 128), np.uint8)


def look_at(centre, target) -> np.ndarray:
    pose = np.eye(4)
    ahead = (target - centre) / np.linalg.norm(target - centre)
    right = np.cross([0.0, 1.0, 0.0], ahead)
    right /= np.linalg.norm(right)
    pose[:3, :3] = np.stack([right, np.cross(ahead, right), ahead], axis=1)
    pose[:3, 3] = centre
    return pose


def draw(seed: int) -> tuple[SparseModel, np.ndarray]:
    """A true model, whose features are off by noise, and a pose among its cameras."""
    rng = np.random.default_rng(seed)
    points = rng.uniform([-1.2, -1, 4], [1.2, 1, 6], (NUM_POINTS, 3))
    places = rng.uniform([-1.5, -1, -0.5], [1.5, 1, 0.5], (NUM_CAMERAS + 1, 3))
    poses = [look_at(place, np.array([0.0, 0, 5])) for place in places]
    order = np.arange(NUM_POINTS)
    images = []
    for n, pose in enumerate(poses[:-1]):
        pixels = project(points, pose) + rng.normal(0, NOISE_PX, (NUM_POINTS, 2))
        images.append(SparseImage(f"{n}", "cam", CAMERA, pose, pixels, order, BLANK))
    colours = np.zeros((NUM_POINTS, 3), np.uint8)
    return SparseModel("m", points, colours, tuple(images)), poses[-1]


def project(points, pose) -> np.ndarray:
    return CAMERA.project((points - pose[:3, 3]) @ pose[:3, :3])


def adjust(model: SparseModel) -> SparseModel:
    """The model that fits its features best: two steps of bundle adjustment, beginning at the truth. Its cameras stay
    where they are, taken together."""
    held = find_shared_errors(model).similarities.T * np.tile(
        [LENGTH] * 3 + [1] * 3, NUM_CAMERAS
    )
    for _ in range(2):
        rows, off = [], []
        for n, image in enumerate(model.images):
            pose = image.world_from_camera
            seen = (model.points - pose[:3, 3]) @ pose[:3, :3]
            by_camera, by_point = find_slopes(CAMERA, seen)
            row = np.zeros((NUM_POINTS, 2, 6 * NUM_CAMERAS + 3 * NUM_POINTS))
            row[:, :, 6 * n : 6 * n + 6] = by_camera
            for k in range(NUM_POINTS):
                first = 6 * NUM_CAMERAS + 3 * k
                row[k, :, first : first + 3] = by_point[k] @ pose[:3, :3].T
            rows.append(row.reshape(2 * NUM_POINTS, -1))
            off.append((image.pixels - CAMERA.project(seen)).ravel())
        hold = np.pad(1e3 * held, ((0, 0), (0, 3 * NUM_POINTS)))
        slopes, right = (
            np.concatenate([*rows, hold]),
            np.concatenate([*off, np.zeros(7)]),
        )
        step = np.linalg.lstsq(slopes, right, rcond=None)[0]
        moves = step[: 6 * NUM_CAMERAS].reshape(-1, 6)
        images = [
            replace(image, world_from_camera=image.world_from_camera @ move_by(move))
            for image, move in zip(model.images, moves, strict=True)
        ]
        points = model.points + step[6 * NUM_CAMERAS :].reshape(-1, 3)
        model = replace(model, points=points, images=tuple(images))
    return model


def move_by(numbers) -> np.ndarray:
    move = np.eye(4)
    move[:3, :3] = Rotation.from_rotvec(numbers[:3]).as_matrix()
    move[:3, 3] = numbers[3:]
    return move


def test_places_in_models_of_noisy_pixels_are_as_sure_as_they_say():
    squares, exact, of_axes = [], [], []
    for seed in range(30):
        true, pose = draw(seed)
        model = adjust(true)
        rng = np.random.default_rng(1000 + seed)
        order = np.arange(NUM_POINTS)
        pixels = project(true.points, pose) + rng.normal(0, NOISE_PX, (NUM_POINTS, 2))
        matches = Matches(pixels, order)
        found = locate(CAMERA, model, matches, find_shared_errors(model))
        off = measure(found, pose)
        squares.append(off @ np.linalg.solve(found.covariance, off))
        of_axes.append(off / np.sqrt(np.diag(found.covariance)))
        alone = locate(CAMERA, model, matches).covariance
        exact.append(off @ np.linalg.solve(alone, off))
    # of six numbers: 6 on average, with a standard error of sqrt(12 / 30)
    assert 4.1 < np.mean(squares) < 8
    assert 0.92 < (np.abs(of_axes) <= 2).mean() < 0.99
    assert np.mean(exact) > 30, "without the model's errors"


def test_a_similarity_of_the_whole_is_no_error_and_what_nothing_fixes_is_unsure():
    model, _ = draw(0)
    errors = find_shared_errors(model)
    whole = errors.information @ errors.similarities
    assert np.abs(whole).max() < 1e-6 * np.abs(errors.information).max()
    # one camera sees three points: it is there, and nobody knows where
    few = replace(
        model.images[0], pixels=model.images[0].pixels[:3], points=np.arange(3)
    )
    loose = find_shared_errors(replace(model, images=(few, *model.images[1:])))
    weights = np.eye(3, 3 * NUM_POINTS)
    assert np.trace(loose.propagate(weights)) >= np.trace(errors.propagate(weights)) > 0


def test_a_model_that_its_pictures_only_just_fix_has_no_errors_to_tell():
    model, _ = draw(0)
    assert find_shared_errors(replace(model, images=model.images[:1])) is None
    assert find_shared_errors(replace(model, images=())) is None
