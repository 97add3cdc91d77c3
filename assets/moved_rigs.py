"""Whether a camera is proven to have moved since its rig was calibrated, from a row of `rig_fits`.

What fits a rig is made in `reconstruction`; a check judges it there, and an alarm tells of it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

MAX_TILT_DEG = 0.5  # as for stated poses
PROVEN = 3.0  # standard errors beyond the bound


def find_angle_deg(fit: Mapping[str, Any]) -> float:
    """The turn that fits, or, where that is more, what the matches lie off; of a row with figures."""
    apart_deg = math.degrees(math.atan(fit["epipolar_px"] / fit["focal_px"]))
    return float(max(fit["tilt_deg"], apart_deg))


def has_moved(fit: Mapping[str, Any]) -> bool:
    """Whether the camera is off by more than MAX_TILT_DEG beyond doubt; False for a row without figures."""
    if fit["tilt_deg"] is None:
        return False
    return find_angle_deg(fit) - PROVEN * fit["tilt_sigma_deg"] > MAX_TILT_DEG
