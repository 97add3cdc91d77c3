"""Lance as a first attempt has it: a table of bytes, one `take` a batch in the workers of a DataLoader.

The workers are spawned, for Lance must not be used in a fork.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import lance
import pyarrow as pa
from torch.utils.data import DataLoader, Dataset

from bench.peers.crops import crop_payload
from bench.peers.epochs import BATCH, Batches, report

_SCHEMA = pa.schema([("payload", pa.large_binary()), ("number", pa.int64())])


class Rows(Dataset):
    """(crop, number) of each row; the table is opened by the process that reads it."""

    def __init__(self, uri: str) -> None:
        self.uri = uri
        self.table = None
        self.count = lance.dataset(uri).count_rows()

    def __len__(self) -> int:
        return self.count

    def __getitems__(self, indices: Sequence[int]) -> list[tuple[Any, int]]:
        self.table = self.table or lance.dataset(self.uri)
        rows = self.table.take(indices).to_pydict()
        return [
            (crop_payload(p), n)
            for p, n in zip(rows["payload"], rows["number"], strict=True)
        ]


def prepare(pictures: Path, store: Path) -> None:
    paths = sorted((pictures / "train").rglob("*.jpg"))
    some = (paths[start : start + 1000] for start in range(0, len(paths), 1000))
    batches = (
        pa.record_batch(
            [[p.read_bytes() for p in s], [int(p.stem) for p in s]], schema=_SCHEMA
        )
        for s in some
    )
    lance.write_dataset(batches, f"{store}/pictures.lance", schema=_SCHEMA)


def load(pictures: Path, store: Path, num_workers: int) -> Batches:
    rows = Rows(f"{store}/pictures.lance")
    for images, numbers in DataLoader(
        rows,
        BATCH,
        shuffle=True,
        num_workers=num_workers,
        multiprocessing_context="spawn",
    ):
        yield images, numbers.tolist()


if __name__ == "__main__":
    report(load, prepare)
