"""datumaro: boxes and class names of COCO, VOC, YOLO, CVAT and KITTI. An outline counts as the box around it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import datumaro as dm

from bench.prove.readers.rows import NOTHING, Row, serve

_SHAPES = (
    dm.AnnotationType.bbox,
    dm.AnnotationType.polygon,
    dm.AnnotationType.mask,
)


def read(name: str, shapes: tuple[dm.AnnotationType, ...], root: Path) -> Iterator[Row]:
    """Rows of an import; `name` is datumaro's name of the format."""
    found = dm.Dataset.import_from(str(root), name)
    classes = [c.name for c in found.categories()[dm.AnnotationType.label]]
    seen = set()  # a picture of two lists (train and trainval) is there twice
    for item in found:
        place = Path(item.media.path).relative_to(root).as_posix()
        if place in seen:
            continue
        seen.add(place)
        if not item.annotations:
            yield Row(place, NOTHING, 0, ())
        for annotation in item.annotations:
            if annotation.type in shapes:
                x, y, width, height = annotation.get_bbox()
                values = (float(x), float(y), float(x + width), float(y + height))
                yield Row(place, classes[annotation.label], 0, values)


def _as(name: str, *shapes: dm.AnnotationType) -> Callable[[Path], Iterator[Row]]:
    return partial(read, name, shapes or _SHAPES)


if __name__ == "__main__":
    serve(
        {
            # each object is there as its outline, too
            "coco": _as("coco_instances", dm.AnnotationType.bbox),
            "voc": _as("voc_detection"),
            "yolo": _as("yolo"),
            "cvat": _as("cvat"),
            "kitti": _as("kitti_detection"),
            "exported coco": _as("coco_instances", dm.AnnotationType.bbox),
            "exported cvat": _as("cvat"),
            "exported yolo": _as("yolo"),
        }
    )
