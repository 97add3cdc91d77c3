"""Which versions of labels stand, and what they say as rows of `labels` and `annotated_frames`.

A version is all that one author says of one frame for one task: a row of `label_versions`. Rows are only ever added: a
correction names the versions whose place it takes, and what no other version replaces stands. Here is what every stage
reads them by; `assets/annotation` writes them.
"""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Container, Iterable, Mapping, Sequence
from typing import Any, cast

import pyarrow as pa

from assets.tables.catalog import Catalog
from assets.tables.rows import SIDES, AnnotatedFrameRow, LabelRow, LabelVersionRow
from assets.tables.schemas import TABLES, to_table
from assets.tables.schemas.annotation import AUTHOR_KINDS

# whose word counts before whose
RANK = {kind: place for place, kind in enumerate(AUTHOR_KINDS)}
# producers count pixels from 1 or to the last inclusive: a box one pixel over the edge is a convention
OVERHANG_PX = 1.0
# what decides which versions stand, without what they say
LIGHT_COLUMNS = (
    "version_id",
    "frame_id",
    "task",
    "number",
    "frame_sha256",
    "author_kind",
    "replaces",
    "rests_on",
)
IS_COUNTED = "author_kind != 'model'"
# somebody looked at the frame itself
IS_SEEN = "author_kind NOT IN ('model', 'interpolation')"
_IS_INTERPOLATED = "author_kind = 'interpolation'"
_NONE = frozenset[str]()
_HASH = "content_sha256"
_SOURCE_PATH = "label_versions"  # in the place of a label file's path


def list_standing(versions: Iterable[LabelVersionRow]) -> list[LabelVersionRow]:
    """The versions that no other of them replaces, by frame, task and number."""
    every = sorted(versions, key=lambda v: (v["frame_id"], v["task"], v["number"]))
    replaced = {version_id for v in every for version_id in v["replaces"]}
    return [v for v in every if v["version_id"] not in replaced]


def list_counting(
    versions: Iterable[LabelVersionRow],
    sha256_of: Mapping[str, str],
    stale: Container[str] = _NONE,
) -> list[LabelVersionRow]:
    """Of these versions those whose word counts, by frame, task and number: they stand, are no model's, and were made
    for the bytes that their frame has (`sha256_of` frame ids). Of several kinds of author on one frame and task a
    person's count alone, or else those that were imported, or else those of a simulator, or else those that were
    interpolated, but for the `stale` ones (`find_stale`).
    """
    alive = [
        v
        for v in list_standing(v for v in versions if v["author_kind"] != "model")
        if v["version_id"] not in stale
    ]
    by_subject: dict[tuple[str, str], list[LabelVersionRow]] = defaultdict(list)
    for version in alive:
        if sha256_of.get(version["frame_id"]) == version["frame_sha256"]:
            by_subject[version["frame_id"], version["task"]].append(version)
    counting = []
    for found in by_subject.values():
        first = min(RANK[v["author_kind"]] for v in found)
        counting += [v for v in found if RANK[v["author_kind"]] == first]
    return counting


def find_stale(catalog: Catalog, versions: Iterable[LabelVersionRow]) -> frozenset[str]:
    """Ids of those of the versions that are interpolated and count for nothing: one that they rest on does not count by
    now, or is no person's."""
    mine = [v for v in versions if v["author_kind"] == "interpolation"]
    if not mine:
        return _NONE
    ids = sorted({i for row in mine for i in row["rests_on"] or ()})
    ends = catalog.read_of("label_versions", ["frame_id"], "version_id", ids)
    frames = ends["frame_id"].unique().to_pylist()
    light = catalog.read_of("label_versions", LIGHT_COLUMNS, "frame_id", frames)
    stored = catalog.read_of("frames", ["frame_id", "sha256"], "frame_id", frames)
    sha256_of = dict(zip(*stored.to_pydict().values(), strict=True))
    return name_stale(mine, list_counting(light.to_pylist(), sha256_of))


def name_stale(
    versions: Iterable[LabelVersionRow], counting: Iterable[LabelVersionRow]
) -> frozenset[str]:
    """`find_stale`, where all versions that count are at hand."""
    said = {v["version_id"] for v in counting if v["author_kind"] == "person"}
    return frozenset(
        row["version_id"]
        for row in versions
        if row["author_kind"] == "interpolation"
        and (not row["rests_on"] or not said.issuperset(row["rests_on"]))
    )


