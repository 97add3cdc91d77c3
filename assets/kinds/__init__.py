"""Kinds of labels: one file each; `find_kind` finds them by the name of the task whose releases hold them.

Here belongs what depends on the kind on the side of data. How a net learns from it is a task's, in `models/tasks`.
"""

from __future__ import annotations

from assets.kinds.boxes import Boxes
from assets.kinds.classes import Classes
from assets.kinds.image_class import ImageClass
from assets.kinds.instances import Instances
from assets.kinds.keypoints import Keypoints
from assets.kinds.kind import Kind
from assets.kinds.map import Map
from assets.kinds.none import Nothing

KINDS: tuple[Kind, ...] = (
    ImageClass(),
    Boxes(),
    Map(),
    Classes(),
    Nothing(),
    Instances(),
    Keypoints(),
)
_BY_NAME = {kind.name: kind for kind in KINDS}


def find_kind(name: str) -> Kind:
    """The kind that releases for a task hold. Raises ValueError that lists the known names."""
    if name not in _BY_NAME:
        raise ValueError(
            f"there is no kind of label for {name!r}: known are {', '.join(_BY_NAME)}"
        )
    return _BY_NAME[name]


__all__ = ["KINDS", "Kind", "find_kind"]
