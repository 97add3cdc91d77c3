"""Pictures that an export writes, and what is said of them, as the forms of label files look at it."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from assets.tables.rows import SIDES, FrameRow, LabelRow
from models.masks import decode_mask, find_box

POINT_ATTRIBUTES = ("keypoints", "keypoint_names")
Files = Iterator[tuple[str, bytes]]


@dataclass(frozen=True)
class Picture:
    """A file below the folder that is written, the frame that it shows, the sha256 of its bytes, and of a release the
    part that it is in."""

    name: str
    frame: FrameRow
    sha256: str
    part: str = ""

    @property
    def size_px(self) -> tuple[int, int]:
        """Width and height."""
        return self.frame["width_px"], self.frame["height_px"]


@dataclass(frozen=True)
class Labelled:
    """Labels by frame id: of detection with a box, of recognition, or of segmentation.

    `proposed_by` names, by frame id, the model whose answer they are; of other frames they are stored labels. Final
    ones are for programs that learn from them; others are shown to people, who have the last word.
    """

    by_frame: Mapping[str, Sequence[LabelRow]]
    proposed_by: Mapping[str, str] = field(default_factory=dict)
    is_final: bool = False
    # parts of labels that were written that the form cannot hold
    left_out: Counter[str] = field(default_factory=Counter)

    def count(self, tasks: Sequence[str]) -> int:
        """How many labels there are of these tasks."""
        return sum(x["task"] in tasks for rows in self.by_frame.values() for x in rows)

    def of(self, picture: Picture, task: str) -> list[LabelRow]:
        """The labels of one picture and task."""
        labels = self.by_frame.get(picture.frame["frame_id"], ())
        return [label for label in labels if label["task"] == task]


@dataclass(frozen=True)
class Album:
    """What a form writes files of: pictures, the classes in their order, and what is said of the pictures.

    Without labels the pictures are to be labelled from nothing. `task` is that of all labels; None: of several.
    """

    pictures: Sequence[Picture]
    classes: Sequence[str] = ()
    labels: Labelled | None = None
    task: str | None = None
    title: str = ""

    def of(self, picture: Picture, task: str) -> list[LabelRow]:
        """The labels of one picture and task."""
        return self.labels.of(picture, task) if self.labels else []

    def by_part(self) -> dict[str, list[Picture]]:
        """The pictures by their part, in order; a part without pictures is not there."""
        found: dict[str, list[Picture]] = {}
        for picture in self.pictures:
            found.setdefault(picture.part, []).append(picture)
        return found


def read_attributes(label: LabelRow) -> dict[str, str]:
    """What else is said of an object, by its name."""
    return dict(json.loads(label["attributes"] or "[]"))


def read_point_names(label: LabelRow) -> list[str]:
    """The names of a label's keypoints, their numbers where they have none; empty where it has no keypoints."""
    stated = read_attributes(label)
    count = len(stated.get("keypoints", "").split()) // 3
    names = stated.get("keypoint_names", "").split()
    return names if len(names) == count else [str(n + 1) for n in range(count)]


def list_others(label: LabelRow) -> dict[str, str]:
    """What is said of an object beside its keypoints, by its name."""
    stated = read_attributes(label)
    return {name: stated[name] for name in stated if name not in POINT_ATTRIBUTES}


def box_of(label: LabelRow) -> tuple[float, float, float, float]:
    """Left, top, width, height in px."""
    x_min, y_min, x_max, y_max = (float(label[side] or 0.0) for side in SIDES)
    return x_min, y_min, x_max - x_min, y_max - y_min


def find_fitting_mask(
    label: LabelRow, picture: Picture, left_out: Counter[str]
) -> NDArray[np.bool_] | None:
    """The mask (H, W) of an object where it is as large as its box, by a pixel: for forms that hold one of both."""
    if label["mask_rle"] is None:
        return None
    width, height = picture.size_px
    mask = decode_mask(label["mask_rle"], height, width)
    x, y, box_width, box_height = box_of(label)
    box = (x, y, x + box_width, y + box_height)
    if mask.any() and np.abs(np.subtract(find_box(mask), box)).max() <= 1:
        return mask
    left_out["masks that differ from their box"] += 1
    return None
