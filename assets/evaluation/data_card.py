"""The data card: what a reader must know before using a dataset, filled from stored facts alone.

Sections follow Gebru et al. 2021, "Datasheets for Datasets", as far as tables can tell. What only people can say is
said to be left to them. Nothing of it is of today: the same tables give the same card, byte for byte.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import pyarrow as pa
import pyarrow.compute as pc

from assets.captions import name_sensor
from assets.cards import Block, Bullets, Card, Grid, Section, tabulate
from assets.choice import read_choice
from assets.evaluation.data_caveats import (
    Fault,
    list_faults,
    list_privacy,
    list_quarantine,
)
from assets.evaluation.release_report import (
    count_column,
    count_origins,
    count_sessions,
    list_models,
)
from assets.tables.catalog import Catalog, is_in
from assets.tables.class_list import PARTS, count_classes, count_parts
from assets.tables.releases import open_release
from assets.tables.rows import ReleaseRow
from assets.terms.carded import list_terms
from assets.terms.judging import read_terms

PEOPLE = (
    "What it may be used for beyond the purposes stated below, and by whom: no fact of the home tells.",
    "Whether who is seen in it has agreed: what a producer has stated is below, and nothing proves it.",
    "Where and when it was recorded, beyond the names of its sessions.",
)


def build_data_card(
    catalog: Catalog, release_id: str, faults: Sequence[Fault] = ()
) -> Card:
    """The card of one release; `faults` are what checks found of its sessions.

    Raises ValueError for a release that is gone or changed.
    """
    frames = open_release(catalog, release_id).frames
    where = is_in("release_id", [release_id])
    row: ReleaseRow = catalog.read_latest("releases", where=where).to_pylist()[0]
    sections = (
        Section("Dataset", (_describe(row, frames),)),
        Section("Intended use", (Bullets(PEOPLE),)),
        Section("Licences and purposes", list_terms(read_terms(catalog, release_id))),
        Section("Sources", (_list_sources(catalog, row, frames),)),
        Section("Classes", _list_classes(row, frames)),
        Section("Sensors and pictures", _list_sensors(catalog, frames)),
        Section("Parts and leaks between them", _list_leaks(catalog, row, frames)),
        Section("Labels", _list_labels(catalog, row, frames)),
        Section("Known faults", list_faults(row, faults)),
        Section("Quarantine", list_quarantine(catalog, row)),
        Section("Privacy", list_privacy(catalog, row)),
        Section("Models that learnt from it", _list_learners(catalog, row)),
    )
    return Card(f"Dataset for {row['task']}, {release_id}", sections)


def _describe(row: ReleaseRow, frames: pa.Table) -> Grid:
    facts = {
        "release": row["release_id"],
        "content sha256": row["content_sha256"],
        "task": row["task"],
        "chosen": read_choice(row["choice"]).summary,
        "frames": len(frames),
        "labels": row["num_labels"],
        "classes": len(row["class_names"]),
        "sessions": len(row["sessions"]),
        "version of the table of frames": row["frames_version"],
        "code version": row["code_version"],
    }
    return tabulate(("fact", "value"), facts.items())


def _list_sources(catalog: Catalog, row: ReleaseRow, frames: pa.Table) -> Grid:
    """A row a session: what it was taken in from, and how much of it is in the dataset."""
    columns = ["session", "reader", "num_frames"]
    captures = catalog.read_latest(
        "captures", columns, is_in("session", row["sessions"])
    ).to_pylist()
    rows = []
    for session, parts, sensors in count_sessions(frames):
        mine = [c for c in captures if c["session"] == session]
        readers = ", ".join(sorted({c["reader"] for c in mine}))
        stored = sum(c["num_frames"] for c in mine)
        named = ", ".join(filter(None, map(name_sensor, sensors)))
        rows.append(
            (session, len(mine), readers, stored, sum(parts), *parts, named or "none")
        )
    head = ("session", "recordings", "readers", "frames stored", "in the dataset")
    return tabulate((*head, *PARTS, "named sensors"), rows)


def _list_classes(row: ReleaseRow, frames: pa.Table) -> tuple[Block, ...]:
    counts = count_classes(row["class_names"], frames)
    rows = [
        (c.name, *(c.objects[p] for p in PARTS), *(c.pictures[p] for p in PARTS))
        for c in counts
    ]
    head = [f"objects: {p}" for p in PARTS] + [f"pictures: {p}" for p in PARTS]
    empty = [c.name for c in counts if c.is_empty]
    told = f"Without an object: {', '.join(empty)}." if empty else ""
    return tuple(filter(None, (told, tabulate(("class", *head), rows))))


def _list_sensors(catalog: Catalog, frames: pa.Table) -> tuple[Block, ...]:
    wanted = ["frame_id", "width_px", "height_px", "encoding"]
    facts = catalog.read_of("frames", wanted, "frame_id", frames["frame_id"])
    sizes = Counter(
        (f"{r['width_px']} x {r['height_px']} px", r["encoding"])
        for r in facts.select(wanted[1:]).to_pylist()
    )
    order = sorted(sizes.items(), key=lambda item: (-item[1], item[0]))
    sensors = [(name_sensor(s) or "none", n) for s, n in count_column(frames["sensor"])]
    return (
        tabulate(("named sensor", "frames"), sensors),
        tabulate(
            ("size", "encoding", "frames"), [(*key, count) for key, count in order]
        ),
    )


def _list_leaks(
    catalog: Catalog, row: ReleaseRow, frames: pa.Table
) -> tuple[Block, ...]:
    """Frames by part, how they were dealt out, and what two parts share."""
    known = catalog.read_of(
        "splits", ["frame_id", "group_id", "rule"], "frame_id", frames["frame_id"]
    )
    both = frames.select(["frame_id", "capture_id", "session", "sha256", "split"])
    both = both.join(known, "frame_id")
    unique = catalog.read_latest(
        "unique_frames", ["duplicate_of"], is_in("session", row["sessions"])
    )
    copies = len(unique) - unique["duplicate_of"].null_count
    rules = count_column(pc.fill_null(both["rule"], "not known"))
    shared = [
        (what, *_count_shared(both, column))
        for what, column in (
            ("equal bytes", "sha256"),
            ("groups of alike frames", "group_id"),
            ("recordings", "capture_id"),
            ("sessions", "session"),
        )
    ]
    return (
        tabulate(("part", "frames"), count_parts(frames).items()),
        tabulate(("dealt out by", "frames"), rules),
        tabulate(("what", "in more than one part", "of"), shared),
        f"Near-duplicates of its sessions that are left out: {copies}.",
    )


def _count_shared(frames: pa.Table, column: str) -> tuple[int, int]:
    """How many values of a column are in frames of several parts, and how many there are."""
    known = frames.filter(pc.is_valid(frames[column]))
    counts = known.group_by([column]).aggregate([("split", "count_distinct")])
    several = pc.greater(counts["split_count_distinct"], 1)
    return pc.sum(several).as_py() or 0, len(counts)


def _list_labels(
    catalog: Catalog, row: ReleaseRow, frames: pa.Table
) -> tuple[Block, ...]:
    ids = frames["frame_id"]
    origins = count_origins(catalog, row, ids)
    looked = catalog.read_of(
        "annotated_frames", ["frame_id", "num_labels"], "frame_id", ids
    )
    negatives = len(looked.filter(pc.equal(looked["num_labels"], 0)))
    where = is_in("release_id", [row["release_id"]])
    taken = catalog.read_latest("release_labels", ["version_id"], where)
    versions = catalog.read_of(
        "label_versions", ["guideline_id"], "version_id", taken["version_id"]
    )
    guidelines = len(set(versions["guideline_id"].drop_null().to_pylist()))
    told = [
        f"Frames that somebody looked at and marked nothing on: {negatives}.",
        f"Guidelines that versions of labels were made by: {guidelines}.",
        "Names of authors are private: `daguerre query` shows them to who may run it.",
    ]
    table = tabulate(("made by", "labels"), origins)
    return (
        table if origins else "No label has an origin that is stored.",
        Bullets(tuple(told)),
    )


def _list_learners(catalog: Catalog, row: ReleaseRow) -> tuple[Block, ...]:
    found = sorted(
        list_models(catalog, row["release_id"]), key=lambda one: one.model_sha256
    )
    if not found:
        return ("None yet.",)
    rows = [(m.model_sha256, m.recipe, m.seed, m.metric, m.value) for m in found]
    return (tabulate(("model", "recipe", "seed", "metric", "value"), rows),)
