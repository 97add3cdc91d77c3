"""Monitoring: what champions say about new sessions, and whether these look like what they learnt from."""

from assets.stages import Stage
from assets.tables.schemas import monitoring

STAGE = Stage(
    name="monitoring",
    after=monitoring.AFTER,
    tables=monitoring.TABLES,
    assets="assets.monitoring.defs",
    gates="checks.monitoring",
)
