"""What one session needs of curation: quality figures and embeddings of its published colour frames."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass

import pyarrow.compute as pc

from assets.cluster.pool import Seat, do_all
from assets.cluster.worker_home import require_seen
from assets.code_versions import version_of
from assets.images import decode_rgb, decode_working_luma
from assets.inference.embed import Embedder, name_version
from assets.tables.catalog import Catalog
from assets.tables.incremental import (
    Due,
    Made,
    Refreshed,
    read_images,
    refresh_by_batch,
    refresh_frames,
)
from assets.workspace import Workspace
from models import image_quality

OnProgress = Callable[[int, int], None]


def measure_frames(
    session: str, catalog: Catalog, on_progress: OnProgress | None = None
) -> Refreshed:
    """Bring the session's rows of `frame_quality` up to date.

    Intake measures what it decodes; here the rows are made that it has not, or has under an older version.
    """
    return refresh_frames(
        catalog,
        "frame_quality",
        session,
        version_of("frame_quality"),
        decode_working_luma,
        lambda lumas: [image_quality.measure_quality(luma) for luma in lumas],
        on_progress,
    )


def embed_frames(
    session: str,
    catalog: Catalog,
    workspace: Workspace,
    on_progress: OnProgress | None = None,
) -> Refreshed:
    """Bring the session's rows of `frame_embeddings` up to date, on the cluster of the settings where there are many;
    those of another encoder are made anew.

    Raises what `Embedder` raises: FileNotFoundError without weights, ValueError for an encoder that is none.
    """
    embedder = Embedder(workspace.cache, workspace.encoder)

    def make(due: Due) -> Made:
        work = EmbedFrames(catalog, due.version, embedder)
        with closing(do_all(work, due.batches, due.num_frames, workspace)) as made:
            yield from made

    return refresh_by_batch(
        catalog, "frame_embeddings", session, embedder.version, make, on_progress
    )


@dataclass(frozen=True)
class EmbedFrames:
    """The vectors of stored frames: row ids of a version of `frames` in, columns of `frame_embeddings` out."""

    catalog: Catalog
    version: int
    embedder: Embedder
    name = "embedding"
    uses_gpu = False

    def open(self, seat: Seat) -> Callable[[Sequence[int]], list[Mapping[str, object]]]:
        """Raises ValueError where the tables are not to be seen."""
        require_seen(self.catalog.uri, "DAGUERRE_TABLES")
        stored = self.catalog.dataset("frames", self.version)
        embedder = self.embedder.with_threads(seat.num_threads)

        def embed(row_ids: Sequence[int]) -> list[Mapping[str, object]]:
            images = read_images(self.catalog, stored, row_ids, decode_rgb)
            return [{"vector": vector} for vector in embedder.embed(images)]

        return embed


def find_unmeasured(catalog: Catalog) -> set[str]:
    """Sessions with a published colour frame that has no published quality figures of this code."""
    return _find_due(catalog, "frame_quality", version_of("frame_quality"))


def find_unembedded(catalog: Catalog, workspace: Workspace) -> set[str]:
    """Sessions with a published colour frame that has no published vector by the encoder of the settings, and those
    with a vector by another. Raises ValueError where the encoder's files have changed."""
    return _find_due(catalog, "frame_embeddings", name_version(workspace.encoder))


def _find_due(catalog: Catalog, table: str, code_version: str) -> set[str]:
    rows = catalog.read(table, ["frame_id", "session", "input_sha256", "code_version"])
    is_current = pc.equal(rows["code_version"], code_version)
    frames = catalog.read("frames", ["frame_id", "session", "sha256"], "kind = 'color'")
    current = rows.filter(is_current)
    places = pc.index_in(frames["frame_id"], value_set=current["frame_id"])
    is_same = pc.fill_null(
        pc.equal(current["input_sha256"].take(places), frames["sha256"]), False
    )
    lacking = frames.filter(pc.invert(is_same))
    stale = rows.filter(pc.invert(is_current))
    return {*lacking["session"].to_pylist(), *stale["session"].to_pylist()}
