"""Daguerre's first epoch: images are decoded, and written into an empty pixel cache meanwhile."""

from __future__ import annotations

import shutil
from pathlib import Path

from bench.peers.epochs import Batches, report
from bench.peers.loading_daguerre import PIXELS, draw_batches, open_images, prepare


def load(pictures: Path, store: Path, num_workers: int) -> Batches:
    shutil.rmtree(store / PIXELS)
    return draw_batches(open_images(store, store / PIXELS))


if __name__ == "__main__":
    report(load, prepare)
