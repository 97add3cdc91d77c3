"""The asset's work: text that frames of a session show, read again only where pictures, code or nets changed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass

from assets.cluster.pool import Seat, do_all
from assets.cluster.worker_home import require_seen
from assets.images import decode_rgb
from assets.inference.text_reader import find_reader, name_version
from assets.tables.catalog import Catalog
from assets.tables.incremental import (
    Due,
    Made,
    Refreshed,
    read_images,
    refresh_by_batch,
)
from assets.workspace import Workspace

TABLE = "frame_texts"
OnProgress = Callable[[int, int], None]


def read_texts(
    session: str,
    catalog: Catalog,
    workspace: Workspace,
    on_progress: OnProgress | None = None,
) -> Refreshed:
    """Bring the session's rows of `frame_texts` up to date, on the cluster of the settings where there are many.

    Raises NoTextReader without the package, ValueError for nets that are not the published ones.
    """
    find_reader()

    def make(due: Due) -> Made:
        work = ReadTexts(catalog, due.version)
        with closing(do_all(work, due.batches, due.num_frames, workspace)) as made:
            yield from made

    return refresh_by_batch(catalog, TABLE, session, name_version(), make, on_progress)


@dataclass(frozen=True)
class ReadTexts:
    """The texts of stored frames: row ids of a version of `frames` in, columns of `frame_texts` out."""

    catalog: Catalog
    version: int
    name = "reading text"
    uses_gpu = False

    def open(self, seat: Seat) -> Callable[[Sequence[int]], list[Mapping[str, object]]]:
        """Raises ValueError where the tables are not to be seen, NoTextReader where the package is not installed."""
        require_seen(self.catalog.uri, "DAGUERRE_TABLES")
        stored = self.catalog.dataset("frames", self.version)
        reader = find_reader(seat.num_threads)

        def read(row_ids: Sequence[int]) -> list[Mapping[str, object]]:
            images = read_images(self.catalog, stored, row_ids, decode_rgb)
            return [reader.read(image).to_row() for image in images]

        return read
