"""Recompute exactly what changed: rows whose input bytes or whose code version differ from what the table holds."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from assets.capture.images import decode_rgb
from assets.tables.catalog import Catalog, is_in, session_is
from assets.tables.schemas import TABLES, to_table
from models.types import Image

_BATCH = 64


@dataclass(frozen=True)
class Refreshed:
    """What one refresh did. `stale` rows were there with another input or code version."""

    version: int
    new: int
    stale: int
    removed: int
    total: int

    @property
    def summary(self) -> str:
        return f"{self.new} new, {self.stale} stale, {self.removed} removed, {self.total} in all"


def refresh_frames(
    catalog: Catalog,
    target: str,
    session: str,
    code_version: str,
    compute: Callable[[list[Image]], Sequence[dict[str, object]]],
    on_progress: Callable[[int, int], None] | None = None,
) -> Refreshed:
    """Bring a per-frame table up to date with the session's published colour frames.

    `compute` takes decoded images, each (H, W, 3) uint8 RGB, and returns one dict of columns for each.
    """
    where = f"{session_is(session)} AND kind = 'color'"
    wanted = {r["frame_id"]: r["sha256"] for r in catalog.read("frames", ["frame_id", "sha256"], where).to_pylist()}
    columns = ["frame_id", "input_sha256", "code_version"]
    have = {r["frame_id"]: r for r in catalog.read_latest(target, columns, session_is(session)).to_pylist()}
    todo = [
        frame_id for frame_id, sha256 in sorted(wanted.items())
        if frame_id not in have or (have[frame_id]["input_sha256"], have[frame_id]["code_version"]) != (sha256, code_version)
    ]  # fmt: skip
    gone = sorted(have.keys() - wanted.keys())
    if gone:
        catalog.delete(target, is_in("frame_id", gone))
    for done, ids in _batches(todo):
        images = read_images(catalog, ids)
        facts = compute([images[frame_id] for frame_id in ids])
        rows = [
            {"frame_id": frame_id, "session": session, "input_sha256": wanted[frame_id], "code_version": code_version, **columns_}
            for frame_id, columns_ in zip(ids, facts, strict=True)
        ]  # fmt: skip
        catalog.upsert(target, to_table(TABLES[target], rows))
        if on_progress:
            on_progress(done, len(todo))
    new = sum(frame_id not in have for frame_id in todo)
    version = catalog.latest_version(target) if catalog.exists(target) else 0
    return Refreshed(version, new, len(todo) - new, len(gone), len(wanted))


def read_images(catalog: Catalog, frame_ids: Sequence[str]) -> dict[str, Image]:
    """frame_id -> (H, W, 3) uint8 RGB of the newest stored frames."""
    rows = catalog.read_latest("frames", ["frame_id", "payload"], is_in("frame_id", frame_ids)).to_pylist()
    return {row["frame_id"]: decode_rgb(row["payload"]) for row in rows}


def _batches(ids: Sequence[str]) -> Iterator[tuple[int, Sequence[str]]]:
    for start in range(0, len(ids), _BATCH):
        batch = ids[start : start + _BATCH]
        yield start + len(batch), batch
