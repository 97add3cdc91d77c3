"""What counts as an id in files of COCO."""

from __future__ import annotations

import re
from typing import Any


def as_id(value: Any) -> int | str | None:
    """An id by its sense: `1`, `1.0` and `"1"` are one; None for what is no id."""
    if isinstance(value, bool):
        return None
    if isinstance(value, float):
        return int(value) if value.is_integer() else None
    if isinstance(value, str):
        text = value.strip()
        return int(text) if re.fullmatch(r"-?(0|[1-9]\d{0,17})", text) else text or None
    return value if isinstance(value, int) else None
