"""The label readers beside reference readers: pycocotools for COCO, torchvision for VOC and folders of classes."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import cv2
import numpy as np
import pytest

from assets.formats import plan_session, read_capture
from assets.formats.observations import FrameObservation, LabelObservation
from assets.storage import Folder
from models.masks import decode_mask

# pycocotools 2.0.11 decodes through an array interface that numpy 2 warns about
pytestmark = pytest.mark.filterwarnings(
    "ignore:__array__ implementation:DeprecationWarning"
)


def read(root: Path) -> tuple[list[LabelObservation], list[FrameObservation]]:
    folder = Folder(str(root))
    found = [
        o
        for plan in plan_session(folder.files(), folder.open)[0]
        for o in read_capture(plan, folder.open)
    ]
    return [o for o in found if isinstance(o, LabelObservation)], [
        o for o in found if isinstance(o, FrameObservation)
    ]


def write_picture(path: Path, seed: int, width: int = 48, height: int = 36) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(
        str(path),
        np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8),
    )


def draw_outline(rng: np.random.Generator) -> list[float]:
    """Five corners around a random centre, within 48 x 36 px."""
    angles = np.sort(rng.uniform(0, 2 * np.pi, 5))
    center = rng.uniform((12, 12), (36, 24))
    radius = rng.uniform(4, 11)
    points = center + radius * np.stack([np.cos(angles), np.sin(angles)], axis=1)
    return [round(float(v), 2) for v in points.ravel()]


def test_coco_boxes_and_masks_equal_those_of_pycocotools(tmp_path, capsys):
    from pycocotools.coco import COCO

    rng = np.random.default_rng(0)
    annotations = []
    for number in range(120):
        outline = draw_outline(rng)
        xs, ys = outline[0::2], outline[1::2]
        box = [min(xs), min(ys), max(xs) - min(xs), max(ys) - min(ys)]
        annotations.append(
            {
                "id": number + 1,
                "image_id": number % 8,
                "category_id": 3 + number % 2,
                "bbox": box,
                "segmentation": [outline],
                "area": 1.0,
                "iscrowd": 0,
            }
        )
    images = [
        {"id": n, "file_name": f"{n}.png", "width": 48, "height": 36} for n in range(10)
    ]
    categories = [{"id": 3, "name": "cup"}, {"id": 4, "name": "mug"}]
    document = tmp_path / "set" / "annotations.json"
    for n in range(10):
        write_picture(tmp_path / "set" / "images" / f"{n}.png", n)
    document.write_text(
        json.dumps(
            {"images": images, "annotations": annotations, "categories": categories}
        )
    )
    reference = COCO(str(document))
    capsys.readouterr()
    labels, _ = read(tmp_path / "set")
    assert len(labels) == len(annotations)
    for label in labels:
        (wanted,) = reference.loadAnns(annotations[label.index]["id"])
        x, y, width, height = wanted["bbox"]
        assert label.box_xyxy == (x, y, x + width, y + height)
        assert label.class_name == reference.loadCats(wanted["category_id"])[0]["name"]
        assert (
            label.frame_path
            == f"images/{reference.loadImgs(wanted['image_id'])[0]['file_name']}"
        )
        assert np.array_equal(
            decode_mask(label.mask_rle or "", 36, 48),
            reference.annToMask(wanted).astype(bool),
        )


def test_voc_objects_equal_those_of_torchvision(test_data):
    from xml.etree import ElementTree

    from torchvision.datasets import VOCDetection

    root = test_data("detection/bccd_voc")
    labels, _ = read(root)
    mine = Counter((Path(o.source.path).stem, o.class_name, o.box_xyxy) for o in labels)
    theirs: Counter = Counter()
    for path in root.rglob("*.xml"):
        document = VOCDetection.parse_voc_xml(ElementTree.parse(path).getroot())[
            "annotation"
        ]
        for item in document.get("object", []):
            box = tuple(
                float(item["bndbox"][k]) for k in ("xmin", "ymin", "xmax", "ymax")
            )
            theirs[path.stem, item["name"], box] += 1
    twice = {key: count for key, count in theirs.items() if count > 1}
    assert mine == Counter(theirs.keys()), "the same but for rows that repeat"
    assert sum(theirs.values()) - sum(mine.values()) == sum(twice.values()) - len(twice)


@pytest.mark.parametrize(
    "names", [("car", "train", "camera"), ("day", "night"), ("left", "up", "down")]
)
def test_class_folders_equal_those_of_torchvision(tmp_path, names):
    from torchvision.datasets import ImageFolder

    for seed, name in enumerate(names):
        for n in range(3):
            write_picture(
                tmp_path / "train" / name / "deep" / f"{n}.png"
                if n == 2
                else tmp_path / "train" / name / f"{n}.png",
                10 * seed + n,
            )
            write_picture(tmp_path / "val" / name / f"{n}.png", 100 + 10 * seed + n)
    labels, frames = read(tmp_path)
    for split in ("train", "val"):
        reference = ImageFolder(str(tmp_path / split))
        wanted = {
            str(Path(path).relative_to(tmp_path)): reference.classes[index]
            for path, index in reference.samples
        }
        splits = {f.source.path: f.split_hint for f in frames}
        assert {
            o.frame_path: o.class_name for o in labels if splits[o.frame_path] == split
        } == wanted
