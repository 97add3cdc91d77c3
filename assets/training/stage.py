"""Training: one model package a task, learnt from a release."""

from assets.stages import Maker, Stage
from assets.tables.schemas import training

STAGE = Stage(
    name="training",
    after=training.AFTER,
    tables=training.TABLES,
    assets="assets.training.defs",
    gates="checks.training",
    task_assets=("{task}",),
    makers=(Maker("models", "models", ("assets.training.ray_train:learn",)),),
)
