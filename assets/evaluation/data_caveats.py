"""What is wrong with the data behind a dataset, as its card says it: known faults, quarantine, what is private."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from assets.cards import Block, Bullets, tabulate
from assets.causes import group_by_cause
from assets.privacy.told import tell_privacy
from assets.tables.catalog import Catalog, is_in
from assets.tables.rows import ReleaseRow
from assets.tables.schemas import TABLES

_PRIVATE = ("personal", "restricted")
_DRAWN_ON = ("captures", "frames", "frame_exif", "labels", "label_versions")
_MOST_CAUSES = 20


@dataclass(frozen=True)
class Fault:
    """Something that is known to be wrong with a session of the dataset, and from where."""

    session: str
    what: str
    says: str


def list_faults(row: ReleaseRow, faults: Sequence[Fault]) -> tuple[Block, ...]:
    """What the test part cannot tell, and faults of the sessions of a release."""
    mine = [fault for fault in faults if fault.session in row["sessions"]]
    rows = sorted((f.session, f.what, f.says) for f in mine)
    blocks: list[Block] = []
    if row["weaknesses"] is None:
        blocks.append("What the test part cannot tell was not looked for.")
    elif row["weaknesses"]:
        blocks += ["What the test part cannot tell:", Bullets(tuple(row["weaknesses"]))]
    else:
        blocks.append("The test part has none of the weaknesses that are looked for.")
    if rows:
        blocks.append(tabulate(("session", "claim that does not hold", "says"), rows))
    else:
        blocks.append("No claim is known not to hold of its sessions.")
    return tuple(blocks)


def list_quarantine(catalog: Catalog, row: ReleaseRow) -> tuple[Block, ...]:
    """What of its sessions could not be read: for each cause a count and the first of it."""
    where = is_in("session", row["sessions"])
    columns = ["session", "reader", "reason", "source_path", "problem_id"]
    found = catalog.read_latest("quarantine", columns, where).to_pylist()
    if not found:
        return ("Nothing of its sessions could not be read.",)
    found.sort(key=lambda r: (r["session"], r["source_path"], r["problem_id"]))
    causes = group_by_cause(found, _name_cause)
    rows = [
        (a[0]["session"], len(a), a[0]["reader"], a[0]["reason"])
        for a in causes[:_MOST_CAUSES]
    ]
    more = len(causes) - len(rows)
    told = f"{len(found)} files and records could not be read" + (
        f"; {more} causes more." if more else "."
    )
    return told, tabulate(("session", "count", "reader", "first of the cause"), rows)


def _name_cause(row: Mapping[str, Any]) -> tuple[str, ...]:
    return row["session"], row["reader"], row["reason"]


def list_privacy(catalog: Catalog, row: ReleaseRow) -> tuple[Block, ...]:
    """What of its sessions is covered and what is as it came, and which columns behind the dataset are private."""
    told = [t for t in tell_privacy(catalog) if t.session in row["sessions"]]
    num_open = len(row["sessions"]) - len(told)
    blocks: list[Block] = []
    if num_open:
        blocks.append(
            f"Of {num_open} of its sessions, which are under no privacy policy, pictures, scans and positions are as "
            "they came: they may show people and places."
        )
    if told:
        head = ("session", "privacy policy", "scans as they came", "exact positions")
        rows = [(t.session, t.covers, t.scans, t.positions) for t in told]
        blocks += [
            "Of the others, what the privacy policy names is hidden. Scans are never covered: points of people in them "
            "stay, unless the policy holds scans.",
            tabulate(head, rows),
        ]
    private = tabulate(("table", "class", "columns"), _list_private(_DRAWN_ON))
    return *blocks, "Columns behind the dataset that are private:", private


def _list_private(tables: Iterable[str]) -> Iterator[tuple[str, str, str]]:
    for table in tables:
        for privacy in _PRIVATE:
            names = [c.name for c in TABLES[table].columns if c.privacy == privacy]
            if names:
                yield table, privacy, ", ".join(names)
