"""Frames that a queue asks, put before people: as a folder for a labelling tool, or as a project of Label Studio.

What a model, or a label that looks wrong, says of a frame goes along as a proposal: Label Studio shows it, and it is
nobody's answer until a person has submitted it. Other tools cannot tell a proposal from a label, and get none.
Belongs here: what is pushed, and that it was. Does not: the forms (`assets/retrieval`), and the server
(`orchestration/label_studio.py`).
"""

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from assets.frame_names import name_picture
from assets.frame_pictures import write_picture
from assets.retrieval.frame_export import (
    FRAME_COLUMNS,
    OnPicture,
    Order,
    export_frames,
    list_classes,
    read_images,
    read_labels,
)
from assets.retrieval.label_studio_files import write_label_studio
from assets.retrieval.labelled import Album, Labelled, Picture
from assets.tables.catalog import Catalog, is_in, repr_sql
from assets.tables.rows import SIDES, FrameRow, LabelRow, PredictionRow
from assets.tables.schemas import TABLES, content_id, to_table
from assets.tables.seals import seal_tables
from orchestration.label_studio import LabelStudio

Tell = Callable[[int, int], None]
LABEL_STUDIO = "label-studio"  # of the forms of an export
_INTERFACE = "README-interface.xml"


@dataclass(frozen=True)
class Asked:
    """The open frames of one queue, in its order, and under what they are to be labelled."""

    queue_id: str
    task: str
    frames: tuple[FrameRow, ...]
    guideline_id: str | None
    model_sha256: str | None
    changed: tuple[str, ...] = ()  # frames that are gone, or are not what was asked

    @property
    def sha256_of(self) -> dict[str, str]:
        """Frame id -> sha256 of the image."""
        return {frame["frame_id"]: frame["sha256"] for frame in self.frames}


@dataclass(frozen=True)
class Sent:
    """Where frames were put before people, and how many objects were proposed for them."""

    place: str
    num_proposed: int


def read_asked(catalog: Catalog, rows: Sequence[Mapping[str, Any]]) -> Asked:
    """What a queue asks, from its rows of `label_queue`. Raises ValueError for none that is open."""
    still = [row for row in rows if row["state"] == "open"]
    if not still:
        raise ValueError(
            "no frame of this queue is open: `daguerre queue` asks for others"
        )
    ids = [row["frame_id"] for row in still]
    found = catalog.read_of("frames", FRAME_COLUMNS, "frame_id", ids).to_pylist()
    frames = {row["frame_id"]: cast(FrameRow, row) for row in found}
    is_same = {
        row["frame_id"]: row["frame_id"] in frames
        and frames[row["frame_id"]]["sha256"] == row["frame_sha256"]
        for row in still
    }
    first = still[0]
    return Asked(
        first["queue_id"],
        first["task"],
        tuple(frames[i] for i in ids if is_same[i]),
        first["guideline_id"],
        first["model_sha256"],
        tuple(i for i in ids if not is_same[i]),
    )


def propose(catalog: Catalog, asked: Asked) -> Labelled:
    """What goes along with the frames: their labels where they have some, or else what the queue's model answered."""
    stored = read_labels(catalog, asked.frames)
    bare = [
        f["frame_id"] for f in asked.frames if not stored.by_frame.get(f["frame_id"])
    ]
    answers = _read_predictions(catalog, asked, bare)
    said = {
        i: _list_predicted(row, _read_least(catalog, row)) for i, row in answers.items()
    }
    model = f"model {(asked.model_sha256 or '')[:12]}"
    return Labelled(
        {**stored.by_frame, **said}, {frame_id: model for frame_id in answers}
    )


def push_to_folder(
    catalog: Catalog,
    asked: Asked,
    folder: Path,
    form: str,
    classes: Sequence[str],
    on_picture: OnPicture | None = None,
) -> Sent:
    """Write pictures and the files of a labelling tool. Raises as `export_frames`."""
    proposed = propose(catalog, asked) if form == LABEL_STUDIO else None
    listed = list_classes(catalog, form, asked.frames, _join(classes, proposed))
    order = Order(form, listed, proposed)
    export_frames(catalog, asked.frames, folder, order, on_picture)
    num_proposed = proposed.count([asked.task]) if proposed else 0
    return Sent(str(folder.resolve()), num_proposed)


