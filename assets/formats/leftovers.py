"""Say why nobody reads a file, and what its owner can do about it."""

from __future__ import annotations

import re
from collections.abc import Mapping

from assets.formats.images.image_headers import read_header
from assets.formats.images.opencv_calibration import explain_storage
from assets.formats.layout import (
    IMAGE_SUFFIXES,
    is_document,
    is_hidden,
    is_mask_path,
    is_unfinished,
    name_of,
    stem_of,
    suffix_of,
)
from assets.formats.lookalikes import LOOK_BYTES, find_likeness
from assets.formats.protocol import (
    Leftover,
    Opener,
    UnreadableBytes,
    explain_pointer,
    open_checked,
    read_head,
)
from assets.storage import SessionFile

LABEL_READERS = frozenset(
    {
        "coco",
        "cvat",
        "kitti_object",
        "label_studio",
        "labelme",
        "open_images",
        "supervisely",
        "voc",
        "yolo",
    }
)
FRAME_LABELLERS = LABEL_READERS | {"class_masks"}  # whose pictures may be stored frames
_AS_JPEG_OR_PNG = "convert it to JPEG or PNG"
_AS_CLASS_MASKS = "give masks as 8-bit PNGs of class ids named like their images, or as COCO segmentations"
_TAKEN = "named like an image that the reader {taker} took with labels of another export: one export is read"
_LAND_APART = (
    "land it with its images as a session of its own: labels of equal pictures are joined, and a check names where "
    "they differ"
)
_AS_DEPTH = (
    "convert it with the tools of its data set to a 16-bit PNG (NYU Depth: raw disparities of a Kinect, "
    "bytes swapped)"
)
_DEEP_PGM = re.compile(
    rb"P5\s+(#[^\n]*\n\s*)*\d+\s+\d+\s+(\d{4,}|2[6-9]\d|25[6-9]|[3-9]\d\d)\s"
)  # above 255
_AS_VIDEO = "convert it with `ffmpeg -i FILE -c:v ffv1 NEW.mkv`"
_AS_PCD = "write its points as PCD, one file a scan, with `x y z` in metres in the sensor's frame"
_AS_WHOLE_DATABASE = (
    "write what it holds into its database with `sqlite3 FILE.db3 'PRAGMA wal_checkpoint(TRUNCATE)'`, and land that "
    "again"
)
_REMEDIES = {
    **dict.fromkeys(
        (".jp2", ".j2k", ".psd", ".sgi", ".dds", ".pcx"),
        _AS_JPEG_OR_PNG,
    ),
    **dict.fromkeys((".fits", ".ppm", ".pgm", ".fli", ".eps"), _AS_JPEG_OR_PNG),
    **dict.fromkeys(
        (".mpg", ".mpeg", ".wmv", ".flv", ".ts", ".ogv", ".h264", ".h265"), _AS_VIDEO
    ),
    **dict.fromkeys((".db3-wal", ".db3-journal", ".db3-shm"), _AS_WHOLE_DATABASE),
    ".bin": "scans of KITTI belong into a folder `velodyne`, those of nuScenes end in `.pcd.bin`; write others as PCD",
    **dict.fromkeys((".ply", ".las", ".laz", ".e57", ".pts", ".xyz"), _AS_PCD),
    **dict.fromkeys((".zst", ".zstd"), "unpack it with `zstd -d FILE`"),
    **dict.fromkeys(
        (".gz", ".7z", ".rar", ".bz2", ".xz"),
        "unpack it, or repack it as zip, tar or tar.gz",
    ),
}
_UNFINISHED = (
    "still being copied or downloaded, by its name",
    "let that end: it is taken in under the name that it gets then; or remove it",
)
_OTHER_REMEDY = "convert it to a format that is read, or remove it"


def explain_leftover(
    file: SessionFile, opener: Opener, pictures: Mapping[str, str] | None = None
) -> Leftover:
    """The reason and the remedy for a file that no reader claimed. `pictures`: name without ending of each image of the
    session -> the reader that took it.
    """
    if is_hidden(file.path):
        return Leftover(file, "hidden file", "", is_document=True)
    if is_unfinished(file.path):
        return Leftover(file, *_UNFINISHED, is_document=False)
    if is_document(file.path):
        return Leftover(file, "documentation", "", is_document=True)
    if name_of(file.path) == "metadata.yaml" and _describes_bag(file, opener):
        return Leftover(file, "description of a rosbag2 folder", "", is_document=True)
    reason, remedy = _explain_data(file, opener, pictures or {})
    return Leftover(file, reason, remedy, is_document=False)


def _describes_bag(file: SessionFile, opener: Opener) -> bool:
    try:
        return read_head(file, opener).lstrip().startswith(b"rosbag2_bagfile_info")
    except UnreadableBytes:
        return False


def _explain_data(
    file: SessionFile, opener: Opener, pictures: Mapping[str, str]
) -> tuple[str, str]:
    try:
        head = read_head(file, opener)
    except UnreadableBytes as error:
        return error.reason, error.remedy
    pointer = explain_pointer(head)
    if pointer:
        return pointer
    suffix = suffix_of(file.path)
    if suffix == ".pgm" and _DEEP_PGM.match(head):
        return (
            "a PGM of 16-bit values, and nothing in it says what they count or in which byte order",
            _AS_DEPTH,
        )
    taker = pictures.get(stem_of(file.path))
    if suffix in IMAGE_SUFFIXES and is_mask_path(file.path):
        if taker in LABEL_READERS and _may_hold_class_ids(head):
            return f"label image (mask) {_TAKEN.format(taker=taker)}", _LAND_APART
        return (
            "label image (mask) that is no 8-bit PNG of class ids, or has no image of its name",
            _AS_CLASS_MASKS,
        )
    storage = explain_storage(file, opener)
    if storage:
        return storage
    if taker in LABEL_READERS and suffix in (".txt", ".xml"):
        return _TAKEN.format(taker=taker), _LAND_APART
    likeness = find_likeness(file.path, _read_more(file, opener))
    if likeness:
        return likeness.reason, likeness.remedy
    return f"no reader for {suffix or 'files without an ending'} yet", _REMEDIES.get(
        suffix, _OTHER_REMEDY
    )


def _may_hold_class_ids(head: bytes) -> bool:
    """Whether an image is of the kind that the reader of label images takes."""
    header = read_header(head)
    return (
        header is not None
        and header.encoding == "png"
        and header.channels == 1
        and header.bits <= 8
    )


def _read_more(file: SessionFile, opener: Opener) -> bytes:
    """The first and the last bytes: some forms say only at their end what they are."""
    try:
        with open_checked(file, opener) as stream:
            head = stream.read(LOOK_BYTES)
            if suffix_of(file.path) == ".json" and file.size_bytes > LOOK_BYTES:
                stream.seek(max(LOOK_BYTES, file.size_bytes - LOOK_BYTES))
                head += stream.read(LOOK_BYTES)
            return head
    except UnreadableBytes:
        return b""
