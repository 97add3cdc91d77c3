"""Boxes of one object between two that are known: on a straight line, or along a path that something else followed.

Centres and sizes are interpolated one by one, so no box turns inside out. Which boxes are of one object is for others
to say.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def interpolate_boxes(
    first_xyxy: Floats, last_xyxy: Floats, shares: Floats, path_xyxy: Floats | None
) -> Floats:
    """Boxes (N, 4) at `shares` (N,) of the way between two boxes (4,), 0 at the first and 1 at the last.

    `path_xyxy` (N + 2, 4): what followed the object there, from the first box to the last. Its difference to them at
    both ends is spread over what lies between, so the boxes meet the known ones and bend as the path does. None: a
    straight line in time.
    """
    first, last = _split(first_xyxy[None]), _split(last_xyxy[None])
    shares = np.asarray(shares, np.float64)[:, None]
    if path_xyxy is None:
        centres = _mix(first[0], last[0], shares)
        return _join(centres, _mix(first[1], last[1], shares))
    path, sizes = _split(path_xyxy)
    shift = _mix(first[0] - path[:1], last[0] - path[-1:], shares)
    growth = _mix(np.log(first[1] / sizes[:1]), np.log(last[1] / sizes[-1:]), shares)
    return _join(path[1:-1] + shift, sizes[1:-1] * np.exp(growth))


def measure_growth(first_xyxy: Floats, last_xyxy: Floats) -> float:
    """By what factor the longer of the two changes of width and height is, 1 or more."""
    (size,), (other,) = _split(first_xyxy[None])[1], _split(last_xyxy[None])[1]
    return float(np.exp(np.abs(np.log(other / size)).max()))


def _mix(first: Floats, last: Floats, shares: Floats) -> Floats:
    return np.asarray((1 - shares) * first + shares * last)


def _split(boxes_xyxy: Floats) -> tuple[Floats, Floats]:
    low, high = boxes_xyxy[:, :2], boxes_xyxy[:, 2:]
    return 0.5 * (low + high), high - low


def _join(centres: Floats, sizes: Floats) -> Floats:
    return np.hstack([centres - 0.5 * sizes, centres + 0.5 * sizes])
