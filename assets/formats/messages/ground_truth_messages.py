"""Read the labels that a simulator writes beside its frames: JSON messages of schema `daguerre.GroundTruth`.

One message a frame: {sensor, t_ns, recognition: class name, objects: [{class_name, track_id, box_xyxy (px), mask_rle
(COCO compressed counts), mask_size [height, width]}], class_masks: [{class_name, mask_rle}]}. Class masks are labels of
task "segmentation", in which every pixel is: the background is a class of its own.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

from assets.formats.messages.topics import Origin, Reading
from assets.formats.observations import AnnotationObservation, LabelObservation
from assets.formats.strict_json import parse_json


def read_ground_truth(message: Any, origin: Origin) -> Iterator[Reading]:
    """A label for each object, each class mask and the whole frame, and that its objects are all that there are.

    What makes no sense is a problem of its own.
    """
    sensor = message["sensor"]
    t_ns = message["t_ns"]
    if not isinstance(sensor, str) or type(t_ns) is not int:
        raise ValueError(f"sensor {sensor!r} and t_ns {t_ns!r} do not name a frame")
    objects = message.get("objects", [])
    num_missing = 0
    for what, items, read in (
        ("object", objects, _read_object),
        ("class mask", message.get("class_masks", []), _read_class_mask),
    ):
        for index, item in enumerate(items):
            try:
                yield read(item, index, sensor, t_ns, origin)
            except (KeyError, TypeError, ValueError) as error:
                num_missing += what == "object"
                yield origin.refuse(
                    f"{what} {index} at {t_ns} ns: {type(error).__name__}: {error}",
                    sensor=sensor,
                )
    yield AnnotationObservation(
        None,
        "detection",
        origin.source,
        sensor,
        t_ns,
        num_labels=len(objects) - num_missing,
        num_missing=num_missing,
    )
    recognition = message.get("recognition")
    if recognition:
        yield LabelObservation(
            None,
            "recognition",
            str(recognition),
            origin.source,
            sensor,
            t_ns,
            origin="simulated",
            index=len(objects),
        )


def _read_object(
    item: dict[str, Any], index: int, sensor: str, t_ns: int, origin: Origin
) -> LabelObservation:
    x_min, y_min, x_max, y_max = (float(v) for v in item["box_xyxy"])
    if not all(map(math.isfinite, (x_min, y_min, x_max, y_max))):
        raise ValueError(f"box {item['box_xyxy']} is not finite")
    mask = item.get("mask_rle")
    track = item.get("track_id")
    return LabelObservation(
        None,
        "detection",
        str(item["class_name"]),
        origin.source,
        sensor,
        t_ns,
        (x_min, y_min, x_max, y_max),
        None if mask is None else str(mask),
        None if track is None else int(track),
        "simulated",
        index,
    )


def _read_class_mask(
    item: dict[str, Any], index: int, sensor: str, t_ns: int, origin: Origin
) -> LabelObservation:
    mask = item["mask_rle"]
    if not isinstance(mask, str):
        raise ValueError(f"mask_rle is no text but {type(mask).__name__}")
    return LabelObservation(
        None,
        "segmentation",
        str(item["class_name"]),
        origin.source,
        sensor,
        t_ns,
        mask_rle=mask,
        origin="simulated",
        index=index,
    )


HANDLERS: dict[str, Callable[[Any, Origin], Iterator[Reading]]] = {
    "daguerre.GroundTruth": read_ground_truth
}
parse_ground_truth = parse_json