def push_to_server(
    catalog: Catalog,
    asked: Asked,
    server: LabelStudio,
    classes: Sequence[str],
    on_progress: Tell | None = None,
) -> Sent:
    """Make a project with the frames. Raises ServerRefused."""
    proposed = propose(catalog, asked)
    listed = list_classes(catalog, LABEL_STUDIO, asked.frames, _join(classes, proposed))
    pictures = [
        Picture(f"images/{name_picture(frame, '.jpg')}", frame, "")
        for frame in asked.frames
    ]
    files = dict(write_label_studio(Album(pictures, listed, proposed)))
    tasks = json.loads(files["tasks.json"])
    title = f"{asked.task} {asked.queue_id[:12]}"
    instruction = _read_guideline(catalog, asked.guideline_id)
    project = server.make_project(title, files[_INTERFACE].decode(), instruction)
    for number, (frame, _, image) in enumerate(read_images(catalog, asked.frames)):
        payload, suffix = write_picture(frame, image, keeps_orientation=False)
        address = server.upload(project, name_picture(frame, suffix), payload)
        tasks[number]["data"]["image"] = address
        tasks[number].pop("id")
        if on_progress:
            on_progress(number + 1, len(tasks))
    server.add_tasks(project, tasks)
    return Sent(server.address_of(project), proposed.count([asked.task]))


def note_push(catalog: Catalog, asked: Asked, place: str, pushed_by: str) -> str:
    """Keep that the frames were given to people, and as what bytes; the id of the push."""
    now = time.time_ns()
    row = {
        "push_id": content_id("push", asked.queue_id, place, now),
        "queue_id": asked.queue_id,
        "task": asked.task,
        "place": place,
        "guideline_id": asked.guideline_id,
        "model_sha256": asked.model_sha256,
        "pushed_by": pushed_by,
        "pushed_ns": now,
        "frame_ids": [frame["frame_id"] for frame in asked.frames],
        "frame_sha256s": [frame["sha256"] for frame in asked.frames],
    }
    catalog.merge("label_pushes", to_table(TABLES["label_pushes"], [row]))
    seal_tables(catalog, ["label_pushes"])
    return str(row["push_id"])


def read_pushes(catalog: Catalog, queue_id: str) -> list[dict[str, Any]]:
    """The pushes of a queue, the last first."""
    where = f"queue_id = {repr_sql(queue_id)}"
    rows = catalog.read_latest("label_pushes", where=where).to_pylist()
    return sorted(rows, key=lambda row: -row["pushed_ns"])


def _read_predictions(
    catalog: Catalog, asked: Asked, frame_ids: Sequence[str]
) -> dict[str, PredictionRow]:
    if asked.model_sha256 is None or not frame_ids:
        return {}
    where = (
        f"model_sha256 = {repr_sql(asked.model_sha256)} AND task = {repr_sql(asked.task)} "
        f"AND {is_in('frame_id', frame_ids)}"
    )
    rows = catalog.read_latest("predictions", where=where).to_pylist()
    return {row["frame_id"]: row for row in rows}


def _read_least(catalog: Catalog, row: PredictionRow) -> float:
    """The operating score of the model in the exam of its own release; 0 where it has none."""
    where = (
        f"model_sha256 = {repr_sql(row['model_sha256'])} AND metric = 'operating_score' "
        "AND slice_by = 'all' AND split = 'test'"
    )
    found = catalog.read_latest("scores", ["value"], where)["value"].to_pylist()
    return max((value for value in found if value is not None), default=0.0)


def _list_predicted(row: PredictionRow, least: float) -> list[LabelRow]:
    """A stored answer as labels lie: objects of this score and above, or the likeliest class of the picture."""
    order = sorted(range(len(row["scores"])), key=lambda n: -row["scores"][n])
    if row["task"] == "recognition":
        order = order[:1]
    elif row["task"] == "detection":
        order = [n for n in order if row["scores"][n] >= least]
    return [_label(row, n) for n in order]


def _label(row: PredictionRow, place: int) -> LabelRow:
    absent = dict.fromkeys(LabelRow.__annotations__)
    said: dict[str, Any] = {
        **absent,
        "label_id": content_id("proposal", row["prediction_id"], place),
        "frame_id": row["frame_id"],
        "session": row["session"],
        "task": row["task"],
        "class_name": row["class_names"][place],
        "origin": "model",
    }
    if row["task"] == "detection":
        corners = row["boxes_xyxy"][4 * place : 4 * place + 4]
        said |= dict(zip(SIDES, corners, strict=True))
    if row["mask_rles"]:
        said["mask_rle"] = row["mask_rles"][place]
    return cast(LabelRow, said)


def _join(classes: Sequence[str], proposed: Labelled | None) -> list[str]:
    rows = proposed.by_frame.values() if proposed else ()
    return sorted({*classes, *(label["class_name"] for of in rows for label in of)})


def _read_guideline(catalog: Catalog, guideline_id: str | None) -> str:
    if guideline_id is None:
        return ""
    rows = catalog.read_of("guidelines", ["text"], "guideline_id", [guideline_id])
    return "".join(rows["text"].to_pylist())
