"""label-studio-sdk: boxes and class names of an export of Label Studio, as its converter writes them to COCO."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from label_studio_sdk.converter import Converter

from bench.prove.readers.rows import NOTHING, Row, serve


def read(interface: str, tasks: str, root: Path) -> Iterator[Row]:
    os.chdir(root)  # the converter opens pictures by the paths of the tasks
    converter = Converter((root / interface).read_text(), str(root))
    with tempfile.TemporaryDirectory() as place:
        converter.convert_to_coco(str(root / tasks), place, is_dir=False)
        document = json.loads((Path(place) / "result.json").read_text())
    # pictures of a server's local files keep their address
    images = {
        image["id"]: image["file_name"].rpartition("?d=")[2]
        for image in document["images"]
    }
    classes = {c["id"]: c["name"] for c in document["categories"]}
    annotations = document["annotations"]
    for empty in images.keys() - {a["image_id"] for a in annotations}:
        yield Row(images[empty], NOTHING, 0, ())
    for annotation in annotations:
        x, y, width, height = annotation["bbox"]
        place = images[annotation["image_id"]]
        name = classes[annotation["category_id"]]
        yield Row(place, name, 0, (x, y, x + width, y + height))


if __name__ == "__main__":
    serve(
        {
            "label studio": partial(read, "config.xml", "export.json"),
            "exported label studio": partial(
                read, "README-interface.xml", "tasks.json"
            ),
        }
    )
