"""Guidelines that labels are made under: texts by their content, so that a changed one is another."""

from __future__ import annotations

import re
import time
from pathlib import Path

from assets.tables.catalog import Catalog
from assets.tables.ids import complete_id
from assets.tables.schemas import TABLES, content_id, to_table
from assets.tables.seals import seal_tables

_MOST_BYTES = 1 << 20
_OF_AN_ID = re.compile("[0-9a-f]+")


def write_guideline(catalog: Catalog, text: str, written_by: str) -> str:
    """Keep a guideline, Markdown whose first line is its title; the id of it. The same text is one guideline.

    Raises ValueError for no text, and for more than 1 MiB.
    """
    _require_text(text)
    guideline_id = content_id("guideline", text)
    row = {
        "guideline_id": guideline_id,
        "title": text.strip().splitlines()[0].lstrip("# ").strip(),
        "text": text,
        "written_by": written_by,
        "written_ns": time.time_ns(),
    }
    catalog.merge("guidelines", to_table(TABLES["guidelines"], [row]))
    seal_tables(catalog, ["guidelines"])
    return guideline_id


def find_guideline(catalog: Catalog, named: str) -> str:
    """The id of a stored guideline, by a unique beginning of it. Raises ValueError as `complete_id` does, and for what
    is no id."""
    if not _OF_AN_ID.fullmatch(named):
        raise ValueError(
            f"there is no file {named}, and no guideline has such an id: `daguerre queue push` keeps a file "
            'that is there, and `daguerre query "select guideline_id, title from guidelines"` lists what was kept'
        )
    return complete_id(catalog, "guidelines", named)


def take_guideline(
    catalog: Catalog, named: str, written_by: str, is_dry_run: bool = False
) -> str | None:
    """The id of a guideline that is a file, which is kept, or of a stored one. In a dry run no file is kept, and has no
    id. Raises ValueError as `write_guideline` and `find_guideline` do, and for a file that is no UTF-8."""
    path = Path(named)
    if not path.is_file():
        return find_guideline(catalog, named)
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise ValueError(
            f"guideline {named} is no UTF-8 text: save it as such"
        ) from None
    _require_text(text)
    return None if is_dry_run else write_guideline(catalog, text, written_by)


def _require_text(text: str) -> None:
    if not text.strip():
        raise ValueError(
            "the guideline has no text: write what is to be labelled, and how"
        )
    if len(text.encode()) > _MOST_BYTES:
        raise ValueError(
            "the guideline has more than 1 MiB: keep its pictures elsewhere"
        )
