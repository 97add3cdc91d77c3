"""Vectors of two encoders are never compared: the code version of a row in `frame_embeddings` names its encoder."""

from __future__ import annotations

from collections import defaultdict

import pyarrow as pa

_NUM_LISTED = 3


def require_one_encoder(*embeddings: pa.Table) -> None:
    """`embeddings`: session and code_version of the rows that will be compared.

    Raises ValueError, with the sessions of each encoder and the remedy, when there is more than one.
    """
    sessions: dict[str, set[str]] = defaultdict(set)
    for table in embeddings:
        found = (
            table.select(["code_version", "session"])
            .group_by(["code_version", "session"])
            .aggregate([])
        )
        for row in found.to_pylist():
            sessions[row["code_version"]].add(row["session"])
    if len(sessions) > 1:
        made = "; ".join(
            f"'{version}' made those of {_list(sessions[version])}"
            for version in sorted(sessions)
        )
        raise ValueError(
            f"frame_embeddings hold vectors of {len(sessions)} encoders, which cannot be compared: {made}. Materialise "
            "frame_embeddings for all of them with one DAGUERRE_ENCODER, in the UI or by `daguerre train`"
        )


def _list(sessions: set[str]) -> str:
    names = sorted(sessions)
    more = len(names) - _NUM_LISTED
    return ", ".join(names[:_NUM_LISTED]) + (f" and {more} more" if more > 0 else "")
