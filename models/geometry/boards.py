"""Calibration boards: where their points lie, and where a picture shows them.

A board's own frame has x along its rows, y along its columns, z = 0, in the unit of its lengths. Every point has a
number, the same in every picture. Chessboard corners are those of `findChessboardCorners`, refined in a window that
ends half way to the next corner; `findChessboardCornersSB` finds others, and fewer boards.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Gray = NDArray[np.uint8]

MIN_POINTS = 6  # of a picture: fewer do not fix six numbers of a pose well
_REFINE_PX = 11
_REFINE_TAG_PX = 5
_STOP = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_MAX_ITER, 50, 1e-4)
_OFF_PLANE = 0.15  # of a tag's side, with a lens that bends
_SIDES = (2, 100)
_METRES = {"mm": 1e-3, "cm": 1e-2, "m": 1.0}
_DICTIONARY = re.compile(
    r"(4x4|5x5|6x6|7x7)_(50|100|250|1000)|aruco_original|mip_36h12"
)
_FORMS = (
    "chessboard:9x6 (inner corners), chessboard:9x6:25mm, charuco:8x5:40mm:30mm:4x4_50 (squares, their side, that of "
    "the markers, dictionary), aprilgrid:6x6:88mm:0.3 (tags, their side, gap by side)"
)


@dataclass(frozen=True)
class Sighting:
    """Points of a board in one picture: their numbers (N,), increasing, and pixels (N, 2), pixel centres."""

    ids: NDArray[np.int64]
    pixels: Array


@dataclass(frozen=True)
class Board:
    """A board by its kind ("chessboard", "charuco", "aprilgrid") and what is printed on it.

    `columns` and `rows` count inner corners of a chessboard, squares of ChArUco, tags of an AprilGrid. `length` is the
    side of a square or tag, in m, or 1 where nobody gave it: then everything is in squares. `inner` is the side of a
    marker in the same unit, or the gap between tags as a share of their side. Raises ValueError for a board that
    cannot be.
    """

    kind: str
    columns: int
    rows: int
    length: float
    is_metric: bool
    inner: float = 0.0
    dictionary: str = ""

    def __post_init__(self) -> None:
        low, high = _SIDES
        if not (low <= self.columns <= high and low <= self.rows <= high):
            raise ValueError(
                f"a board of {self.columns}x{self.rows}: each side has {low} to {high}"
            )
        if not 0 < self.length < 100:
            raise ValueError(
                f"a side of {self.length:g} m: give it as 25mm, 2.5cm or 0.025m"
            )
        if self.kind == "charuco" and not 0 < self.inner < self.length:
            raise ValueError(
                f"markers of {self.inner:g} m on squares of {self.length:g} m: they are smaller"
            )
        if self.kind == "aprilgrid" and not 0 < self.inner < 10:
            raise ValueError(
                f"a gap of {self.inner:g} tags: give Kalibr's tagSpacing, such as 0.3"
            )

    @classmethod
    def parse(cls, text: str) -> Board:
        """The board that a text names, such as "chessboard:9x6:25mm". Raises ValueError."""
        kind, *parts = text.strip().lower().split(":")
        read = {
            "chessboard": _parse_chessboard,
            "charuco": _parse_charuco,
            "aprilgrid": _parse_aprilgrid,
        }
        size = re.fullmatch(r"(\d{1,3})x(\d{1,3})", parts[0]) if parts else None
        if kind not in read or size is None:
            raise ValueError(f"'{text[:80]}' names no board: write one of {_FORMS}")
        columns, rows = int(size[1]), int(size[2])
        try:
            return read[kind](columns, rows, parts[1:])
        except IndexError:
            raise ValueError(
                f"'{text[:80]}' does not say enough: write one of {_FORMS}"
            ) from None

    @property
    def unit(self) -> str:
        """Of all lengths: "m", or "square"."""
        return "m" if self.is_metric else "square"

    @property
    def is_half_turn_alike(self) -> bool:
        """Whether nothing tells it from itself upside down."""
        return self.kind == "chessboard" and (self.columns + self.rows) % 2 == 0

    @cached_property
    def points(self) -> Array:
        """(N, 3) by number."""
        if self.kind == "aprilgrid":
            return self._place_tags()
        columns, rows = self._corners
        x, y = np.meshgrid(np.arange(columns), np.arange(rows))
        first = 0 if self.kind == "chessboard" else 1
        flat = np.stack([x, y], axis=-1).reshape(-1, 2) + first
        return np.column_stack([flat * self.length, np.zeros(len(flat))])

    def find(self, image: Gray) -> Sighting | None:
        """Its points in a picture (H, W); None where there are fewer than six, or they lie on one line."""
        found = _FINDERS[self.kind](self, image)
        if found is None or len(found.ids) < MIN_POINTS:
            return None
        spread = np.linalg.svd(
            np.ptp(self.points[found.ids, :2], axis=0)[None] * np.eye(2)
        )[1]
        return found if spread.min() >= 0.5 * self.length else None

    @property
    def _corners(self) -> tuple[int, int]:
        less = 0 if self.kind == "chessboard" else 1
        return self.columns - less, self.rows - less

    def _place_tags(self) -> Array:
        """Four corners a tag, from that of the smallest x and y on, as Kalibr numbers them: tags by row, y upwards."""
        step = self.length * (1 + self.inner)
        x, y = np.meshgrid(np.arange(self.columns), np.arange(self.rows))
        first = np.stack([x, y], axis=-1).reshape(-1, 1, 2) * step
        corners = np.array([[0, 0], [1, 0], [1, 1], [0, 1]]) * self.length
        flat = (first + corners).reshape(-1, 2)
        return np.column_stack([flat, np.zeros(len(flat))])


def _find_chessboard(board: Board, image: Gray) -> Sighting | None:
    size = (board.columns, board.rows)
    is_found, corners = cv2.findChessboardCorners(image, size)
    if not is_found or len(corners) != len(board.points):
        return None
    # a window that reaches the next corner would be drawn to it
    grid = corners.reshape(board.rows, board.columns, 2)
    steps = [np.linalg.norm(np.diff(grid, axis=axis), axis=2).min() for axis in (0, 1)]
    reach = int(np.clip(0.5 * min(steps) - 1, 2, _REFINE_PX))
    pixels = cv2.cornerSubPix(image, corners, (reach, reach), (-1, -1), _STOP)
    return Sighting(np.arange(len(pixels)), pixels.reshape(-1, 2).astype(np.float64))


def _find_charuco(board: Board, image: Gray) -> Sighting | None:
    detector = cv2.aruco.CharucoDetector(_to_charuco(board))
    corners, ids, _, _ = detector.detectBoard(image)
    if ids is None or not len(ids):
        return None
    order = np.argsort(ids.ravel())
    return Sighting(
        ids.ravel()[order].astype(np.int64),
        corners.reshape(-1, 2)[order].astype(np.float64),
    )


def _find_aprilgrid(board: Board, image: Gray) -> Sighting | None:
    """Kalibr prints tags with a border of two modules, which OpenCV must be told: by default it finds them too, with
    their corners a module too far inside. Tags of other makers have a border of one, and are not found with two."""
    for border in (2, 1):
        found = _find_tags(image, board.columns * board.rows, border)
        if found is not None:
            return _place_corners(board, image, *found)
    return None


def _find_tags(
    image: Gray, count: int, border: int
) -> tuple[NDArray[np.int64], NDArray[np.float32]] | None:
    """Numbers (N,), each once, and corners (N, 4, 2), clockwise from where OpenCV has the first."""
    settings = cv2.aruco.DetectorParameters()
    settings.markerBorderBits = border
    tags = cv2.aruco.getPredefinedDictionary(cv2.aruco.DICT_APRILTAG_36h11)
    corners, ids, _ = cv2.aruco.ArucoDetector(tags, settings).detectMarkers(image)
    if ids is None:
        return None
    numbers = ids.ravel().astype(np.int64)
    times = np.bincount(numbers)[numbers]
    kept = np.flatnonzero((numbers < count) & (times == 1))
    kept = kept[np.argsort(numbers[kept])]
    if not len(kept):
        return None
    return numbers[kept], np.concatenate(corners)[kept].astype(np.float32)


def _place_corners(
    board: Board, image: Gray, numbers: NDArray[np.int64], corners: NDArray[np.float32]
) -> Sighting | None:
    """Corners in the board's order: the first of the four turns whose corners all lie on one plane as the board has
    them; OpenCV and AprilTag do not agree on which way up a tag is."""
    ids = (4 * numbers[:, None] + np.arange(4)).ravel()
    side_px = np.linalg.norm(np.diff(corners, axis=1), axis=2).mean()
    window = (_REFINE_TAG_PX, _REFINE_TAG_PX)
    refined = cv2.cornerSubPix(
        image, corners.reshape(-1, 1, 2).copy(), window, (-1, -1), _STOP
    )
    trials = []
    for turn in range(4):
        # counter-clockwise, as the board's
        pixels = np.roll(refined.reshape(-1, 4, 2)[:, ::-1], turn, axis=1).reshape(
            -1, 2
        )
        flat = board.points[ids, :2]
        plane, _ = cv2.findHomography(flat, pixels)
        if plane is not None:
            miss = cv2.perspectiveTransform(flat[:, None], plane)[:, 0] - pixels
            trials.append(
                (float(np.median(np.linalg.norm(miss, axis=1))), turn, pixels)
            )
    if not trials:
        return None
    miss_px, _, pixels = min(trials, key=lambda trial: trial[:2])
    if miss_px > _OFF_PLANE * side_px:
        return None
    return Sighting(ids, pixels.astype(np.float64))


_FINDERS = {
    "chessboard": _find_chessboard,
    "charuco": _find_charuco,
    "aprilgrid": _find_aprilgrid,
}


def _to_charuco(board: Board) -> Any:
    name = f"DICT_{board.dictionary.upper()}"
    name = {"DICT_MIP_36H12": "DICT_ARUCO_MIP_36h12"}.get(name, name)
    name = re.sub(r"^DICT_(\d)X(\d)", r"DICT_\1X\2", name)
    tags = cv2.aruco.getPredefinedDictionary(getattr(cv2.aruco, name))
    size = (board.columns, board.rows)
    return cv2.aruco.CharucoBoard(size, board.length, board.inner, tags)


def _parse_chessboard(columns: int, rows: int, parts: list[str]) -> Board:
    if not parts:
        return Board("chessboard", columns, rows, 1.0, False)
    return Board("chessboard", columns, rows, _parse_length(parts[0]), True)


def _parse_charuco(columns: int, rows: int, parts: list[str]) -> Board:
    square, marker, dictionary = parts[0], parts[1], parts[2]
    if not _DICTIONARY.fullmatch(dictionary):
        raise ValueError(
            f"dictionary '{dictionary[:40]}' is not known: 4x4_50 to 7x7_1000, mip_36h12"
        )
    lengths = _parse_length(square), _parse_length(marker)
    return Board("charuco", columns, rows, lengths[0], True, lengths[1], dictionary)


def _parse_aprilgrid(columns: int, rows: int, parts: list[str]) -> Board:
    tag, gap = parts[0], parts[1]
    if not re.fullmatch(r"\d*\.?\d+", gap):
        raise ValueError(
            f"a gap of '{gap[:40]}': give Kalibr's tagSpacing, such as 0.3"
        )
    return Board("aprilgrid", columns, rows, _parse_length(tag), True, float(gap))


def _parse_length(text: str) -> float:
    """Metres. Raises ValueError."""
    found = re.fullmatch(r"(\d*\.?\d+)(mm|cm|m)", text)
    if not found:
        raise ValueError(f"a side of '{text[:40]}': give it as 25mm, 2.5cm or 0.025m")
    return float(found[1]) * _METRES[found[2]]
