"""What is kept of a sitting: rows of `agent_exams` and `agent_marks`, and a run of MLflow.

Belongs here: from a sitting to rows and figures. Does not: judging them, which `checks/agent_exam.py` does.
"""

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from assets.tables.catalog import Catalog
from assets.tables.schemas import TABLES, content_id, to_table
from orchestration.agent.exam.sitting import Sitting

if TYPE_CHECKING:
    from assets.registry.tracker import Tracker


def keep(
    catalog: Catalog, sitting: Sitting, now_ns: Callable[[], int] = time.time_ns
) -> str:
    """Write the rows; the id of the exam. One sat before by the same code on the same questions is replaced."""
    exam_id = _name(sitting)
    exam = _describe(sitting) | {"exam_id": exam_id, "examined_ns": now_ns()}
    marks = [
        {
            "mark_id": content_id(exam_id, share.kind, share.mark),
            "exam_id": exam_id,
            "kind": share.kind,
            "mark": share.mark,
            "num_right": share.num_right,
            "num_asked": share.num_asked,
            "value": share.value,
        }
        for share in sitting.shares
    ]
    catalog.upsert("agent_marks", to_table(TABLES["agent_marks"], marks))
    catalog.upsert("agent_exams", to_table(TABLES["agent_exams"], [exam]))
    return exam_id


def log(tracker: "Tracker", sitting: Sitting) -> str:
    """Write its figures to MLflow; the id of the run."""
    from assets.registry.exams import log_exam

    told = _describe(sitting)
    tags = {
        k: told[k] for k in ("rung", "rung_version", "question_set", "questions_sha256")
    }
    counts = {k: float(v) for k, v in told.items() if k not in tags}
    shares = {
        s.mark: s.value
        for s in sitting.shares
        if s.kind == "all" and s.value is not None
    }
    name = f"{sitting.rung.name}-{sitting.which}"
    return log_exam(
        tracker, name, {**tags, "exam_id": _name(sitting)}, {**counts, **shares}
    )


def _name(sitting: Sitting) -> str:
    rung = sitting.rung
    return content_id(
        rung.name, rung.code_version, sitting.which, sitting.questions_sha256
    )


def _describe(sitting: Sitting) -> dict[str, Any]:
    counts = ("num_numbers", "num_invented", "num_traced", "num_lost")
    return {
        "rung": sitting.rung.name,
        "rung_version": sitting.rung.code_version,
        "question_set": sitting.which,
        "questions_sha256": sitting.questions_sha256,
        "num_questions": len(sitting.marks),
        "num_kinds": sitting.num_kinds,
        "num_lacking": sitting.num_lacking,
        **{name: sitting.sum(name) for name in counts},
        "p50_ms": sitting.find_percentile_ms(50),
        "p95_ms": sitting.find_percentile_ms(95),
    }
