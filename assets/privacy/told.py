"""What `status` says of privacy: sessions under a policy, what of their frames is covered, and what is not sealed."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from assets.privacy.policy import PrivacyPolicy, read_text
from assets.privacy.positions import POSES_NOTE, SCANS_NOTE, WITH_PLACE, tells_place
from assets.privacy.recordings import TABLE, list_sealed
from assets.tables.catalog import Catalog, is_in

_CONTAINERS = "sha256 IS NOT NULL"


@dataclass(frozen=True)
class Told:
    """One session. `recordings` lie among the blobs as they came, beside `sealed_recordings`; `scans` are points.

    `positions` of receivers are told as they came, and so are places of poses on Earth; `kept_out` says what is not.
    """

    session: str
    covers: str
    frames: int  # sealed
    covered: int  # of them, as they are shown
    blank: int
    hidden: int  # depth images that are covered whole
    recordings: int
    sealed_recordings: int
    scans: int
    positions: int
    kept_out: tuple[str, ...]  # of signals and scans, for people
    covered_low: float | None  # of the probe set's faces, the lower end of the interval


def tell_privacy(catalog: Catalog) -> list[Told]:
    """The sessions under a policy, by name."""
    policies = catalog.read_latest("privacy_policies").sort_by("session").to_pylist()
    if not policies:
        return []
    names = [row["session"] for row in policies]
    sealed = _count(catalog, "sealed_frames", names)
    covered = _count_covered(catalog, names)
    hidden = _count_hidden(catalog, names)
    recordings = _count_open(catalog, names)
    locked = _count(catalog, TABLE, names)
    scans = _count(catalog, "scans", names)
    by_name = {row["session"]: read_text(row["policy"]) for row in policies}
    positions = _count_positions(catalog, by_name)
    kept_out = _read_kept_out(catalog, names)
    return [
        Told(
            name,
            by_name[name].summary,
            sealed[name],
            covered[name],
            sealed[name] - covered[name],
            hidden[name],
            recordings[name],
            locked[name],
            scans[name],
            positions[name],
            tuple(kept_out[name]),
            row["covered_low"],
        )
        for name, row in zip(names, policies, strict=True)
    ]


def is_sealed(catalog: Catalog, frame_id: str) -> bool:
    """Whether the original of a frame is: then a person with the right may have it opened."""
    mine = is_in("frame_id", [frame_id])
    return len(catalog.read_latest("sealed_frames", ["frame_id"], mine)) > 0


def _count_covered(catalog: Catalog, sessions: list[str]) -> Counter[str]:
    """Frames that hold what was covered last."""
    mine = is_in("session", sessions)
    frames = catalog.read_latest("frames", ["frame_id", "session", "sha256"], mine)
    made = catalog.read_latest("anonymised_frames", ["frame_id", "sha256"], mine)
    place = pc.index_in(frames["frame_id"], value_set=made["frame_id"])
    is_same = pc.equal(frames["sha256"], made["sha256"].take(place))
    return Counter(frames["session"].filter(is_same).to_pylist())


def _count_hidden(catalog: Catalog, sessions: list[str]) -> Counter[str]:
    """Depth images of which nothing says where in them to cover what is covered in colour."""
    mine = is_in("session", sessions)
    depth = catalog.read_latest("frames", ["frame_id"], f"{mine} AND kind = 'depth'")
    columns = ["frame_id", "session"]
    where = f"{mine} AND covered_share = 1"
    whole = catalog.read_latest("anonymised_frames", columns, where)
    is_depth = pc.is_in(whole["frame_id"], value_set=depth["frame_id"])
    return Counter(whole["session"].filter(is_depth).to_pylist())


def _count_open(catalog: Catalog, sessions: list[str]) -> Counter[str]:
    """Recordings whose bytes lie among the blobs as they came: not sealed yet, or kept for older versions of tables."""
    where = f"{is_in('session', sessions)} AND {_CONTAINERS}"
    columns = ["session", "sha256"]
    captures = catalog.read_latest("captures", columns, where).to_pylist()
    kept = {(row["session"], row["sha256"]) for row in captures}
    kept |= set(list_sealed(catalog, sessions))
    return Counter(name for name, sha256 in kept if catalog.blobs.exists(sha256))


def _count_positions(
    catalog: Catalog, policies: Mapping[str, PrivacyPolicy]
) -> Counter[str]:
    """Signals that tell where on Earth they were taken, more exactly than a grid of their session's policy."""
    columns = ["session", "kind", "values", "frame_of_reference", "child_frame"]
    is_placed = is_in("kind", ("gnss", *WITH_PLACE))
    where = f"{is_in('session', list(policies))} AND {is_placed}"
    found = Counter[str]()
    for row in catalog.read_latest("signals", columns, where).to_pylist():
        policy = policies[row["session"]]
        # as they came is more exact than nothing
        position = "drop" if policy.position == "keep" else policy.position
        frames = row["frame_of_reference"], row["child_frame"]
        if tells_place(row["kind"], row["values"], frames, position):
            found[row["session"]] += 1
    return found


def _read_kept_out(catalog: Catalog, sessions: list[str]) -> dict[str, list[str]]:
    """What intake noted of signals and scans that are not in the tables, by session."""
    columns = ["session", "path", "notes"]
    captures = catalog.read_latest("captures", columns, is_in("session", sessions))
    found = defaultdict[str, list[str]](list)
    for row in captures.sort_by("path").to_pylist():
        notes = json.loads(row["notes"] or "{}")
        found[row["session"]] += [
            f"{notes[name]}: {name}"
            for name in (POSES_NOTE, SCANS_NOTE)
            if name in notes
        ]
    return found


def _count(
    catalog: Catalog, table: str, sessions: list[str], where: str = "true"
) -> Counter[str]:
    mine = f"{is_in('session', sessions)} AND {where}"
    found: pa.Table = catalog.read_latest(table, ["session"], mine)
    return Counter(found["session"].to_pylist())
