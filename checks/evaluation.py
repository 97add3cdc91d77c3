"""The gates of evaluation: scores of the model trained last for a task, and of its frames; the agent's exams."""

from __future__ import annotations

from assets.kinds import KINDS
from checks.agent_exam import EXAM_RULES, MARK_RULES, nobody_was_examined
from checks.gate import Gate, TaskGate
from checks.stored_rows import StoredRows
from models.known_tasks import all_task_names


def examined_as_a_whole(rows: StoredRows) -> str | None:
    """A task without objects that examines itself may store no frames."""
    if not rows.count("scores"):
        return None
    judged = {kind.name for kind in KINDS if kind.leading_metric}
    tasks = set(rows.read("models", ("task",))["task"].to_pylist())
    return None if tasks & judged else "no frame of this exam is scored by itself"


def no_object_was_asked(rows: StoredRows) -> str | None:
    """Pictures of one class each have no objects."""
    if not rows.count("frame_scores"):
        return examined_as_a_whole(rows)
    has_objects = [
        row["object_class_ids"] or row["class_truth_px"]
        for row in rows.read(
            "frame_scores", ("object_class_ids", "class_truth_px")
        ).to_pylist()
    ]
    return None if any(has_objects) else "no frame of this exam has an object"


# everybody reads the newest version of the scores of frames and objects
GATES = (
    Gate("scores"),
    Gate("frame_scores", may_be_empty=examined_as_a_whole, has_readers=False),
    Gate("object_scores", may_be_empty=no_object_was_asked, has_readers=False),
    Gate("agent_exams", EXAM_RULES, nobody_was_examined, has_readers=False),
    Gate("agent_marks", MARK_RULES, nobody_was_examined, has_readers=False),
)
TASK_GATES = (
    TaskGate(
        asset="{task}_scores",
        tables=("scores", "frame_scores", "object_scores"),
        column="model_sha256",
        made="model",
        passed="scored",
        what="trained {task} models",
        list_tasks=all_task_names,
    ),
)
