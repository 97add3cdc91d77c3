"""COCO files: objects with boxes, masks as run lengths and keypoints, or the classes of whole pictures."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import PurePosixPath
from typing import Any

from assets.formats.annotations.coco import UNLABELLED
from assets.retrieval.labelled import (
    Album,
    Files,
    Labelled,
    Picture,
    box_of,
    read_attributes,
    read_point_names,
)
from assets.tables.rows import LabelRow
from models.task_names import DETECTION, RECOGNITION


def write_coco(album: Album) -> Files:
    """A file of objects for each part, or of classes of whole pictures where these are the album's task.

    Other readers of COCO refuse all of a file in which an annotation has no box or no `segmentation`, so that no file
    holds both.
    """
    labels = album.labels or Labelled({})
    for part, pictures in album.by_part().items():
        name = part or "default"
        if album.task == RECOGNITION:
            content = describe_classes(pictures, album.classes, labels, album.title)
            yield f"annotations/labels_{name}.json", content
            continue
        is_said = bool(album.task or labels.count([DETECTION]))
        title = (album.title or "labels") if is_said else UNLABELLED
        content = describe_objects(pictures, album.classes, labels, title)
        yield f"annotations/instances_{name}.json", content


def describe_objects(
    pictures: Sequence[Picture], classes: Sequence[str], labels: Labelled, what: str
) -> bytes:
    """A COCO file of objects, which says `what` it is; categories are numbered from 1 in the order of `classes`."""
    ids = {name: number for number, name in enumerate(classes, 1)}
    points: dict[str, list[str]] = {}
    annotations: list[dict[str, Any]] = []
    for number, picture in enumerate(pictures, 1):
        for label in labels.of(picture, "detection"):
            facts = {"id": len(annotations) + 1, "image_id": number}
            facts["category_id"] = ids[label["class_name"]]
            annotations.append(facts | _describe_object(label, picture))
            if names := read_point_names(label):
                points.setdefault(label["class_name"], names)
    categories = [
        {"id": number, "name": name}
        | ({"keypoints": points[name], "skeleton": []} if name in points else {})
        for name, number in ids.items()
    ]
    return _encode(what, pictures, annotations, categories)


def describe_classes(
    pictures: Sequence[Picture], classes: Sequence[str], labels: Labelled, what: str
) -> bytes:
    """A COCO file of the classes of whole pictures, which says `what` it is: annotations without a region."""
    ids = {name: number for number, name in enumerate(classes, 1)}
    said = [
        (number, ids[label["class_name"]])
        for number, picture in enumerate(pictures, 1)
        for label in labels.of(picture, "recognition")
    ]
    annotations = [
        {"id": number, "image_id": image_id, "category_id": category_id}
        for number, (image_id, category_id) in enumerate(said, 1)
    ]
    categories = [{"id": number, "name": name} for name, number in ids.items()]
    return _encode(what, pictures, annotations, categories)


def _encode(
    what: str,
    pictures: Sequence[Picture],
    annotations: Sequence[dict[str, Any]],
    categories: Sequence[dict[str, Any]],
) -> bytes:
    document = {
        "info": {"description": what},
        "images": [_describe_image(n, p) for n, p in enumerate(pictures, 1)],
        "annotations": annotations,
        "categories": categories,
    }
    return json.dumps(document, indent=1).encode()


def _describe_image(number: int, picture: Picture) -> dict[str, Any]:
    frame = picture.frame
    width, height = picture.size_px
    return {
        "id": number,
        "file_name": PurePosixPath(picture.name).name,  # below `images`
        "width": width,
        "height": height,
        "daguerre": {
            "frame_id": frame["frame_id"],
            "session": frame["session"],
            "sensor": frame["sensor"],
            "t_ns": frame["t_ns"],
        },
    }


def _describe_object(label: LabelRow, picture: Picture) -> dict[str, Any]:
    x, y, width, height = box_of(label)
    facts: dict[str, Any] = {
        "bbox": [x, y, width, height],
        "area": width * height,
        "iscrowd": 0,
        "segmentation": [],
    }
    if label["mask_rle"] is not None:
        size = list(reversed(picture.size_px))
        facts["segmentation"] = {"size": size, "counts": label["mask_rle"]}
    if label["track_id"] is not None:
        facts["track_id"] = label["track_id"]
    stated = read_attributes(label)
    if points := stated.pop("keypoints", ""):
        facts["keypoints"] = [float(word) for word in points.split()]
        facts["num_keypoints"] = sum(map(bool, facts["keypoints"][2::3]))
    stated.pop("keypoint_names", "")
    return facts | ({"attributes": stated} if stated else {})
