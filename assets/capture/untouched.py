"""Label files of stored frames that nobody has touched: they say nothing, neither of objects nor that there is none.

A file that is as the export of frames wrote it is known by its hash, where the export's list lies in the same session.
One of COCO or CVAT without a single label, whose pictures are all stored frames, is how such tools write a task that
nobody has begun; where somebody has looked and found nothing, the session's settings say so.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Sequence

from assets.formats.layout import name_of, suffix_of
from assets.formats.observations import AnnotationObservation, LabelObservation
from assets.formats.protocol import (
    NOT_READ,
    CapturePlan,
    Opener,
    UnreadableBytes,
    open_checked,
    read_bytes,
)
from assets.formats.session_settings import SETTINGS_NAME
from assets.frame_names import MANIFEST
from assets.storage import SessionFile, hash_stream

_LISTING_ALL = frozenset({"coco", "cvat"})  # list each picture, looked at or not
_LABEL_SUFFIXES = frozenset({".json", ".xml"})


def find_exported(
    files: Iterable[SessionFile], plan: CapturePlan, opener: Opener
) -> frozenset[str]:
    """The label files of a plan with the bytes that a list of exported frames among `files` gives to them."""
    hashes = {
        sha256
        for file in files
        if name_of(file.path) == MANIFEST
        for sha256 in _list_label_files(file, opener)
    }
    mine = [f for f in plan.files if suffix_of(f.path) in _LABEL_SUFFIXES]
    return frozenset(f.path for f in mine if hashes and _hash(f, opener) in hashes)


def list_untouched(
    plan: CapturePlan,
    labels: Sequence[LabelObservation],
    annotations: Sequence[AnnotationObservation],
    is_stored: Callable[[AnnotationObservation], bool],
    exported: frozenset[str],
) -> set[str]:
    """The paths of label files that say nothing; the plan's notes get why. `is_stored`: of a frame of an export."""
    for path in exported:
        plan.notes[f"{NOT_READ}: labels of {path}"] = (
            "it is as it was exported: nobody has touched it"
        )
    empty = set[str]()
    if plan.reader in _LISTING_ALL and not plan.is_looked_at:
        said = {label.source.path for label in labels}
        said |= {
            a.source.path
            for a in annotations
            if a.num_labels + a.num_missing + a.num_ignored or not is_stored(a)
        }
        empty = {a.source.path for a in annotations} - said - exported
    for path in empty:
        count = sum(a.source.path == path for a in annotations)
        plan.notes[f"{NOT_READ}: pictures without a label in {path}"] = (
            f"{count}, and none has one, as before anybody looks: `looked_at: true` in {SETTINGS_NAME} says that "
            "somebody has"
        )
    return empty | exported


def _list_label_files(file: SessionFile, opener: Opener) -> list[str]:
    """sha256 of the label files that a list of exported frames names; none for another file of its name."""
    try:
        text = read_bytes(file, opener).decode()
        return [
            str(row["sha256_of_file"])
            for row in csv.DictReader(io.StringIO(text, newline=""))
            if row.get("frame_id") == "" and row.get("sha256_of_file")
        ]
    except (UnreadableBytes, UnicodeDecodeError, csv.Error):
        return []


def _hash(file: SessionFile, opener: Opener) -> str | None:
    try:
        with open_checked(file, opener) as stream:
            return hash_stream(stream)
    except UnreadableBytes:
        return None
