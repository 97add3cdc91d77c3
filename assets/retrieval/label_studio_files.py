"""Label Studio: tasks with regions in per cent of their picture, and the labelling interface that they need.

An object is a brush mask or a rectangle here, never both: a mask is written where it is as large as the object's box,
to a pixel. Keypoints of which one is hidden or absent have no place, nor have tracks. Attributes are texts of a region.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from assets.formats.annotations.brush_runs import encode_brush
from assets.kinds.keypoints import parse_points
from assets.retrieval.cvat_files import clean
from assets.retrieval.labelled import (
    Album,
    Files,
    Picture,
    box_of,
    find_fitting_mask,
    list_others,
    read_attributes,
    read_point_names,
)
from assets.tables.rows import LabelRow
from models.task_names import DETECTION, RECOGNITION

# and their names in its results
_CONTROLS = (
    ("RectangleLabels", "box"),
    ("PolygonLabels", "outline"),
    ("BrushLabels", "mask"),
    ("Choices", "class"),
)
_TAKEN = frozenset({"image", "point", *(name for _, name in _CONTROLS)})


def write_label_studio(album: Album) -> Files:
    """Tasks that name pictures below the server's LABEL_STUDIO_LOCAL_FILES_DOCUMENT_ROOT, and the project's labelling
    interface. Labels are annotations where they are final; else predictions: the tool shows them, and they count once a
    person has submitted them."""
    tasks = [
        _describe_task(album, number, picture)
        for number, picture in enumerate(album.pictures, 1)
    ]
    yield "tasks.json", json.dumps(tasks, indent=1).encode()
    yield "README-interface.xml", _write_interface(album).encode()


def _describe_task(album: Album, number: int, picture: Picture) -> dict[str, Any]:
    frame = picture.frame
    data = {
        "image": f"/data/local-files/?d={picture.name}",
        "frame_id": frame["frame_id"],
        "session": frame["session"],
        "sensor": frame["sensor"],
    }
    task: dict[str, Any] = {"id": number, "data": data}
    if picture.part:
        data["part"] = picture.part
    if not album.labels:
        return task
    results = [
        result
        for place, label in enumerate(album.of(picture, DETECTION))
        for result in _describe_region(label, picture, place, album.labels.left_out)
    ]
    results += [
        _describe_choice(label, place)
        for place, label in enumerate(album.of(picture, RECOGNITION))
    ]
    if album.labels.is_final:
        return task | {"annotations": [{"id": number, "result": results}]}
    said_by = album.labels.proposed_by.get(frame["frame_id"], "stored")
    return task | {"predictions": [{"model_version": said_by, "result": results}]}


def _describe_region(
    label: LabelRow, picture: Picture, place: int, left_out: Counter[str]
) -> Iterator[dict[str, Any]]:
    """A brush mask, or a rectangle, in per cent of the picture; and the points and the texts that are part of it."""
    region = _describe_rectangle(label, picture, place)
    mask = find_fitting_mask(label, picture, left_out)
    if mask is not None:
        value = {"format": "rle", "rle": encode_brush(mask)}
        value["brushlabels"] = [label["class_name"]]
        region |= {"type": "brushlabels", "from_name": "mask", "value": value}
    yield region
    left_out["tracks"] += label["track_id"] is not None
    yield from _describe_texts(label, region, left_out)
    yield from _describe_points(label, region, picture, left_out)


def _describe_texts(
    label: LabelRow, region: dict[str, Any], left_out: Counter[str]
) -> Iterator[dict[str, Any]]:
    labels = f"{region['type']}"
    where = {k: v for k, v in region["value"].items() if k != labels}
    for name, text in list_others(label).items():
        if name in _TAKEN:
            left_out[f"attributes called '{name}', as a control of the tool is"] += 1
            continue
        yield region | {
            "type": "textarea",
            "from_name": name,
            "value": {**where, "text": [text]},
        }


def _describe_points(
    label: LabelRow, region: dict[str, Any], picture: Picture, left_out: Counter[str]
) -> Iterator[dict[str, Any]]:
    stated = read_attributes(label)
    points = parse_points(stated["keypoints"]) if "keypoints" in stated else ()
    if any(seen != 2 for _, _, seen in points):
        left_out["keypoints of which one is hidden or absent"] += 1
        return
    width, height = picture.size_px
    for (x, y, _), name in zip(points, read_point_names(label), strict=True):
        yield region | {
            "id": f"{region['id']}-{name}",
            "parentID": region["id"],
            "type": "keypointlabels",
            "from_name": "point",
            "value": {
                "x": 100 * float(x) / width,
                "y": 100 * float(y) / height,
                "width": 0.5,
                "keypointlabels": [name],
            },
        }


def _describe_rectangle(
    label: LabelRow, picture: Picture, place: int
) -> dict[str, Any]:
    x, y, box_width, box_height = box_of(label)
    width, height = picture.size_px
    return {
        "id": _name_region(label, place),
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


def _describe_choice(label: LabelRow, place: int) -> dict[str, Any]:
    return {
        "id": _name_region(label, place),
        "type": "choices",
        "from_name": "class",
        "to_name": "image",
        "value": {"choices": [label["class_name"]]},
    }


def _name_region(label: LabelRow, place: int) -> str:
    """Of a label that has no id of its own, as those of a release, its place on the picture."""
    return label["label_id"][:10] if label["label_id"] else f"object-{place}"


def _write_interface(album: Album) -> str:
    view = Element("View")
    SubElement(view, "Image", {"name": "image", "value": "$image", "zoom": "true"})
    for kind, name in _CONTROLS:
        group = SubElement(view, kind, {"name": name, "toName": "image"})
        tag = "Choice" if kind == "Choices" else "Label"
        for value in album.classes or ("object",):
            SubElement(group, tag, {"value": clean(value)})
    points, texts = _list_names(album)
    if points:
        group = SubElement(view, "KeyPointLabels", {"name": "point", "toName": "image"})
        for number, value in enumerate(points):  # its exports to COCO want an order
            facts = {"value": clean(value), "model_index": str(number)}
            SubElement(group, "Label", facts)
    for name in texts:
        facts = {"name": clean(name), "toName": "image", "perRegion": "true"}
        SubElement(view, "TextArea", facts)
    indent(view)
    return tostring(view, "unicode")


def _list_names(album: Album) -> tuple[Sequence[str], Sequence[str]]:
    """The names of keypoints, and those of attributes, in their order."""
    rows = album.labels.by_frame.values() if album.labels else ()
    labels = [label for of_frame in rows for label in of_frame]
    points = dict.fromkeys(n for label in labels for n in read_point_names(label))
    texts = dict.fromkeys(n for label in labels for n in list_others(label))
    return list(points), [name for name in texts if name not in _TAKEN]
