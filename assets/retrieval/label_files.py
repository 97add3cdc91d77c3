"""The files that labelling tools open beside pictures: COCO, Label Studio, CVAT, with or without labels.

A form is a function from pictures to (path, text) of its files.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from assets.formats.annotations.coco import UNLABELLED
from assets.tables.rows import FrameRow, LabelRow

_NOT_OF_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_Files = Iterator[tuple[str, str]]


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
    """Labels by frame id: of detection with a box, or of recognition. `num_others` are of kinds that no file holds."""

    by_frame: Mapping[str, Sequence[LabelRow]]
    num_others: int = 0

    def of(self, picture: Picture, task: str) -> list[LabelRow]:
        """The labels of one picture and task."""
        labels = self.by_frame.get(picture.frame["frame_id"], ())
        return [label for label in labels if label["task"] == task]


def write_coco(
    pictures: Sequence[Picture], classes: Sequence[str], labels: Labelled | None
) -> _Files:
    """One file of objects: boxes, and masks as run lengths. Classes of whole pictures are annotations without a box."""
    ids = {name: number for number, name in enumerate(classes, 1)}
    annotations: list[dict[str, Any]] = []
    for number, picture in enumerate(pictures, 1):
        for task in ("detection", "recognition"):
            for label in labels.of(picture, task) if labels else ():
                facts = {"id": len(annotations) + 1, "image_id": number}
                facts["category_id"] = ids[label["class_name"]]
                annotations.append(facts | _describe_object(label, picture))
    document = {
        "info": {"description": "labels" if annotations else UNLABELLED},
        "images": [_describe_image(n, p) for n, p in enumerate(pictures, 1)],
        "annotations": annotations,
        "categories": [{"id": number, "name": name} for name, number in ids.items()],
    }
    yield "annotations/instances.json", json.dumps(document, indent=1)


def write_label_studio(
    pictures: Sequence[Picture], classes: Sequence[str], labels: Labelled | None
) -> _Files:
    """Tasks that name pictures below the server's LABEL_STUDIO_LOCAL_FILES_DOCUMENT_ROOT, and the project's labelling
    interface. Labels are predictions: the tool shows them, and they count once a person has submitted them."""
    tasks = []
    for number, picture in enumerate(pictures, 1):
        frame = picture.frame
        task: dict[str, Any] = {
            "id": number,
            "data": {
                "image": f"/data/local-files/?d={picture.name}",
                "frame_id": frame["frame_id"],
                "session": frame["session"],
                "sensor": frame["sensor"],
            },
        }
        if labels:
            objects = labels.of(picture, "detection")
            results = [_describe_region(label, picture) for label in objects]
            results += [_describe_choice(x) for x in labels.of(picture, "recognition")]
            task["predictions"] = [{"model_version": "stored", "result": results}]
        tasks.append(task)
    yield "tasks.json", json.dumps(tasks, indent=1)
    yield "README-interface.xml", _write_interface(classes)


def write_cvat(
    pictures: Sequence[Picture], classes: Sequence[str], labels: Labelled | None
) -> _Files:
    """CVAT for images 1.1: a task is made of the pictures, with the labels that the file lists, and takes the file as
    its annotations."""
    root = Element("annotations")
    SubElement(root, "version").text = "1.1"
    task = SubElement(SubElement(root, "meta"), "task")
    SubElement(task, "size").text = str(len(pictures))
    listed = SubElement(task, "labels")
    for name in classes:
        SubElement(SubElement(listed, "label"), "name").text = _clean(name)
    for number, picture in enumerate(pictures):
        width, height = map(str, picture.size_px)
        name = picture.name.removeprefix("images/")
        facts = {"id": str(number), "name": name, "width": width, "height": height}
        image = SubElement(root, "image", facts)
        for label in labels.of(picture, "detection") if labels else ():
            _add_box(image, label)
        for label in labels.of(picture, "recognition") if labels else ():
            tag = {"label": _clean(label["class_name"]), "source": "manual"}
            SubElement(image, "tag", tag)
    indent(root)
    yield "annotations.xml", tostring(root, "unicode", xml_declaration=True)


def write_nothing(
    pictures: Sequence[Picture], classes: Sequence[str], labels: Labelled | None
) -> _Files:
    """Pictures alone."""
    return iter(())


# by their name on the command line
FORMATS: Mapping[
    str, Callable[[Sequence[Picture], Sequence[str], Labelled | None], _Files]
] = {
    "images": write_nothing,
    "coco": write_coco,
    "label-studio": write_label_studio,
    "cvat": write_cvat,
}


def _describe_image(number: int, picture: Picture) -> dict[str, Any]:
    frame = picture.frame
    width, height = picture.size_px
    return {
        "id": number,
        "file_name": picture.name,
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
    if label["task"] == "recognition":
        return {"iscrowd": 0}
    x, y, width, height = _box_of(label)
    facts: dict[str, Any] = {
        "bbox": [x, y, width, height],
        "area": width * height,
        "iscrowd": 0,
    }
    if label["mask_rle"] is not None:
        size = list(reversed(picture.size_px))
        facts["segmentation"] = {"size": size, "counts": label["mask_rle"]}
    if label["track_id"] is not None:
        facts["track_id"] = label["track_id"]
    return facts


def _describe_region(label: LabelRow, picture: Picture) -> dict[str, Any]:
    """A rectangle, in per cent of the picture."""
    x, y, box_width, box_height = _box_of(label)
    width, height = picture.size_px
    return {
        "id": label["label_id"][:10],
        "type": "rectanglelabels",
        "from_name": "box",
        "to_name": "image",
        "original_width": width,
        "original_height": height,
        "image_rotation": 0,
        "value": {
            "x": 100 * x / width,
            "y": 100 * y / height,
            "width": 100 * box_width / width,
            "height": 100 * box_height / height,
            "rotation": 0,
            "rectanglelabels": [label["class_name"]],
        },
    }


def _describe_choice(label: LabelRow) -> dict[str, Any]:
    return {
        "id": label["label_id"][:10],
        "type": "choices",
        "from_name": "class",
        "to_name": "image",
        "value": {"choices": [label["class_name"]]},
    }


def _write_interface(classes: Sequence[str]) -> str:
    view = Element("View")
    SubElement(view, "Image", {"name": "image", "value": "$image", "zoom": "true"})
    for kind, name in (("RectangleLabels", "box"), ("PolygonLabels", "outline")):
        group = SubElement(view, kind, {"name": name, "toName": "image"})
        for value in classes or ("object",):
            SubElement(group, "Label", {"value": _clean(value)})
    indent(view)
    return tostring(view, "unicode")


def _add_box(image: Element, label: LabelRow) -> None:
    x, y, width, height = _box_of(label)
    facts = {"label": _clean(label["class_name"]), "source": "manual", "occluded": "0"}
    sides = {"xtl": x, "ytl": y, "xbr": x + width, "ybr": y + height}
    corners = {name: f"{value:.2f}" for name, value in sides.items()}
    SubElement(image, "box", {**facts, **corners, "z_order": "0"})


def _box_of(label: LabelRow) -> tuple[float, float, float, float]:
    """Left, top, width, height in px."""
    x_min, y_min, x_max, y_max = (
        float(label[side] or 0.0) for side in ("x_min", "y_min", "x_max", "y_max")
    )
    return x_min, y_min, x_max - x_min, y_max - y_min


def _clean(text: str) -> str:
    """Without the characters that XML 1.0 cannot hold."""
    return _NOT_OF_XML.sub("", text)
