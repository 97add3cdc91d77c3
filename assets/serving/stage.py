"""Serving: which versions answer, how their batches form, and the table of the requests that were sampled."""

from assets.stages import Stage
from assets.tables.schemas import serving

STAGE = Stage(
    name="serving",
    after=serving.AFTER,
    tables=serving.TABLES,
    assets="assets.serving.defs",
    gates="checks.serving",
)
