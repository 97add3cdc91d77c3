"""Recompute exactly what changed: rows whose input bytes or whose code version differ from what the table holds."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from assets.images import decode_rgb
from assets.tables.catalog import Catalog, is_in, session_is
from assets.tables.schemas import TABLES, to_table
from models.types import Image

_BATCH_FRAMES = 64
_BATCH_PIXELS = 64 << 20  # decoded at once: 192 MiB of RGB


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
    facts = ["frame_id", "sha256", "width_px", "height_px"]
    frames = {r["frame_id"]: r for r in catalog.read("frames", facts, where).to_pylist()}
    wanted = {frame_id: row["sha256"] for frame_id, row in frames.items()}
    columns = ["frame_id", "input_sha256", "code_version"]
    have = {r["frame_id"]: r for r in catalog.read_latest(target, columns, session_is(session)).to_pylist()}
    current = {i for i, r in have.items() if (r["input_sha256"], r["code_version"]) == (wanted.get(i), code_version)}
    todo = sorted(wanted.keys() - current)
    gone = sorted(have.keys() - wanted.keys())
    if gone:
        catalog.delete(target, is_in("frame_id", gone))
    num_pixels = {i: frames[i]["width_px"] * frames[i]["height_px"] for i in todo}
    done = 0
    for ids in _batches(num_pixels):
        images = read_images(catalog, ids)
        computed = compute([images[frame_id] for frame_id in ids])
        rows = [
            {"frame_id": frame_id, "session": session, "input_sha256": wanted[frame_id],
             "code_version": code_version, **row}
            for frame_id, row in zip(ids, computed, strict=True)
        ]  # fmt: skip
        catalog.upsert(target, to_table(TABLES[target], rows))
        done += len(ids)
        if on_progress:
            on_progress(done, len(todo))
    new = sum(frame_id not in have for frame_id in todo)
    version = catalog.latest_version(target) if catalog.exists(target) else 0
    return Refreshed(version, new, len(todo) - new, len(gone), len(wanted))


def read_images(catalog: Catalog, frame_ids: Sequence[str]) -> dict[str, Image]:
    """frame_id -> (H, W, 3) uint8 RGB of the newest stored frames."""
    rows = catalog.read_latest("frames", ["frame_id", "payload"], is_in("frame_id", frame_ids)).to_pylist()
    return {row["frame_id"]: decode_rgb(row["payload"]) for row in rows}


def _batches(num_pixels: Mapping[str, int]) -> Iterator[list[str]]:
    """The ids in order, no more at once than both limits allow, and at least one."""
    batch: list[str] = []
    held = 0
    for frame_id, pixels in num_pixels.items():
        if batch and (len(batch) == _BATCH_FRAMES or held + pixels > _BATCH_PIXELS):
            yield batch
            batch, held = [], 0
        batch.append(frame_id)
        held += pixels
    if batch:
        yield batch
