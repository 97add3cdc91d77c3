"""Faces from the maps of a net, in tiles of large pictures, and through a gap of a recording."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from models.faces.centre_points import pad_to_multiple, read_centres
from models.faces.following import fill_gaps
from models.faces.found import Faces, join
from models.faces.tiles import MAX_SIDE_PX, OVERLAP_PX, cut, find_everywhere

NOTHING = join([])


def at(*boxes) -> Faces:
    return Faces(np.array(boxes, np.float64).reshape(-1, 4), np.full(len(boxes), 0.9))


def test_a_peak_is_a_box_around_its_centre():
    """Cell (2, 5) has its centre at (5.5, 2.5) cells: x 22 px, y 10 px; 4 cells high and 2 wide are 16 x 8 px."""
    centres = np.zeros((8, 8), np.float32)
    centres[2, 5] = 0.8
    sizes = np.zeros((2, 8, 8), np.float32)
    sizes[:, 2, 5] = np.log([4, 2])
    faces = read_centres(centres, sizes, np.zeros((2, 8, 8), np.float32), 0.2)
    np.testing.assert_allclose(faces.boxes_xyxy, [[18, 2, 26, 18]], atol=1e-5)
    np.testing.assert_allclose(faces.scores, [0.8], atol=1e-6)


def test_of_two_peaks_of_one_face_the_surer_stays():
    centres = np.zeros((8, 8), np.float32)
    centres[2, 5], centres[2, 4] = 0.5, 0.9
    sizes = np.full((2, 8, 8), np.log(4), np.float32)
    faces = read_centres(centres, sizes, np.zeros((2, 8, 8), np.float32), 0.2)
    np.testing.assert_allclose(faces.scores, [0.9], atol=1e-6)


def test_a_picture_is_padded_below_and_to_the_right():
    padded = pad_to_multiple(np.full((33, 64, 3), 9, np.uint8))
    assert padded.shape == (1, 3, 64, 64)
    assert padded[0, :, :33].min() == 9 and padded[0, :, 33:].max() == 0


def test_tiles_cover_a_picture_and_lie_over_each_other():
    is_seen = np.zeros((1080, 1920), int)
    tiles = cut(1920, 1080)
    for tile in tiles:
        assert max(tile.width, tile.height) <= MAX_SIDE_PX
        is_seen[tile.y : tile.y + tile.height, tile.x : tile.x + tile.width] += 1
    assert is_seen.min() == 1 and len(tiles) == 6
    starts = sorted({tile.x for tile in tiles})
    assert all(
        before + tiles[0].width - after >= OVERLAP_PX - 1
        for before, after in pairwise(starts)
    )


def test_a_small_picture_is_one_tile():
    assert [(t.x, t.y, t.width, t.height) for t in cut(640, 480)] == [(0, 0, 640, 480)]


def test_what_is_found_in_a_tile_lies_where_it_is_in_the_picture():
    """A white square of 20 px at (1500, 700): the detector is given parts, and finds the square where it is white."""

    def detect(image_rgb):
        rows, columns = np.nonzero(image_rgb[..., 0] == 255)
        if not len(rows):
            return NOTHING
        return at([columns.min(), rows.min(), columns.max() + 1, rows.max() + 1])

    image = np.zeros((1080, 1920, 3), np.uint8)
    image[700:720, 1500:1520] = 255
    faces = find_everywhere(image, (detect,))
    whole = [faces.boxes_xyxy[n] for n in range(len(faces))]
    assert any(np.array_equal(box, [1500, 700, 1520, 720]) for box in whole)
    assert all(np.abs(box - [1500, 700, 1520, 720]).max() <= 2 for box in whole)


def test_a_face_missed_between_two_sightings_is_where_it_moved():
    """It moves by 2 px a frame; frame 3 of 8 has nothing: it is at x = 16 there."""
    found = [
        NOTHING if frame == 3 else at([10 + 2 * frame, 10, 30 + 2 * frame, 30])
        for frame in range(8)
    ]
    filled, counts = fill_gaps(found)
    assert counts == [0, 0, 0, 1, 0, 0, 0, 0]
    np.testing.assert_allclose(filled[3].boxes_xyxy, [[16, 10, 36, 30]], atol=0.5)
    np.testing.assert_array_equal(filled[4].boxes_xyxy, found[4].boxes_xyxy)


def test_a_face_that_was_seen_once_is_not_followed_and_stays():
    filled, counts = fill_gaps([NOTHING, at([5, 5, 9, 9]), NOTHING])
    assert counts == [0, 0, 0]
    assert [len(faces) for faces in filled] == [0, 1, 0]


def test_boxes_of_two_detectors_on_one_face_make_one_track_and_are_both_covered():
    both = at([10, 10, 30, 30], [12, 11, 31, 29])
    filled, counts = fill_gaps([both, NOTHING, both])
    assert counts == [0, 1, 0]
    assert len(filled[0]) == 2


def test_a_recording_without_a_face_has_none():
    assert fill_gaps([NOTHING, NOTHING])[1] == [0, 0]
