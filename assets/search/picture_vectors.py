"""The asset's work: vectors of a session's frames that texts are compared with, by the net of the settings."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass

from assets.cluster.pool import Seat, do_all
from assets.cluster.worker_home import require_seen
from assets.images import decode_rgb
from assets.inference.clip import PictureNet, TextNet, name_version, require_folder
from assets.tables.catalog import Catalog
from assets.tables.incremental import (
    Due,
    Made,
    Refreshed,
    read_images,
    refresh_by_batch,
)
from assets.workspace import Workspace

TABLE = "picture_vectors"
OnProgress = Callable[[int, int], None]


def embed_pictures(
    session: str,
    catalog: Catalog,
    workspace: Workspace,
    on_progress: OnProgress | None = None,
) -> Refreshed:
    """Bring the session's rows of `picture_vectors` up to date, on the cluster of the settings where there are many;
    those of another net are made anew.

    Raises NoClip where no net is named, or one that cannot be used.
    """
    folder = require_folder(workspace.clip)
    net = PictureNet(folder)
    TextNet(folder)  # vectors that no text can be compared with are of no use

    def make(due: Due) -> Made:
        work = EmbedPictures(catalog, due.version, net)
        with closing(do_all(work, due.batches, due.num_frames, workspace)) as made:
            yield from made

    version = name_version(folder)
    return refresh_by_batch(catalog, TABLE, session, version, make, on_progress)


@dataclass(frozen=True)
class EmbedPictures:
    """The vectors of stored frames: row ids of a version of `frames` in, columns of `picture_vectors` out."""

    catalog: Catalog
    version: int
    net: PictureNet
    name = "looking at pictures"
    uses_gpu = False

    def open(self, seat: Seat) -> Callable[[Sequence[int]], list[Mapping[str, object]]]:
        """Raises ValueError where the tables are not to be seen."""
        require_seen(self.catalog.uri, "DAGUERRE_TABLES")
        stored = self.catalog.dataset("frames", self.version)
        net = self.net.with_threads(seat.num_threads)

        def embed(row_ids: Sequence[int]) -> list[Mapping[str, object]]:
            images = read_images(self.catalog, stored, row_ids, decode_rgb)
            return [{"vector": vector} for vector in net.embed(images)]

        return embed
