"""The files that labelling tools open beside pictures: COCO, Label Studio, CVAT, YOLO, label images.

A form writes (path, bytes) of its files. What of a label it cannot hold it counts: a mask in CVAT and Label Studio
where it is not as large as the object's box, which would come back as large as the mask; points in CVAT, whose
skeletons have no box of their own; points in Label Studio of which one is hidden or absent, which it cannot say.
"""

from __future__ import annotations

import json
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import count, groupby
from pathlib import PurePosixPath
from typing import Any, NamedTuple
from xml.etree.ElementTree import Element, SubElement, indent, tostring

import cv2
import numpy as np
from numpy.typing import NDArray

from assets.formats.annotations.brush_runs import encode_brush
from assets.formats.annotations.class_names import IGNORED_ID, NAMES_FILES
from assets.kinds.keypoints import parse_points
from assets.retrieval.coco_files import write_coco
from assets.retrieval.labelled import (
    Files,
    Labelled,
    Picture,
    box_of,
    read_attributes,
    read_point_names,
)
from assets.tables.rows import LabelRow
from models.masks import decode_mask, find_box
from models.semantic_maps import compose_map

_NOT_OF_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
# of Label Studio, and their names in its results
_CONTROLS = (
    ("RectangleLabels", "box"),
    ("PolygonLabels", "outline"),
    ("BrushLabels", "mask"),
    ("Choices", "class"),
)


def write_label_studio(
    pictures: Sequence[Picture], classes: Sequence[str], labels: Labelled | None
) -> Files:
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
            left_out = labels.left_out
            objects = labels.of(picture, "detection")
            results = [
                result
                for label in objects
                for result in _describe_region(label, picture, left_out)
            ]
            results += [_describe_choice(x) for x in labels.of(picture, "recognition")]
            said_by = labels.proposed_by.get(frame["frame_id"], "stored")
            task["predictions"] = [{"model_version": said_by, "result": results}]
        tasks.append(task)
    yield "tasks.json", json.dumps(tasks, indent=1).encode()
    names = {
        name: None
        for rows in (labels.by_frame.values() if labels else ())
        for label in rows
        for name in read_point_names(label)
    }
    yield "README-interface.xml", _write_interface(classes, list(names)).encode()


def write_cvat(
    pictures: Sequence[Picture], classes: Sequence[str], labels: Labelled | None
) -> Files:
    """CVAT 1.1: a task is made of the pictures, with the labels that the file lists, and takes the file as its
    annotations. Boxes of a track stand in `<track>`, all others with their image."""
    root = Element("annotations")
    SubElement(root, "version").text = "1.1"
    task = SubElement(SubElement(root, "meta"), "task")
    SubElement(task, "size").text = str(len(pictures))
    listed = SubElement(task, "labels")
    for name in classes:
        SubElement(SubElement(listed, "label"), "name").text = _clean(name)
    left_out = labels.left_out if labels else Counter()
    tracks = list_tracks(pictures, labels)
    for number, picture in enumerate(pictures):
        width, height = map(str, picture.size_px)
        name = picture.name.removeprefix("images/")
        facts = {"id": str(number), "name": name, "width": width, "height": height}
        image = SubElement(root, "image", facts)
        for label in labels.of(picture, "detection") if labels else ():
            if not _is_tracked(label):
                _add_object(image, label, picture, left_out)
        for label in labels.of(picture, "recognition") if labels else ():
            tag = {"label": _clean(label["class_name"]), "source": "manual"}
            SubElement(image, "tag", tag)
    for number, track in tracks.items():
        _add_track(root, number, track, len(pictures), left_out)
    indent(root)
    yield "annotations.xml", tostring(root, "utf-8", xml_declaration=True)


def list_tracks(
    pictures: Sequence[Picture], labels: Labelled | None
) -> dict[int, dict[int, LabelRow]]:
    """Number of a track -> number of a picture -> its box there. A track has its own number where no other recording
    has one of that number, and no other class does."""
    found: dict[tuple[str, str, int], dict[int, LabelRow]] = defaultdict(dict)
    for number, picture in enumerate(pictures):
        for label in labels.of(picture, "detection") if labels else ():
            track_id = label["track_id"]
            if track_id is not None and _is_tracked(label):
                recording = picture.frame["capture_id"] + picture.frame["sensor"]
                found[recording, label["class_name"], track_id][number] = label
    ids = Counter(track_id for _, _, track_id in found)
    free = count(max(ids, default=-1) + 1)
    return {
        key[2] if ids[key[2]] == 1 else next(free): track
        for key, track in found.items()
    }


