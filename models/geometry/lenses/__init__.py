"""Lenses: how directions before a camera become places on the plane at focal length 1, and back; one file a family.

Belongs here: the mathematics of a lens with its derivatives and the domain where it can be undone. Does not: focal
length, principal point and image size, which are of the `Camera`.

Every lens states its domain. Outside of it there is NaN, never a number: a point that no ray reaches has no place on
the plane, and a place that no ray reaches has no ray.
"""

from __future__ import annotations

from models.geometry.lenses.brown_conrady import BROWN_CONRADY
from models.geometry.lenses.double_sphere import DOUBLE_SPHERE
from models.geometry.lenses.extended_unified import EXTENDED_UNIFIED
from models.geometry.lenses.kannala_brandt import KANNALA_BRANDT
from models.geometry.lenses.lens import Array, Lens, Projection

__all__ = [
    "BROWN_CONRADY",
    "DOUBLE_SPHERE",
    "EXTENDED_UNIFIED",
    "KANNALA_BRANDT",
    "Array",
    "Lens",
    "Projection",
]
