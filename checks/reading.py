"""What readers left out by design, told where people see it: labels of kinds that nobody reads teach nothing."""

from __future__ import annotations

import json

import pyarrow as pa

from assets.formats.protocol import LABELS_NOT_READ
from checks.verdicts import NEVER_BLOCKS, Rule, Verdict, judge_share


def every_kind_of_label_is_read(captures: pa.Table) -> Verdict:
    """No capture holds labels of a kind that is not read. Never blocks: what is read of it is right."""
    rows = captures.to_pylist()
    unread = {
        row["path"] or ".": found
        for row in rows
        if (found := _list_unread(row["notes"]))
    }
    return judge_share(
        "every_kind_of_label_is_read",
        num_checked=len(rows),
        of="captures",
        tolerance=NEVER_BLOCKS,
        offenders=[f"{path}: {'; '.join(found)}" for path, found in unread.items()],
        fault=f"hold labels that are not read: {'; '.join(w for found in unread.values() for w in found)}"[
            :400
        ],
    )


READING_RULES = (Rule(every_kind_of_label_is_read, {"captures": ("path", "notes")}),)


def _list_unread(notes: str | None) -> list[str]:
    """`0.json: 40 captions` of each such note, also of a data set inside an archive."""
    found = json.loads(notes) if notes else {}
    return [
        f"{name.split(LABELS_NOT_READ, 1)[1].strip(': ')}: {value}"
        for name, value in sorted(found.items())
        if LABELS_NOT_READ in name
    ]
