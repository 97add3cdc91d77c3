"""Write final labels in a form, and find what is lost by reading what was written, as an intake would.

So nothing is lost unsaid, whatever a form is said to hold. Numbers may differ by a millionth of a pixel.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from assets.formats import plan_session, read_capture
from assets.formats.leftovers import FRAME_LABELLERS
from assets.formats.observations import AnnotationObservation, LabelObservation
from assets.retrieval.frame_export import write_label_files
from assets.retrieval.label_files import FORMATS
from assets.retrieval.labelled import (
    POINT_ATTRIBUTES,
    Album,
    Picture,
    list_others,
    read_attributes,
)
from assets.storage import Folder
from assets.tables.rows import SIDES, LabelRow
from models.masks import decode_mask
from models.task_names import SEGMENTATION

_SAME_PX = 1e-6


@dataclass
class ReadBack:
    """What files say of pictures: labels by the path of their picture, and the pictures that somebody looked at."""

    labels: dict[str, list[LabelObservation]] = field(
        default_factory=lambda: defaultdict(list)
    )
    looked_at: set[str] = field(default_factory=set)


def write_checked(
    folder: Path, form: str, album: Album, is_strict: bool = False
) -> Counter[str]:
    """Write a form's files beside the pictures that lie in `folder`; how much of the labels they do not hold.

    Raises ValueError for a loss where none is allowed.
    """
    write_label_files(folder, FORMATS[form], album)
    losses = find_losses(folder, album)
    if losses and is_strict:
        raise ValueError(
            f"format '{form}' cannot hold {tell_losses(losses)}, and --strict allows no loss: choose another format"
        )
    return losses


def tell_losses(losses: Mapping[str, int]) -> str:
    """`2 masks, 1 tracks`."""
    return ", ".join(f"{count} {name}" for name, count in sorted(losses.items()))


def find_losses(folder: Path, album: Album) -> Counter[str]:
    """How much of an album's final labels, of one task, the label files in `folder` do not give back, by what it is."""
    assert album.task is not None and album.labels is not None
    read = read_back(folder, album.task)
    lost = Counter[str]()
    tracks = _Tracks()
    for picture in album.pictures:
        if picture.frame["frame_id"] not in album.labels.by_frame:
            continue
        wanted = album.of(picture, album.task)
        came = read.labels.get(picture.name, [])
        lost["pictures without a label"] += (
            not wanted and picture.name not in read.looked_at
        )
        if album.task == SEGMENTATION:
            lost["masks"] += _count_other_maps(picture, wanted, came)
            continue
        for label, found in _pair(wanted, came):
            _compare(picture, label, found, lost)
            tracks.add(picture, label, found)
        lost["labels that nobody gave"] += max(0, len(came) - len(wanted))
    lost["tracks"] += tracks.count_broken()
    return +lost


def read_back(folder: Path, task: str) -> ReadBack:
    """What the label files in a folder say for a task of the pictures beside them."""
    place = Folder(str(folder))
    plans, _ = plan_session(list(place.files()), place.open)
    found = ReadBack()
    for plan in plans:
        if plan.reader not in FRAME_LABELLERS:
            continue
        for seen in read_capture(plan, place.open):
            if isinstance(seen, LabelObservation) and seen.task == task:
                found.labels[seen.frame_path or ""].append(seen)
            elif isinstance(seen, AnnotationObservation) and seen.task == task:
                found.looked_at.add(seen.frame_path or "")
    return found


# ---- one label beside what came of it --------------------------------------------------------------------------------


def _pair(
    wanted: Sequence[LabelRow], came: Iterable[LabelObservation]
) -> list[tuple[LabelRow, LabelObservation | None]]:
    """Each label with the one that came of it: of its class, the nearest."""
    left = list(came)
    pairs: list[tuple[LabelRow, LabelObservation | None]] = []
    for label in wanted:
        fit = [c for c in left if c.class_name == label["class_name"]]
        found = min(fit, key=lambda c: _distance(label, c), default=None)
        if found is not None:
            left.remove(found)
        pairs.append((label, found))
    return pairs


def _distance(label: LabelRow, came: LabelObservation) -> tuple[float, int]:
    box = _box(label)
    if box is None or came.box_xyxy is None:
        return (0.0 if box is came.box_xyxy else 1e9), 0
    far = float(np.abs(np.subtract(box, came.box_xyxy)).max())
    return far, int(label["mask_rle"] != came.mask_rle)


def _compare(
    picture: Picture,
    label: LabelRow,
    came: LabelObservation | None,
    lost: Counter[str],
) -> None:
    if came is None:
        lost["labels"] += 1
        return
    lost["boxes"] += _distance(label, came)[0] > _SAME_PX
    lost["masks"] += not _is_same_mask(label["mask_rle"], came.mask_rle, picture)
    given = dict(came.attributes)
    for name, value in list_others(label).items():
        lost["attributes"] += given.get(name) != value
    stated = read_attributes(label)
    points, names = (stated.get(name, "") for name in POINT_ATTRIBUTES)
    lost["keypoints"] += not _are_same_points(points, given.get("keypoints", ""))
    is_named = not names or names == given.get("keypoint_names")
    lost["names of keypoints"] += bool(points) and not is_named


def _is_same_mask(text: str | None, came: str | None, picture: Picture) -> bool:
    if text == came or text is None:
        return True  # a form may give the box an outline
    width, height = picture.size_px
    return came is not None and bool(
        np.array_equal(
            decode_mask(text, height, width), decode_mask(came, height, width)
        )
    )


def _are_same_points(text: str, came: str) -> bool:
    numbers, others = ([float(word) for word in t.split()] for t in (text, came))
    return len(numbers) == len(others) and bool(
        np.allclose(numbers, others, rtol=0, atol=_SAME_PX)
    )


def _box(label: LabelRow) -> tuple[float, ...] | None:
    sides = [label[side] for side in SIDES]
    return None if None in sides else tuple(float(side or 0.0) for side in sides)


def _count_other_maps(
    picture: Picture, wanted: Sequence[LabelRow], came: Sequence[LabelObservation]
) -> int:
    """How many classes have other pixels than before."""
    width, height = picture.size_px

    def join(texts: Iterable[tuple[str, str | None]]) -> dict[str, NDArray[np.bool_]]:
        maps: dict[str, NDArray[np.bool_]] = {}
        for name, text in texts:
            mask = decode_mask(text or "", height, width)
            maps[name] = maps[name] | mask if name in maps else mask
        return {name: mask for name, mask in maps.items() if mask.any()}

    before = join((x["class_name"], x["mask_rle"]) for x in wanted)
    after = join((x.class_name, x.mask_rle) for x in came)
    return sum(
        name not in before
        or name not in after
        or not np.array_equal(before[name], after[name])
        for name in before.keys() | after.keys()
    )


class _Tracks:
    """Which number each track came back with. Other numbers are no loss, as long as they tell the tracks apart."""

    def __init__(self) -> None:
        self._came: dict[tuple[str, int], set[int | None]] = defaultdict(set)
        self._of: dict[tuple[str, int | None], set[int]] = defaultdict(set)

    def add(
        self, picture: Picture, label: LabelRow, came: LabelObservation | None
    ) -> None:
        number = label["track_id"]
        if number is not None and came is not None:
            recording = picture.frame["capture_id"] + picture.frame["sensor"]
            self._came[recording, number].add(came.track_id)
            self._of[recording, came.track_id].add(number)

    def count_broken(self) -> int:
        return sum(
            len(found) > 1
            or None in found
            or any(len(self._of[recording, n]) > 1 for n in found)
            for (recording, _), found in self._came.items()
        )
