"""LitData: chunks of 64 MB written by `optimize`, read in place by StreamingDataset and StreamingDataLoader."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

os.environ.setdefault("LITDATA_DISABLE_VERSION_CHECK", "1")

import litdata

from bench.peers.crops import crop_payload
from bench.peers.epochs import BATCH, Batches, report


def read(path: str) -> dict[str, Any]:
    return {"payload": Path(path).read_bytes(), "number": int(Path(path).stem)}


def crop(sample: dict[str, Any]) -> tuple[Any, int]:
    return crop_payload(sample["payload"]), sample["number"]


def prepare(pictures: Path, store: Path) -> None:
    paths = sorted(str(path) for path in (pictures / "train").rglob("*.jpg"))
    litdata.optimize(read, paths, str(store), chunk_bytes="64MB", num_workers=1)


def load(pictures: Path, store: Path, num_workers: int) -> Batches:
    data = litdata.StreamingDataset(str(store), shuffle=True, transform=crop)
    for images, numbers in litdata.StreamingDataLoader(
        data, batch_size=BATCH, num_workers=num_workers
    ):
        yield images, numbers.tolist()


if __name__ == "__main__":
    report(load, prepare)
