"""What a session's frames must be: readable, unchanged, calibrated, and all there."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator
from typing import Any, Protocol

import pyarrow as pa

from assets.causes import AND_ALIKE, group_by_cause
from assets.formats import can_carry
from assets.formats.annotations.label_book import DISAGREE
from assets.formats.archives.archive import READ_AS
from assets.images import Payload, decode_depth, decode_rgb
from assets.sandbox.video_places import is_place
from assets.tables.catalog import Catalog
from assets.video_frames import unpack
from checks.stored_rows import RowStream
from checks.verdicts import (
    MAX_EXAMPLES,
    NEVER_BLOCKS,
    Rule,
    Tolerance,
    Verdict,
    judge_share,
    nothing_checked,
)

UNREADABLE = Tolerance(warn_above=0.0, block_above=0.2)
NUM_DECODED = 64  # frames decoded per session: enough to meet a codec that the engine lacks, at about 2 ms a frame
_QUOTED = re.compile(r"'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"")  # as `repr` has it
_EVERY_OF_VIDEOS = 8  # of the sampled frames
_IMAGE_SUFFIXES = (
    "jpg",
    "jpeg",
    "jfif",
    "png",
    "bmp",
    "gif",
    "webp",
    "heic",
    "heif",
    "avif",
    "tif",
    "tiff",
    "ppm",
    "pgm",
    "pnm",
    "jp2",
    "psd",
)


class Rows(Protocol):
    """Rows that may be too many for memory: a `pa.Table`, or a stored table read batch by batch."""

    def __len__(self) -> int: ...

    def to_batches(self) -> Iterator[pa.RecordBatch] | list[pa.RecordBatch]:
        """All rows, a batch at a time."""


def images_are_readable(frames: pa.Table, quarantine: pa.Table) -> Verdict:
    """Every image that arrived could be decoded; at most a fifth may be in quarantine."""
    refused = [row for row in quarantine.to_pylist() if _is_image(row)]
    examples = [
        f"{row['source_path']} at byte {row['source_offset']}: {row['reason']}"
        for row in refused
    ]
    return judge_share(
        "images_are_readable",
        num_checked=len(frames) + len(refused),
        offenders=examples,
        of="images",
        fault="could not be read and are in quarantine",
        tolerance=UNREADABLE,
    )


def frames_match_their_hashes(frames: Rows) -> Verdict:
    """The bytes of every frame have the sha256 that was noted when they were read."""
    changed = []
    num_bytes = 0
    for row in _each(frames, "frame_id", "sha256", "payload"):
        num_bytes += len(row["payload"] or b"")
        if hashlib.sha256(row["payload"] or b"").hexdigest() != row["sha256"]:
            changed.append(row["frame_id"])
    return judge_share(
        "frames_match_their_hashes",
        num_checked=len(frames),
        offenders=changed,
        of="frames",
        fault="hold other bytes than were taken in",
        figures={"num_bytes": num_bytes},
    )


def frames_decode_to_their_size(frames: Rows) -> Verdict:
    """Frames decode to the width and height in their row (a sample spread over the session).

    Of frames of stored videos, which take the decoding of those before them, fewer are sampled.
    """
    every = max(1, -(-len(frames) // NUM_DECODED))
    sample = _each(
        frames, "frame_id", "kind", "width_px", "height_px", "payload", every=every
    )
    faults = [(row["frame_id"], fault) for row, fault in _decode_each(frames, sample)]
    return judge_share(
        "frames_decode_to_their_size",
        num_checked=len(faults),
        offenders=[f"{i}: {f}" for i, f in faults if f],
        of="sampled frames",
        fault="do not decode to the size in their row",
        figures={"num_frames": len(frames)},
    )


def frames_have_calibration(
    frames: pa.Table, calibrations: pa.Table, captures: pa.Table
) -> Verdict:
    """Every camera of a capture whose format can carry calibrations has one.

    A capture with some cameras calibrated and others not is broken and blocks; one without any is told, as images alone
    are enough for recognition and detection. Told alike are cameras without one where the format does not ask for any.
    """
    known = set(
        zip(
            calibrations["capture_id"].to_pylist(),
            calibrations["sensor"].to_pylist(),
            strict=True,
        )
    )
    partly = {capture_id for capture_id, _ in known}
    able = {r["capture_id"] for r in captures.to_pylist() if _can_be_calibrated(r)}
    cameras = sorted(
        set(
            zip(
                frames["capture_id"].to_pylist(),
                frames["sensor"].to_pylist(),
                strict=True,
            )
        )
    )
    concerned = [camera for camera in cameras if camera[0] in able | partly]
    missing = [camera for camera in concerned if camera not in known]
    is_broken = any(capture_id in able & partly for capture_id, _ in missing)
    return judge_share(
        "frames_have_calibration",
        num_checked=len(concerned),
        offenders=[
            f"{sensor} of capture {capture_id}" for capture_id, sensor in missing
        ],
        of="cameras",
        fault="have no calibration",
        tolerance=Tolerance() if is_broken else NEVER_BLOCKS,
        empty_reason="these formats carry no calibration" if cameras else None,
    )


def captures_hold_what_they_counted(captures: pa.Table, frames: pa.Table) -> Verdict:
    """Every capture has as many frames in the table as intake counted."""
    found = {
        r["values"]: r["counts"]
        for r in frames["capture_id"].value_counts().to_pylist()
    }
    examples = [
        f"capture {r['capture_id']} ({r['path']}): {found.get(r['capture_id'], 0)} of {r['num_frames']} frames"
        for r in captures.to_pylist()
        if found.get(r["capture_id"], 0) != r["num_frames"]
    ]
    return judge_share(
        "captures_hold_what_they_counted",
        num_checked=len(captures),
        offenders=examples,
        of="captures",
        fault="have another number of frames than intake counted",
        figures={"num_frames": len(frames)},
    )


def no_record_was_refused(quarantine: pa.Table) -> Verdict:
    """Nothing of this session is in quarantine. Never blocks: it lists what a person should look at."""
    name = "no_record_was_refused"
    rows = quarantine.to_pylist()
    if not rows:
        return nothing_checked(name, "records in quarantine")
    causes = group_by_cause(rows, lambda row: (row["reason"],))
    shown = "; ".join(
        f"{len(mine)} x {mine[0]['reason']}" + AND_ALIKE * (len(mine) > 1)
        for mine in causes[:3]
    )
    examples = [
        f"{row['source_path']}: {row['reason']}; {row['remedy']}"
        for row in rows[:MAX_EXAMPLES]
    ]
    num_files = len({row["source_path"].split("!/", 1)[0] for row in rows})
    figures = {
        "num_causes": len(causes),
        "num_files": num_files,
    }
    return Verdict(
        name,
        False,
        False,
        f"{len(rows)} records of {num_files} {'file' if num_files == 1 else 'files'} are in quarantine: {shown}",
        len(rows),
        figures,
        tuple(examples),
    )


def label_files_agree(quarantine: pa.Table) -> Verdict:
    """No two label files of a session say different things of a picture. Never blocks: the labels of the first stand,
    and such pictures stay out of releases."""
    name = "label_files_agree"
    if not len(quarantine):
        return nothing_checked(name, "records in quarantine")
    told = [
        reason.removeprefix(DISAGREE)
        for reason in quarantine["reason"].to_pylist()
        if reason.startswith(DISAGREE)
    ]
    if not told:
        text = "nothing in quarantine is of label files that disagree"
        return Verdict(name, True, False, text, len(quarantine), {"num_pictures": 0})
    found = [_QUOTED.match(reason) for reason in told]
    pictures = {match[0] for match in found if match}
    some = "; ".join(reason.split(" only ")[0] for reason in told[:2])
    return Verdict(
        name,
        False,
        False,
        f"label files disagree on {len(pictures)} pictures, which stay out of releases: {some}",
        len(told),
        {"num_pictures": len(pictures)},
        tuple(told[:MAX_EXAMPLES]),
    )


CAPTURE_RULES = (
    Rule(
        captures_hold_what_they_counted,
        {"captures": ("capture_id", "path", "num_frames"), "frames": ("capture_id",)},
    ),
)
FRAME_RULES = (
    Rule(
        images_are_readable,
        {
            "frames": ("frame_id",),
            "quarantine": ("source_path", "source_offset", "sensor", "reason"),
        },
    ),
    Rule(
        frames_match_their_hashes,
        {"frames": ("frame_id", "sha256", "payload")},
        by_batch="frames",
    ),
    Rule(
        frames_decode_to_their_size,
        {"frames": ("frame_id", "kind", "width_px", "height_px", "payload")},
        by_batch="frames",
    ),
    Rule(
        frames_have_calibration,
        {
            "frames": ("capture_id", "sensor"),
            "calibrations": ("capture_id", "sensor"),
            "captures": ("capture_id", "reader", "notes"),
        },
    ),
)
QUARANTINE_RULES = (
    Rule(no_record_was_refused, {"quarantine": ("source_path", "reason", "remedy")}),
    Rule(label_files_agree, {"quarantine": ("reason",)}),
)


def _can_be_calibrated(capture: dict[str, Any]) -> bool:
    """By its format; of an archive by those of what is in it."""
    inside = json.loads(capture["notes"] or "{}").get(READ_AS)
    return all(
        can_carry(reader, "calibration")
        for reader in (inside.split(", ") if inside else [capture["reader"]])
    )


def _is_image(problem: dict[str, Any]) -> bool:
    """A refused record was an image when its name says so, or when it came from a camera's stream and is no label."""
    suffix = problem["source_path"].rsplit(".", 1)[-1].lower()
    # a mask, or a label whose frame is not there
    is_label = problem["reason"].startswith("label ")
    return not is_label and (suffix in _IMAGE_SUFFIXES or problem["sensor"] is not None)