def read_interpolated(catalog: Catalog) -> list[LabelVersionRow]:
    """What `find_stale` needs of all interpolated versions."""
    found: list[LabelVersionRow] = catalog.read_latest(
        "label_versions", LIGHT_COLUMNS, _IS_INTERPOLATED
    ).to_pylist()
    return found


def read_versions(
    catalog: Catalog, frame_ids: Sequence[str], task: str | None = None
) -> list[LabelVersionRow]:
    """All versions on these frames, checked or not, by frame, task and number."""
    rows = catalog.read_of("label_versions", None, "frame_id", list(frame_ids))
    found: list[LabelVersionRow] = rows.to_pylist()
    return sorted(
        (v for v in found if task in (None, v["task"])),
        key=lambda v: (v["frame_id"], v["task"], v["number"]),
    )


def read_counting(catalog: Catalog, where: str | None = None) -> list[LabelVersionRow]:
    """The published versions whose word counts, of all published frames, or of those versions that `where` holds for,
    which must not part the versions of a frame and task."""
    light = catalog.read("label_versions", LIGHT_COLUMNS, _both(IS_COUNTED, where))
    if not len(light):
        return []
    ids = light["frame_id"].unique().to_pylist()
    frames = catalog.read_published_of(
        "frames", ["frame_id", "sha256"], "frame_id", ids
    )
    sha256_of = dict(zip(*frames.to_pydict().values(), strict=True))
    rows: list[LabelVersionRow] = light.to_pylist()
    heard = list_counting(rows, sha256_of, find_stale(catalog, rows))
    counting = [v["version_id"] for v in heard]
    whole = catalog.read_published_of("label_versions", None, "version_id", counting)
    found: list[LabelVersionRow] = whole.to_pylist()
    return sorted(found, key=lambda v: (v["frame_id"], v["task"], v["number"]))


def to_rows(version: LabelVersionRow) -> tuple[list[LabelRow], AnnotatedFrameRow]:
    """What a version says, as rows of the two tables have it; their `capture_id` is the version's id."""
    source = {
        "frame_id": version["frame_id"],
        "capture_id": version["version_id"],
        "session": version["session"],
        "task": version["task"],
        "source_path": _SOURCE_PATH,
        "source_offset": 0,
        "source_length": None,
        "source_inner_offset": None,
    }
    labels: list[dict[str, Any]] = [
        {
            **source,
            "label_id": label_id,
            "class_name": version["class_names"][n],
            **_read_box(version["boxes_xyxy"], n),
            "mask_rle": version["mask_rles"][n] or None,
            "track_id": int(track) if (track := version["track_ids"][n]) else None,
            "attributes": version["attributes"][n] or None,
            "origin": version["author_kind"],
        }
        for n, label_id in enumerate(version["label_ids"])
    ]
    looked_at = {
        **source,
        "annotation_id": version["version_id"],
        "num_labels": len(labels),
        "num_missing": version["num_missing"],
        "num_ignored": version["num_ignored"],
    }
    return cast(list[LabelRow], labels), cast(AnnotatedFrameRow, looked_at)


def tabulate(versions: Iterable[LabelVersionRow]) -> tuple[pa.Table, pa.Table]:
    """The rows of all of them, in the schemas of `labels` and of `annotated_frames`."""
    said = [to_rows(version) for version in versions]
    labels = [label for found, _ in said for label in found]
    return (
        to_table(TABLES["labels"], labels),
        to_table(TABLES["annotated_frames"], [looked_at for _, looked_at in said]),
    )


def hash_version(version: Mapping[str, Any]) -> str:
    """The sha256 of all that a version says, but for its `content_sha256`. What rests on no other hashes as it did
    before there was interpolation."""
    left_out = {_HASH} if version.get("rests_on") else {_HASH, "rests_on"}
    said = {name: version[name] for name in sorted(version) if name not in left_out}
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()


def _read_box(boxes_xyxy: Sequence[float], place: int) -> dict[str, float | None]:
    sides = boxes_xyxy[4 * place : 4 * place + 4] or (None,) * 4
    return dict(zip(SIDES, sides, strict=True))


def _both(where: str, other: str | None) -> str:
    return f"({where}) AND ({other})" if other else where
