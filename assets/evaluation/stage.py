"""Evaluation: models examined on their test split, with their scores by slice."""

from assets.stages import Stage
from assets.tables.schemas import evaluation

STAGE = Stage(
    name="evaluation",
    after=evaluation.AFTER,
    tables=evaluation.TABLES,
    assets="assets.evaluation.defs",
    gates="checks.evaluation",
    task_assets=("{task}_scores",),
)
