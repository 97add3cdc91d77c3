"""Pictures that an export writes, and what is said of them, as the forms of label files look at it."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from assets.tables.rows import SIDES, FrameRow, LabelRow

Files = Iterator[tuple[str, bytes]]


@dataclass(frozen=True)
class Picture:
    """A file below the folder that is written, the frame that it shows, and the sha256 of its bytes."""

    name: str
    frame: FrameRow
    sha256: str

    @property
    def size_px(self) -> tuple[int, int]:
        """Width and height."""
        return self.frame["width_px"], self.frame["height_px"]


@dataclass(frozen=True)
class Labelled:
    """Labels by frame id: of detection with a box, of recognition, or of segmentation.

    `proposed_by` names, by frame id, the model whose answer they are; of other frames they are stored labels.
    """

    by_frame: Mapping[str, Sequence[LabelRow]]
    proposed_by: Mapping[str, str] = field(default_factory=dict)
    # parts of labels that were written that the form cannot hold
    left_out: Counter[str] = field(default_factory=Counter)

    def count(self, tasks: Sequence[str]) -> int:
        """How many labels there are of these tasks."""
        return sum(x["task"] in tasks for rows in self.by_frame.values() for x in rows)

    def of(self, picture: Picture, task: str) -> list[LabelRow]:
        """The labels of one picture and task."""
        labels = self.by_frame.get(picture.frame["frame_id"], ())
        return [label for label in labels if label["task"] == task]


def read_attributes(label: LabelRow) -> dict[str, str]:
    """What else is said of an object, by its name."""
    return dict(json.loads(label["attributes"] or "[]"))


def read_point_names(label: LabelRow) -> list[str]:
    """The names of a label's keypoints, their numbers where they have none; empty where it has no keypoints."""
    stated = read_attributes(label)
    count = len(stated.get("keypoints", "").split()) // 3
    names = stated.get("keypoint_names", "").split()
    return names if len(names) == count else [str(n + 1) for n in range(count)]


def box_of(label: LabelRow) -> tuple[float, float, float, float]:
    """Left, top, width, height in px."""
    x_min, y_min, x_max, y_max = (float(label[side] or 0.0) for side in SIDES)
    return x_min, y_min, x_max - x_min, y_max - y_min
