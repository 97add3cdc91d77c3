"""Search: what is known in words as documents that follow it; what frames show, as text and as vectors."""

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
        Maker(
            "frame_texts",
            "frame_texts",
            ("assets.inference.text_reader:TextReader", "assets.images:decode_rgb"),
        ),
        Maker(
            "picture_vectors",
            "picture_vectors",
            ("assets.inference.clip:PictureNet", "assets.images:decode_rgb"),
        ),
    ),
)
