"""Frames on which a model answered, at a score or above."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from assets.browsing.frame_ids import Positions
from assets.browsing.frame_index import FrameIndex
from assets.tables.catalog import Catalog, TableMissing, repr_sql

_AT_ONCE = 16_384


def find_answered(
    catalog: Catalog, index: FrameIndex, model_id: str, score_from: float | None
) -> Positions:
    """Ascending positions. `model_id` may be a beginning of an id, "": of any model; `score_from` None: any answer,
    one without a score too."""
    try:
        dataset = catalog.dataset("predictions")
    except TableMissing:
        return np.array([], np.int32)
    where = f"starts_with(model_sha256, {repr_sql(model_id)})" if model_id else None
    found = [np.array([], np.int32)]
    for batch in dataset.scanner(
        columns=["frame_id", "scores"], filter=where, batch_size=_AT_ONCE
    ).to_batches():
        names = batch["frame_id"]
        if score_from is not None:
            names = names.take(_list_above(batch["scores"], score_from))
        places = index.find(names)
        found.append(places[places >= 0])
    return np.unique(np.concatenate(found))


def _list_above(scores: pa.ListArray, score_from: float) -> pa.Array:
    """Places of the rows that have a score of at least so much."""
    values = pc.list_flatten(scores)
    rows = pc.list_parent_indices(scores)
    return rows.filter(pc.greater_equal(values, score_from)).unique()
