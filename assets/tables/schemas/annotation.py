"""Tables of annotation: what people and others said of frames, version by version, and under what guideline."""

from __future__ import annotations

import pyarrow as pa

from assets.tables.schemas.table import (
    FLOAT,
    FLOATS,
    INT,
    SESSION,
    SHA,
    TEXT,
    Column,
    Table,
    id_column,
)
from models.task_names import TASK_NAMES

AFTER: tuple[str, ...] = ("capture",)
# who answers, the one first whose word counts before that of the others. What was interpolated between two answers of
# persons counts where nobody else says anything; a model's never does
AUTHOR_KINDS = ("person", "import", "simulator", "interpolation", "model")
ACTS = ("answer", "correct", "confirm", "reject")

# one row: all that somebody says of one frame for one task. Objects are the entries of the lists, side by side
LABEL_VERSIONS = Table(
    name="label_versions",
    stage="annotation",
    key="version_id",
    erase="frame_id",
    columns=(
        id_column("version_id"),
        id_column("frame_id"),
        id_column("capture_id"),
        SESSION,
        Column("task", TEXT, values=TASK_NAMES),
        Column("number", INT, "1 (of the versions of this frame and task)", low=1),
        Column("frame_sha256", TEXT, "1 (of the image that was looked at)", regex=SHA),
        Column("author_kind", TEXT, values=AUTHOR_KINDS),
        Column("author", TEXT, privacy="personal"),
        Column("made_ns", INT, "ns", "UTC since 1970", low=0),
        Column("act", TEXT, values=ACTS),
        id_column("queue_id", nullable=True),
        id_column("guideline_id", nullable=True),
        Column("replaces", pa.list_(TEXT), "1 (versions that no longer stand)"),
        Column("num_missing", INT, "1 (objects seen that are no labels)", low=0),
        Column("num_ignored", INT, "1 (regions that stand for no object)", low=0),
        Column("label_ids", pa.list_(TEXT), "1, one an object"),
        Column("class_names", pa.list_(TEXT), "1, one an object"),
        Column("boxes_xyxy", FLOATS, "px, four an object, or none of any", "image"),
        Column("mask_rles", pa.list_(TEXT), "COCO RLE, or empty, of each", "image"),
        Column("track_ids", pa.list_(TEXT), "a number, or empty, of each object"),
        Column("attributes", pa.list_(TEXT), "JSON: [name, value] pairs, or empty"),
        Column("content_sha256", TEXT, "1 (of all the rest)", regex=SHA),
        Column(
            "rests_on",
            pa.list_(TEXT),
            "1 (versions that it was interpolated between)",
            nullable=True,
        ),
    ),
    version=2,
)

GUIDELINES = Table(
    name="guidelines",
    stage="annotation",
    key="guideline_id",
    erase="written_by",
    columns=(
        id_column("guideline_id"),
        Column("title", TEXT),
        Column("text", TEXT, "Markdown"),
        Column("written_by", TEXT, privacy="personal"),
        Column("written_ns", INT, "ns", "UTC since 1970", low=0),
    ),
)

LABEL_PUSHES = Table(
    name="label_pushes",
    stage="annotation",
    key="push_id",
    erase="pushed_by",
    columns=(
        id_column("push_id"),
        id_column("queue_id"),
        Column("task", TEXT, values=TASK_NAMES),
        Column(
            "place", TEXT, "1 (address of a project, or a folder)", privacy="personal"
        ),
        id_column("guideline_id", nullable=True),
        Column("model_sha256", TEXT, nullable=True, regex=SHA),
        Column("pushed_by", TEXT, privacy="personal"),
        Column("pushed_ns", INT, "ns", "UTC since 1970", low=0),
        Column("frame_ids", pa.list_(TEXT)),
        Column("frame_sha256s", pa.list_(TEXT), "1, one a frame"),
    ),
    version=2,
)

LABEL_AGREEMENTS = Table(
    name="label_agreements",
    stage="annotation",
    key="agreement_id",
    erase="author",
    columns=(
        id_column("agreement_id"),
        Column("task", TEXT, values=TASK_NAMES),
        Column("author", TEXT, privacy="personal"),
        Column("other_author", TEXT, privacy="personal"),
        id_column("guideline_id", nullable=True),
        Column("num_frames", INT, "1 (that both answered)", low=1),
        Column("num_paired", INT, "1 (objects that both marked)", low=0),
        Column("num_alone", INT, "1 (objects that one of them marked)", low=0),
        Column("kappa", FLOAT, "1 (Cohen, of classes)", nullable=True, low=-1, high=1),
        Column(
            "box_iou", FLOAT, "1 (mean of paired boxes)", nullable=True, low=0, high=1
        ),
        Column(
            "mask_iou", FLOAT, "1 (mean of paired masks)", nullable=True, low=0, high=1
        ),
    ),
)

STATES = ("open", "answered", "skipped")

# one row: one frame that a queue asks to label, or to look at again, and why
LABEL_QUEUE = Table(
    name="label_queue",
    stage="annotation",
    key="row_id",
    erase="frame_id",
    columns=(
        id_column("row_id"),
        id_column("queue_id"),
        id_column("frame_id"),
        Column("frame_sha256", TEXT, "1 (of the image as it was asked)", regex=SHA),
        SESSION,
        Column("sensor", TEXT),
        Column("task", TEXT, values=TASK_NAMES),
        Column("rank", INT, "1 (in its queue, the most useful first)", low=1),
        Column("reasons", pa.list_(TEXT), "1 (strategies, first the one that took it)"),
        Column("values", FLOATS, "1 (the number behind each reason)"),
        Column("told", TEXT, "1 (the reasons in words)"),
        Column("label_ids", pa.list_(TEXT), "1 (labels that look wrong)"),
        Column("strategy", TEXT, "1 (that was asked for)"),
        Column("budget", INT, "1 (frames that may be open at once)", low=1),
        Column("seed", INT, low=0),
        id_column("guideline_id", nullable=True),
        Column("model_sha256", TEXT, "1 (the champion)", nullable=True, regex=SHA),
        id_column("alarm_id", nullable=True),
        Column("state", TEXT, values=STATES),
        Column("made_ns", INT, "ns", "UTC since 1970", low=0),
    ),
    version=2,
)

TABLES = (LABEL_VERSIONS, GUIDELINES, LABEL_PUSHES, LABEL_AGREEMENTS, LABEL_QUEUE)
