"""Frames as objects, for tests of splits: told to the product as columns, and told back."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import pyarrow as pa

from assets.curation.split import assign_splits
from assets.curation.subjects import part_by_subject
from assets.kinds import KINDS


@dataclass(frozen=True)
class Frame:
    frame_id: str
    capture_id: str
    session: str
    cluster_id: str
    is_recording: bool
    split_hint: str | None
    datasets: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Assignment:
    frame: Frame
    group_id: str
    split: str
    rule: str


def assign(
    frames: Sequence[Frame], previous: Mapping[str, str] | None = None
) -> list[Assignment]:
    """The frames that stay. `previous`: frame id -> the split that it had."""
    rows = assign_splits(_tabulate(frames, previous or {})).to_pylist()
    return [
        Assignment(frames[r["place"]], r["group_id"], r["split"], r["rule"])
        for r in rows
    ]


def part(
    frames: Sequence[Frame], classes_of: Mapping[str, Collection[str]]
) -> list[list[Frame]]:
    """The frames of each data set; the pool comes first."""
    found = part_by_subject(_tabulate(frames, {}), classes_of)
    return [[frames[place] for place in places] for places in found]


def _tabulate(frames: Sequence[Frame], previous: Mapping[str, str]) -> pa.Table:
    texts = ("frame_id", "capture_id", "session", "cluster_id", "split_hint")
    bits = {kind.name: 1 << n for n, kind in enumerate(KINDS)}
    return pa.table(
        {
            **{
                t: pa.array([getattr(f, t) for f in frames], pa.string()) for t in texts
            },
            "is_recording": pa.array([f.is_recording for f in frames], pa.bool_()),
            "datasets": pa.array(
                [sum(bits[name] for name in f.datasets) for f in frames], pa.int64()
            ),
            "previous": pa.array(
                [previous.get(f.frame_id) for f in frames], pa.string()
            ),
        }
    )
