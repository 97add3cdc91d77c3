"""The images of a data set whose labels stand in a document of their own, and what the document may say of them."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from assets.formats.annotations.mask_runs import encode_polygons
from assets.formats.annotations.orientation import (
    Box,
    Placement,
    Point,
    Size,
    upright_size,
)
from assets.formats.annotations.pairing import ImageIndex
from assets.formats.images.exif import read_exif
from assets.formats.images.frame_files import FrameFiles
from assets.formats.images.image_headers import read_header
from assets.formats.layout import list_paths, sensor_of
from assets.formats.observations import FrameObservation, Problem
from assets.formats.protocol import Opener
from assets.storage import SessionFile
from models.masks import encode_window

# pixels of a window that cost as much as one column of a polygon, 0.6 us
PIXELS_A_COLUMN = 40
_FREE_COLUMNS = 5_000_000
_COLUMNS_A_BYTE = 10


class ImageLabels:
    """Reads the images, then finds the one that a label speaks of and knows how the label lies on its pixels."""

    def __init__(
        self, reader: str, root: str, images: Sequence[SessionFile], opener: Opener
    ) -> None:
        self.files = images
        self._root = root
        self._frames = FrameFiles(reader, root, opener)
        self._index = ImageIndex(images, root)
        self._sizes_px: dict[str, Size] = {}
        self._orientations: dict[str, int] = {}
        # "upright" or "stored": what sizes say of the tool that drew the labels
        self._habits: Counter[str] = Counter()
        # image path -> how labels were put on a turned image
        self._placed: dict[str, str] = {}
        self._named: set[str] = set()

    def read_frames(
        self, find_split: Callable[[SessionFile], str | None] | None = None
    ) -> Iterator[FrameObservation | Problem]:
        """All images; to be read before labels are placed in them."""
        for frame in self._frames.read(self.files, find_split):
            if isinstance(frame, FrameObservation) and (
                header := read_header(frame.payload)
            ):
                self._sizes_px[frame.source.path] = (header.width_px, header.height_px)
                exif = read_exif(frame.payload)
                if exif and exif.orientation and exif.orientation != 1:
                    self._orientations[frame.source.path] = exif.orientation
            yield frame

    def size_of(self, image_path: str) -> Size | None:
        """Width and height of an image that has been read, px, as stored; None where they are unknown."""
        return self._sizes_px.get(image_path)

    def announce(self, references: Iterable[str], hints: Sequence[str] = ()) -> None:
        """Make known which paths will be looked for: see `ImageIndex.announce`."""
        self._index.announce(references, hints)

    def find(self, reference: str, hints: Sequence[str] = ()) -> SessionFile:
        """The image of that path. Raises LookupError with a reason to show."""
        return self.take(self._index.find(reference, hints))

    def look_up(self, reference: str) -> str:
        """The path of the image that a list means; a list is no annotation. Raises LookupError."""
        return self._index.find(reference).path

    def has(self, reference: str) -> bool:
        """Whether there is an image of that path."""
        try:
            return bool(self.look_up(reference))
        except LookupError:
            return False

    def contradicts(self, image: SessionFile, reference: str) -> bool:
        """Whether a folder of a path has another name than the image's own at its place."""
        return self._index.contradicts(image, reference)

    def take(self, image: SessionFile) -> SessionFile:
        """Count an image as named by a document that finds it in another way than by a path."""
        self._named.add(image.path)
        return image

    def learn_habit(self, image: SessionFile, stated_px: Size | None) -> None:
        """See what a stated size tells of the tool: whether it showed turned pictures upright."""
        size_px = self._sizes_px.get(image.path)
        orientation = self._orientations.get(image.path, 1)
        upright_px = upright_size(size_px, orientation) if size_px else None
        if size_px != upright_px and stated_px in (size_px, upright_px):
            self._habits["stored" if stated_px == size_px else "upright"] += 1

    def place(self, image: SessionFile, stated_px: Size | None) -> Placement:
        """How labels lie on an image, by the size that they state of it, None where they state none.

        A size of a turned picture tells whether it was shown upright. Half turns, mirrors and squares look alike by
        their size: they are taken as the tool's other sizes say, and as upright where there are none, since that is how
        browsers, labelImg and the loaders of YOLO trainers show them. Raises ValueError for an image whose size is
        unknown, or a size that nothing explains.
        """
        size_px = self._sizes_px.get(image.path)
        orientation = self._orientations.get(image.path, 1)
        if size_px is None:
            raise ValueError(
                f"the size of {image.path} is unknown, so nothing can be placed in it"
            )
        upright_px = upright_size(size_px, orientation)
        if stated_px is not None and stated_px not in (size_px, upright_px):
            stated, real = (
                f"{width}x{height}" for width, height in (stated_px, size_px)
            )
            raise ValueError(
                f"labels were drawn on {stated} px, {image.path} has {real}: they would lie elsewhere"
            )
        if orientation == 1:
            return Placement(size_px)
        if stated_px is not None and size_px != upright_px:
            is_upright = stated_px == upright_px
            why = "as their sizes say"
        else:
            is_upright = not self._habits["stored"] or bool(self._habits["upright"])
            why = (
                "as tools show them; sizes do not tell"
                if is_upright
                else "as other sizes of the same labels say"
            )
        self._placed[image.path] = f"{'upright' if is_upright else 'as stored'}, {why}"
        return Placement(size_px, orientation if is_upright else 1)

    def name_sensor(self, image: SessionFile) -> str:
        """The sensor that the path of an image names."""
        return sensor_of(image.path, self._root)

    def tell(
        self, notes: dict[str, str], labelled: Collection[str] | None = None
    ) -> None:
        """Put into the notes what was decided about images, which are without labels, of the paths in `labelled`, and
        which of them no document named: nobody may have looked at those.
        """
        if labelled is not None and (
            empty := {i.path for i in self.files} - set(labelled)
        ):
            notes["images without labels"] = list_paths(empty)
        bare = {i.path for i in self.files} - self._named
        if bare:
            notes["images that no annotation names"] = list_paths(bare)
        if self._index.num_looser:
            notes["labels found by less than the path they give"] = str(
                self._index.num_looser
            )
        for how, count in sorted(Counter(self._placed.values()).items()):
            notes[
                f"labels on images with an EXIF orientation, taken as drawn {how}"
            ] = f"{count} images"


