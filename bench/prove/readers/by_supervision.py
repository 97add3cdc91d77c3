"""supervision: boxes and class names of YOLO, COCO and VOC."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import supervision as sv

from bench.prove.readers.rows import NOTHING, Row, serve


def read_yolo(root: Path) -> Iterator[Row]:
    (config,) = root.glob("*.yaml")
    for images in sorted((root / "images").iterdir()):
        labels = root / "labels" / images.name
        yield from _list_rows(
            sv.DetectionDataset.from_yolo(str(images), str(labels), str(config)), root
        )


def read_exported_yolo(root: Path) -> Iterator[Row]:
    images, labels, config = (root / x for x in ("images", "labels", "data.yaml"))
    yield from _list_rows(
        sv.DetectionDataset.from_yolo(str(images), str(labels), str(config)), root
    )


def read_coco(root: Path) -> Iterator[Row]:
    for images in sorted((root / "images").iterdir()):
        document = root / "annotations" / f"instances_{images.name}.json"
        yield from _list_rows(
            sv.DetectionDataset.from_coco(str(images), str(document)), root
        )


def read_exported_coco(root: Path) -> Iterator[Row]:
    document = root / "annotations" / "instances_default.json"
    yield from _list_rows(
        sv.DetectionDataset.from_coco(str(root / "images"), str(document)), root
    )


def read_voc(root: Path) -> Iterator[Row]:
    yield from _list_rows(
        sv.DetectionDataset.from_pascal_voc(
            str(root / "JPEGImages"), str(root / "Annotations")
        ),
        root,
    )


def _list_rows(found: sv.DetectionDataset, root: Path) -> Iterator[Row]:
    for path, detections in found.annotations.items():
        place = Path(path).relative_to(root).as_posix()
        if not len(detections):
            yield Row(place, NOTHING, 0, ())
        for box, class_id in zip(detections.xyxy, _class_ids(detections), strict=True):
            yield Row(
                place,
                found.classes[class_id],
                0,
                tuple(float(v) for v in box),
            )


def _class_ids(detections: sv.Detections) -> list[int]:
    return [] if detections.class_id is None else detections.class_id.tolist()


if __name__ == "__main__":
    serve(
        {
            "yolo": read_yolo,
            "coco": read_coco,
            "exported coco": read_exported_coco,
            "exported yolo": read_exported_yolo,
            "voc": read_voc,
        }
    )
