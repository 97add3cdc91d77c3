"""WebDataset: 16 tar shards, shards and then a buffer of 1,000 samples shuffled, batches made in the workers."""

from __future__ import annotations

from pathlib import Path

import webdataset as wds

from bench.peers.crops import crop_payload
from bench.peers.epochs import BATCH, Batches, report

_SHARDS = 16


def prepare(pictures: Path, store: Path) -> None:
    paths = sorted((pictures / "train").rglob("*.jpg"), key=lambda path: path.name)
    per_shard = -(-len(paths) // _SHARDS)
    with wds.ShardWriter(f"{store}/%06d.tar", maxcount=per_shard, verbose=0) as writer:
        for path in paths:
            writer.write({"__key__": path.stem, "jpg": path.read_bytes()})


def load(pictures: Path, store: Path, num_workers: int) -> Batches:
    shards = sorted(str(path) for path in store.glob("*.tar"))
    data = wds.WebDataset(shards, shardshuffle=len(shards), seed=0).shuffle(1000)
    batches = (
        data.to_tuple("jpg", "__key__").map_tuple(crop_payload, str).batched(BATCH)
    )
    yield from wds.WebLoader(batches, batch_size=None, num_workers=num_workers)


if __name__ == "__main__":
    report(load, prepare)
