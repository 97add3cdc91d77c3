"""Which columns of the tables may be shown: by the privacy class of each in its schema, and nothing of EXIF.

Pictures themselves are shown, encoded anew: their stored bytes are not.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from assets.tables.schemas import TABLES, Column

SHOWN_CLASSES = ("public", "internal")
HIDDEN_TABLES = ("frame_exif",)  # of it the orientation alone is used, to turn pictures


def list_shown(table: str) -> tuple[Column, ...]:
    """The columns of a table that may be shown, in its order."""
    if table in HIDDEN_TABLES:
        return ()
    return tuple(c for c in TABLES[table].columns if c.privacy in SHOWN_CLASSES)


def name_shown(table: str) -> list[str]:
    """Their names."""
    return [column.name for column in list_shown(table)]


def to_plain(value: Any) -> Any:
    """A value as JSON can hold it: what is no finite number is null, bytes are never shown."""
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, list | tuple):
        return [to_plain(one) for one in value]
    if isinstance(value, Mapping):
        return {str(name): to_plain(one) for name, one in value.items()}
    return value if isinstance(value, str | int | float | bool | None) else str(value)
