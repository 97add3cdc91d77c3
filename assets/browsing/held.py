"""Which sessions readers do not get, and why: the browser shows their frames to who looks, and says so."""

from __future__ import annotations

from collections.abc import Iterable

import pyarrow as pa

from assets.tables.catalog import WHOLE_TABLE, Catalog


def tell_held(catalog: Catalog, sessions: Iterable[str]) -> dict[str, str]:
    """Session -> why readers do not get its frames; of these sessions those alone that are held back."""
    names = sorted(set(sessions))
    column = pa.chunked_array([pa.array(names, pa.string())])
    admitted = catalog.is_admitted("frames", column).to_pylist()
    held = [name for name, is_read in zip(names, admitted, strict=True) if not is_read]
    if not held:
        return {}
    reasons = {
        row["session"]: row["reason"]
        for row in catalog.publications("frames")
        if row["is_held"]
    }
    otherwise = reasons.get(WHOLE_TABLE) or "not checked yet"
    return {name: reasons.get(name) or otherwise for name in held}
