"""What the test part of a release cannot tell: classes that it does not show, pixels outside of the chosen classes, one
recording where there are many; and classes that are one in two spellings."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa
import pyarrow.compute as pc

from assets.choice import EVERYTHING, Choice
from assets.class_spelling import find_spellings
from assets.kinds import Kind, find_kind
from assets.tables.catalog import Catalog, is_in, repr_sql
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
    kind = find_kind(task)
    found = [
        _explain_empty(catalog, kind, part, frames, choice)
        for part in PARTS
        if not num_frames[part]
    ]
    found += _tell_spellings(class_names)
    test = frames.filter(pc.equal(frames["split"], "test"))
    if not len(test):
        return found
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


def _explain_empty(
    catalog: Catalog, kind: Kind, part: str, frames: pa.Table, choice: Choice
) -> str:
    """That a part has no frame, and what helps: other sessions that have some, where not all are chosen; or more of
    what goes to one side as a whole."""
    others = _list_sessions(catalog, kind, part) if not choice.is_everything else []
    if others:
        return (
            f"the {part} part has no frame: sides do not change with the choice, and frames of {_name(others)} lie "
            "there, which it leaves out: choose some of them too"
        )
    columns = ["frame_id", "group_id"]
    where = is_in("session", frames["session"].unique().to_pylist())
    sides = catalog.read_latest("splits", columns, where)
    mine = sides.filter(pc.is_in(sides["frame_id"], frames["frame_id"].unique()))
    num_units = len(mine["group_id"].unique())
    units = "1 unit" if num_units == 1 else f"{num_units} units"
    return (
        f"the {part} part has no frame: a recording, or pictures that resemble each other, go to one side as a whole, "
        f"and here are {units}: take in another recording or other pictures, or put the pictures into folders train, "
        "val and test"
    )


def _list_sessions(catalog: Catalog, kind: Kind, part: str) -> list[str]:
    """Those with published frames in a part that have labels for a kind, where it needs any."""
    where = f"split = {repr_sql(part)}"
    sides = catalog.read_latest("splits", ["session"], where)
    sessions = sorted(sides["session"].unique().to_pylist())
    if not kind.needs_labels or not sessions:
        return sessions
    where = f"{is_in('session', sessions)} AND {is_in('task', kind.label_tasks)}"
    labels = catalog.read("labels", ["session"], where)
    return sorted(labels["session"].unique().to_pylist())


def _name(names: Sequence[str]) -> str:
    more = len(names) - _MOST_NAMES
    return ", ".join(names[:_MOST_NAMES]) + (f" and {more} more" if more > 0 else "")


def _tell_spellings(class_names: Sequence[str]) -> list[str]:
    return [
        f"{' and '.join(names)} are different classes, and differ in case, spaces or hyphens alone: if they are one, "
        "name it alike in the label files and ingest these again"
        for names in find_spellings(class_names)
    ]


def _find_missing_classes(class_names: Sequence[str], test: pa.Table) -> list[str]:
    shown = set(tabulate_classes(test)["class_id"].unique().to_pylist())
    missing = [name for c, name in enumerate(class_names) if c not in shown]
    if not missing:
        return []
    return [
        f"the test part shows no object of {len(missing)} of {len(class_names)} classes: {_name(missing)}"
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
