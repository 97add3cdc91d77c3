"""CVAT 1.1: boxes and masks on images, boxes in tracks, tags of whole images, with attributes.

An object is a mask or a box here, never both: a mask is written where it is as large as the object's box, to a pixel.
A track's masks and keypoints have no place, since CVAT's skeletons have no box of their own.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from itertools import count, groupby, pairwise
from xml.etree.ElementTree import Element, SubElement, indent, tostring

import numpy as np
from numpy.typing import NDArray

from assets.retrieval.labelled import (
    Album,
    Files,
    Picture,
    box_of,
    find_fitting_mask,
    list_others,
    read_attributes,
)
from assets.tables.rows import LabelRow
from models.masks import find_box
from models.task_names import DETECTION, RECOGNITION

_NOT_OF_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_OWN = ("occluded", "z_order", "group_id")  # attributes that a shape has by itself
_ON_LINE_PX = 0.01  # CVAT keeps two digits


def write_cvat(album: Album) -> Files:
    """A task is made of the pictures, with the labels that the file lists, and takes the file as its annotations: one
    for each part. Boxes of a track stand in `<track>`, all others with their image."""
    for part, pictures in album.by_part().items():
        name = f"annotations_{part}.xml" if part else "annotations.xml"
        yield name, _write_task(album, pictures)


def list_tracks(
    album: Album, pictures: Sequence[Picture]
) -> dict[int, dict[int, LabelRow]]:
    """Number of a track -> number of a picture -> its box there. A track has its own number where no other recording
    has one of that number, and no other class does."""
    found: dict[tuple[str, str, int], dict[int, LabelRow]] = defaultdict(dict)
    for number, picture in enumerate(pictures):
        for label in album.of(picture, DETECTION):
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


def clean(text: str) -> str:
    """Without the characters that XML 1.0 cannot hold."""
    return _NOT_OF_XML.sub("", text)


def _write_task(album: Album, pictures: Sequence[Picture]) -> bytes:
    root = Element("annotations")
    SubElement(root, "version").text = "1.1"
    _describe_task(root, album, pictures)
    left_out = album.labels.left_out if album.labels else Counter[str]()
    tracks = list_tracks(album, pictures)
    for number, picture in enumerate(pictures):
        width, height = map(str, picture.size_px)
        name = picture.name.rpartition("/")[2]
        facts = {"id": str(number), "name": name, "width": width, "height": height}
        image = SubElement(root, "image", facts)
        for label in album.of(picture, DETECTION):
            if not _is_tracked(label):
                _add_object(image, label, picture, left_out)
        for label in album.of(picture, RECOGNITION):
            tag = {"label": clean(label["class_name"]), "source": "manual"}
            SubElement(image, "tag", tag)
    for number, track in tracks.items():
        _add_track(root, number, track, len(pictures), left_out)
    indent(root)
    xml: bytes = tostring(root, "utf-8", xml_declaration=True)
    return xml


def _describe_task(root: Element, album: Album, pictures: Sequence[Picture]) -> None:
    task = SubElement(SubElement(root, "meta"), "task")
    SubElement(task, "size").text = str(len(pictures))
    listed = SubElement(task, "labels")
    names = _list_attributes(album, pictures)
    for class_name in album.classes:
        label = SubElement(listed, "label")
        SubElement(label, "name").text = clean(class_name)
        if not names.get(class_name):
            continue
        attributes = SubElement(label, "attributes")
        for name in names[class_name]:
            one = SubElement(attributes, "attribute")
            said = {"name": clean(name), "mutable": "True", "input_type": "text"}
            for key, value in {**said, "default_value": "", "values": ""}.items():
                SubElement(one, key).text = value


def _list_attributes(
    album: Album, pictures: Sequence[Picture]
) -> dict[str, dict[str, None]]:
    """The names of the attributes that labels of each class have, in their order."""
    found: dict[str, dict[str, None]] = defaultdict(dict)
    for picture in pictures:
        for label in album.of(picture, DETECTION):
            names = (name for name in list_others(label) if name not in _OWN)
            found[label["class_name"]] |= dict.fromkeys(names)
    return found


def _add_object(
    image: Element, label: LabelRow, picture: Picture, left_out: Counter[str]
) -> None:
    """A mask, or a box."""
    left_out["keypoints"] += "keypoints" in read_attributes(label)
    left_out["tracks of masks"] += label["track_id"] is not None
    facts = {"label": clean(label["class_name"]), "source": "manual"}
    mask = find_fitting_mask(label, picture, left_out)
    kind = "box" if mask is None else "mask"
    place = _describe_corners(label) if mask is None else _describe_window(mask)
    shape = SubElement(image, kind, facts | place | _describe_own(label))
    _add_attributes(shape, label)


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
    facts = {"id": str(number), "label": clean(name), "source": "manual"}
    element = SubElement(root, "track", facts)
    by_itself = _list_lines(track)
    for place, label in track.items():
        left_out["keypoints"] += "keypoints" in read_attributes(label)
        _add_place(element, label, place, is_key=place not in by_itself)
        if place + 1 < num_pictures and place + 1 not in track:
            _add_place(element, label, place + 1, is_outside=True)


def _list_lines(track: Mapping[int, LabelRow]) -> set[int]:
    """Where CVAT itself puts the boxes that nobody drew: on the line between two others, with none missing. It reads
    keyframes alone, so that any other box would be lost, or moved."""
    found: set[int] = set()
    keys = [place for place, label in track.items() if not _is_between(label)]
    for first, last in pairwise(keys):
        between = range(first + 1, last)
        lines = np.linspace(
            box_of(track[first]), box_of(track[last]), last - first + 1
        )[1:-1]
        is_line = all(
            place in track and np.allclose(box_of(track[place]), box, 0, _ON_LINE_PX)
            for place, box in zip(between, lines, strict=True)
        )
        found.update(between if is_line else ())
    return found


def _add_place(
    track: Element,
    label: LabelRow,
    frame: int,
    is_key: bool = True,
    is_outside: bool = False,
) -> None:
    facts = {"frame": str(frame), "keyframe": str(int(is_key))}
    facts["outside"] = str(int(is_outside))
    facts |= {**_describe_corners(label), **_describe_own(label)}
    _add_attributes(SubElement(track, "box", facts), label)


def _is_between(label: LabelRow) -> bool:
    """Whether nobody drew the box, and it follows no path."""
    is_made = label["origin"] in ("interpolation", "interpolated")
    return is_made and read_attributes(label).get("interpolated") != "along a track"


def _describe_own(label: LabelRow) -> dict[str, str]:
    """What CVAT says of each shape beside its attributes."""
    stated = read_attributes(label)
    facts = {"occluded": "1" if stated.get("occluded") == "1" else "0"}
    facts["z_order"] = clean(stated.get("z_order", "0"))
    group = clean(stated.get("group_id", "0"))
    return facts | ({} if group == "0" else {"group_id": group})


def _add_attributes(shape: Element, label: LabelRow) -> None:
    for name, value in list_others(label).items():
        if name not in _OWN:
            one = SubElement(shape, "attribute", {"name": clean(name)})
            one.text = clean(value)


def _describe_corners(label: LabelRow) -> dict[str, str]:
    """All digits: CVAT itself keeps two, and reads as many as there are."""
    x, y, width, height = box_of(label)
    sides = {"xtl": x, "ytl": y, "xbr": x + width, "ybr": y + height}
    return {name: f"{value:.12g}" for name, value in sides.items()}


def _describe_window(mask: NDArray[np.bool_]) -> dict[str, str]:
    """Run lengths along the rows of the window around a mask, background first."""
    left, top, right, bottom = map(int, find_box(mask))
    runs = [(v, len(list(g))) for v, g in groupby(mask[top:bottom, left:right].ravel())]
    lengths = [0] * bool(runs[0][0]) + [length for _, length in runs]
    sides = {"left": left, "top": top, "width": right - left, "height": bottom - top}
    rle = ", ".join(map(str, lengths))
    return {"rle": rle, **{name: str(value) for name, value in sides.items()}}