def _decode_each(
    frames: Rows, sample: Iterator[dict[str, Any]]
) -> Iterator[tuple[dict[str, Any], str | None]]:
    """(row, what is wrong with its image). A video lies in the blob store of the catalog that `frames` is in."""
    num_of_videos = 0
    for row in sample:
        if not is_place(row["payload"]):
            yield row, _find_decoding_fault(row, row["payload"])
            continue
        num_of_videos += 1
        if num_of_videos % _EVERY_OF_VIDEOS == 1:
            assert isinstance(frames, RowStream)
            yield row, _find_video_fault(frames.catalog, row)


def _find_video_fault(catalog: Catalog, row: dict[str, Any]) -> str | None:
    try:
        (image,) = unpack(catalog, [row["payload"]])
    except (ValueError, FileNotFoundError) as error:
        return str(error)
    return _find_decoding_fault(row, image)


def _find_decoding_fault(row: dict[str, Any], image: Payload) -> str | None:
    decode = decode_depth if row["kind"] == "depth" else decode_rgb
    try:
        height_px, width_px = decode(image).shape[:2]
    except ValueError as error:
        return str(error)
    if (width_px, height_px) != (row["width_px"], row["height_px"]):
        return f"{width_px} x {height_px} px, its row says {row['width_px']} x {row['height_px']}"
    return None


def _each(rows: Rows, *columns: str, every: int = 1) -> Iterator[dict[str, Any]]:
    """Every n-th row as a dictionary, one payload in memory at a time."""
    position = 0
    for batch in rows.to_batches():
        arrays = [batch.column(name) for name in columns]
        for index in range(-position % every, len(batch), every):
            yield {
                name: array[index].as_py()
                for name, array in zip(columns, arrays, strict=True)
            }
        position += len(batch)
