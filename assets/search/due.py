"""Which sessions there are to index, and how many of their frames lack a row of a table, or have an old one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pyarrow.compute as pc

from assets.search.chosen import choose, require_known
from assets.tables.catalog import Catalog


@dataclass(frozen=True)
class Due:
    """Of one session: published colour frames, and how many of them are to be looked at."""

    num_frames: int
    num_due: int


def count_due(
    catalog: Catalog, table: str, code_version: str, sessions: Sequence[str] = ()
) -> Mapping[str, Due]:
    """By session, in order: those with published colour frames, of some by name or pattern where any is named.

    Raises ValueError for a name or pattern of which there is none.
    """
    frames = catalog.read("frames", ["frame_id", "session", "sha256"], "kind = 'color'")
    known = frames["session"].unique().to_pylist()
    require_known(known, sessions, "with published colour frames")
    frames = frames.filter(choose(frames["session"], sessions))
    rows = catalog.read_latest(table, ["frame_id", "input_sha256", "code_version"])
    rows = rows.filter(pc.equal(rows["code_version"], code_version))
    place = pc.index_in(frames["frame_id"], value_set=rows["frame_id"])
    is_same = pc.equal(rows["input_sha256"].take(place), frames["sha256"])
    lacking = frames.filter(pc.invert(pc.fill_null(is_same, False)))
    due = Counter(lacking["session"].to_pylist())
    counts = Counter(frames["session"].to_pylist())
    return {name: Due(counts[name], due[name]) for name in sorted(counts)}
