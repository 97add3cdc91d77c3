"""Small labelled sets in six formats: seeded boxes and outlines of three classes, pictures without an object."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.sax.saxutils import quoteattr

import cv2
import numpy as np

from assets.retrieval.label_files import FORMATS
from assets.retrieval.labelled import Album, Labelled
from assets.retrieval.labelled import Picture as Written
from assets.tables.rows import SIDES
from assets.tables.schemas import content_id

CLASSES = ("cup", "traffic light", "Straße")
LABEL_CONFIG = "".join(
    (
        '<View><Image name="image" value="$image"/><RectangleLabels name="box" toName="image">',
        *(f"<Label value={quoteattr(name)}/>" for name in CLASSES),
        '</RectangleLabels><PolygonLabels name="outline" toName="image">',
        *(f"<Label value={quoteattr(name)}/>" for name in CLASSES),
        "</PolygonLabels></View>",
    )
)


@dataclass(frozen=True)
class Thing:
    """An object of a picture."""

    class_id: int
    outline: tuple[tuple[float, float], ...]  # px, five corners
    is_crowd: bool = False

    @property
    def box_xyxy(self) -> tuple[float, float, float, float]:
        xs, ys = zip(*self.outline, strict=True)
        return min(xs), min(ys), max(xs), max(ys)

    @property
    def box_xywh(self) -> list[float]:
        x0, y0, x1, y1 = self.box_xyxy
        return [x0, y0, round(x1 - x0, 2), round(y1 - y0, 2)]


@dataclass(frozen=True)
class Picture:
    """A picture and what it shows."""

    name: str
    split: str
    width: int
    height: int
    things: tuple[Thing, ...]


def draw_pictures(seed: int, count: int = 24) -> list[Picture]:
    """Every fourth shows nothing; in every seventh an object is written twice."""
    rng = np.random.default_rng(seed)
    pictures = []
    for number in range(count):
        width = int(rng.integers(80, 200))
        height = int(rng.integers(60, 150))
        things = [] if number % 4 == 3 else _draw_things(rng, width, height)
        if number % 7 == 0:
            things += things[:1]
        split = "train" if number % 3 else "val"
        pictures.append(
            Picture(f"p{number:02d}.png", split, width, height, tuple(things))
        )
    return pictures


def _draw_things(rng: np.random.Generator, width: int, height: int) -> list[Thing]:
    return [
        Thing(int(rng.integers(len(CLASSES))), _draw_outline(rng, width, height))
        for _ in range(int(rng.integers(1, 6)))
    ]


def _draw_outline(
    rng: np.random.Generator, width: int, height: int
) -> tuple[tuple[float, float], ...]:
    """Five corners around a centre, hundredths of a pixel, inside the picture."""
    radius = rng.uniform(5, 25)
    center = rng.uniform((radius, radius), (width - radius, height - radius))
    angles = np.sort(rng.uniform(0, 2 * np.pi, 5))
    corners = center + radius * np.stack([np.cos(angles), np.sin(angles)], axis=1)
    return tuple((round(float(x), 2), round(float(y), 2)) for x, y in corners)


def _write_image(path: Path, picture: Picture) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.full((picture.height, picture.width, 3), 90, np.uint8)
    for thing in picture.things:
        corners = np.array(thing.outline).round().astype(np.int32)
        cv2.fillPoly(pixels, [corners], (40, 80 * thing.class_id, 200))
    cv2.imwrite(str(path), pixels)


def _write_text(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def write_yolo(
    pictures: list[Picture], root: Path, *, with_outlines: bool = False
) -> None:
    """`images/<split>`, `labels/<split>` and a `data.yaml`, as Ultralytics has them."""
    for picture in pictures:
        _write_image(root / "images" / picture.split / picture.name, picture)
        rows = [_yolo_row(picture, thing, with_outlines) for thing in picture.things]
        name = Path(picture.name).with_suffix(".txt")
        _write_text(root / "labels" / picture.split / name, "".join(rows))
    names = "".join(f"  {n}: {name}\n" for n, name in enumerate(CLASSES))
    _write_text(
        root / "data.yaml",
        f"path: .\ntrain: images/train\nval: images/val\nnames:\n{names}",
    )


def _yolo_row(picture: Picture, thing: Thing, with_outlines: bool) -> str:
    if with_outlines:
        shares = [
            value / side
            for corner in thing.outline
            for value, side in zip(corner, (picture.width, picture.height), strict=True)
        ]
    else:
        x0, y0, x1, y1 = thing.box_xyxy
        width = picture.width
        height = picture.height
        shares = [
            (x0 + x1) / 2 / width,
            (y0 + y1) / 2 / height,
            (x1 - x0) / width,
            (y1 - y0) / height,
        ]
    return f"{thing.class_id} {' '.join(f'{share:.6f}' for share in shares)}\n"


def write_coco(pictures: list[Picture], root: Path) -> None:
    """`images/<split>` and `annotations/instances_<split>.json`; outlines as polygons, ids of categories with gaps."""
    for split in ("train", "val"):
        own = [picture for picture in pictures if picture.split == split]
        images = []
        annotations = []
        for number, picture in enumerate(own, start=1):
            _write_image(root / "images" / split / picture.name, picture)
            images.append(
                {
                    "id": number,
                    "file_name": picture.name,
                    "width": picture.width,
                    "height": picture.height,
                }
            )
            for thing in picture.things:
                annotations.append(
                    {
                        "id": len(annotations) + 1,
                        "image_id": number,
                        "category_id": 3 + 4 * thing.class_id,
                        "bbox": thing.box_xywh,
                        "area": thing.box_xywh[2] * thing.box_xywh[3],
                        "segmentation": [
                            [v for corner in thing.outline for v in corner]
                        ],
                        "iscrowd": 0,
                    }
                )
        categories = [
            {"id": 3 + 4 * number, "name": name, "supercategory": "thing"}
            for number, name in enumerate(CLASSES)
        ]
        document = {
            "images": images,
            "annotations": annotations,
            "categories": categories,
        }
        _write_text(
            root / "annotations" / f"instances_{split}.json", json.dumps(document)
        )


def write_voc(pictures: list[Picture], root: Path) -> None:
    """`JPEGImages`, `Annotations` and `ImageSets/Main`; corners as whole pixels."""
    for picture in pictures:
        _write_image(root / "JPEGImages" / picture.name, picture)
        objects = "".join(map(_voc_object, picture.things))
        _write_text(
            root / "Annotations" / Path(picture.name).with_suffix(".xml"),
            f"<annotation><folder>JPEGImages</folder><filename>{picture.name}</filename>"
            f"<size><width>{picture.width}</width><height>{picture.height}</height>"
            f"<depth>3</depth></size><segmented>0</segmented>{objects}</annotation>",
        )
    for split in ("train", "val"):
        names = [Path(p.name).stem for p in pictures if p.split == split]
        _write_text(
            root / "ImageSets" / "Main" / f"{split}.txt", "\n".join([*names, ""])
        )


def _voc_object(thing: Thing) -> str:
    corners = zip(("xmin", "ymin", "xmax", "ymax"), thing.box_xyxy, strict=True)
    box = "".join(f"<{key}>{round(value)}</{key}>" for key, value in corners)
    return (
        f"<object><name>{CLASSES[thing.class_id]}</name><pose>Unspecified</pose>"
        f"<truncated>0</truncated><difficult>0</difficult><bndbox>{box}</bndbox></object>"
    )


def write_kitti(pictures: list[Picture], root: Path) -> None:
    """`training/image_2` and `training/label_2`; corners as hundredths, class names in one word."""
    for picture in pictures:
        _write_image(root / "training" / "image_2" / picture.name, picture)
        rows = [
            f"{CLASSES[thing.class_id].replace(' ', '_')} 0.00 0 -1.58 "
            f"{' '.join(f'{v:.2f}' for v in thing.box_xyxy)} 1.5 1.6 3.7 1.0 1.5 8.0 -1.59\n"
            for thing in picture.things
        ]
        name = Path(picture.name).with_suffix(".txt")
        _write_text(root / "training" / "label_2" / name, "".join(rows))


def write_cvat(pictures: list[Picture], root: Path) -> None:
    """`images` and one `annotations.xml` of CVAT for images: boxes, masks and outlines, a kind for each class."""
    images = []
    for number, picture in enumerate(pictures):
        _write_image(root / "images" / picture.name, picture)
        shapes = "".join(map(_cvat_shape, picture.things))
        images.append(
            f'<image id="{number}" name="{picture.name}" width="{picture.width}" '
            f'height="{picture.height}">{shapes}</image>'
        )
    labels = "".join(
        f"<label><name>{name}</name><attributes></attributes></label>"
        for name in CLASSES
    )
    _write_text(
        root / "annotations.xml",
        f"<annotations><version>1.1</version><meta><task><labels>{labels}</labels></task>"
        f"</meta>{''.join(images)}</annotations>",
    )


def _cvat_shape(thing: Thing) -> str:
    name = f'label="{CLASSES[thing.class_id]}" occluded="0" z_order="0"'
    if thing.class_id == len(CLASSES) - 1:
        points = ";".join(f"{x:.2f},{y:.2f}" for x, y in thing.outline)
        return f'<polygon {name} points="{points}"></polygon>'
    if thing.class_id == 1:
        return f"<mask {name} {_cvat_mask(thing)}></mask>"
    corners = zip(("xtl", "ytl", "xbr", "ybr"), thing.box_xyxy, strict=True)
    box = " ".join(f'{key}="{value:.2f}"' for key, value in corners)
    return f"<box {name} {box}></box>"


def _cvat_mask(thing: Thing) -> str:
    """The outline in whole pixels: runs in a window, row by row, that begin with the pixels outside."""
    corners = np.array(thing.outline).round().astype(np.int32)
    left, top = corners.min(axis=0)
    width, height = corners.max(axis=0) - (left, top) + 1
    window = np.zeros((height, width), np.uint8)
    cv2.fillPoly(window, [corners - (left, top)], 1)
    turns = np.flatnonzero(np.diff(window.ravel(), prepend=0))
    runs = np.diff([0, *turns, window.size])
    place = f'left="{left}" top="{top}" width="{width}" height="{height}"'
    return f'rle="{", ".join(map(str, runs))}" {place}'


def write_export(pictures: list[Picture], root: Path, form: str) -> None:
    """As `daguerre export labels` writes boxes of stored frames."""
    written = []
    found = {}
    for picture in pictures:
        frame_id = content_id("frame", picture.name)
        name = f"images/drive_left_{frame_id}.png"
        _write_image(root / name, picture)
        size = {"width_px": picture.width, "height_px": picture.height}
        frame: Any = {"frame_id": frame_id, "session": "drive", "sensor": "left"}
        written.append(Written(name, frame | {"t_ns": 0} | size, ""))
        found[frame_id] = [_describe_label(thing) for thing in picture.things]
    labels = Labelled(found, is_final=True)
    album = Album(written, CLASSES, labels, "detection")
    for path, content in FORMATS[form].write(album):
        _write_text(root / path, content.decode())


def _describe_label(thing: Thing) -> Any:
    """A row of `labels`, as far as an export asks for it."""
    return {
        "label_id": content_id("label", *thing.box_xyxy),
        "task": "detection",
        "class_name": CLASSES[thing.class_id],
        **dict(zip(SIDES, thing.box_xyxy, strict=True)),
        "mask_rle": None,
        "track_id": None,
        "attributes": None,
    }


def write_label_studio(pictures: list[Picture], root: Path) -> None:
    """`images` and an export of Label Studio; outlines for the last class, rectangles for the others."""
    tasks = []
    for number, picture in enumerate(pictures, start=1):
        _write_image(root / "images" / picture.name, picture)
        results = [
            _label_studio_result(f"r{number}-{index}", picture, thing)
            for index, thing in enumerate(picture.things)
        ]
        tasks.append(
            {
                "id": number,
                "data": {"image": f"images/{picture.name}"},
                "annotations": [
                    {
                        "id": number,
                        "was_cancelled": False,
                        "result": results,
                        "created_at": "2026-01-05T10:00:00Z",
                    }
                ],
                "predictions": [],
            }
        )
    _write_text(root / "export.json", json.dumps(tasks))


def _label_studio_result(
    name: str, picture: Picture, thing: Thing
) -> dict[str, object]:
    sides = (picture.width, picture.height)
    labels = [CLASSES[thing.class_id]]
    if thing.class_id == len(CLASSES) - 1:
        kind = "polygonlabels"
        source = "outline"
        corners = [
            [100 * v / s for v, s in zip(c, sides, strict=True)] for c in thing.outline
        ]
        value: dict[str, object] = {"points": corners, "closed": True}
    else:
        kind = "rectanglelabels"
        source = "box"
        shares = [100 * v / s for v, s in zip(thing.box_xywh, sides * 2, strict=True)]
        value = dict(zip(("x", "y", "width", "height"), shares, strict=True))
        value["rotation"] = 0
    return {
        "id": name,
        "type": kind,
        "from_name": source,
        "to_name": "image",
        "original_width": picture.width,
        "original_height": picture.height,
        "image_rotation": 0,
        "value": {**value, kind: labels},
    }
