"""What one session needs of curation: quality figures and embeddings of its published colour frames."""

from __future__ import annotations

from collections.abc import Callable

import pyarrow.compute as pc

from assets.code_versions import version_of
from assets.curation.embed import Embedder, name_version
from assets.images import decode_rgb, decode_working_luma
from assets.tables.catalog import Catalog
from assets.tables.incremental import Refreshed, refresh_frames
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
    """Bring the session's rows of `frame_embeddings` up to date; those of another encoder are made anew.

    Raises what `Embedder` raises: FileNotFoundError without weights, ValueError for an encoder that is none.
    """
    embedder = Embedder(workspace.cache, workspace.encoder)
    return refresh_frames(
        catalog,
        "frame_embeddings",
        session,
        embedder.version,
        decode_rgb,
        lambda images: [
            {"vector": vector.tolist()} for vector in embedder.embed(images)
        ],
        on_progress,
    )


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