class MaskBudget:
    """What the masks of one label file may cost, in columns of pixels: a short text can ask for hours of drawing."""

    def __init__(self, file_bytes: int) -> None:
        self._columns: float = _FREE_COLUMNS + _COLUMNS_A_BYTE * file_bytes

    def spend(self, columns: float) -> None:
        """Raises ValueError when it is used up."""
        self._columns -= columns
        if self._columns < 0:
            raise ValueError(
                "a mask with which the masks are more than a file of this size may hold"
            )


def outline(
    points: Sequence[Point], placement: Placement, budget: MaskBudget
) -> tuple[Box, str]:
    """(box around, mask of) a polygon with corners in px as drawn. Raises ValueError for what is no polygon."""
    if len(points) < 3:
        raise ValueError(f"a polygon of {2 * len(points)} numbers")
    points = placement.place_points(points)
    xs, ys = [x for x, _ in points], [y for _, y in points]
    steps = zip(points, [*points[1:], points[0]], strict=True)
    # there and back
    budget.spend(
        sum(max(abs(bx - ax), abs(by - ay)) for (ax, ay), (bx, by) in steps) / 2
    )
    mask = encode_polygons(
        [[value for point in points for value in point]], placement.size_px
    )
    return (min(xs), min(ys), max(xs), max(ys)), mask


def cover(
    mask: NDArray[np.bool_], left: int, top: int, placement: Placement
) -> tuple[Box, str]:
    """(box around, run lengths of) a mask (h, w) at (left, top) as drawn. Raises ValueError when it is empty."""
    ys, xs = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if not len(ys):
        raise ValueError("a mask without a pixel")
    x0, y0, x1, y1 = int(xs[0]), int(ys[0]), int(xs[-1]) + 1, int(ys[-1]) + 1
    drawn = (float(left + x0), float(top + y0), float(left + x1), float(top + y1))
    box = placement.place_box(drawn)
    window = np.ascontiguousarray(placement.place_mask(mask[y0:y1, x0:x1]).astype(bool))
    return box, encode_window(window, int(box[0]), int(box[1]), placement.size_px)


def turn(points: Sequence[Point], about: Point, angle_deg: float) -> list[Point]:
    """Points turned clockwise as seen on the screen (y downwards)."""
    cos = math.cos(math.radians(angle_deg))
    sin = math.sin(math.radians(angle_deg))
    x0, y0 = about
    return [
        (x0 + (x - x0) * cos - (y - y0) * sin, y0 + (x - x0) * sin + (y - y0) * cos)
        for x, y in points
    ]
