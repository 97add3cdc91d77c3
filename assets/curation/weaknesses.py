"""What the test part of a release cannot tell: classes that it does not show, pixels outside of the chosen classes, one
recording where there are many."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa
import pyarrow.compute as pc

from assets.choice import EVERYTHING, Choice
from assets.kinds import find_kind
from assets.tables.catalog import Catalog, is_in
from assets.tables.class_list import PARTS, count_parts
from assets.tables.releases import tabulate_classes

_MOST_NAMES = 10


def find_weaknesses(
    catalog: Catalog,
    task: str,
    class_names: Sequence[str],
    frames: pa.Table,
    choice: Choice = EVERYTHING,
) -> list[str]:
    """Why figures on the test part of `release_frames` say little, a sentence each; none where they say what they seem
    to.

    A recording is a capture whose data have times. Pictures of a folder are taken one by one.
    """
    num_frames = count_parts(frames)
    found = [
        f"the {part} part has no frame: sides do not change with the choice, so choose more data"
        for part in PARTS
        if not num_frames[part]
    ]
    test = frames.filter(pc.equal(frames["split"], "test"))
    if not len(test):
        return found
    kind = find_kind(task)
    if kind.needs_labels:
        found += _find_missing_classes(class_names, test)
    unjudged = (
        kind.find_unjudged(test.to_pylist(), choice.classes) if choice.classes else None
    )
    found += [unjudged] if unjudged else []
    captures = test["capture_id"].unique().to_pylist()
    if len(captures) == 1:
        found += _find_recording(catalog, captures[0], len(test))
    return found


def _find_missing_classes(class_names: Sequence[str], test: pa.Table) -> list[str]:
    shown = set(tabulate_classes(test)["class_id"].unique().to_pylist())
    missing = [name for c, name in enumerate(class_names) if c not in shown]
    if not missing:
        return []
    more = len(missing) - _MOST_NAMES
    names = ", ".join(missing[:_MOST_NAMES]) + (f" and {more} more" if more > 0 else "")
    return [
        f"the test part shows no object of {len(missing)} of {len(class_names)} classes: {names}"
    ]


def _find_recording(catalog: Catalog, capture_id: str, num_frames: int) -> list[str]:
    columns = ["session", "path", "start_ns"]
    where = is_in("capture_id", [capture_id])
    rows = catalog.read_latest("captures", columns, where).to_pylist()
    return [
        f"all {num_frames} frames of the test part are of one recording: {row['path']} of {row['session']}"
        for row in rows
        if row["start_ns"] is not None
    ]
