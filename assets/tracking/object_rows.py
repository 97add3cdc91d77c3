"""Rows of `object_boxes`: a box, and how it moves, in their columns."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from assets.tables.schemas import TABLES, content_id
from assets.tracking.object_sights import CaptureSights
from models.geometry.boxes3d import Box3D, BoxView
from models.geometry.moving_boxes import MovingBox

Row = dict[str, Any]
_PLACE = ("x_m", "y_m", "z_m", "length_m", "width_m", "height_m", "yaw_rad")
_SIGMAS = tuple(
    f"{n[:-2]}_sigma_m" if n.endswith("_m") else "yaw_sigma_rad" for n in _PLACE
)
_VELOCITY = ("vx_m_s", "vy_m_s", "vz_m_s")
_VELOCITY_SIGMAS = ("vx_sigma_m_s", "vy_sigma_m_s", "vz_sigma_m_s")


def start_row(capture: CaptureSights, name: tuple[str, str]) -> Row:
    """Of an object of that name and class, before anything is known of where it is."""
    return dict.fromkeys(TABLES["object_boxes"].schema.names) | {
        "object_box_id": content_id(
            "object box", capture.capture_id, capture.source, *name
        ),
        "capture_id": capture.capture_id,
        "session": capture.session,
        "source": capture.source,
        "object": name[0],
        "class_name": name[1],
        "num_views": 0,
        "num_depths": 0,
        "num_dropped": 0,
    }


def describe_box(
    capture: CaptureSights,
    box: Box3D,
    used: frozenset[str],
    views: Mapping[str, BoxView],
) -> Row:
    """What is told of a box that rests on these frames."""
    numbers = np.array([*box.centre_m, *box.size_m, box.yaw_rad])
    is_told = np.isfinite(box.sigmas)
    # a size that no view tells was supposed; how a box is turned is not
    shown = [
        None if 3 <= n < 6 and not is_told[n] else float(v)
        for n, v in enumerate(numbers)
    ]
    return {
        "frame_of_reference": capture.frame_of_reference if capture.poses else "rig",
        "shape": box.shape,
        **dict(zip(_PLACE, shown, strict=True)),
        **{
            name: float(s) if told else None
            for name, s, told in zip(_SIGMAS, box.sigmas, is_told, strict=True)
        },
        "covariance": [float(v) for v in box.covariance.ravel()],
        "chi2": box.chi2,
        "num_views": len(used),
        "num_depths": sum(views[i].near_m is not None for i in used),
        "num_dropped": int((~box.is_used).sum()),
        "reason": None,
    }


def describe_motion(found: MovingBox) -> Row:
    """Its velocity, and the rate of its turn."""
    sigmas = np.sqrt(np.maximum(found.velocity_covariance.diagonal(), 0.0))
    return {
        **dict(zip(_VELOCITY, found.velocity_m_s.tolist(), strict=True)),
        **dict(zip(_VELOCITY_SIGMAS, sigmas.tolist(), strict=True)),
        "yaw_rate_rad_s": found.yaw_rate_rad_s,
        "yaw_rate_sigma_rad_s": found.yaw_rate_sigma_rad_s,
    }
