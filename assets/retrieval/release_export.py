"""Write exactly one release for other programs: its frames, its targets, its parts.

    images/train/SESSION_SENSOR_FRAME-ID.jpg   of pictures that are labelled as they are stored; nothing turns them
    annotations/instances_train.json           COCO: boxes, masks, keypoints; or labels_train.json, for classes
    masks/train/SESSION_SENSOR_FRAME-ID.png    of segmentation, label images; 255 is judged by nobody
    annotations_train.xml                      of CVAT
    labels/train/..., data.yaml                of YOLO
    tasks.json, README-interface.xml           of Label Studio
    README-release.json, README-frames.csv     which release it is, and which file is which frame

Category n + 1 of COCO, id n of label images and of YOLO are class n of the release. Taken in as a session the folder
gives the same labels and the same parts, but for what the form cannot hold, which is counted.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, cast

from assets.frame_names import MANIFEST, name_picture
from assets.frame_pictures import write_picture
from assets.kinds import find_kind
from assets.retrieval.frame_export import (
    FRAME_COLUMNS,
    OnPicture,
    read_images,
    write_manifest,
)
from assets.retrieval.label_files import IMAGES, choose_form
from assets.retrieval.labelled import Album, Labelled, Picture
from assets.retrieval.read_back import write_checked
from assets.tables.catalog import Catalog, is_in
from assets.tables.class_list import PARTS, describe_release
from assets.tables.releases import Release, open_release
from assets.tables.rows import SIDES, FrameRow, LabelRow, ReleaseFrameRow
from assets.whole_output import writing_folder
from models.task_names import DETECTION, RECOGNITION, SEGMENTATION

README = "README-release.json"


def export_release(
    catalog: Catalog,
    release_id: str,
    out: Path,
    form: str | None = None,
    is_strict: bool = False,
    on_picture: OnPicture | None = None,
) -> dict[str, Any]:
    """Write a release into folder `out`, all of it or nothing; returns how many images and labels, by part, and what of
    the labels the form cannot hold.

    Raises ValueError as `open_release` and `writing_folder` do, for a form that does not hold its labels, for a loss
    where none is allowed, for a frame that is not the bytes of the release, and for more classes than a label image
    holds.
    """
    release = open_release(catalog, release_id)
    rows: list[ReleaseFrameRow] = release.frames.to_pylist()
    labels = _list_labels(release, rows)
    task = _find_task(release.task)
    form = choose_release_form(form, release.task)
    losses = Counter[str]()
    with writing_folder(out) as folder:
        pictures = _write_pictures(catalog, release, rows, folder, on_picture)
        if task is not None:
            title = f"release {release.release_id} for {release.task}"
            written = [p for of_part in pictures.values() for p in of_part]
            album = Album(written, release.class_names, labels, task, title)
            losses = write_checked(folder, form, album, is_strict)
        # without the label files: they are to count where they are taken in
        write_manifest(folder / MANIFEST, [p for ps in pictures.values() for p in ps])
        facts = _describe_release(catalog, release)
        (folder / README).write_text(json.dumps(facts, indent=1), encoding="utf-8")
    counts = {
        part: {
            "images": len(of_part),
            "labels": sum(len(labels.by_frame[p.frame["frame_id"]]) for p in of_part),
        }
        for part, of_part in pictures.items()
    }
    return {**facts, "format": form, "counts": counts, "not_written": dict(losses)}


def list_frames(catalog: Catalog, release: Release) -> list[FrameRow]:
    """The frames of a release, as they were when it was made."""
    wanted = is_in("frame_id", sorted(release.frames["frame_id"].to_pylist()))
    rows = catalog.read("frames", FRAME_COLUMNS, wanted, release.frames_version)
    return cast(list[FrameRow], rows.to_pylist())


def _describe_release(catalog: Catalog, release: Release) -> dict[str, Any]:
    where = is_in("release_id", [release.release_id])
    stored = catalog.read_latest("releases", where=where).to_pylist()[0]
    names = ("release_id", "task", "content_sha256", "class_names")
    return {name: stored[name] for name in names} | describe_release(
        stored, release.frames
    )


def _list_labels(release: Release, rows: Sequence[ReleaseFrameRow]) -> Labelled:
    said = {
        row["frame_id"]: list(_read_labels(row, release.class_names)) for row in rows
    }
    return Labelled(said, is_final=True)


def choose_release_form(form: str | None, name: str) -> str:
    """The form that a release for `name` is written in; None: its own. Raises ValueError for one that does not hold its
    labels."""
    task = _find_task(name)
    if task is not None:
        return choose_form(form, task)
    if form not in (None, IMAGES):
        raise ValueError(
            f"a release for {name} has no labels to write as {form}: leave --format out"
        )
    return IMAGES


def _find_task(name: str) -> str | None:
    """Of which task the labels of a release are; None of one that has none."""
    kind = find_kind(name)
    if not kind.needs_labels:
        return None
    return kind.label_tasks[0]


def _read_labels(
    row: ReleaseFrameRow, class_names: Sequence[str]
) -> Iterator[LabelRow]:
    """The target of a picture, of whatever kind, as the labels that it was made of."""
    if row["class_id"] is not None:
        yield _label(RECOGNITION, class_names[row["class_id"]])
    masks = row["mask_rles"] or ()
    if row["mask_class_ids"] is not None:
        for class_id, mask in zip(row["mask_class_ids"], masks, strict=True):
            yield _label(SEGMENTATION, class_names[class_id], mask_rle=mask)
        masks = ()
    boxes = row["boxes_xyxy"]
    for number, class_id in enumerate(row["box_class_ids"]):
        name = class_names[class_id]
        if not boxes:  # a class that shows somewhere
            yield _label(RECOGNITION, name)
            continue
        corners = dict(zip(SIDES, boxes[4 * number : 4 * number + 4], strict=True))
        said: dict[str, Any] = {"mask_rle": masks[number]} if masks else {}
        if row["keypoints"]:
            said["attributes"] = json.dumps([["keypoints", row["keypoints"][number]]])
        yield _label(DETECTION, name, **said, **corners)


def _label(task: str, class_name: str, **said: Any) -> LabelRow:
    absent = dict.fromkeys(LabelRow.__annotations__)
    return cast(LabelRow, {**absent, "task": task, "class_name": class_name, **said})


def _write_pictures(
    catalog: Catalog,
    release: Release,
    rows: Sequence[ReleaseFrameRow],
    folder: Path,
    on_picture: OnPicture | None,
) -> dict[str, list[Picture]]:
    """The pictures that were written, by part; of frames as they were when the release was made."""
    split_of = {row["frame_id"]: row["split"] for row in rows}
    hashes = {row["frame_id"]: row["sha256"] for row in rows}
    frames = list_frames(catalog, release)
    pictures: dict[str, list[Picture]] = {part: [] for part in PARTS}
    num_bytes = 0
    stored = read_images(catalog, frames, release.frames_version)
    for done, (frame, payload, image) in enumerate(stored, 1):
        if hashlib.sha256(payload).hexdigest() != hashes[frame["frame_id"]]:
            raise ValueError(
                f"frame {frame['frame_id']} is not the bytes of the release: run `daguerre verify`"
            )
        part = split_of[frame["frame_id"]]
        content, suffix = write_picture(frame, image, keeps_orientation=False)
        name = f"images/{part}/{name_picture(frame, suffix)}"
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
        sha256 = hashlib.sha256(content).hexdigest()
        pictures[part].append(Picture(name, frame, sha256, part))
        num_bytes += len(content)
        if on_picture:
            on_picture(done, len(frames), num_bytes)
    return pictures
