"""Quaternions x, y, z, w as plain numbers: arrays of four take ten times as long."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

# a number, or a row of numbers of as many quaternions
Part = TypeVar("Part", float, NDArray[np.float64])


def multiply(a: Sequence[Part], b: Sequence[Part]) -> tuple[Part, Part, Part, Part]:
    """Hamilton product a * b."""
    ax, ay, az, aw = a
    bx, by, bz, bw = b
    return (
        aw * bx + ax * bw + ay * bz - az * by,
        aw * by - ax * bz + ay * bw + az * bx,
        aw * bz + ax * by - ay * bx + az * bw,
        aw * bw - ax * bx - ay * by - az * bz,
    )
