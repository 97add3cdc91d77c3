"""Maintenance: the home is kept in order, beside whoever works in it."""

from assets.stages import Stage

STAGE = Stage(
    name="maintenance",
    after=("monitoring",),
    tables=(),
    assets="assets.maintenance.defs",
    gates="checks.maintenance",
)
