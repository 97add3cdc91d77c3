"""What every loader is asked for: one epoch of random crops, timed and checked.

An epoch is every training picture once, in random order, as batches of 64: uint8 (B, 3, 224, 224), of a random part of
the picture (area 0.08 to 1, aspect 3:4 to 4:3), resized with antialiasing, half of them flipped. uint8 because a
quarter of the bytes then travels between processes; making floats is left to the device, for all alike. Needs torch
and NumPy only, so that it runs in each peer's own environment.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from collections.abc import Callable, Iterable, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import torch

from bench.peers.processor import measure_cpu_s

BATCH = 64
SIDE_PX = 224
AREA = (0.08, 1.0)
ASPECT = (3 / 4, 4 / 3)

# images, and which pictures they show
Batches = Iterable[tuple[torch.Tensor, Sequence[Any]]]
Load = Callable[[Path, Path, int], Batches]  # pictures, the peer's own store, workers
Prepare = Callable[[Path, Path], None]  # pictures, the peer's own store, which it fills


def report(
    load: Load,
    prepare: Prepare | None = None,
    remember: Callable[[Path], None] | None = None,
) -> None:
    """Fill the store, or load one epoch and print how fast it was, as the command line asks.

    `remember` is called with the pictures before the clock starts.
    """
    parser = argparse.ArgumentParser()
    parser.add_argument("pictures", type=Path)
    parser.add_argument("store", type=Path)
    parser.add_argument("--prepare", action="store_true")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--batches", type=int, help="end after so many")
    options = parser.parse_args()
    if options.prepare:
        if prepare:
            prepare(options.pictures, options.store)
        return
    if remember:
        remember(options.pictures)
    print(
        json.dumps(
            time_epoch(
                load, options.pictures, options.store, options.workers, options.batches
            )
        )
    )


def time_epoch(
    load: Load, pictures: Path, store: Path, num_workers: int, num_batches: int | None
) -> dict[str, float]:
    """`first_batch_s` from opening the loader, and `images_per_s` after that batch. Batches are checked meanwhile.

    `cpu_ms_per_image` is of all processes and threads, the workers' starting included: others on the machine change it
    less than they change the rate.
    """
    start = time.perf_counter()
    cpu_start_s = measure_cpu_s()
    batches = iter(islice(load(pictures, store, num_workers), num_batches))
    first, seen = next(batches)
    first_at = time.perf_counter()
    images = first
    shown = list(seen)
    for images, seen in batches:
        require_shape(images, len(seen))
        shown += seen
    seconds = time.perf_counter() - first_at
    cpu_s = measure_cpu_s() - cpu_start_s
    for some in (first, images):
        require_shape(some, len(some))
        require_picture(some)
    if num_batches is None:
        require_each_once(
            shown, sum(len(files) for _, _, files in os.walk(pictures / "train"))
        )
    return {
        "images_per_s": (len(shown) - len(first)) / seconds,
        "first_batch_s": first_at - start,
        "cpu_ms_per_image": cpu_s / len(shown) * 1e3,
    }


def require_shape(images: torch.Tensor, count: int) -> None:
    wanted = (count, 3, SIDE_PX, SIDE_PX)
    if (
        images.dtype != torch.uint8
        or tuple(images.shape) != wanted
        or not 0 < count <= BATCH + BATCH // 2
    ):
        raise ValueError(
            f"a batch is {images.dtype} {tuple(images.shape)}, not uint8 {wanted}"
        )


def require_picture(images: torch.Tensor) -> None:
    """Levels that neither nothing nor noise has, and no two images alike."""
    values = images.float()
    levels = values.mean().item(), values.std().item()
    if not (40 < levels[0] < 215 and 15 < levels[1] < 90):
        raise ValueError(
            f"a batch has mean and deviation {levels}: these are not the pictures"
        )
    if len(values.mean((2, 3)).unique(dim=0)) != len(values):
        raise ValueError("a batch shows a picture twice")


def require_each_once(shown: Sequence[Any], count: int) -> None:
    if not len(shown) == len(set(shown)) == count:
        raise ValueError(
            f"an epoch of {count} pictures showed {len(shown)}, {len(set(shown))} of them different"
        )
