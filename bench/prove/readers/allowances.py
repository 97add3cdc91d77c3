"""Differences that are meant, each as narrow as it can be said."""

from __future__ import annotations

import math

import numpy as np

from bench.prove.readers.compare import Allowance, Difference
from bench.prove.readers.rows import NOTHING

Numbers = tuple[float, ...]
_FLOAT32_STEPS = 2
_FLOAT64_STEPS = 4


def _numbers(difference: Difference) -> tuple[Numbers, Numbers] | None:
    if difference.ours is None or difference.theirs is None:
        return None
    return (
        tuple(map(float, difference.ours.values)),
        tuple(map(float, difference.theirs.values)),
    )


def _is_repeat(difference: Difference) -> bool:
    return difference.ours is None and difference.is_repeat


def _is_float32(difference: Difference) -> bool:
    pair = _numbers(difference)
    return pair is not None and _are_near(*pair)


def _are_near(ours: Numbers, theirs: Numbers) -> bool:
    """Within two steps of a float32 of the box's own magnitude."""
    largest = np.float32(max(map(abs, (*ours, *theirs, 1.0))))
    limit = _FLOAT32_STEPS * float(np.spacing(largest))
    return all(abs(a - b) <= limit for a, b in zip(ours, theirs, strict=True))


def _is_last_digit(difference: Difference) -> bool:
    """Within four steps of a float64 of the box's own magnitude."""
    pair = _numbers(difference)
    if pair is None:
        return False
    limit = _FLOAT64_STEPS * math.ulp(max(map(abs, (*pair[0], *pair[1]))))
    return all(abs(a - b) <= limit for a, b in zip(*pair, strict=True))


def _counts_from_one(difference: Difference) -> bool:
    pair = _numbers(difference)
    if pair is None:
        return False
    (x0, y0, x1, y1), theirs = pair
    return theirs == (x0 - 1, y0 - 1, x1, y1)


def _has_two_decimals(difference: Difference) -> bool:
    pair = _numbers(difference)
    if pair is None:
        return False
    (x0, y0, x1, y1), theirs = pair
    x, y = round(x0, 2), round(y0, 2)
    right = x + round(x1 - x0, 2)
    bottom = y + round(y1 - y0, 2)
    return _are_near((x, y, right, bottom), theirs)


def _divides_a_float(difference: Difference) -> bool:
    """EuRoC: whole nanoseconds, as a float, over 1e9: one step of a float aside."""
    pair = _numbers(difference)
    if pair is None:
        return False
    (ours_s, *ours), (theirs_s, *theirs) = pair
    return ours == theirs and abs(ours_s - theirs_s) <= math.ulp(ours_s)


def _is_same_turn(difference: Difference) -> bool:
    """The same place, and a quaternion that is four steps of a float64 off."""
    pair = _numbers(difference)
    if pair is None or pair[0][:3] != pair[1][:3]:
        return False
    limit = _FLOAT64_STEPS * math.ulp(1.0)
    turns = zip(pair[0][3:], pair[1][3:], strict=True)
    return all(abs(a - b) <= limit for a, b in turns)


def _is_cut_to_microseconds(difference: Difference) -> bool:
    ours = difference.ours
    theirs = difference.theirs
    if ours is None or theirs is None or ours.values != theirs.values:
        return False
    return theirs.t_ns == ours.t_ns // 1000 * 1000


def _is_same_place(difference: Difference) -> bool:
    """A 3x4 matrix within 1e-12 m."""
    pair = _numbers(difference)
    if pair is None or len(pair[0]) != 12:
        return False
    return all(abs(a - b) <= 1e-12 for a, b in zip(*pair, strict=True))


def _are_same_pixels(difference: Difference) -> bool:
    """Projected points within 1e-9 px."""
    pair = _numbers(difference)
    if pair is None or len(pair[0]) != len(pair[1]):
        return False
    return all(abs(a - b) <= 1e-9 for a, b in zip(*pair, strict=True))


def allow_unseen(places: frozenset[str]) -> Allowance:
    """Pictures without a file of labels."""

    def is_unseen(difference: Difference) -> bool:
        theirs = difference.theirs
        is_alone = theirs is not None and difference.ours is None
        return is_alone and theirs.name == NOTHING and theirs.place in places

    reason = "an absent file may be one that got lost: to Daguerre nobody looked"
    return Allowance("a picture without a file is empty there", reason, is_unseen)


REPEATED = Allowance(
    "a row that repeats another",
    "equal boxes of one picture, and calibrations told again, are one",
    _is_repeat,
)
FLOAT32 = Allowance(
    "float32 there",
    "it holds coordinates as float32, Daguerre as float64",
    _is_float32,
)
LAST_DIGIT = Allowance(
    "the last digit of a float64",
    "shares become pixels by the same product in another order",
    _is_last_digit,
)
FROM_ONE = Allowance(
    "VOC counted from 1 there",
    "it takes 1 off the left and upper edge; Daguerre and torchvision keep the numbers of the file",
    _counts_from_one,
)
TWO_DECIMALS = Allowance(
    "two decimals there",
    "datumaro rounds corner and size to hundredths of a pixel",
    _has_two_decimals,
)
FLOAT_NANOSECONDS = Allowance(
    "nanoseconds divided as a float there",
    "evo turns whole nanoseconds into a float before it divides, which is one step of the float off",
    _divides_a_float,
)
OTHER_QUATERNION = Allowance(
    "the last digit of a quaternion",
    "Daguerre takes that of the nearest rotation to a matrix, evo an eigenvector, which is the same one",
    _is_same_turn,
)
MICROSECONDS = Allowance(
    "microseconds there",
    "pykitti cuts times to the microseconds that a datetime holds",
    _is_cut_to_microseconds,
)
SAME_PLACE = Allowance(
    "the last digits of a place",
    "Daguerre stores a quaternion and not the matrix, so it is a product of other numbers",
    _is_same_place,
)
SAME_PIXELS = Allowance(
    "the last digits of a pixel",
    "OpenCV projects by another order of the same operations than COLMAP",
    _are_same_pixels,
)
