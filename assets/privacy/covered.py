"""Cover what the policy of a session names in its frames: found, followed, drawn by hand, or labelled.

The sealed originals of one sensor of a capture are read twice: once to find faces in all of them, since who was seen
before and after was there between, and once more to cover it. A frame in which nothing is to be covered holds the
pixels that it came with, without what a camera wrote beside them; one of a video is a picture from then on, since its
recording is sealed. Rows say what was done, and what of it is out of date.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from assets.formats.images.exif import strip_metadata
from assets.images import Payload, decode_depth, decode_rgb
from assets.privacy.blanks import DEPTH_ENCODING, ENCODING
from assets.privacy.keys import SealKeys
from assets.privacy.policy import PrivacyPolicy
from assets.privacy.recordings import OpenedRecordings
from assets.privacy.sealing import unseal
from assets.tables.catalog import Catalog, is_in
from assets.tables.schemas import TABLES, to_table
from assets.video_frames import unpack
from models.faces.covering import cover, cover_depth, find_cover, widen
from models.faces.found import Faces, Floats, join
from models.faces.tiles import Detector

LOSSLESS = ("png", "bmp", "tiff", "gif")  # are written as PNG, others as JPEG
_JPEG_QUALITY = 95
_BATCH_PIXELS = 32 << 20  # decoded at once: 96 MiB of RGB
_MOST_FRAMES = 32

Row = dict[str, Any]


@dataclass(frozen=True)
class Stream:
    """The frames of one sensor of a capture, in order: rows of `frames` without payloads.

    By frame id: `encodings` are those that they came in; `given` are boxes (N, 4) px, of a colour frame those of labels
    of the policy's classes, of a depth image those that are covered in the colour frames of its time.
    """

    frames: Sequence[Row]
    encodings: dict[str, str]
    originals: dict[str, str]  # sha256
    given: dict[str, Floats]

    @property
    def is_depth(self) -> bool:
        """Whether it is of depth images."""
        return bool(self.frames[0]["kind"] == "depth")

    def name_input(self, frame_id: str) -> str:
        """sha256 of what a frame came with, and of the boxes that are given for it, where there are any."""
        original = self.originals[frame_id]
        if frame_id not in self.given:
            return original
        boxes = self.given[frame_id].tobytes()
        return hashlib.sha256(original.encode() + boxes).hexdigest()


@dataclass(frozen=True)
class Covering:
    """Covers the frames of streams, and writes `frames` and `anonymised_frames`."""

    catalog: Catalog
    keys: SealKeys
    policy: PrivacyPolicy
    lookers: tuple[Detector, ...]  # each for images of any size
    made_by: str  # their `code_version`

    @cached_property
    def recordings(self) -> OpenedRecordings:
        """What frames of videos lie in."""
        return OpenedRecordings(self.catalog, self.keys)

    def cover_stream(
        self,
        stream: Stream,
        holding: AbstractContextManager[Any],
        on_frame: Callable[[int], None],
    ) -> int:
        """Write the covered pictures of one stream, while `holding` keeps others from its capture; how many.

        Raises SealKeyMissing without the key that they were sealed under.
        """
        from models.faces.following import fill_gaps

        found = list(self._find(stream, on_frame))
        faces, num_followed = fill_gaps(found)
        counts = [
            {"num_found": len(mine), "num_followed": filled}
            for mine, filled in zip(found, num_followed, strict=True)
        ]
        with holding:
            for at in _batch(stream.frames):
                self._write(stream, at, faces[at], counts[at])
                on_frame(at.stop - at.start)
        return len(stream.frames)

    def _find(self, stream: Stream, on_frame: Callable[[int], None]) -> Iterator[Faces]:
        """The faces and plates of each frame."""
        if stream.is_depth or not self.lookers:
            yield from (join([]) for _ in stream.frames)
            return
        from models.faces.watching import watch  # loads SciPy

        def look(image_rgb: NDArray[np.uint8]) -> Faces:
            return join([looker(image_rgb) for looker in self.lookers])

        yield from watch(self._decode_all(stream, on_frame), look)

    def _decode_all(
        self, stream: Stream, on_frame: Callable[[int], None]
    ) -> Iterator[NDArray[np.uint8]]:
        for at in _batch(stream.frames):
            yield from self._decode(stream.frames[at])
            on_frame(at.stop - at.start)

    def _write(
        self, stream: Stream, at: slice, faces: Sequence[Faces], counts: Sequence[Row]
    ) -> None:
        """Frames first: a row of `anonymised_frames` says of a frame that it is done."""
        some = stream.frames[at]
        held = self._read_originals(some)
        areas = [
            self._list_areas(stream, frame, found)
            for frame, found in zip(some, faces, strict=True)
        ]
        shown = [
            self._show(stream, frame, payload, boxes)
            for frame, payload, boxes in zip(some, held, areas, strict=True)
        ]
        stored = self._read_rows(some)
        self.catalog.upsert(
            "frames",
            to_table(
                TABLES["frames"],
                [
                    stored[frame["frame_id"]] | new
                    for frame, new in zip(some, shown, strict=True)
                    if frame["frame_id"] in stored  # not forgotten meanwhile
                ],
            ),
        )
        rows = [
            self._sum_up(stream, frame, boxes, new["sha256"], said)
            for frame, boxes, new, said in zip(some, areas, shown, counts, strict=True)
            if frame["frame_id"] in stored
        ]
        table = TABLES["anonymised_frames"]
        self.catalog.upsert(table.name, to_table(table, rows))

    def _list_areas(self, stream: Stream, frame: Row, faces: Faces) -> Floats:
        """(N, 4) px: faces with their margin, then regions of the sensor, then what is given; clipped to the frame."""
        regions = np.array(self.policy.regions.get(frame["sensor"], ()), np.float64)
        boxes = np.concatenate(
            [
                widen(faces.boxes_xyxy),
                regions.reshape(-1, 4),
                stream.given.get(frame["frame_id"], np.zeros((0, 4))),
            ]
        )
        clipped = Faces(boxes, np.ones(len(boxes)))
        return clipped.clip(frame["width_px"], frame["height_px"]).boxes_xyxy

    def _show(self, stream: Stream, frame: Row, payload: bytes, boxes: Floats) -> Row:
        """The columns of `frames` that hold the picture."""
        came_in = stream.encodings[frame["frame_id"]]
        shown = None if len(boxes) else _strip(payload, came_in)
        if shown is not None:
            encoding = came_in
        else:
            (image,) = unpack(self.catalog, [payload], self.recordings)
            draw = draw_depth if stream.is_depth else draw_color
            shown, encoding = draw(image, boxes, came_in)
        return {
            "payload": shown,
            "sha256": hashlib.sha256(shown).hexdigest(),
            "encoding": encoding,
        }

    def _sum_up(
        self, stream: Stream, frame: Row, boxes: Floats, sha256: str, said: Row
    ) -> Row:
        is_covered = find_cover(frame["width_px"], frame["height_px"], boxes)
        given = () if stream.is_depth else stream.given.get(frame["frame_id"], ())
        return {
            **{c: frame[c] for c in ("frame_id", "capture_id", "session", "sensor")},
            **said,
            "num_regions": len(self.policy.regions.get(frame["sensor"], ())),
            "num_labelled": len(given),
            "boxes_xyxy": boxes.reshape(-1).tolist(),
            "covered_share": float(is_covered.mean()),
            "sha256": sha256,
            "input_sha256": stream.name_input(frame["frame_id"]),
            "code_version": self.made_by,
        }

    # ---- reading -----------------------------------------------------------------------------------------------------

    def _decode(self, frames: Sequence[Row]) -> Iterator[NDArray[np.uint8]]:
        """(H, W, 3) RGB of each, as it came."""
        payloads = self._read_originals(frames)
        for image in unpack(self.catalog, payloads, self.recordings):
            yield decode_rgb(image)

    def _read_originals(self, frames: Sequence[Row]) -> list[bytes]:
        """What these frames held when they came."""
        ids = [frame["frame_id"] for frame in frames]
        rows = self.catalog.read_latest("sealed_frames", where=is_in("frame_id", ids))
        opened = {row["frame_id"]: unseal(self.keys, row) for row in rows.to_pylist()}
        return [opened[frame_id] for frame_id in ids]

    def _read_rows(self, frames: Sequence[Row]) -> dict[str, Row]:
        """All columns of `frames` as they are now, by id."""
        ids = [frame["frame_id"] for frame in frames]
        rows = self.catalog.read_latest("frames", where=is_in("frame_id", ids))
        return {row["frame_id"]: row for row in rows.to_pylist()}


def draw_color(image: Payload, boxes_xyxy: Floats, came_in: str) -> tuple[bytes, str]:
    """The covered picture and its encoding: PNG for what came in without loss, else JPEG."""
    pixels = cover(decode_rgb(image), boxes_xyxy)[..., ::-1]
    if came_in in LOSSLESS:
        return cv2.imencode(".png", pixels)[1].tobytes(), "png"
    quality = [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY]
    return cv2.imencode(".jpg", pixels, quality)[1].tobytes(), ENCODING


def draw_depth(image: Payload, boxes_xyxy: Floats, _: str) -> tuple[bytes, str]:
    """The covered depth image, as PNG of 16 bits, whatever it came in."""
    pixels = cover_depth(decode_depth(image), boxes_xyxy)
    return cv2.imencode(".png", pixels)[1].tobytes(), DEPTH_ENCODING


def _strip(payload: bytes, came_in: str) -> bytes | None:
    """The same picture without metadata; None where it has to be drawn anew for that."""
    try:
        return strip_metadata(payload, came_in)
    except ValueError:  # another encoding, or not built as its name says
        return None


def _batch(frames: Sequence[Row]) -> Iterator[slice]:
    """Frames one after another that fit in memory together."""
    start = held = 0
    for at, frame in enumerate(frames):
        pixels = frame["width_px"] * frame["height_px"]
        if at > start and (held + pixels > _BATCH_PIXELS or at - start == _MOST_FRAMES):
            yield slice(start, at)
            start, held = at, 0
        held += pixels
    if start < len(frames):
        yield slice(start, len(frames))
