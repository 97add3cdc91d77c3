"""The canonical export of a home: every row of every table and every outcome of the ledger, equal for equal content.

Left out is only what differs between two runs that nothing befell: claims (epoch, owner, lease), table versions, when
a file was found gone, and the place where the session lay, which stands as `landing:`.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import Any

from assets.ledger import Ledger
from assets.storage import BlobStore
from assets.tables.catalog import Catalog
from assets.tables.schemas import TABLES

LEDGER_FILES = "ledger.files"
LEDGER_CAPTURES = "ledger.captures"
BLOBS = "blobs"
_OF_THE_RUN = {"gone": ("gone_ns", "frames_version", "captures_version")}


@dataclass(frozen=True)
class Export:
    """section -> (key, row as canonical JSON), sorted; the same key may stand twice."""

    sections: dict[str, list[tuple[str, str]]]

    def to_bytes(self) -> bytes:
        """One line a row: what two runs are compared by."""
        lines = [
            f"{name}\t{row}"
            for name in sorted(self.sections)
            for _, row in self.sections[name]
        ]
        return "\n".join(lines).encode()

    def __len__(self) -> int:
        return sum(len(rows) for rows in self.sections.values())


def export(
    catalog: Catalog, ledger: Ledger, blobs: BlobStore, landing_uri: str
) -> Export:
    """Everything that an intake leaves behind."""
    sections = {}
    for name in TABLES:
        if catalog.exists(name):
            differing = _OF_THE_RUN.get(name, ())
            rows = catalog.read_latest(name).drop_columns(differing).to_pylist()
            sections[name] = rows_of(rows, TABLES[name].key, landing_uri)
    files = ledger.file_table().to_pylist()
    sections[LEDGER_FILES] = rows_of(
        [
            {"key": f"{row['session']}/{row['path']}@{row['version']}", **row}
            for row in files
        ],
        "key",
        landing_uri,
    )
    sections[LEDGER_CAPTURES] = rows_of(
        [{"capture_id": c} for c in ledger.committed()], "capture_id", landing_uri
    )
    sections[BLOBS] = rows_of(
        [{"sha256": name} for name in blobs.names()], "sha256", landing_uri
    )
    return Export({name: rows for name, rows in sections.items() if rows})


def rows_of(
    rows: list[dict[str, Any]], key: str, landing_uri: str
) -> list[tuple[str, str]]:
    """Rows as canonical JSON: columns by name, bytes by their hash, floats by all their digits."""
    made = []
    for row in rows:
        plain = {column: _plain(value, landing_uri) for column, value in row.items()}
        made.append(
            (str(row[key]), json.dumps(plain, sort_keys=True, ensure_ascii=True))
        )
    return sorted(made)


def _plain(value: Any, landing_uri: str) -> Any:
    if isinstance(value, bytes):
        return f"sha256:{hashlib.sha256(value).hexdigest()}:{len(value)}"
    if isinstance(value, str):
        return value.replace(landing_uri, "landing:") if landing_uri else value
    if isinstance(value, float):
        return value.hex()
    if isinstance(value, (list, tuple)):
        return [_plain(item, landing_uri) for item in value]
    if isinstance(value, dict):
        return {name: _plain(item, landing_uri) for name, item in value.items()}
    return value if isinstance(value, (int, bool, type(None))) else str(value)
