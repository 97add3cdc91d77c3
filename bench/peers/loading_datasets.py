"""Hugging Face datasets: bytes in an Arrow file, cropped by `set_transform` as a DataLoader asks for batches."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

os.environ.setdefault("HF_HUB_OFFLINE", "1")

from datasets import Dataset, Features, Image, Value, load_from_disk
from torch.utils.data import DataLoader

from bench.peers.crops import crop_payload
from bench.peers.epochs import BATCH, Batches, report


def prepare(pictures: Path, store: Path) -> None:
    def read() -> Iterator[dict[str, Any]]:
        for path in sorted((pictures / "train").rglob("*.jpg")):
            yield {
                "image": {"bytes": path.read_bytes(), "path": None},
                "number": int(path.stem),
            }

    features = Features({"image": Image(decode=False), "number": Value("int64")})
    Dataset.from_generator(
        read, features=features, cache_dir=f"{store}/cache"
    ).save_to_disk(f"{store}/data")


def crop(rows: dict[str, list[Any]]) -> dict[str, list[Any]]:
    return {
        "image": [crop_payload(image["bytes"]) for image in rows["image"]],
        "number": rows["number"],
    }


def load(pictures: Path, store: Path, num_workers: int) -> Batches:
    data = load_from_disk(f"{store}/data")
    data.set_transform(crop)
    for batch in DataLoader(data, BATCH, shuffle=True, num_workers=num_workers):
        yield batch["image"], batch["number"].tolist()


if __name__ == "__main__":
    report(load, prepare)
