"""Read a release's images and targets by random access: Lance rows, decoded as finely as they are needed."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from assets.code_versions import version_of
from assets.image_forms import ForCrops, Form, Shrunken
from assets.images import EncodedImage, Payload
from assets.kinds import KINDS, find_kind
from assets.kinds.kind import View
from assets.pixel_cache import CacheRoom, PixelCache, Record, name_cache
from assets.tables.catalog import Catalog
from assets.tables.class_list import count_parts
from assets.tables.releases import open_release, tabulate_classes
from assets.tables.rows import ReleaseFrameRow
from assets.video_frames import unpack
from models.augment.crop_plan import CropPlan
from models.known_tasks import dataset_of
from models.types import Image, Sample, StoredImage

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
    in memory as uint8 until `cache_bytes` are used. With `crops`, images are as fine as these can show. Without either,
    and with `crops` on a `gpu`, samples hold the encoded bytes and are decoded by who looks at them, at the scale that
    is looked for. What is decoded here goes to disk where there is `room` for it, and is read from there the next time;
    the pixels are the same. Bytes that are not those of the release raise ValueError with the frame's id.
    """

    def __init__(
        self,
        catalog: Catalog,
        release: ReleaseFacts,
        split: str,
        long_side_px: int | None,
        cache_bytes: int = CACHE_BYTES,
        gpu: str | None = None,
        crops: CropPlan | None = None,
        room: CacheRoom | None = None,
    ) -> None:
        self._catalog = catalog
        self.frames = release.split(split).combine_chunks()
        self.kind = find_kind(release.task)
        self._gpu = gpu
        self._stored = catalog.dataset("frames", release.frames_version)
        self._positions = _find_positions(self._stored, self.frames["frame_id"])
        self._kept: dict[int, Sample] = {}
        self._bytes_left = cache_bytes
        self.form: Form | None = None
        if long_side_px is not None:
            self.form = Shrunken(long_side_px)
        elif crops is not None and gpu is None:
            self.form = ForCrops(crops)
        self.pixels = self._open_pixels(room) if room and self.form else None

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
            for index, sample in zip(missing, self._make_samples(places), strict=True):
                fresh[index] = sample
                self._keep(index, sample)
        return [fresh[i] if i in fresh else self._kept[i] for i in indices]

    def _make_samples(self, places: Sequence[int]) -> list[Sample]:
        rows: list[ReleaseFrameRow] = self.frames.take(places).to_pylist()
        pixels = self.pixels
        records = [pixels.find(place) if pixels else None for place in places]
        absent = [n for n, record in enumerate(records) if record is None]
        contents: dict[int, Payload] = {}
        if absent:
            found = self.load([places[n] for n in absent], [rows[n] for n in absent])
            contents = dict(zip(absent, found, strict=True))
        return [
            self._to_sample(place, row, records[n], contents.get(n))
            for n, (place, row) in enumerate(zip(places, rows, strict=True))
        ]

    def load(
        self, places: Sequence[int], rows: Sequence[ReleaseFrameRow]
    ) -> list[Payload]:
        """The stored images at these places, proven to be those of their rows."""
        positions = pa.array(self._positions[list(places)])
        taken = self._stored.take(positions, columns=["payload"])
        payloads = taken["payload"].to_pylist()
        for row, payload in zip(rows, payloads, strict=True):
            if hashlib.sha256(payload).hexdigest() != row["sha256"]:
                raise ValueError(
                    f"frame {row['frame_id']} is not the bytes of the release: run `daguerre verify`"
                )
        return unpack(self._catalog, payloads)

    def _to_sample(
        self,
        place: int,
        row: ReleaseFrameRow,
        record: Record | None,
        content: Payload | None,
    ) -> Sample:
        stored: StoredImage
        image: Image | StoredImage
        if self.form is None:
            assert content is not None
            stored = image = EncodedImage(content, self._gpu)
        else:
            stored = picture = _Picture(self, place, row, record, content)
            is_placed = isinstance(self.form, Shrunken)
            image = picture.read_as_formed()[0] if is_placed else picture
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

    def _open_pixels(self, room: CacheRoom) -> PixelCache | None:
        """None where memory will hold all of them."""
        assert self.form is not None
        stated = self._stored.to_table(columns=["height_px", "width_px", "encoding"])
        stated = stated.take(pa.array(self._positions))
        sizes = list(zip(*stated.to_pydict().values(), strict=True))
        bytes_of = {
            (height, width, encoding): 3
            * math.prod(self.form.find_shape((height, width), encoding))
            for height, width, encoding in set(sizes)
        }
        capacities = np.array([bytes_of[size] for size in sizes], np.int64)
        if isinstance(self.form, Shrunken) and capacities.sum() <= self._bytes_left:
            return None
        hashes = self.frames["sha256"].to_pylist()
        name = name_cache(hashes, repr(self.form), version_of("models"))
        return PixelCache.open(room, name, capacities)


class _Picture:
    """A stored image in the form that the recipe reads it in: from the cache, or decoded and offered to it."""

    device = None  # it is decoded here

    def __init__(
        self,
        images: ReleaseImages,
        place: int,
        row: ReleaseFrameRow,
        record: Record | None,
        content: Payload | None,
    ) -> None:
        self._images, self._place, self._row = images, place, row
        self._record, self._content = record, content

    @cached_property
    def _encoded(self) -> EncodedImage:
        """Loaded where the cache holds the image: its pixels were not as they were written."""
        if self._content is None:
            (self._content,) = self._images.load([self._place], [self._row])
        return EncodedImage(self._content)

    @property
    def payload(self) -> bytes:
        return self._encoded.payload

    @property
    def size_hw(self) -> tuple[int, int]:
        return self._record.stored_hw if self._record else self._encoded.size_hw

    def read(self, scale: float = 1.0) -> tuple[Image, int]:
        """As its form has it where that suffices, as it does for all crops that the recipe draws."""
        form = self._images.form
        if isinstance(form, ForCrops) and not form.suffices(self.size_hw, scale):
            return self._encoded.read(scale)
        return self.read_as_formed()

    def read_as_formed(self) -> tuple[Image, int]:
        form, pixels = self._images.form, self._images.pixels
        assert form is not None
        if pixels and self._record and (kept := pixels.read(self._place)) is not None:
            return kept, self._record.divisor
        image, divisor = form.read(self._encoded)
        if pixels:
            pixels.offer(self._place, image, self._encoded.size_hw, divisor)
        return image, divisor


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
