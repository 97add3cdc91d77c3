"""Releases that something was erased from, and the models that have learnt it: directly, or by where they started."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping

from assets.tables.catalog import Catalog, is_in
from assets.tables.releases import hash_content, sort_frames, summarise
from assets.tables.schemas import TABLES, to_table

CLAIM = "it learnt from nothing that was erased since"
_FACTS = ("model_sha256", "release_id", "facts_sha256")


def reduce_releases(
    catalog: Catalog, release_ids: Collection[str], erasure_id: str
) -> None:
    """Let releases be what their frames are by now, and say what was erased. Done again it changes nothing."""
    mine = is_in("release_id", sorted(release_ids))
    changed = []
    for row in catalog.read_latest("releases", where=mine).to_pylist():
        of_release = is_in("release_id", [row["release_id"]])
        left = sort_frames(catalog.read_latest("release_frames", where=of_release))
        content = hash_content(row["task"], row["class_names"], left, row["choice"])
        found = {"content_sha256": content, "erasure_id": erasure_id}
        changed.append(row | summarise(left) | found)
    if changed:
        catalog.upsert("releases", to_table(TABLES["releases"], changed))


def list_reduced(catalog: Catalog) -> dict[str, str]:
    """Release -> the erasure that took something of it last."""
    columns = ["release_id", "erasure_id"]
    rows = catalog.read_latest("releases", columns, "erasure_id IS NOT NULL")
    return {row["release_id"]: row["erasure_id"] for row in rows.to_pylist()}


def find_taught(catalog: Catalog) -> dict[str, str]:
    """Weights -> why they should not be used: of models of such a release, and of those that started from one."""
    reduced = list_reduced(catalog)
    if not reduced:
        return {}
    models = catalog.read_latest("models", list(_FACTS)).to_pylist()
    found = {
        row["model_sha256"]: _tell(row["release_id"], reduced)
        for row in models
        if row["release_id"] in reduced
    }
    started = {row["model_sha256"]: _read_start(catalog, row) for row in models}
    while more := {
        model: f"it started from {start[:16]}: {found[start]}"
        for model, start in started.items()
        if model not in found and start in found
    }:
        found |= more
    return found


def tell_taught(
    catalog: Catalog, model_sha256: str, release_id: str, start: str | None
) -> str:
    """Why a model should not be used, for one that the tables may not have yet; "" where nothing speaks against it."""
    reduced = list_reduced(catalog)
    if release_id in reduced:
        return _tell(release_id, reduced)
    known = find_taught(catalog) if reduced else {}
    if start in known:
        return f"it started from {start[:16]}: {known[start]}"
    return known.get(model_sha256, "")


def _tell(release_id: str, reduced: Mapping[str, str]) -> str:
    return (
        f"frames of its release {release_id[:8]} were erased (erasure {reduced[release_id][:8]}): "
        "train on a new release"
    )


def _read_start(catalog: Catalog, model: Mapping[str, str | None]) -> str:
    """The weights that a model started from; "" where it started from none, or its facts are not stored."""
    if model["facts_sha256"] is None:
        return ""
    try:
        facts = json.loads(catalog.blobs.get(model["facts_sha256"]))
    except (OSError, ValueError):
        return ""
    return str((facts.get("starts_from") or {}).get("sha256", ""))
