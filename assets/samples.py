"""Read a release's images and targets by random access: Lance rows, decoded as finely as they are needed."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np

from assets.images import EncodedImage, Payload
from assets.kinds import KINDS, find_kind
from assets.kinds.kind import View
from assets.tables.catalog import Catalog
from assets.tables.releases import list_class_ids, open_release
from assets.tables.rows import ReleaseFrameRow
from assets.video_frames import unpack
from models.task_names import dataset_of
from models.types import Image, Sample

CACHE_BYTES = 512 * 2**20  # of decoded, shrunken images per split and process
_COLUMNS = [
    "frame_id",
    "sha256",
    "split",
    *dict.fromkeys(column for kind in KINDS for column in kind.columns),
]


@dataclass(frozen=True)
class ReleaseFacts:
    """What a training needs to know about a release. `rows` are its `release_frames` rows, sorted by frame id."""

    release_id: str
    task: str
    class_names: tuple[str, ...]
    frames_version: int
    rows: tuple[ReleaseFrameRow, ...]

    def split(self, name: str) -> list[ReleaseFrameRow]:
        """The rows of one split: "train", "val" or "test"."""
        return [row for row in self.rows if row["split"] == name]


def read_release(catalog: Catalog, release_id: str, task: str) -> ReleaseFacts:
    """The rows of a release, proven by its id: other frames, labels or splits hash to another one.

    Raises ValueError when it is unknown, has changed, is not what the task learns from, or cannot be trained on.
    """
    found = open_release(catalog, release_id)
    if found.task != (wanted := dataset_of(task)):
        raise ValueError(
            f"release {release_id} is for {found.task}, the recipe for {task}, which learns from a "
            f"release for {wanted}: choose another of the two"
        )
    rows = found.frames.select(_COLUMNS).to_pylist()
    release = ReleaseFacts(
        release_id, found.task, found.class_names, found.frames_version, tuple(rows)
    )
    _require_trainable(release)
    return release


class ReleaseImages(Sequence[Sample]):
    """The samples of one split, by index, in the order of their frame ids; safe to use from several threads.

    With `long_side_px`, images are shrunk to a long side of at most that (boxes, masks, maps move along) and kept
    in memory as uint8 until `cache_bytes` are used; the rest are read again each time. Without, samples hold the
    encoded bytes and are decoded by who looks at them, at the scale that is looked for, or on the `gpu`. Bytes that are
    not those of the release raise ValueError with the frame's id.
    """

    def __init__(
        self,
        catalog: Catalog,
        release: ReleaseFacts,
        split: str,
        long_side_px: int | None,
        cache_bytes: int = CACHE_BYTES,
        gpu: str | None = None,
    ) -> None:
        self._catalog = catalog
        self.rows = release.split(split)
        self.kind = find_kind(release.task)
        self.long_side_px = long_side_px
        self._gpu = gpu
        self._frames = catalog.dataset("frames", release.frames_version)
        self._positions = _find_positions(
            self._frames, [row["frame_id"] for row in self.rows]
        )
        self._kept: dict[int, Sample] = {}
        self._bytes_left = cache_bytes

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: Any) -> Any:
        return self.__getitems__([index])[0]

    def __getitems__(self, indices: Sequence[int]) -> list[Sample]:
        """Several samples with one read of the table."""
        fresh: dict[int, Sample] = {}
        missing = [i for i in dict.fromkeys(indices) if i not in self._kept]
        if missing:
            taken = self._frames.take(
                [self._positions[i] for i in missing], columns=["payload"]
            )
            payloads = taken["payload"].to_pylist()
            for index, payload in zip(missing, payloads, strict=True):
                self._require_same(self.rows[index], payload)
            images = unpack(self._catalog, payloads)
            for index, image in zip(missing, images, strict=True):
                fresh[index] = self._to_sample(self.rows[index], image)
                self._keep(index, fresh[index])
        return [fresh[i] if i in fresh else self._kept[i] for i in indices]

    def _require_same(self, row: ReleaseFrameRow, payload: bytes) -> None:
        if hashlib.sha256(payload).hexdigest() != row["sha256"]:
            raise ValueError(
                f"frame {row['frame_id']} is not the bytes of the release: run `daguerre verify`"
            )

    def _to_sample(self, row: ReleaseFrameRow, content: Payload) -> Sample:
        stored = EncodedImage(content, self._gpu)
        image = (
            stored
            if self.long_side_px is None
            else _shrink_stored(stored, self.long_side_px)
        )
        return Sample(
            row["frame_id"], image, self.kind.read_target(row, View(image, stored))
        )

    def _keep(self, index: int, sample: Sample) -> None:
        if not isinstance(sample.image, np.ndarray):
            return
        arrays = [
            v
            for v in getattr(sample.target, "__dict__", {}).values()
            if isinstance(v, np.ndarray)
        ]
        num_bytes = sum(values.nbytes for values in (sample.image, *arrays))
        if num_bytes <= self._bytes_left:
            self._bytes_left -= num_bytes
            self._kept[index] = sample


def _shrink_stored(stored: EncodedImage, long_side_px: int) -> Image:
    return shrink(stored.read(long_side_px / max(stored.size_hw))[0], long_side_px)


def shrink(image_rgb: Image, long_side_px: int) -> Image:
    """The image with its long side at `long_side_px` where it was longer, by area averaging."""
    height, width = image_rgb.shape[:2]
    scale = long_side_px / max(height, width)
    if scale >= 1:
        return image_rgb
    size = (max(round(width * scale), 1), max(round(height * scale), 1))
    return np.asarray(
        cv2.resize(image_rgb, size, interpolation=cv2.INTER_AREA), np.uint8
    )


def _find_positions(frames: Any, frame_ids: Sequence[str]) -> list[int]:
    position_of = {
        i: n
        for n, i in enumerate(
            frames.to_table(columns=["frame_id"])["frame_id"].to_pylist()
        )
    }
    missing = [i for i in frame_ids if i not in position_of]
    if missing:
        raise ValueError(
            f"{len(missing)} frames of the release are not in version {frames.version} of the frames "
            f"table, the first is {missing[0]}: run `daguerre verify`"
        )
    return [position_of[i] for i in frame_ids]


def _require_trainable(release: ReleaseFacts) -> None:
    """Raise ValueError where a split is empty or a class has nothing to learn from."""
    for split in ("train", "val"):
        if not release.split(split):
            raise ValueError(
                f"release {release.release_id} has no {split} frame: ingest more recordings, or give a "
                f"'{split}' split with the data"
            )
    if not find_kind(release.task).needs_labels:
        return
    learnt: set[int] = set()
    for row in release.split("train"):
        learnt |= set(list_class_ids(row))
    if not learnt:
        raise ValueError(
            f"release {release.release_id} has no {release.task} label in its train split: "
            "label some frames"
        )
    unlearnt = [name for c, name in enumerate(release.class_names) if c not in learnt]
    if unlearnt:
        raise ValueError(
            f"{', '.join(unlearnt)}: no training sample in release {release.release_id}; ingest "
            "recordings that show these classes, or choose the others with --classes"
        )
