"""The registry: challengers, the gate that they meet, and the champion of each task."""

from assets.stages import Stage
from assets.tables.schemas import registry

STAGE = Stage(
    name="registry",
    after=registry.AFTER,
    tables=registry.TABLES,
    assets="assets.registry.defs",
    gates="checks.registry",
    task_assets=("{task}_release",),
)
