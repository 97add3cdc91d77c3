"""What a session holds beside pictures and labels, and what its readers left out by design: counts for people."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass

import pyarrow.compute as pc

from assets.formats.protocol import LABELS_NOT_READ, NOT_READ, RECORDING_READERS
from assets.ledger import FileOutcome
from assets.tables.catalog import Catalog, session_is

# whose files are each a recording, or many files
WHOLE_READERS = RECORDING_READERS | {"video", "archive"}
_BEGINNING = re.compile(f"{NOT_READ}:? ")


@dataclass(frozen=True)
class LeftOut:
    """Something that captures hold and nobody reads, such as a topic; `how_much` as the first of them has it."""

    what: str
    how_much: str
    num_captures: int

    def __str__(self) -> str:
        """One line for a terminal."""
        more = f", and so in {self.num_captures - 1} more captures"
        return f"{self.what}: {self.how_much}{more * (self.num_captures > 1)}"


def count_signals(catalog: Catalog, session: str) -> dict[str, int]:
    """Kind -> number of samples that the tables hold of a session, checked or not, the most first."""
    counts = Counter[str]()
    if catalog.exists("signals"):
        scanner = catalog.dataset("signals").scanner(
            columns=["kind"], filter=session_is(session)
        )
        for batch in scanner.to_batches():
            for found in pc.value_counts(batch["kind"]).to_pylist():
                counts[found["values"]] += found["counts"]
    return dict(counts.most_common())


def count_scans(catalog: Catalog, session: str) -> dict[str, int]:
    """Sensor -> number of point clouds that the tables hold of a session, checked or not, the most first."""
    rows = catalog.read_latest("scans", ["sensor"], session_is(session))
    return dict(Counter(rows["sensor"].to_pylist()).most_common())


def list_silent(
    catalog: Catalog, session: str, outcomes: Mapping[tuple[str, str], FileOutcome]
) -> list[str]:
    """Sensors and recordings of a session of which nothing could be read, checked or not: "sensor left", "a.mcap".

    `outcomes`: of its files, by path and version. What a person has acknowledged does not count.
    """
    lost = {o.path for o in outcomes.values() if o.outcome == "quarantined"}
    settled = {o.path for o in outcomes.values() if o.outcome in ("dropped", "gone")}
    where = session_is(session)
    read = {
        sensor
        for table in ("frames", "signals", "scans")
        for sensor in catalog.read_latest(table, ["sensor"], where)[
            "sensor"
        ].to_pylist()
    }
    columns = ["sensor", "source_path"]
    refused = catalog.read_latest("quarantine", columns, where).to_pylist()
    sensors = {
        row["sensor"]
        for row in refused
        if row["sensor"]
        and (row["source_path"] in lost or row["source_path"] not in settled)
    }
    recordings = {
        o.path
        for o in outcomes.values()
        if o.path in lost and o.reader in WHOLE_READERS
    }
    return [*(f"sensor {s}" for s in sorted(sensors - read)), *sorted(recordings)]


def count_said(
    catalog: Catalog, session: str, paths: Collection[str]
) -> list[dict[str, str | int]]:
    """Of label files among the loose ones of these paths: path, and the pictures and labels that it speaks of."""
    if not paths:
        return []
    columns = ["frame_id", "source_path"]
    labels, looked_at = (
        catalog.read_latest(name, columns, session_is(session)).to_pylist()
        for name in ("labels", "annotated_frames")
    )
    num_labels = Counter(row["source_path"] for row in labels)
    pictures = {(row["source_path"], row["frame_id"]) for row in (*labels, *looked_at)}
    num_pictures = Counter(path for path, _ in pictures)
    return [
        {"path": path, "pictures": num_pictures[path], "labels": num_labels[path]}
        for path in sorted(set(paths) & num_pictures.keys())
    ]


def list_left_out(catalog: Catalog, session: str) -> list[LeftOut]:
    """What no reader takes of what the session's captures hold, once for all captures. Labels are told by a check."""
    rows = catalog.read_latest("captures", ["notes"], session_is(session)).to_pylist()
    found: dict[str, list[str]] = {}
    for row in rows:
        for name, value in json.loads(row["notes"] or "{}").items():
            if NOT_READ in name and LABELS_NOT_READ not in name:
                found.setdefault(_BEGINNING.sub("", name, 1), []).append(value)
    return [LeftOut(what, values[0], len(values)) for what, values in found.items()]
