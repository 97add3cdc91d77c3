"""Read a release's images and targets by random access: Lance rows, decoded as finely as they are needed."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from assets.images import EncodedImage, Payload
from assets.kinds import KINDS, find_kind
from assets.kinds.kind import View
from assets.tables.catalog import Catalog
from assets.tables.class_list import count_parts
from assets.tables.releases import open_release, tabulate_classes
from assets.tables.rows import ReleaseFrameRow
from assets.video_frames import unpack
from models.task_names import dataset_of
from models.types import Image, Sample

if TYPE_CHECKING:
    import lance

CACHE_BYTES = 512 * 2**20  # of decoded, shrunken images per split and process
_COLUMNS = [
    "frame_id",
    "sha256",
    "split",
    *dict.fromkeys(column for kind in KINDS for column in kind.columns),
]


@dataclass(frozen=True)
class ReleaseFacts:
    """What a training needs to know about a release. `frames` are its `release_frames`, sorted by frame id."""

    release_id: str
    task: str
    class_names: tuple[str, ...]
    frames_version: int
    frames: pa.Table

    def split(self, name: str) -> pa.Table:
        """The frames of one split: "train", "val" or "test"."""
        return self.frames.filter(pc.equal(self.frames["split"], name))


def read_release(catalog: Catalog, release_id: str, task: str) -> ReleaseFacts:
    """The rows of a release, proven by its id: other frames, labels or splits hash to another one.

    Raises ValueError when it is unknown, has changed, is not what the task learns from, or cannot be trained on.
    """
    found = open_release(catalog, release_id, _COLUMNS)
    if found.task != (wanted := dataset_of(task)):
        raise ValueError(
            f"release {release_id} is for {found.task}, the recipe for {task}, which learns from a "
            f"release for {wanted}: choose another of the two"
        )
    release = ReleaseFacts(
        release_id,
        found.task,
        found.class_names,
        found.frames_version,
        found.frames.select(_COLUMNS),
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
        self.frames = release.split(split).combine_chunks()
        self.kind = find_kind(release.task)
        self.long_side_px = long_side_px
        self._gpu = gpu
        self._stored = catalog.dataset("frames", release.frames_version)
        self._positions = _find_positions(self._stored, self.frames["frame_id"])
        self._kept: dict[int, Sample] = {}
        self._bytes_left = cache_bytes

    def __len__(self) -> int:
        return len(self.frames)

    def __getitem__(self, index: Any) -> Any:
        return self.__getitems__([index])[0]

    def __getitems__(self, indices: Sequence[int]) -> list[Sample]:
        """Several samples with one read of the table."""
        fresh: dict[int, Sample] = {}
        missing = [i for i in dict.fromkeys(indices) if i not in self._kept]
        if missing:
            places = [range(len(self))[i] for i in missing]  # of the last is -1, too
            rows: list[ReleaseFrameRow] = self.frames.take(places).to_pylist()
            positions = pa.array(self._positions[places])
            taken = self._stored.take(positions, columns=["payload"])
            payloads = taken["payload"].to_pylist()
            for row, payload in zip(rows, payloads, strict=True):
                self._require_same(row, payload)
            images = unpack(self._catalog, payloads)
            for index, row, image in zip(missing, rows, images, strict=True):
                fresh[index] = self._to_sample(row, image)
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


def _find_positions(
    stored: lance.LanceDataset, frame_ids: pa.ChunkedArray
) -> NDArray[np.int64]:
    """(N,) where the frames lie in their table."""
    positions = pc.index_in(
        frame_ids, value_set=stored.to_table(columns=["frame_id"])["frame_id"]
    )
    if positions.null_count:
        missing = frame_ids.filter(pc.is_null(positions))
        raise ValueError(
            f"{len(missing)} frames of the release are not in version {stored.version} of the frames "
            f"table, the first is {missing[0]}: run `daguerre verify`"
        )
    return positions.to_numpy().astype(np.int64)


def _require_trainable(release: ReleaseFacts) -> None:
    """Raise ValueError where a split is empty or a class has nothing to learn from."""
    num_frames = count_parts(release.frames)
    for split in ("train", "val"):
        if not num_frames[split]:
            raise ValueError(
                f"release {release.release_id} has no {split} frame: ingest more recordings, or give a "
                f"'{split}' split with the data"
            )
    if not find_kind(release.task).needs_labels:
        return
    labels = tabulate_classes(release.frames)
    in_train = labels.filter(pc.equal(labels["split"], "train"))
    learnt = set(in_train["class_id"].unique().to_pylist())
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