def write_yolo(
    pictures: Sequence[Picture], classes: Sequence[str], labels: Labelled | None
) -> Files:
    """YOLO detection: `labels/x.txt` beside `images/x.jpg`, a row a box in shares of the picture, and `data.yaml`.

    A picture that somebody found empty has an empty file, and one that nobody looked at has none.
    """
    names = "".join(f"  {n}: {json.dumps(name)}\n" for n, name in enumerate(classes))
    head = "path: .\ntrain: images\nval: images\n"
    yield "data.yaml", f"{head}names:\n{names}".encode()
    for picture in pictures if labels else ():
        assert labels is not None
        if picture.frame["frame_id"] not in labels.by_frame:
            continue
        objects = labels.of(picture, "detection")
        labels.left_out.update(_count_beside_boxes(objects))
        rows = [_describe_row(label, picture, classes) for label in objects]
        stem = PurePosixPath(picture.name).stem
        yield f"labels/{stem}.txt", "".join(rows).encode()


def _describe_row(label: LabelRow, picture: Picture, classes: Sequence[str]) -> str:
    x, y, width, height = box_of(label)
    whole_width, whole_height = picture.size_px
    shares = (
        (x + width / 2) / whole_width,
        (y + height / 2) / whole_height,
        width / whole_width,
        height / whole_height,
    )
    told = " ".join(f"{share:.12g}" for share in shares)
    return f"{classes.index(label['class_name'])} {told}\n"


def _count_beside_boxes(labels: Sequence[LabelRow]) -> Counter[str]:
    """What a form of boxes alone cannot hold."""
    return Counter(
        masks=sum(label["mask_rle"] is not None for label in labels),
        tracks=sum(label["track_id"] is not None for label in labels),
        attributes=sum(bool(read_attributes(label)) for label in labels),
    )


def write_nothing(
    pictures: Sequence[Picture], classes: Sequence[str], labels: Labelled | None
) -> Files:
    """Pictures alone."""
    return iter(())


def write_label_images(
    pictures: Sequence[Picture], classes: Sequence[str], labels: Labelled | None
) -> Files:
    """A PNG of class ids for each picture that has a map, and the names of the ids."""
    yield f"masks/{NAMES_FILES[0]}", write_names(classes)
    for picture in pictures:
        name = PurePosixPath(picture.name).with_suffix(".png").name
        if labels and (content := draw_map(picture, classes, labels)):
            yield f"masks/{name}", content


def write_names(classes: Sequence[str]) -> bytes:
    """The names of the ids in label images. Raises ValueError for more than 8 bits can tell apart."""
    if len(classes) > IGNORED_ID:
        raise ValueError(
            f"{len(classes)} classes, and a label image holds {IGNORED_ID}: choose sessions of fewer"
        )
    return "".join(f"{name}\n" for name in classes).encode()


def draw_map(
    picture: Picture, classes: Sequence[str], labels: Labelled
) -> bytes | None:
    """The label image of a picture: a PNG of class ids, 255 where nobody says; None where nobody says anything."""
    maps = labels.of(picture, "segmentation")
    if not maps:
        return None
    masks = [label["mask_rle"] or "" for label in maps]
    ids = [classes.index(label["class_name"]) for label in maps]
    found = compose_map(masks, ids, picture.size_px[::-1]).class_ids
    return cv2.imencode(".png", found)[1].tobytes()


class Form(NamedTuple):
    """What is written beside pictures, and of which tasks the labels are that it holds."""

    write: Callable[[Sequence[Picture], Sequence[str], Labelled | None], Files]
    tasks: tuple[str, ...] = ()


# by their name on the command line
FORMATS: Mapping[str, Form] = {
    "images": Form(write_nothing),
    "coco": Form(write_coco, ("detection",)),
    "label-studio": Form(write_label_studio, ("detection", "recognition")),
    "cvat": Form(write_cvat, ("detection", "recognition")),
    "yolo": Form(write_yolo, ("detection",)),
    "masks": Form(write_label_images, ("segmentation",)),
}


def require_form(name: str, task: str | None = None) -> None:
    """Raises ValueError for a form that there is not, and for one whose labels are none for the task."""
    if name not in FORMATS:
        raise ValueError(f"format '{name}' is none of {', '.join(FORMATS)}: choose one")
    tasks = FORMATS[name].tasks
    if task is not None and tasks and task not in tasks:
        fit = ", ".join(form for form, of in FORMATS.items() if task in of.tasks)
        raise ValueError(f"format '{name}' holds no labels for {task}: choose {fit}")


def _find_mask(
    label: LabelRow, picture: Picture, left_out: Counter[str]
) -> NDArray[np.bool_] | None:
    """The mask (H, W) of an object where it is as large as its box, by a pixel: forms that hold one of both."""
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


