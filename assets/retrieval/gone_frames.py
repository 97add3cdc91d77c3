"""Why a frame that somebody speaks of is stored no more: forgotten, deleted from its folder, or replaced there."""

from __future__ import annotations

from collections.abc import Sequence

from assets.tables.catalog import Catalog, is_in

_CAUSES = {
    "forgotten": "was forgotten: `daguerre forget --undo` of what it lay in takes it back",
    "deleted": "is gone from its folder: put its file there and ingest it again",
    "replaced": "has another file in its place: label that one",
}
_UNKNOWN = "is stored no more: ingest its recording again"


def tell_gone(catalog: Catalog, frame_ids: Sequence[str]) -> dict[str, str]:
    """Frame id -> what became of it, with the remedy, of those that are not stored."""
    there = catalog.read_of("frames", ["frame_id"], "frame_id", frame_ids)
    left = set(frame_ids) - set(there["frame_id"].to_pylist())
    causes = _find_causes(catalog, left) if left else {}
    return {i: _CAUSES.get(causes.get(i, ""), _UNKNOWN) for i in sorted(left)}


def _find_causes(catalog: Catalog, frame_ids: set[str]) -> dict[str, str]:
    """By the captures that went, in the versions of `frames` that still have their rows."""
    columns = ["capture_id", "cause", "frames_version"]
    went = catalog.read_latest("gone", columns, "frames_version IS NOT NULL")
    causes = {row["capture_id"]: row["cause"] for row in went.to_pylist()}
    found: dict[str, str] = {}
    for version in sorted(set(went["frames_version"].to_pylist()), reverse=True):
        left = frame_ids - found.keys()
        if not left:
            break
        try:
            where = is_in("frame_id", sorted(left))
            rows = catalog.read("frames", ["frame_id", "capture_id"], where, version)
        except ValueError:  # cleaned up since
            continue
        for row in rows.to_pylist():
            if row["capture_id"] in causes:
                found[row["frame_id"]] = causes[row["capture_id"]]
    return found
