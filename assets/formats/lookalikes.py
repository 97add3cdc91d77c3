"""Say what a file that nobody reads looks like, which reader came nearest, and what it missed.

By name and first bytes alone: this is advice for people, and decides nothing.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from assets.formats.annotations.yolo_labels import Row, parse_rows
from assets.formats.layout import IMAGE_SUFFIXES, name_of, split_of, stem_of, suffix_of

LOOK_BYTES = 1 << 14
_WHOLE_MOT = (
    "land the whole sequence: `gt/gt.txt` beside the pictures in `img1/`; of a folder without pictures `daguerre track "
    "FOLDER` tells tracks and how good they are"
)
_AS_LABELS = "labels as COCO, YOLO, VOC, CVAT or Label Studio"
_AS_SIGNALS = "signals as messages of an MCAP file"
_AS_POSES = "poses as rows `t x y z qx qy qz qw`"
_WORDS = re.compile(r"[a-z]+")
# fmt: off
_OF_LABELS = frozenset({
    "gt", "det", "dets", "label", "labels", "annotation", "annotations", "track", "tracks", "tracking", "box", "boxes",
    "bbox", "class", "category",
})
_OF_SIGNALS = frozenset({
    "imu", "acc", "accel", "gyro", "gyroscope", "gps", "gnss", "lat", "latitude", "odom", "odometry", "wheel",
    "pressure", "magnetometer",
})
_OF_POSES = frozenset({"pose", "poses", "traj", "trajectory", "qw", "quaternion"})
# fmt: on
# a class, the figures of a box, and no more
_KITTI_LABEL = re.compile(r"[A-Za-z]\S*(\s+[-+.\deE]+){14,15}")
_NUSCENES = frozenset(
    {
        "sample_data",
        "sample",
        "scene",
        "ego_pose",
        "calibrated_sensor",
        "sample_annotation",
        "sensor",
        "log",
        "map",
        "instance",
        "category",
        "attribute",
        "visibility",
    }
)
_NUMBERS = re.compile(r"[-+.\deE]+([\s,;]+[-+.\deE]+)*[\s,;]*")


@dataclass(frozen=True)
class Likeness:
    """What a file looks like (reader and what it missed included), and what helps."""

    reason: str
    remedy: str


def find_likeness(path: str, head: bytes) -> Likeness | None:
    """None for a file that looks like nothing in particular."""
    look = _BY_SUFFIX.get(suffix_of(path))
    return look(path, head) if look else None


def _look_at_text(path: str, head: bytes) -> Likeness | None:
    text = head.decode("utf-8-sig", errors="replace")
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    if not lines:
        return Likeness(
            "a text file without a line",
            "put an image of its name beside it, or remove it",
        )
    if suffix_of(lines[0]) in IMAGE_SUFFIXES and " " not in lines[0]:
        split = split_of(stem_of(path))
        what = f"a list of images{f' for {split}' if split else ''}, and there are no labels that it belongs to"
        return Likeness(
            f"{what} (yolo and voc read such lists)",
            "put it beside the labels of these images",
        )
    if _KITTI_LABEL.fullmatch(lines[0]):
        return Likeness(
            "looks like object labels of KITTI, and the reader kitti_object found no image of its name",
            "copy the image to its place: `image_2/a.png` for `label_2/a.txt`",
        )
    if name_of(path) in ("cameras.txt", "images.txt", "points3D.txt"):
        return Likeness(
            "looks like a part of a COLMAP model, and the reader colmap found no pictures with `cameras` and `images`",
            "put the whole model into a folder beside or below its pictures: `sparse/0` beside `images`",
        )
    if not _NUMBERS.fullmatch(lines[0]):
        return Likeness(
            f"text, beginning with {lines[0][:60]!r}: no reader knows it",
            _advise(path, lines[0]),
        )
    fields = re.split(r"[\s,;]+", lines[0].strip(" ,;"))
    is_called_so = name_of(path) in ("gt.txt", "det.txt") and len(fields) >= 6
    if is_called_so or ("," in lines[0] and len(fields) in (7, 8, 9, 10)):
        return Likeness(
            "looks like tracks of MOTChallenge (frame, id, left, top, width, height, ...), and the reader mot found no "
            "pictures to them",
            _WHOLE_MOT,
        )
    rows = [
        row
        for row in parse_rows(
            head.rsplit(b"\n", 1)[0] if len(head) == LOOK_BYTES else head
        )
    ]
    if rows and all(isinstance(row, Row) for row in rows):
        return Likeness(
            "looks like YOLO labels, and the reader yolo found no image of its name beside it or in `images/`",
            "copy the image to its place: `images/a.jpg` for `labels/a.txt`, or both in one folder",
        )
    return Likeness(
        f"rows of {len(fields)} numbers: no reader knows what they count",
        _advise(path, "", is_numbers=True),
    )


def _look_at_table(path: str, head: bytes) -> Likeness | None:
    line = head.decode("utf-8-sig", errors="replace").splitlines()[:1]
    columns = f", with the columns {line[0][:120]!r}" if line else ""
    return Likeness(
        f"a table{columns}: no reader knows what they mean",
        _advise(path, "".join(line)),
    )


def _look_at_settings(path: str, head: bytes) -> Likeness | None:
    if name_of(path) != "seqinfo.ini":
        return None
    return Likeness(
        "describes a sequence of MOTChallenge, and the reader mot found no pictures to it",
        _WHOLE_MOT,
    )


def _advise(path: str, columns: str, is_numbers: bool = False) -> str:
    """What helps, by the words in the path and in the first line; everything where they say nothing."""
    words = set(_WORDS.findall(f"{path} {columns}".lower()))
    forms = [
        form
        for form, said in (
            (_AS_LABELS, words & _OF_LABELS),
            (_AS_POSES, words & _OF_POSES),
            (_AS_SIGNALS, words & _OF_SIGNALS),
        )
        if said
    ]
    usual = [_AS_POSES, _AS_SIGNALS] if is_numbers else [_AS_LABELS, _AS_SIGNALS]
    return f"give {', '.join(forms or usual)}, or remove it"


def _look_at_json(path: str, head: bytes) -> Likeness | None:
    text = head.decode("utf-8-sig", errors="replace").lstrip()
    has = lambda *keys: all(f'"{key}"' in text for key in keys)  # noqa: E731
    if has("image_id", "bbox", "score"):
        return Likeness(
            "looks like results of a detector in COCO's form (with `score`): predictions, no labels",
            "give the file with `images`, `annotations` and `categories`, or remove it",
        )
    if re.search(r"(^|/)v1\.0-[a-z]+/", path) and stem_of(path) in _NUSCENES:
        return Likeness(
            "looks like a table of nuScenes, and those that belong to it are not all beside it",
            "give scene, sample, sample_data, ego_pose, calibrated_sensor and sensor in one folder",
        )
    if has("_via_img_metadata") or has("regions", "shape_attributes"):
        return Likeness(
            "looks like a project of VIA, which no reader reads",
            "export it as COCO from VIA",
        )
    if has("shapes", "imagePath") or has("shapes", "imageHeight"):
        return Likeness(
            "looks like a file of LabelMe, and the reader labelme found no image",
            "copy the image beside it; `labelme_export_json FILE` writes one that is inside the file",
        )
    if has("coordinates", "label") and has("image"):
        return Likeness(
            "looks like labels of CreateML, which no reader reads",
            "export them as COCO",
        )
    if has("type", "features") and has("geometry"):
        return Likeness(
            "looks like GeoJSON, which no reader reads",
            "convert the shapes to pixels, as COCO",
        )
    keys = [key for key in ("images", "annotations", "categories") if has(key)]
    if keys:
        lacking = [
            key for key in ("images", "annotations", "categories") if key not in keys
        ]
        what = f"has {', '.join(keys)}" + (
            f" and not {', '.join(lacking)}" if lacking else ""
        )
        return Likeness(
            f"the reader coco came nearest: the file {what} in its first and last part",
            "COCO needs `images`, `annotations` and `categories`: export it again",
        )
    if text.startswith("[") and has("image"):
        return Likeness(
            "the reader label_studio came nearest: a list, whose entries have no `data` with `annotations`",
            "export the project in the format 'JSON'",
        )
    return Likeness(
        "JSON of no form that a reader knows",
        "COCO needs `images`, `annotations` and `categories`: check it, or remove it",
    )


def _look_at_xml(path: str, head: bytes) -> Likeness | None:
    text = head.decode("utf-8-sig", errors="replace")
    root = re.search(r"<\s*([A-Za-z_][\w.-]*)", re.sub(r"<[?!][^>]*>", "", text))
    if not root:
        return None
    if root[1] == "annotation":
        return Likeness(
            "looks like an annotation of Pascal VOC, and the reader voc found no image of its name",
            "copy the image to its place: `JPEGImages/a.jpg` for `Annotations/a.xml`, or both in one folder",
        )
    return Likeness(
        f"XML with <{root[1][:40]}>: no reader knows it",
        "give labels as VOC or CVAT XML, or remove it",
    )


def _look_at_yaml(path: str, head: bytes) -> Likeness | None:
    if re.search(rb"^(?:\xef\xbb\xbf)?(names|nc)\s*:", head, re.MULTILINE):
        return Likeness(
            "looks like the description of a YOLO dataset, and the reader yolo found no labels that it describes",
            "put it above the folders `images/` and `labels/`",
        )
    if re.search(rb"^cam\d+:", head, re.MULTILINE) and b"camera_model" in head:
        return Likeness(
            "a chain of cameras of Kalibr that lies beside no image folder without labels: only there it is read",
            "put it beside the folders cam0, cam1, ... of its images",
        )
    return Likeness(
        "YAML of no form that a reader knows",
        "give calibrations as OpenCV YAML beside their images or as CameraCalibration in an MCAP file, or remove it",
    )


def _look_at_names(path: str, head: bytes) -> Likeness | None:
    return Likeness(
        f"{name_of(path)} describes a dataset of Darknet, and the reader yolo found no labels that it describes",
        "put it beside or above the folder with images and label files",
    )


_BY_SUFFIX: dict[str, Callable[[str, bytes], Likeness | None]] = {
    ".txt": _look_at_text,
    ".log": _look_at_text,
    ".ini": _look_at_settings,
    ".csv": _look_at_table,
    ".tsv": _look_at_table,
    ".json": _look_at_json,
    ".xml": _look_at_xml,
    ".yml": _look_at_yaml,
    ".yaml": _look_at_yaml,
    ".names": _look_at_names,
    ".data": _look_at_names,
}
