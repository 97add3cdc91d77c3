"""What would be lost if the consent of a session ended: its frames, in releases as they are, and models of these."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from assets.exclusions import list_wider
from assets.retrieval.ancestors import Ancestry
from assets.tables.catalog import Catalog, is_in, repr_sql, session_is
from assets.tables.class_list import count_parts
from assets.tables.releases import tabulate_classes
from assets.terms.statements import Subject

_MEMBERS = [
    *("release_id", "capture_id", "session", "split"),
    *("class_id", "box_class_ids", "mask_class_ids"),
]


@dataclass(frozen=True)
class LostRelease:
    """What a release would lack. `classes` would have no example in a part: "train: cup"."""

    release_id: str
    task: str
    num_frames: int
    num_lost: int
    by_part: dict[str, int]
    classes: tuple[str, ...]


@dataclass(frozen=True)
class LostModel:
    """A model that learnt from such a release, or (`is_heir`) started from the weights of one that did. `slices` of its
    exam would be gone."""

    model_sha256: str
    task: str
    release_id: str
    is_champion: bool
    is_heir: bool
    slices: tuple[str, ...]


@dataclass(frozen=True)
class Loss:
    """What would be lost if the consent of a subject ended: frames, releases as they are, and models of these."""

    subject: Subject
    num_frames: int
    releases: tuple[LostRelease, ...]
    models: tuple[LostModel, ...]

    def to_dict(self) -> dict[str, Any]:
        """As JSON has it."""
        return asdict(self)


def find_loss(catalog: Catalog, subject: Subject) -> Loss:
    """Looks and changes nothing. Raises ValueError for a subject without a capture."""
    captures = list_captures(catalog, subject)
    where = session_is(subject.session)
    frames = catalog.read_latest("frames", ["capture_id"], where)
    members = _read_members(catalog, subject, captures)
    ids = sorted(members["release_id"].unique().to_pylist())
    releases = catalog.read_latest("releases", where=is_in("release_id", ids))
    lost = [
        _count_lost(catalog, release, _of(members, release["release_id"]))
        for release in releases.sort_by("release_id").to_pylist()
    ]
    num_frames = pc.sum(pc.is_in(frames["capture_id"], value_set=captures)).as_py()
    models = tuple(_list_models(catalog, ids, subject))
    return Loss(subject, num_frames or 0, tuple(lost), models)


def list_captures(catalog: Catalog, subject: Subject) -> pa.Array:
    """Ids of the captures at or below the path of a subject. Raises ValueError where there is none."""
    columns = ["capture_id", "path"]
    rows = catalog.read_latest("captures", columns, session_is(subject.session))
    path = subject.path.rstrip("/")
    mine = [r for r in rows.to_pylist() if not path or path in list_wider(r["path"])]
    if not mine:
        known = sorted(set(rows["path"].to_pylist()))
        remedy = (
            f"its captures are {', '.join(known[:10]) or 'none'}"
            if len(rows)
            else "`daguerre status` lists the sessions"
        )
        raise ValueError(f"{subject} has no capture: {remedy}")
    return pa.array([row["capture_id"] for row in mine], pa.string())


def _read_members(catalog: Catalog, subject: Subject, captures: pa.Array) -> pa.Table:
    rows = catalog.read_latest("release_frames", _MEMBERS, session_is(subject.session))
    return rows.filter(pc.is_in(rows["capture_id"], value_set=captures))


def _of(members: pa.Table, release_id: str) -> pa.Table:
    return members.filter(pc.equal(members["release_id"], release_id))


def _count_lost(
    catalog: Catalog, release: dict[str, Any], mine: pa.Table
) -> LostRelease:
    where = f"release_id = {repr_sql(release['release_id'])}"
    whole = catalog.read_latest("release_frames", _MEMBERS, where)
    before, gone = _count_classes(whole), _count_classes(mine)
    names = release["class_names"]
    classes = tuple(
        f"{part}: {names[c]}"
        for (part, c), count in sorted(gone.items())
        if before[part, c] == count
    )
    by_part = {part: count for part, count in count_parts(mine).items() if count}
    return LostRelease(
        release["release_id"],
        release["task"],
        len(whole),
        len(mine),
        by_part,
        classes,
    )


def _count_classes(frames: pa.Table) -> Counter[tuple[str, int]]:
    rows = tabulate_classes(frames)
    pairs = zip(rows["split"].to_pylist(), rows["class_id"].to_pylist(), strict=True)
    return Counter(pairs)


def _list_models(
    catalog: Catalog, release_ids: Sequence[str], subject: Subject
) -> list[LostModel]:
    ancestry = Ancestry(catalog)
    learnt = {
        sha256
        for sha256, row in ancestry.models.items()
        if row["release_id"] in release_ids
    }
    below = set(ancestry.list_below(learnt))
    hashes = sorted(learnt | below)
    titles = catalog.read_latest("champions", ["model_sha256"])
    champions = set(titles["model_sha256"].to_pylist())
    slices = _read_slices(catalog, hashes, subject)
    return [
        LostModel(
            sha256,
            ancestry.models[sha256]["task"],
            ancestry.models[sha256]["release_id"],
            sha256 in champions,
            sha256 in below,
            slices.get(sha256, ()),
        )
        for sha256 in hashes
    ]


def _read_slices(
    catalog: Catalog, hashes: Sequence[str], subject: Subject
) -> dict[str, tuple[str, ...]]:
    """By model the slices of its exam that are this session's; of a part of a session none is its own."""
    if subject.path:
        return {}
    where = (
        f"{is_in('model_sha256', hashes)} AND slice_by = 'session' AND slice_value = "
        f"{repr_sql(subject.session)}"
    )
    found = catalog.read_latest("scores", ["model_sha256"], where)
    name = (f"session = {subject.session}",)
    return dict.fromkeys(found["model_sha256"].to_pylist(), name)
