"""Open the original of a sealed frame for a person, who is written down with the reason before anything is opened."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2

from assets.audit import Act, note
from assets.images import decode_rgb
from assets.privacy.keys import SealKeys
from assets.privacy.sealing import unseal
from assets.tables.catalog import Catalog, repr_sql
from assets.tables.schemas import TABLES, content_id, to_table
from assets.video_frames import unpack

_LOG = "unsealings"


@dataclass(frozen=True)
class Asked:
    """Who asks for the original of a frame, why, and when (UTC since 1970)."""

    frame_id: str
    who: str
    reason: str
    at_ns: int

    def __post_init__(self) -> None:
        if not self.reason.strip():
            raise ValueError("a reason is asked for, and kept: give --because TEXT")


@dataclass(frozen=True)
class Original:
    """The picture as it came; of a frame of a video, as PNG."""

    session: str
    content: bytes
    encoding: str


def open_original(catalog: Catalog, keys: SealKeys, asked: Asked) -> Original:
    """Raises ValueError for a frame that is not sealed, SealKeyMissing without the key: that it was tried is kept."""
    where = f"frame_id = {repr_sql(asked.frame_id)}"
    rows = catalog.read_latest("sealed_frames", where=where).to_pylist()
    if not rows:
        raise ValueError(
            f"frame '{asked.frame_id}' is not sealed: `daguerre query \"select frame_id, session from sealed_frames\"` "
            "lists those that are"
        )
    (row,) = rows
    note(keys.home, Act("unseal", asked.who, f"frame {asked.frame_id}", asked.reason))
    _write_down(catalog, asked, row["session"])
    payload = unseal(keys, row)
    if row["encoding"] != "video":
        return Original(row["session"], payload, row["encoding"])
    (image,) = unpack(catalog, [payload])
    pixels = decode_rgb(image)[..., ::-1]
    return Original(row["session"], cv2.imencode(".png", pixels)[1].tobytes(), "png")


def _write_down(catalog: Catalog, asked: Asked, session: str) -> None:
    row: dict[str, Any] = {
        "unsealing_id": content_id(
            "unsealing", asked.frame_id, asked.who, asked.reason, asked.at_ns
        ),
        "frame_id": asked.frame_id,
        "session": session,
        "who": asked.who,
        "reason": asked.reason,
        "unsealed_ns": asked.at_ns,
    }
    catalog.merge(_LOG, to_table(TABLES[_LOG], [row]))
    catalog.sync([_LOG])
