"""Real spherical harmonics up to degree 3: how the colour of a Gaussian changes with the side that it is seen from.

Order and signs are those of Sloan 2013, which all programs for splats share.
"""

from __future__ import annotations

import torch
from torch import Tensor

MOST_DEGREE = 3
FLAT = 0.28209479177387814  # of degree 0: sqrt(1 / (4 pi))
_LINEAR = 0.4886025119029199
_SQUARE = (1.0925484305920792, 0.31539156525252005, 0.5462742152960396)
_CUBE = (
    *(0.5900435899266435, 2.890611442640554, 0.4570457994644658),
    *(0.3731763325901154, 1.445305721320277),
)


def count_terms(degree: int) -> int:
    """Of all degrees up to this one. Raises ValueError beyond `MOST_DEGREE`."""
    if not 0 <= degree <= MOST_DEGREE:
        raise ValueError(f"degree {degree}: give 0 to {MOST_DEGREE}")
    return (degree + 1) ** 2


def find_terms(ways: Tensor, degree: int) -> Tensor:
    """(N, K) of ways (N, 3) of length 1, from the camera to what it sees."""
    num = count_terms(degree)
    x, y, z = ways.unbind(-1)
    terms = [torch.full_like(x, FLAT)]
    if degree >= 1:
        terms += [-_LINEAR * y, _LINEAR * z, -_LINEAR * x]
    xx, yy, zz = x * x, y * y, z * z
    if degree >= 2:
        a, b, c = _SQUARE
        terms += [a * x * y, -a * y * z, b * (2 * zz - xx - yy)]
        terms += [-a * x * z, c * (xx - yy)]
    if degree >= 3:
        a, b, c, d, e = _CUBE
        terms += [-a * y * (3 * xx - yy), b * x * y * z, -c * y * (4 * zz - xx - yy)]
        terms += [d * z * (2 * zz - 3 * xx - 3 * yy), -c * x * (4 * zz - xx - yy)]
        terms += [e * z * (xx - yy), -a * x * (xx - 3 * yy)]
    assert len(terms) == num
    return torch.stack(terms, dim=-1)
