"""The gates of curation: figures, vectors, copies and splits of frames, and the releases of each task."""

from __future__ import annotations

from checks.gate import Gate, TaskGate, no_colour_frames
from checks.quality import EMBEDDING_RULES, QUALITY_RULES
from checks.release import (
    RELEASE_FRAME_RULES,
    RELEASE_LABEL_RULES,
    RELEASE_RULES,
)
from checks.release_terms import RELEASE_TERM_RULES
from checks.splits import SPLIT_RULES, UNIQUE_RULES
from models.task_names import DATASET_NAMES

GATES = (
    Gate("frame_quality", QUALITY_RULES, no_colour_frames),
    Gate("frame_embeddings", EMBEDDING_RULES, no_colour_frames),
    Gate("unique_frames", UNIQUE_RULES),
    Gate("splits", SPLIT_RULES),
    Gate("releases", RELEASE_RULES),
    Gate("release_frames", RELEASE_FRAME_RULES),
    Gate("release_labels", RELEASE_LABEL_RULES, lambda _: "it rests on label files"),
    Gate("release_terms", RELEASE_TERM_RULES),
)
SESSION_ASSETS = {
    "frame_quality": ("frame_quality",),
    "frame_embeddings": ("frame_embeddings",),
}
WHOLE_ASSETS = {"unique_frames": ("unique_frames",), "splits": ("splits",)}
TASK_GATES = (
    TaskGate(
        asset="{task}_dataset",
        tables=("releases", "release_frames", "release_labels", "release_terms"),
        column="release_id",
        made="draft",
        passed="release",
        what="drafted {task} releases",
        list_tasks=lambda: DATASET_NAMES,
    ),
)
