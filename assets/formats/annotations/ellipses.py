"""Ellipses as boxes and masks."""

from __future__ import annotations

import math

from assets.formats.annotations.image_labels import MaskBudget, outline, turn
from assets.formats.annotations.orientation import Box, Placement, Point

# of the polygon that stands for an ellipse: it stays within 0.0002 of a radius
_NUM_CORNERS = 180


def outline_ellipse(
    centre: Point,
    radii: Point,
    angle_deg: float,
    placement: Placement,
    budget: MaskBudget,
) -> tuple[Box, str]:
    """(box around, mask of) an ellipse in px as drawn, turned clockwise about its centre. Raises ValueError."""
    x, y = centre
    rx, ry = (abs(radii[0]), abs(radii[1]))
    if not rx or not ry:
        raise ValueError(f"an ellipse with the radii {rx:g} and {ry:g}")
    angles = [2 * math.pi * n / _NUM_CORNERS for n in range(_NUM_CORNERS)]
    corners = [(x + rx * math.cos(angle), y + ry * math.sin(angle)) for angle in angles]
    _, mask = outline(turn(corners, centre, angle_deg), placement, budget)
    cos = math.cos(math.radians(angle_deg))
    sin = math.sin(math.radians(angle_deg))
    half_width = math.hypot(rx * cos, ry * sin)
    half_height = math.hypot(rx * sin, ry * cos)
    return placement.place_box(
        (x - half_width, y - half_height, x + half_width, y + half_height)
    ), mask
