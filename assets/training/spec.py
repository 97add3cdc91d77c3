"""What is trained, and where: the arguments of a training as values."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from assets.code_versions import version_of
from assets.pixel_cache import CacheRoom

if TYPE_CHECKING:
    from assets.tables.catalog import Catalog
    from assets.workspace import Elsewhere
    from models.recipes import TrainConfig


@dataclass(frozen=True)
class TrainingSpec:
    """What is trained, on what: equal ones (and equal bytes in a file that they name) give equal weights.

    `num_workers` are at least and at most; with GPUs there is one a GPU at most. Weights are equal on one machine, to
    the bit where both numbers are the same.
    """

    release_id: str
    config: TrainConfig
    seed: int
    num_workers: tuple[int, int] = (2, 2)
    # another when equal arguments come to give other weights
    code_version: str = field(default_factory=lambda: version_of("models"))


@dataclass(frozen=True)
class Place:
    """Where a training reads, computes and writes.

    `use_ray` False trains in this process, for small releases and tests. `ray_address` is that of a cluster to join,
    None starts a small Ray here. With a price, each row of the history says what the training cost so far. In `store`
    other machines find what a training has come to; None: none looks.
    """

    catalog: Catalog
    models_dir: Path
    use_ray: bool = True
    ray_address: str | None = None
    device_hour_price: float | None = None
    pixels: CacheRoom | None = None
    store: Elsewhere | None = None
