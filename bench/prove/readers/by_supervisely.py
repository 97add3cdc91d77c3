"""supervisely: boxes of rectangles, outlines and bitmaps, and areas of bitmaps; or a project that its SDK writes."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import supervisely as sly

from bench.prove.readers.rows import Row, serve

_SIZE = (48, 64)  # height, width


def read_project(root: Path) -> Iterator[Row]:
    project = sly.Project(str(root), sly.OpenMode.READ)
    for dataset in project:
        for name in dataset:
            annotation = dataset.get_ann(name, project.meta)
            place = str(Path(dataset.get_img_path(name)).relative_to(root))
            for label in annotation.labels:
                yield from _read_label(place, label)


def _read_label(place: str, label: sly.Label) -> Iterator[Row]:
    """The box around whole pixels, the last one within; of an outline that of its corners."""
    shape = label.geometry
    name = label.obj_class.name
    around = shape.to_bbox()
    rest = 0 if isinstance(shape, sly.Polygon) else 1
    box = (around.left, around.top, around.right + rest, around.bottom + rest)
    yield Row(place, name, 0, tuple(map(float, box)))
    if isinstance(shape, sly.Bitmap):
        yield Row(place, f"{name} area", 0, (float(shape.area),))


def write_project(root: Path, seed: int) -> None:
    """A project with figures of each kind, written by the SDK."""
    rng = np.random.default_rng(seed)
    kinds = {
        "box": sly.Rectangle,
        "outline": sly.Polygon,
        "mask": sly.Bitmap,
    }
    classes = [sly.ObjClass(name, kind) for name, kind in kinds.items()]
    project = sly.Project(str(root), sly.OpenMode.CREATE)
    project.set_meta(sly.ProjectMeta(obj_classes=classes))
    dataset = project.create_dataset("ds0")
    for number in range(40):
        labels = [
            sly.Label(figure, obj_class)
            for obj_class in classes
            if (figure := _draw(obj_class.name, rng))
        ]
        annotation = sly.Annotation(_SIZE, labels)
        picture = rng.integers(0, 256, (*_SIZE, 3), np.uint8)
        dataset.add_item_np(f"{number:03d}.png", picture, annotation)


def _draw(
    name: str, rng: np.random.Generator
) -> sly.Rectangle | sly.Polygon | sly.Bitmap:
    top, left = (int(v) for v in rng.integers(0, 20, 2))
    height, width = (int(v) for v in rng.integers(8, 24, 2))
    if name == "box":
        return sly.Rectangle(top, left, top + height - 1, left + width - 1)
    if name == "mask":
        mask = rng.random((height, width)) < 0.5
        mask[0, 0] = mask[-1, -1] = True
        return sly.Bitmap(mask, sly.PointLocation(top, left))
    corners = ((0, 0), (0, width), (height, width), (height, 0))
    outer = [sly.PointLocation(top + r, left + c) for r, c in corners]
    inner = ((2, 2), (2, width - 2), (height - 2, width - 2), (height - 2, 2))
    hole = [sly.PointLocation(top + r, left + c) for r, c in inner]
    return sly.Polygon(outer, [hole])


if __name__ == "__main__":
    if sys.argv[1] == "write":
        write_project(Path(sys.argv[2]), int(sys.argv[3]))
    else:
        serve({"supervisely": read_project})
