"""Exports as Label Studio writes them: a task of one picture of 40 x 20 px, its annotation, regions in per cent."""

from __future__ import annotations

import json


def region(kind: str, value: dict, **more) -> dict:
    return {
        "id": "r",
        "type": kind,
        "value": value,
        "original_width": 40,
        "original_height": 20,
        "image_rotation": 0,
        "to_name": "image",
        "from_name": "label",
        **more,
    }


def rectangle(x=25, y=50, width=50, height=25, label="car", **more) -> dict:
    value = {
        "x": x,
        "y": y,
        "width": width,
        "height": height,
        "rotation": 0,
        "rectanglelabels": [label],
        **more,
    }
    return region("rectanglelabels", value)


def export(*results: dict, image: str = "/data/upload/3/0a1b2c3d-a.jpg", **more) -> str:
    annotation = {
        "id": 5,
        "was_cancelled": False,
        "ground_truth": False,
        "result": list(results),
    }
    return json.dumps(
        [
            {
                "id": 1,
                "annotations": [annotation],
                "data": {"image": image},
                "predictions": [],
                **more,
            }
        ]
    )