def _describe_region(
    label: LabelRow, picture: Picture, left_out: Counter[str]
) -> Iterator[dict[str, Any]]:
    """A brush mask, or a rectangle, in per cent of the picture; and the points that are part of it."""
    region = _describe_rectangle(label, picture)
    mask = _find_mask(label, picture, left_out)
    if mask is not None:
        value = {"format": "rle", "rle": encode_brush(mask)}
        value["brushlabels"] = [label["class_name"]]
        region |= {"type": "brushlabels", "from_name": "mask", "value": value}
    yield region
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


def _describe_rectangle(label: LabelRow, picture: Picture) -> dict[str, Any]:
    x, y, box_width, box_height = box_of(label)
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


def _write_interface(classes: Sequence[str], points: Sequence[str]) -> str:
    view = Element("View")
    SubElement(view, "Image", {"name": "image", "value": "$image", "zoom": "true"})
    for kind, name in _CONTROLS:
        group = SubElement(view, kind, {"name": name, "toName": "image"})
        tag = "Choice" if kind == "Choices" else "Label"
        for value in classes or ("object",):
            SubElement(group, tag, {"value": _clean(value)})
    if points:
        group = SubElement(view, "KeyPointLabels", {"name": "point", "toName": "image"})
        for number, value in enumerate(points):  # its exports to COCO want an order
            facts = {"value": _clean(value), "model_index": str(number)}
            SubElement(group, "Label", facts)
    indent(view)
    return tostring(view, "unicode")


def _add_object(
    image: Element, label: LabelRow, picture: Picture, left_out: Counter[str]
) -> None:
    """A mask, or a box."""
    stated = read_attributes(label)
    occluded = "1" if stated.get("occluded") == "1" else "0"
    facts = {"label": _clean(label["class_name"]), "source": "manual"}
    facts["occluded"] = occluded
    left_out["keypoints"] += "keypoints" in stated
    mask = _find_mask(label, picture, left_out)
    left_out["tracks of masks"] += label["track_id"] is not None
    if mask is not None:
        SubElement(image, "mask", {**facts, **_describe_window(mask), "z_order": "0"})
        return
    SubElement(image, "box", {**facts, **_describe_corners(label), "z_order": "0"})


def _is_tracked(label: LabelRow) -> bool:
    """Whether it stands in a track: its mask would be interpolated to nobody's knowledge."""
    return label["track_id"] is not None and label["mask_rle"] is None


def _add_track(
    root: Element,
    number: int,
    track: Mapping[int, LabelRow],
    num_pictures: int,
    left_out: Counter[str],
) -> None:
    """The boxes of one object. On a next picture without it it is outside, or CVAT would go on with it."""
    name = next(iter(track.values()))["class_name"]
    facts = {"id": str(number), "label": _clean(name), "source": "manual"}
    element = SubElement(root, "track", facts)
    for place, label in track.items():
        left_out["keypoints"] += "keypoints" in read_attributes(label)
        _add_place(element, label, place, is_outside=False)
        if place + 1 < num_pictures and place + 1 not in track:
            _add_place(element, label, place + 1, is_outside=True)


def _add_place(track: Element, label: LabelRow, frame: int, is_outside: bool) -> None:
    occluded = "1" if read_attributes(label).get("occluded") == "1" else "0"
    facts = {"frame": str(frame), "keyframe": "1", "outside": str(int(is_outside))}
    facts |= {"occluded": occluded, **_describe_corners(label), "z_order": "0"}
    SubElement(track, "box", facts)


def _describe_corners(label: LabelRow) -> dict[str, str]:
    x, y, width, height = box_of(label)
    sides = {"xtl": x, "ytl": y, "xbr": x + width, "ybr": y + height}
    return {name: f"{value:.2f}" for name, value in sides.items()}


def _describe_window(mask: NDArray[np.bool_]) -> dict[str, str]:
    """Run lengths along the rows of the window around a mask, background first."""
    left, top, right, bottom = map(int, find_box(mask))
    runs = [(v, len(list(g))) for v, g in groupby(mask[top:bottom, left:right].ravel())]
    lengths = [0] * bool(runs[0][0]) + [length for _, length in runs]
    sides = {"left": left, "top": top, "width": right - left, "height": bottom - top}
    rle = ", ".join(map(str, lengths))
    return {"rle": rle, **{name: str(value) for name, value in sides.items()}}


def _clean(text: str) -> str:
    """Without the characters that XML 1.0 cannot hold."""
    return _NOT_OF_XML.sub("", text)
