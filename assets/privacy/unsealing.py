"""Open a sealed original, of a frame or a recording, for a person: who, when and why are written down before it is."""

from __future__ import annotations

from dataclasses import dataclass
from io import BytesIO
from typing import Any, BinaryIO

import cv2

from assets.audit import Act, note
from assets.images import decode_depth, decode_rgb
from assets.privacy.keys import SealKeys
from assets.privacy.recordings import TABLE, OpenedRecordings
from assets.privacy.sealing import unseal
from assets.tables.catalog import Catalog, repr_sql
from assets.tables.schemas import TABLES, content_id, to_table
from assets.video_frames import unpack

_LOG = "unsealings"

Row = dict[str, Any]


@dataclass(frozen=True)
class Asked:
    """Who asks for the original of what, by the id of a frame or of a capture, why, and when (UTC since 1970)."""

    named: str
    who: str
    reason: str
    at_ns: int

    def __post_init__(self) -> None:
        if not self.reason.strip():
            raise ValueError("a reason is asked for, and kept: give --because TEXT")


@dataclass(frozen=True)
class Original:
    """The bytes as they came: a picture, of a frame of a video as PNG, or the whole file of a recording.

    `kind` is "frame" or "recording", `encoding` that of the picture, or the reader of the recording.
    """

    session: str
    kind: str
    stream: BinaryIO
    encoding: str


def open_original(catalog: Catalog, keys: SealKeys, asked: Asked) -> Original:
    """Raises ValueError for what is not sealed, SealKeyMissing without the key: that it was tried is kept."""
    frame = _find_frame(catalog, asked.named)
    if frame:
        _write_down(catalog, keys, asked, frame["session"], "frame")
        return _open_frame(catalog, keys, frame)
    recording = _find_recording(catalog, asked.named)
    if recording:
        _write_down(catalog, keys, asked, recording["session"], "recording")
        stream = OpenedRecordings(catalog, keys).open(recording["sha256"])
        return Original(recording["session"], "recording", stream, recording["reader"])
    raise ValueError(
        f"'{asked.named}' is no sealed frame or recording: `daguerre query \"select frame_id, session from "
        f'sealed_frames"` lists frames, and "select capture_id, session from {TABLE}" recordings'
    )


def _find_frame(catalog: Catalog, frame_id: str) -> Row | None:
    where = f"frame_id = {repr_sql(frame_id)}"
    rows = catalog.read_latest("sealed_frames", where=where).to_pylist()
    return rows[0] if rows else None


def _find_recording(catalog: Catalog, capture_id: str) -> Row | None:
    """The row of the capture that is a sealed file."""
    where = f"capture_id = {repr_sql(capture_id)}"
    columns = ["session", "sha256", "reader"]
    sealed = catalog.read_latest(TABLE, ["original_sha256"], where)
    for row in catalog.read_latest("captures", columns, where).to_pylist():
        if row["sha256"] in sealed["original_sha256"].to_pylist():
            return row
    return None


def _open_frame(catalog: Catalog, keys: SealKeys, row: Row) -> Original:
    payload, encoding = unseal(keys, row), row["encoding"]
    if encoding == "video":
        (image,) = unpack(catalog, [payload], OpenedRecordings(catalog, keys))
        is_depth = getattr(image, "dtype", None) == "uint16"
        pixels = decode_depth(image) if is_depth else decode_rgb(image)[..., ::-1]
        payload, encoding = cv2.imencode(".png", pixels)[1].tobytes(), "png"
    return Original(row["session"], "frame", BytesIO(payload), encoding)


def _write_down(
    catalog: Catalog, keys: SealKeys, asked: Asked, session: str, kind: str
) -> None:
    note(keys.home, Act("unseal", asked.who, f"{kind} {asked.named}", asked.reason))
    row: Row = {
        "unsealing_id": content_id(
            "unsealing", asked.named, asked.who, asked.reason, asked.at_ns
        ),
        "frame_id" if kind == "frame" else "capture_id": asked.named,
        "session": session,
        "who": asked.who,
        "reason": asked.reason,
        "unsealed_ns": asked.at_ns,
    }
    catalog.merge(_LOG, to_table(TABLES[_LOG], [row]))
    catalog.sync([_LOG])
