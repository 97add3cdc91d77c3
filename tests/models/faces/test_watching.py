"""Frames of one camera in order: looked at again where something has changed, and found still where nothing has."""

from __future__ import annotations

import numpy as np

from models.faces.found import Faces, join
from models.faces.watching import EVERY, MIN_CHANGE, Watcher, average, find_parts

HEIGHT, WIDTH = 240, 320


class White:
    """Finds the white square of a picture, and keeps the sizes of what it was given."""

    def __init__(self) -> None:
        self.sizes: list[tuple[int, int]] = []

    def __call__(self, image_rgb: np.ndarray) -> Faces:
        self.sizes.append(image_rgb.shape[:2])
        rows, columns = np.nonzero(image_rgb.min(2) == 255)
        if not len(rows):
            return join([])
        box = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
        return Faces(np.array([box], np.float64), np.ones(1))


def draw(x: int | None, y: int = 100, grey: int = 90, noise: int = 0) -> np.ndarray:
    """A grey picture with a white square of 24 px at (x, y), if any."""
    image = np.full((HEIGHT, WIDTH, 3), grey, np.uint8)
    rng = np.random.default_rng(x or 0)
    image += rng.integers(0, noise + 1, image.shape, np.uint8)
    if x is not None:
        image[y : y + 24, x : x + 24] = 255
    return image


def find_all(images: list[np.ndarray]) -> tuple[list[list[list[float]]], White]:
    white = White()
    watcher = Watcher(white)
    return [watcher.find(image).boxes_xyxy.tolist() for image in images], white


def test_of_a_picture_that_stays_each_eighth_is_looked_at():
    found, white = find_all([draw(40)] * (EVERY + 1))
    assert found == [[[40, 100, 64, 124]]] * (EVERY + 1)
    assert white.sizes == [(HEIGHT, WIDTH)] * 2


def test_noise_is_no_change():
    """Noise of up to 20 levels: the mean of 64 pixels differs by some 1 level, and MIN_CHANGE is more."""
    found, white = find_all([draw(40, noise=20), draw(40, noise=20, grey=91)])
    assert len(white.sizes) == 1 and found[0] == found[1] and MIN_CHANGE > 1


def test_what_has_moved_is_looked_at_with_what_is_around_it_and_found_where_it_is():
    """From x = 40 to 48: cells of columns 40 to 72 and rows 96 to 128 change, 64 px around them are seen too."""
    found, white = find_all([draw(40), draw(48)])
    assert found[1] == [[48, 100, 72, 124]]
    assert len(white.sizes) == 2
    height, width = white.sizes[1]
    assert height < HEIGHT and width < WIDTH and height >= 24 + 2 * 64


def test_what_has_come_and_what_has_gone_is_seen_at_once():
    found, white = find_all([draw(None), draw(200), draw(None)])
    assert found == [[], [[200, 100, 224, 124]], []]
    assert white.sizes[1] < (HEIGHT, WIDTH)


def test_where_all_changes_all_is_looked_at():
    found, white = find_all([draw(40), draw(40, grey=120)])
    assert white.sizes == [(HEIGHT, WIDTH)] * 2 and found[0] == found[1]


def test_a_picture_of_another_size_is_looked_at_whole():
    _, white = find_all([draw(40), draw(40)[:200]])
    assert white.sizes == [(HEIGHT, WIDTH), (200, WIDTH)]


def test_a_slow_change_is_held_against_what_was_looked_at():
    """Each step of 3 levels is less than MIN_CHANGE; two together are more."""
    _, white = find_all([draw(None, grey=g) for g in (90, 93, 96)])
    assert len(white.sizes) == 2


def test_a_box_that_changes_in_part_is_looked_at_as_a_whole():
    """A cell in the middle of a box of 160 px: the part holds the box and its margin, 0.35 of its sides."""
    is_changed = np.zeros((100, 100), bool)
    is_changed[50, 50] = True
    (alone,) = find_parts(is_changed, np.zeros((0, 4)))
    assert (alone.width, alone.height) == (8 + 128, 8 + 128)
    (part,) = find_parts(is_changed, np.array([[320.0, 320.0, 480.0, 480.0]]))
    assert part.x <= 320 - 0.35 * 160 and part.x + part.width >= 480 + 0.35 * 160


def test_cells_at_an_edge_hold_what_the_edge_shows():
    means = average(np.full((12, 20, 3), 50, np.uint8))
    assert means.shape == (2, 3, 3) and (means == 50).all()
