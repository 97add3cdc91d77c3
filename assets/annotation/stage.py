"""Annotation: what people say of frames, version by version, how far they agree, and what they are asked next."""

from assets.stages import Stage
from assets.tables.schemas import annotation

STAGE = Stage(
    name="annotation",
    after=annotation.AFTER,
    tables=annotation.TABLES,
    assets="assets.annotation.defs",
    gates="checks.annotation",
)
