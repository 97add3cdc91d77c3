"""Daguerre: pictures taken in and frozen into a release, and batches drawn from it as training draws them.

An epoch is one of those after the first: decoded images lie in the pixel cache, which `prepare` fills.
`loading_daguerre_first` loads the first.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import lance  # noqa: F401  its import is no part of the first batch
import torch

from assets.capture.intake import Intake
from assets.curation.release import draft_release, write_release
from assets.ledger import Ledger
from assets.pixel_cache import CacheRoom
from assets.samples import ReleaseImages, read_release
from assets.storage import BlobStore, Folder
from assets.tables.catalog import Catalog
from assets.tables.schemas import TABLES, to_table
from assets.worker import name_worker
from bench.peers.epochs import AREA, BATCH, SIDE_PX, Batches, report
from bench.peers.pictures import NUM_CLASSES
from models.augment.crop_plan import CropPlan
from models.recipes import RECIPES
from models.tasks import TASKS
from models.training.batches import prepare_batches
from models.training.workers import Alone

PIXELS = "pixels"
_LIMIT_BYTES = 2**40
_CONFIG = replace(
    RECIPES["base_recognition"](),
    image_size_px=SIDE_PX,
    batch_size=BATCH,
    epochs=1,
    mixup_alpha=0.0,
    crop_area=AREA,
)


def prepare(pictures: Path, store: Path) -> None:
    """Intake as it is; splits are those of the folders, without the embeddings that look for near-duplicates."""
    catalog = Catalog(f"{store}/tables")
    ledger = Ledger(f"sqlite:///{store}/ledger.db")
    found = Intake(catalog, ledger, BlobStore(f"{store}/blobs"), name_worker()).ingest(
        Folder(str(pictures)), "bench"
    )
    assert found.quarantined == 0, found
    for table in ("frames", "labels"):
        catalog.publish(table, "bench", catalog.latest_version(table))
    columns = ["frame_id", "capture_id", "session", "split_hint"]
    frames = (
        catalog.read("frames", columns)
        .rename_columns([*columns[:3], "split"])
        .to_pylist()
    )
    splits = [
        {**frame, "group_id": frame["frame_id"], "rule": "producer"} for frame in frames
    ]
    catalog.publish(
        "splits",
        None,
        catalog.merge("splits", to_table(TABLES["splits"], splits)).version,
    )
    catalog.point(
        "bench", write_release(catalog, draft_release(catalog, "recognition"))
    )
    fill_cache(open_images(store, store / PIXELS))


def fill_cache(train: ReleaseImages) -> None:
    """Look at images until all of them are kept: who does not wait for the disk may leave some out."""
    assert train.pixels is not None
    missing = list(range(len(train)))
    while missing:
        for index in missing:
            train[index].read()
        train.pixels.settle()
        missing = [index for index in missing if train.pixels.find(index) is None]


def load(pictures: Path, store: Path, num_workers: int) -> Batches:
    return draw_batches(open_images(store, store / PIXELS))


def open_images(store: Path, pixels: Path) -> ReleaseImages:
    """The training images, kept in a folder without a limit: the figure says what it takes."""
    catalog = Catalog(f"{store}/tables")
    release = read_release(catalog, catalog.pointed("bench"), "recognition")
    room = CacheRoom(pixels, _LIMIT_BYTES)
    crops = CropPlan(SIDE_PX, AREA)
    return ReleaseImages(catalog, release, "train", None, crops=crops, room=room)


def draw_batches(train: ReleaseImages) -> Batches:
    """One epoch, as training prepares it."""
    batches = prepare_batches(
        train,
        TASKS["recognition"],
        NUM_CLASSES,
        _CONFIG,
        seed=0,
        first_step=0,
        workers=Alone(),
        device=torch.device("cpu"),
    )
    for batch in batches:
        yield batch.images, list(batch.frame_ids)


if __name__ == "__main__":
    report(load, prepare)
