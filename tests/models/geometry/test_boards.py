"""Boards: what a text names, where their points lie, and that a drawn board is found where it was drawn."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from models.geometry.boards import Board

SQUARE_PX = 40
MARGIN_PX = 60
# a picture of the board seen from ahead, then a little from the side
WARP = np.array([[0.9, 0.06, 12.0], [-0.04, 0.92, 30.0], [1e-4, -5e-5, 1.0]])


def draw_chessboard() -> np.ndarray:
    """6x5 squares, 5x4 inner corners."""
    cells = np.indices((5, 6)).sum(axis=0) % 2
    page = np.kron(cells * 255, np.ones((SQUARE_PX, SQUARE_PX)))
    return np.pad(page, MARGIN_PX, constant_values=255).astype(np.uint8)


def draw_aprilgrid(border: int, is_turned: bool) -> np.ndarray:
    """3x2 tags with sides of 80 px and gaps of 24, number 0 at the bottom left; their maker may turn them by half."""
    tags = cv2.aruco.getPredefinedDictionary(cv2.aruco.DICT_APRILTAG_36h11)
    page = np.full((2 * 80 + 24, 3 * 80 + 2 * 24), 255, np.uint8)
    side = 6 + 2 * border
    for number in range(6):
        tag = cv2.aruco.generateImageMarker(tags, number, side, borderBits=border)
        tag = cv2.resize(
            np.rot90(tag, 2 * is_turned).copy(),
            (80, 80),
            interpolation=cv2.INTER_NEAREST,
        )
        row, column = divmod(number, 3)
        top, left = (1 - row) * 104, column * 104
        page[top : top + 80, left : left + 80] = tag
    return np.pad(page, MARGIN_PX, constant_values=255)


def warp(page: np.ndarray) -> np.ndarray:
    size = page.shape[1] + 80, page.shape[0] + 80
    return cv2.warpPerspective(page, WARP, size, borderValue=255, flags=cv2.INTER_AREA)


def bend(flat: np.ndarray) -> np.ndarray:
    """Where the warp puts pixels (N, 2)."""
    return cv2.perspectiveTransform(flat[:, None], WARP)[:, 0]


def test_corners_of_a_chessboard_are_found_where_they_were_drawn():
    board = Board.parse("chessboard:5x4:25mm")
    found = board.find(warp(draw_chessboard()))
    assert found is not None and found.ids.tolist() == list(range(20))
    drawn = board.points[:, :2] / 0.025 * SQUARE_PX + MARGIN_PX + SQUARE_PX - 0.5
    # from the one end, or from the other
    miss = min(np.abs(found.pixels - bend(d)).max() for d in (drawn, drawn[::-1]))
    assert miss < 0.3


def test_charuco_corners_keep_their_numbers_where_half_of_the_board_is_covered():
    board = Board.parse("charuco:7x5:40mm:30mm:4x4_50")
    tags = cv2.aruco.getPredefinedDictionary(cv2.aruco.DICT_4X4_50)
    drawn = cv2.aruco.CharucoBoard((7, 5), 0.04, 0.03, tags).generateImage(
        (7 * SQUARE_PX, 5 * SQUARE_PX)
    )
    page = np.pad(drawn, MARGIN_PX, constant_values=255)
    page[:, : MARGIN_PX + 3 * SQUARE_PX] = 255
    found = board.find(warp(page))
    assert found is not None and 6 <= len(found.ids) < len(board.points) == 24
    expected = bend(board.points[found.ids, :2] / 0.04 * SQUARE_PX + MARGIN_PX - 0.5)
    assert np.abs(found.pixels - expected).max() < 0.5


@pytest.mark.parametrize("is_turned", [False, True])
@pytest.mark.parametrize("border", [1, 2])
def test_an_aprilgrid_is_found_with_either_border_whichever_way_up_its_tags_are(
    border, is_turned
):
    board = Board.parse("aprilgrid:3x2:80mm:0.3")
    found = board.find(warp(draw_aprilgrid(border, is_turned)))
    assert found is not None and found.ids.tolist() == list(range(24))
    drawn = board.points[:, :2] * 1000
    pixels = np.column_stack([drawn[:, 0], 184 - drawn[:, 1]]) + MARGIN_PX - 0.5
    assert np.abs(found.pixels - bend(pixels)).max() < 0.5


def test_nothing_is_found_where_there_is_no_board():
    for text in (
        "chessboard:5x4",
        "charuco:7x5:40mm:30mm:4x4_50",
        "aprilgrid:3x2:80mm:0.3",
    ):
        assert Board.parse(text).find(np.full((200, 300), 128, np.uint8)) is None


def test_places_of_points_are_in_metres_or_in_squares():
    assert Board.parse("chessboard:9x6:25mm").points[10].tolist() == [0.025, 0.025, 0.0]
    squares = Board.parse("chessboard:9x6")
    assert squares.points[10].tolist() == [1.0, 1.0, 0.0] and squares.unit == "square"
    grid = Board.parse("aprilgrid:6x6:88mm:0.3")
    # the second tag starts a tag and a gap on: 0.088 * 1.3
    np.testing.assert_allclose(grid.points[4:6], [[0.1144, 0, 0], [0.2024, 0, 0]])


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("checkers:9x6", "names no board"),
        ("chessboard", "names no board"),
        ("chessboard:9x6:25", "'25': give it as 25mm"),
        ("chessboard:1x6", "2 to 100"),
        ("charuco:7x5:40mm", "does not say enough"),
        ("charuco:7x5:40mm:50mm:4x4_50", "they are smaller"),
        ("charuco:7x5:40mm:30mm:9x9_50", "'9x9_50' is not known"),
        ("aprilgrid:6x6:88mm:wide", "tagSpacing"),
    ],
)
def test_what_is_no_board_is_refused_with_what_helps(text, reason):
    with pytest.raises(ValueError, match=reason):
        Board.parse(text)
