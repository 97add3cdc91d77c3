"""Frames of one camera in order: looked at again where something is new, and found still where nothing is."""

from __future__ import annotations

import numpy as np

from models.faces.found import Faces, join
from models.faces.watching import EVERY, WAIT, find_parts, watch

HEIGHT, WIDTH = 240, 320
SIDE_PX = 24


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


class Blind(White):
    """Misses what it is asked for in whole pictures whose number is in `misses`."""

    def __init__(self, misses: set[int]) -> None:
        super().__init__()
        self.misses = misses

    def __call__(self, image_rgb: np.ndarray) -> Faces:
        found = super().__call__(image_rgb)
        number = self.sizes.count((HEIGHT, WIDTH)) - 1
        return join([]) if number in self.misses else found


def draw(x: int | None, y: int = 100, grey: int = 90, noise: int = 0) -> np.ndarray:
    """A grey picture with a white square at (x, y), if any."""
    image = np.full((HEIGHT, WIDTH, 3), grey, np.uint8)
    rng = np.random.default_rng(x or 0)
    image += rng.integers(0, noise + 1, image.shape, np.uint8)
    if x is not None:
        image[y : y + SIDE_PX, x : x + SIDE_PX] = 255
    return image


def pan(number: int, step_px: int = 2) -> np.ndarray:
    """What a camera that turns to the right sees of a wall of blots, with a white square that begins at x = 200."""
    rng = np.random.default_rng(0)
    blots = rng.integers(40, 200, (HEIGHT // 16, 2 * WIDTH // 16, 3), np.uint8)
    wall = blots.repeat(16, 0).repeat(16, 1)
    wall[100 : 100 + SIDE_PX, 200 : 200 + SIDE_PX] = 255
    return wall[:, step_px * number : step_px * number + WIDTH]


def find_all(
    images: list[np.ndarray], look: White | None = None
) -> tuple[list[list[list[float]]], White]:
    look = look or White()
    return [found.boxes_xyxy.tolist() for found in watch(images, look)], look


def test_of_a_picture_that_stays_each_eighth_is_looked_at():
    found, white = find_all([draw(40)] * (EVERY + 1))
    assert found == [[[40, 100, 64, 124]]] * (EVERY + 1)
    assert white.sizes == [(HEIGHT, WIDTH)] * 2


def test_noise_is_no_change():
    """Noise of up to 20 levels: the mean of 64 pixels differs by some 1 level."""
    noisy = [draw(40, noise=20), *[draw(40, noise=20, grey=91)] * WAIT]
    found, white = find_all(noisy)
    assert len(white.sizes) == 1 and found == [found[0]] * 3


def test_what_has_come_is_looked_at_with_what_is_around_it_and_was_there_when_it_came():
    """It comes in frame 1, which waits, and is found in frame 2: 48 px around its cells are seen."""
    found, white = find_all([draw(None), draw(200), draw(200)])
    assert found == [[], [[200, 100, 224, 124]], [[200, 100, 224, 124]]]
    assert len(white.sizes) == 2
    height, width = white.sizes[1]
    assert height < HEIGHT and width < WIDTH and height >= SIDE_PX + 2 * 48


def test_what_has_gone_is_gone_once_it_is_looked_at():
    found, _ = find_all([draw(200), *[draw(None)] * WAIT])
    assert found[0] == [[200, 100, 224, 124]] and found[WAIT] == []


def test_where_all_changes_all_is_looked_at():
    found, white = find_all([draw(40), draw(40, grey=120)])
    assert white.sizes == [(HEIGHT, WIDTH)] * 2 and found[0] == found[1]


def test_a_picture_of_another_size_is_looked_at_whole():
    _, white = find_all([draw(40), draw(40)[:200]])
    assert white.sizes == [(HEIGHT, WIDTH), (200, WIDTH)]


def test_a_slow_change_is_held_against_what_was_looked_at():
    """Each step of 3 levels is less than 4; two together are more."""
    _, white = find_all([draw(None, grey=g) for g in (90, 93, 96)])
    assert len(white.sizes) == 2


def test_what_a_camera_turns_past_goes_along_and_only_what_comes_in_is_looked_at():
    found, white = find_all([pan(number) for number in range(EVERY)])
    for number, (box,) in enumerate(found):
        assert np.allclose(box, [200 - 2 * number, 100, 224 - 2 * number, 124], atol=1)
    assert white.sizes[0] == (HEIGHT, WIDTH)
    assert all(width < WIDTH / 2 for _, width in white.sizes[1:])


def test_what_is_found_late_was_there_before():
    """The first look misses it, the second, eight frames later, does not; the camera turns."""
    found, _ = find_all([pan(number) for number in range(EVERY + 1)], Blind({0}))
    for number, (box,) in enumerate(found):
        assert np.allclose(box, [200 - 2 * number, 100, 224 - 2 * number, 124], atol=1)


def test_what_is_missed_later_is_believed_until_all_is_looked_at_again():
    found, _ = find_all([draw(40)] * (2 * EVERY + 1), Blind({1, 2}))
    assert found[: 2 * EVERY] == [[[40, 100, 64, 124]]] * (2 * EVERY)
    assert found[2 * EVERY] == []


def test_small_and_narrow_pictures_are_watched_too():
    for shape in ((1, 1), (24, 24), (48, 640), (130, 20)):
        white = np.full((*shape, 3), 255, np.uint8)
        found, _ = find_all([white] * 3)
        assert found == [[[0, 0, shape[1], shape[0]]]] * 3


def test_a_box_that_changes_in_part_is_looked_at_as_a_whole():
    """A cell in the middle of a box of 160 px: the part holds the box and its margin, 0.35 of its sides."""
    is_new = np.zeros((100, 100), bool)
    is_new[50, 50] = True
    (alone,) = find_parts(is_new, np.zeros((0, 4)))
    assert (alone.width, alone.height) == (8 + 96, 8 + 96)
    (part,) = find_parts(is_new, np.array([[320.0, 320.0, 480.0, 480.0]]))
    assert part.x <= 320 - 0.35 * 160 and part.x + part.width >= 480 + 0.35 * 160
