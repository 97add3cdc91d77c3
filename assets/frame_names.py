"""What the file name of a picture says of the stored frame that it shows: its id, or its sensor and time."""

from __future__ import annotations

import re

from assets.tables.rows import FrameRow

MANIFEST = "README-frames.csv"  # of an export; a document to intake: no data lies in it
_ID = re.compile(r"(?<![0-9a-f])[0-9a-f]{32}(?![0-9a-f])")
_STAMP = re.compile(r"(.*?)(?<!\d)(\d{10,19})", re.DOTALL)
_NOT_OF_A_NAME = re.compile(r"[^0-9A-Za-z]+")
_MAX_STAMP_NS = (1 << 63) - 1
_MOST_CHARACTERS = 60  # of a session or a sensor


def name_picture(frame: FrameRow, suffix: str) -> str:
    """`SESSION_SENSOR_FRAME-ID.jpg`: letters, digits and `_` alone, which every labelling tool leaves as they are."""
    parts = (fold_name(frame["session"]), fold_name(frame["sensor"]))
    readable = "_".join(part[:_MOST_CHARACTERS] for part in parts if part)
    return f"{readable}_{frame['frame_id']}{suffix}"


def list_frame_ids(name: str) -> list[str]:
    """What may be ids of frames in a file name, the last first: tools put their own before it."""
    return _ID.findall(name)[::-1]


def split_stamp(path: str) -> tuple[str, int] | None:
    """(`cam_left`, t_ns) of `cam-left_1700000000000000000.jpg` or `cam_left/1700000000000000000.png`: what stands
    before the stamp, folded, and the stamp in ns. None for a path that does not end with a stamp and a suffix.
    """
    match = _STAMP.fullmatch(path.replace("\\", "/").rpartition(".")[0])
    if match is None or int(match[2]) > _MAX_STAMP_NS:
        return None
    return fold_name(match[1]), int(match[2])


def fold_name(text: str) -> str:
    """A session's or a sensor's name as it stands in file names: `/camera/left` is `camera_left`."""
    return _NOT_OF_A_NAME.sub("_", text).strip("_")
