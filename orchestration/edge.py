"""The int8 form of a model, from its package to a folder that may be shipped: made, examined, judged, recorded."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from assets.comparison.models import compare_exams
from assets.evaluation.edge_exam import EdgeExam, examine_edge
from assets.inference.checkpoint import write_folder
from assets.inference.edge import EDGE_ONNX
from assets.inference.model_store import open_copy
from assets.inference.package import ONNX, ModelPackage
from assets.registry.cost import Cost, measure_costs
from assets.registry.edge import EdgeVerdict, judge_edge
from assets.registry.release import rules_of
from assets.tables.catalog import Catalog
from assets.tables.frame_scores import read_frame_scores
from assets.tables.rows import EdgeFormRow, ModelRow
from assets.tables.schemas import TABLES, to_table
from assets.workspace import Workspace
from models.deployed import ANSWERED

FACTS = "edge.json"


@dataclass(frozen=True)
class EdgeForm:
    """An int8 form and its verdict."""

    package: ModelPackage
    sha256: str
    verdict: EdgeVerdict

    @property
    def is_accepted(self) -> bool:
        """Whether it may be shipped."""
        return self.verdict.is_accepted

    def to_dict(self) -> dict[str, Any]:
        """As JSON has it."""
        return {
            "task": self.package.task,
            "model_sha256": self.package.model_sha256,
            "release_id": self.package.release_id,
            "edge_sha256": self.sha256,
            **self.verdict.to_dict(),
        }


def make_edge(
    catalog: Catalog,
    workspace: Workspace,
    model: ModelRow,
    folder: Path,
    on_progress: Callable[[int, int], None] | None = None,
) -> EdgeForm:
    """Make and judge it; its verdict goes to the table `edge_forms`, and an accepted one to `folder`.

    Raises ValueError for a task without such a form, and for a model whose own exam stored no scores of frames.
    """
    task, sha256, release_id = (
        model["task"],
        model["model_sha256"],
        model["release_id"],
    )
    if task not in ANSWERED:
        raise ValueError(
            f"{task} has no int8 form: {', '.join(ANSWERED)} have; ship {ONNX} of the package"
        )
    own = read_frame_scores(catalog, sha256, release_id)
    if own is None:
        raise ValueError(
            f"model {sha256[:16]} has no exam with scores of frames on its release: "
            f"`daguerre compare {sha256[:16]} {sha256[:16]} --score` lets it sit that one"
        )
    package = open_copy(catalog.blobs, workspace.home, model)
    exam = examine_edge(catalog, workspace, package, on_progress)
    comparison = compare_exams(own, exam.frames)
    costs = _measure(package, exam)
    verdict = judge_edge(comparison, costs, rules_of(task), exam.num_examples)
    made = EdgeForm(package, exam.sha256, verdict)
    _record(catalog, made)
    if made.is_accepted:
        facts = json.dumps(made.to_dict(), indent=1).encode()
        write_folder(folder, {EDGE_ONNX: exam.content, FACTS: facts})
    return made


def tell_edge(made: EdgeForm, folder: Path) -> list[str]:
    """Lines: each rule with its figures, then where the form lies, or why there is none."""
    lines = [
        f"{'holds' if r.is_passed else 'FAILS'}  {r.claim}: {r.detail}"
        for r in made.verdict.results
    ]
    name = f"int8 form {made.sha256[:16]} of model {made.package.model_sha256[:16]}"
    if made.is_accepted:
        return [*lines, f"{name}: {folder}/{EDGE_ONNX}"]
    return [*lines, f"{name} is refused: ship the float form ({ONNX} of the package)"]


def _measure(package: ModelPackage, exam: EdgeExam) -> tuple[Cost, Cost]:
    with tempfile.TemporaryDirectory() as aside:
        path = Path(aside) / EDGE_ONNX
        path.write_bytes(exam.content)
        one, other = measure_costs([package.folder / ONNX, path])
    return one, other


def _record(catalog: Catalog, made: EdgeForm) -> None:
    row: EdgeFormRow = {
        "edge_sha256": made.sha256,
        "model_sha256": made.package.model_sha256,
        "task": made.package.task,
        "release_id": made.package.release_id,
        "is_accepted": made.is_accepted,
        "verdict": json.dumps(made.verdict.to_dict(), sort_keys=True),
    }
    catalog.upsert("edge_forms", to_table(TABLES["edge_forms"], [row]))
