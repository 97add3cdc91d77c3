"""The exam of an open task as work: a model in, its figures out, on this machine or on a worker of the cluster."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from assets.cluster.pool import Seat, do_all
from assets.cluster.worker_home import require_seen
from assets.inference.model_store import open_model
from assets.inference.package import examine_package
from assets.samples import ReleaseFacts, ReleaseImages, read_release
from assets.tables.catalog import Catalog

if TYPE_CHECKING:
    from assets.workspace import Workspace


@dataclass(frozen=True)
class OpenExam:
    """What an open task finds of a model, named by its sha256, on the test split of a release."""

    catalog: Catalog
    release_id: str
    task: str
    name = "exam"
    uses_gpu = True

    def open(self, seat: Seat) -> Callable[[str], dict[str, float]]:
        """Raises ValueError where the tables are not to be seen, and what reading the release raises."""
        import torch

        require_seen(self.catalog.uri, "DAGUERRE_TABLES")
        if seat.num_threads is not None:
            torch.set_num_threads(seat.num_threads)
        release = read_release(self.catalog, self.release_id, self.task)
        train, test = (
            ReleaseImages(self.catalog, release, split, None)
            for split in ("train", "test")
        )

        def examine(model_sha256: str) -> dict[str, float]:
            package = open_model(self.catalog, seat.home, model_sha256)
            return examine_package(package, train, test)

        return examine


def examine_all(
    catalog: Catalog,
    workspace: Workspace,
    release: ReleaseFacts,
    task: str,
    models: Sequence[str],
) -> dict[str, dict[str, float]]:
    """Figures of each model, by its sha256: on the cluster of the settings where there are many frames to look at, a
    model a worker."""
    work = OpenExam(catalog, release.release_id, task)
    num_frames = len(release.split("test")) * len(models)
    figures = do_all(work, models, num_frames, workspace)
    return dict(zip(models, figures, strict=True))
