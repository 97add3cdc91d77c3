"""Tables of evaluation: scores of models on their splits, by slice, of each frame and object; exams of the agent."""

from __future__ import annotations

import pyarrow as pa

from assets.tables.schemas.table import (
    BOOL,
    BOX,
    FLOAT,
    FLOATS,
    INT,
    MADE_BY,
    SESSION,
    SHA,
    TEXT,
    WORD,
    Column,
    Table,
    id_column,
)
from models.metrics.detection import OBJECT_SIZES

AFTER: tuple[str, ...] = ("training",)

SCORES = Table(
    name="scores",
    stage="evaluation",
    key="score_id",
    erase="none",
    columns=(
        id_column("score_id"),
        Column("model_sha256", TEXT, regex=SHA),
        id_column("release_id"),
        Column("split", TEXT, values=("train", "val", "test")),
        Column("slice_by", TEXT),
        Column("slice_value", TEXT),
        Column("metric", TEXT),
        Column("value", FLOAT, nullable=True),
        Column("num_samples", INT, low=0),
        *(
            Column(name, FLOAT, "bounds of 95 % of draws of recordings", nullable=True)
            for name in ("low", "high")
        ),
        Column("num_units", INT, "1; recordings drawn from", nullable=True, low=1),
        Column(
            "p_value",
            FLOAT,
            "probability, adjusted over the regions of an exam",
            nullable=True,
            low=0,
            high=1,
        ),
        MADE_BY,
    ),
    version=3,
)

_INTS = pa.list_(INT)
_PIXELS = "px, one a class of the release"
# of one frame that one model was examined on
_EXAMINED = (
    Column("model_sha256", TEXT, regex=SHA),
    id_column("release_id"),
    Column("task", TEXT, regex=WORD),
    Column("split", TEXT, values=("train", "val", "test")),
    id_column("frame_id"),
    id_column("capture_id"),
    SESSION,
    Column("sensor", TEXT),
)

# What totals are made of again (models/metrics/frame_parts.py); null in columns of other tasks. Class ids are places in
# `class_names` of the release.
FRAME_SCORES = Table(
    name="frame_scores",
    stage="evaluation",
    key="frame_score_id",
    erase="frame_id",
    columns=(
        id_column("frame_score_id"),
        *_EXAMINED,
        Column("group_id", TEXT, "1; what splits keep together, and intervals draw"),
        Column(
            "value",
            FLOAT,
            "1; right or not; F1 of objects at the operating score; mean IoU; null: no label",
            nullable=True,
            low=0,
            high=1,
        ),
        Column("true_class", TEXT, nullable=True),
        Column("found_class", TEXT, nullable=True),
        Column("confidence", FLOAT, nullable=True, low=0, high=1),
        Column("log_loss", FLOAT, "nat", nullable=True, low=0),
        Column("operating_score", FLOAT, nullable=True, low=0, high=1),
        *(
            Column(name, INT, "1; at the operating score", nullable=True, low=0)
            for name in ("num_matched", "num_missed", "num_false", "num_confused")
        ),
        Column("object_class_ids", _INTS, nullable=True),
        Column("found_class_ids", _INTS, nullable=True),
        Column(
            "found_scores",
            FLOATS,
            "1; one an answer; segmentation: one a class of the release, 0: not found",
            nullable=True,
        ),
        Column(
            "found_hits",
            _INTS,
            "1; bit n: hits an object of its class at the overlap 0.50 + 0.05 n",
            nullable=True,
        ),
        *(
            Column(name, _INTS, _PIXELS, nullable=True)
            for name in (
                "class_hits_px",
                "class_truth_px",
                "class_found_px",
                "boundary_hits_px",
                "boundary_union_px",
            )
        ),
        Column(
            "region",
            TEXT,
            "1; the discovered slice that it lies in; null: in none",
            nullable=True,
        ),
    ),
    version=2,
)

# A row an object, of segmentation a row a class that a frame shows; and a row an answer of at least the operating score
# that hits none.
OBJECT_SCORES = Table(
    name="object_scores",
    stage="evaluation",
    key="object_score_id",
    erase="frame_id",
    columns=(
        id_column("object_score_id"),
        *_EXAMINED,
        Column("is_object", BOOL, "1; false: an answer that hits nothing"),
        Column("place", INT, "1; in the frame's labels, else in its answer", low=0),
        Column("class_name", TEXT),
        Column("found_class", TEXT, "1; null: nothing was found there", nullable=True),
        Column("area_px2", FLOAT, "px2", "image", low=0),
        Column("size", TEXT, values=OBJECT_SIZES),
        Column(
            "iou",
            FLOAT,
            "1; with what it was matched with, else with the nearest",
            low=0,
            high=1,
        ),
        Column("is_matched", BOOL, "1; at the overlap 0.5, of its class"),
        Column("confidence", FLOAT, nullable=True, low=0, high=1),
        *BOX,
        Column(
            "distance_m",
            FLOAT,
            "m; of the middle of the object by a depth image of its camera; null: none tells",
            "camera",
            nullable=True,
            low=0,
        ),
    ),
    version=2,
)

# A row a set of questions that a rung of the agent was asked; sat again by the same code on the same questions, it is
# replaced. Questions name sessions and classes: they are not kept.
AGENT_EXAMS = Table(
    name="agent_exams",
    stage="evaluation",
    key="exam_id",
    erase="none",
    columns=(
        id_column("exam_id"),
        Column("rung", TEXT, "1; what answered: rules, or a model"),
        Column("rung_version", TEXT, "1; of its code, or the name of the model"),
        Column("question_set", TEXT, regex=WORD),
        Column("questions_sha256", TEXT, regex=SHA),
        Column("num_questions", INT, low=1),
        Column("num_kinds", INT, "1; kinds of questions that have an answer", low=0),
        Column("num_lacking", INT, "1; templates that the home has no name for", low=0),
        Column("num_numbers", INT, "1; in the words of answers", low=0),
        Column("num_invented", INT, "1; of these, that are no fact", low=0),
        Column("num_traced", INT, "1; facts that are numbers", low=0),
        Column("num_lost", INT, "1; of these, whose source does not have them", low=0),
        Column("p50_ms", FLOAT, "ms an answer by the clock", low=0),
        Column("p95_ms", FLOAT, "ms an answer by the clock", low=0),
        Column("examined_ns", INT, "ns", "UTC since 1970", low=0),
    ),
)
AGENT_MARKS = Table(
    name="agent_marks",
    stage="evaluation",
    key="mark_id",
    erase="none",
    columns=(
        id_column("mark_id"),
        id_column("exam_id"),
        Column("kind", TEXT, "1; of questions; all: over all", regex=WORD),
        Column(
            "mark",
            TEXT,
            values=("right_tool", "right_arguments", "right_answer", "refused"),
        ),
        Column("num_right", INT, low=0),
        Column("num_asked", INT, low=1),
        Column("value", FLOAT, "1; the share that is right", low=0, high=1),
    ),
)

TABLES = (SCORES, FRAME_SCORES, OBJECT_SCORES, AGENT_EXAMS, AGENT_MARKS)
