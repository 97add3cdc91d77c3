"""YOLO: a row an object, in shares of the picture: a box, a box with keypoints, or the outline of a mask.

All rows of a data set are of one kind, since trainers drop what is of another: poses where each object has keypoints of
one number, outlines where each object has a mask, boxes else. Tracks and attributes have no place; an outline has no
box of its own, and is that of a mask's largest part, without its holes.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from pathlib import PurePosixPath

from assets.retrieval.labelled import (
    Album,
    Files,
    Picture,
    box_of,
    list_others,
    read_attributes,
)
from assets.tables.rows import LabelRow
from models.masks import decode_mask
from models.outlines import trace_outline
from models.task_names import DETECTION

_BOX, _OUTLINE, _POSE = "box", "outline", "pose"


def write_yolo(album: Album) -> Files:
    """`labels/x.txt` for `images/x.jpg`, of a release below the name of its part, and `data.yaml`.

    A picture that somebody found empty has an empty file, and one that nobody looked at has none.
    """
    objects = [x for picture in album.pictures for x in album.of(picture, DETECTION)]
    kind, num_points = _find_kind(objects)
    yield "data.yaml", _describe_set(album, num_points).encode()
    for picture in album.pictures if album.labels else ():
        assert album.labels is not None
        if picture.frame["frame_id"] not in album.labels.by_frame:
            continue
        found = album.of(picture, DETECTION)
        album.labels.left_out.update(_count_left(found, kind))
        rows = [_describe_row(label, picture, album.classes, kind) for label in found]
        stem = PurePosixPath(picture.name).stem
        folder = f"labels/{picture.part}" if picture.part else "labels"
        yield f"{folder}/{stem}.txt", "".join(rows).encode()


def _find_kind(objects: Sequence[LabelRow]) -> tuple[str, int]:
    """What rows are, and of poses the number of keypoints."""
    counts = {len(_list_points(label)) // 3 for label in objects}
    if len(counts) == 1 and (num_points := counts.pop()):
        return _POSE, num_points
    has_masks = bool(objects) and all(x["mask_rle"] is not None for x in objects)
    return (_OUTLINE if has_masks else _BOX), 0


def _describe_set(album: Album, num_points: int) -> str:
    parts = {part: f"images/{part}" for part in album.by_part() if part}
    places = parts or {"train": "images", "val": "images"}
    lines = ["path: .", *(f"{part}: {place}" for part, place in places.items())]
    if num_points:
        lines.append(f"kpt_shape: [{num_points}, 3]")
    names = [f"  {n}: {json.dumps(name)}" for n, name in enumerate(album.classes)]
    return "\n".join([*lines, "names:", *names, ""])


def _describe_row(
    label: LabelRow, picture: Picture, classes: Sequence[str], kind: str
) -> str:
    x, y, width, height = box_of(label)
    across, down = picture.size_px
    shares = [(x + width / 2) / across, (y + height / 2) / down]
    shares += [width / across, height / down]
    if kind == _OUTLINE:
        mask = decode_mask(label["mask_rle"] or "", down, across)
        corners = trace_outline(mask).tolist() if mask.any() else []
        if len(corners) == 4:  # four corners could be an oriented box
            middle = [sum(v) / 2 for v in zip(corners[3], corners[0], strict=True)]
            corners.append(middle)
        shares = [v for x, y in corners for v in (x / across, y / down)] or shares
    if kind == _POSE:
        points = [float(word) for word in _list_points(label)]
        for x, y, seen in zip(*[iter(points)] * 3, strict=True):
            shares += [x / across, y / down, seen]
    told = " ".join(f"{share:.12g}" for share in shares)
    return f"{classes.index(label['class_name'])} {told}\n"


def _list_points(label: LabelRow) -> list[str]:
    return read_attributes(label).get("keypoints", "").split()


def _count_left(labels: Sequence[LabelRow], kind: str) -> Counter[str]:
    """What a row of this kind cannot hold."""
    return Counter(
        masks=sum(x["mask_rle"] is not None for x in labels) * (kind != _OUTLINE),
        keypoints=sum(bool(_list_points(x)) for x in labels) * (kind != _POSE),
        tracks=sum(label["track_id"] is not None for label in labels),
        attributes=sum(bool(list_others(label)) for label in labels),
    )
