"""The files that labelling tools and trainers open beside pictures, by the name of their form.

A form writes (path, bytes) of its files, each in its own module. What of a label it cannot hold it counts.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import PurePosixPath
from typing import NamedTuple

import cv2

from assets.formats.annotations.class_names import IGNORED_ID, NAMES_FILES
from assets.retrieval.coco_files import write_coco
from assets.retrieval.cvat_files import write_cvat
from assets.retrieval.label_studio_files import write_label_studio
from assets.retrieval.labelled import Album, Files, Picture
from assets.retrieval.yolo_files import write_yolo
from models.semantic_maps import compose_map
from models.task_names import DETECTION, RECOGNITION, SEGMENTATION

IMAGES, COCO, MASKS = "images", "coco", "masks"


def write_nothing(album: Album) -> Files:
    """Pictures alone."""
    return iter(())


def write_label_images(album: Album) -> Files:
    """A PNG of class ids for each picture that has a map, and the names of the ids."""
    if len(album.classes) > IGNORED_ID:
        raise ValueError(
            f"{len(album.classes)} classes, and a label image holds {IGNORED_ID}: choose sessions of fewer"
        )
    names = "".join(f"{name}\n" for name in album.classes)
    yield f"{MASKS}/{NAMES_FILES[0]}", names.encode()
    for picture in album.pictures:
        if content := _draw_map(album, picture):
            folder = f"{MASKS}/{picture.part}" if picture.part else MASKS
            yield f"{folder}/{PurePosixPath(picture.name).stem}.png", content


def _draw_map(album: Album, picture: Picture) -> bytes | None:
    """A PNG of class ids, 255 where nobody says; None where nobody says anything."""
    maps = album.of(picture, SEGMENTATION)
    if not maps:
        return None
    masks = [label["mask_rle"] or "" for label in maps]
    ids = [album.classes.index(label["class_name"]) for label in maps]
    found = compose_map(masks, ids, picture.size_px[::-1]).class_ids
    return cv2.imencode(".png", found)[1].tobytes()


class Form(NamedTuple):
    """What is written beside pictures; of which tasks the labels are that a tool gives in it; and of which other ones
    those are that it holds."""

    write: Callable[[Album], Files]
    tasks: tuple[str, ...] = ()
    holds_too: tuple[str, ...] = ()


# by their name on the command line
FORMATS: Mapping[str, Form] = {
    IMAGES: Form(write_nothing),
    COCO: Form(write_coco, (DETECTION,), (RECOGNITION,)),
    "label-studio": Form(write_label_studio, (DETECTION, RECOGNITION)),
    "cvat": Form(write_cvat, (DETECTION, RECOGNITION)),
    "yolo": Form(write_yolo, (DETECTION,)),
    MASKS: Form(write_label_images, (SEGMENTATION,)),
}


def require_form(name: str, task: str | None = None) -> None:
    """Raises ValueError for a form that there is not, and for one whose labels are none for the task."""
    if name not in FORMATS:
        raise ValueError(f"format '{name}' is none of {', '.join(FORMATS)}: choose one")
    tasks = FORMATS[name].tasks
    if task is not None and tasks and task not in tasks:
        fit = ", ".join(form for form, of in FORMATS.items() if task in of.tasks)
        raise ValueError(f"format '{name}' holds no labels for {task}: choose {fit}")


def choose_form(name: str | None, task: str) -> str:
    """The form that final labels of a task are written in: the one that is asked for, else COCO, or label images of
    segmentation. Raises ValueError for a form that there is not, and one that does not hold them."""
    fit = [f for f, of in FORMATS.items() if task in of.tasks + of.holds_too]
    if name is None:
        return fit[0]
    require_form(name)
    if name not in fit:
        raise ValueError(
            f"format '{name}' holds no labels of {task}: choose {', '.join(fit)}"
        )
    return name
