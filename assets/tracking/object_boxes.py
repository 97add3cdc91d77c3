"""The asset's work: objects in space from their boxes in images and depth, and what every frame sees of them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from assets.code_versions import version_of
from assets.tables.catalog import Catalog, is_in, session_is
from assets.tables.schemas import TABLES, to_table
from assets.tracking.object_fits import place_object
from assets.tracking.object_sights import CaptureSights, Sight, read_captures
from assets.tracking.object_views import project_objects
from assets.tracking.sight_views import look_at_depth

Row = dict[str, Any]
OnProgress = Callable[[int, int], None]
_MOST_VIEWS = 40  # of an object, spread evenly


@dataclass(frozen=True)
class Placed:
    """Rows of both tables, and for how many captures they were made now."""

    boxes: list[Row]
    views: list[Row]
    num_made: int

    @property
    def num_known(self) -> int:
        """Objects that have a box."""
        return sum(rows[0]["reason"] is None for rows in self.list_objects())

    def list_objects(self) -> list[list[Row]]:
        """The rows of each object: one, or of an object that moves one a moment, in their order."""
        found: dict[tuple[str, ...], list[Row]] = defaultdict(list)
        for row in sorted(self.boxes, key=lambda r: r["t_ns"] or 0):
            name = (row["capture_id"], row["source"], row["class_name"], row["object"])
            found[name].append(row)
        return [found[name] for name in sorted(found)]


def place_objects(
    catalog: Catalog, session: str, on_progress: OnProgress | None = None
) -> Placed:
    """Bring the session's rows of `object_boxes` and `object_views` up to date; captures whose frames, boxes, depth and
    code are those of before keep theirs. Raises ValueError for a session without a published colour frame."""
    captures = list(read_captures(catalog, session))
    version = version_of("object_boxes")
    where = session_is(session)
    stored = catalog.read_latest("object_boxes", None, where).to_pylist()
    kept = {
        (r["capture_id"], r["input_sha256"])
        for r in stored
        if r["code_version"] == version
    }
    boxes: list[Row] = []
    views: list[Row] = []
    num_made = 0
    for done, capture in enumerate(captures, start=1):
        if (capture.capture_id, capture.input_sha256) in kept:
            boxes += [r for r in stored if r["capture_id"] == capture.capture_id]
        else:
            made, seen = place_capture(catalog, capture, version)
            boxes += made
            views += seen
            num_made += 1
        if on_progress is not None:
            on_progress(done, len(captures))
    fresh = {
        c.capture_id for c in captures if (c.capture_id, c.input_sha256) not in kept
    }
    old = catalog.read_latest("object_views", None, where).to_pylist()
    ids = {r["object_box_id"] for r in boxes}
    views += [
        r for r in old if r["capture_id"] not in fresh and r["object_box_id"] in ids
    ]
    _write(catalog, "object_boxes", stored, boxes)
    _write(catalog, "object_views", old, views)
    return Placed(boxes, views, num_made)


def try_objects(catalog: Catalog, session: str) -> Placed:
    """What `place_objects` would make of all captures; nothing is kept. Raises as it does."""
    made = [
        place_capture(catalog, one, version_of("object_boxes"))
        for one in read_captures(catalog, session)
    ]
    return Placed(
        [r for b, _ in made for r in b], [r for _, v in made for r in v], len(made)
    )


def place_capture(
    catalog: Catalog, capture: CaptureSights, version: str
) -> tuple[list[Row], list[Row]]:
    """The rows of one capture in both tables."""
    by_object: dict[tuple[str, str], list[Sight]] = defaultdict(list)
    for sight in sorted(capture.sights, key=lambda s: _order(capture, s.frame_id)):
        by_object[sight.object_name, sight.class_name].append(sight)
    chosen = {name: _spread(sights) for name, sights in by_object.items()}
    looked = look_at_depth(
        catalog, capture, [s for sights in chosen.values() for s in sights]
    )
    objects = [
        place_object(capture, name, sights, looked)
        for name, sights in sorted(chosen.items())
    ]
    made = {"input_sha256": capture.input_sha256, "code_version": version}
    boxes = [row | made for one in objects for row in one.list_rows()]
    views = project_objects(catalog, capture, [o for o in objects if o.box is not None])
    return boxes, views


# ---- below -----------------------------------------------------------------------------------------------------------


def _order(capture: CaptureSights, frame_id: str) -> tuple[int, str]:
    return capture.frames[frame_id]["t_ns"] or 0, frame_id


def _spread(sights: Sequence[Sight]) -> list[Sight]:
    places = np.linspace(0, len(sights) - 1, min(_MOST_VIEWS, len(sights)))
    return [sights[n] for n in places.round().astype(int)]


def _write(
    catalog: Catalog, name: str, stored: Sequence[Row], rows: Sequence[Row]
) -> None:
    key = TABLES[name].key
    gone = sorted({r[key] for r in stored} - {r[key] for r in rows})
    if gone:
        catalog.delete(name, is_in(key, gone))
    catalog.upsert(name, to_table(TABLES[name], rows))
