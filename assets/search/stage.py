"""Search: everything that is known in words as documents that follow what they are made of; frames that look alike."""

from assets.stages import Maker, Stage
from assets.tables.schemas import search

STAGE = Stage(
    name="search",
    after=search.AFTER,
    tables=search.TABLES,
    assets="assets.search.defs",
    gates="checks.search",
    makers=(
        Maker(
            "documents",
            "documents",
            ("assets.search.document:Document", "assets.search.documents:_make"),
        ),
    ),
)
