"""Which models a model starts from, and which start from it: by the weights that its facts name, package by package."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from assets.tables.catalog import Catalog
from assets.tables.rows import ModelRow

_COLUMNS = ["model_sha256", "task", "release_id", "facts_sha256"]


@dataclass(frozen=True)
class Start:
    """The weights that a training started from; `origin` tells people what they are."""

    sha256: str
    origin: str


class Ancestry:
    """All models of a home by what they started from. Of a row from before facts were stored nothing is known, nor of
    one whose facts are gone, which `verify` names."""

    def __init__(self, catalog: Catalog) -> None:
        rows: list[ModelRow] = catalog.read_latest("models", _COLUMNS).to_pylist()
        self.models = {row["model_sha256"]: row for row in rows}
        self.starts: Mapping[str, Start] = {
            row["model_sha256"]: start
            for row in rows
            if (start := _read_start(catalog, row)) is not None
        }

    def list_above(self, model_sha256: str) -> list[Start]:
        """What it starts from, what that starts from, and so on; the nearest first."""
        found: list[Start] = []
        at = self.starts.get(model_sha256)
        while at is not None and at not in found:
            found.append(at)
            at = self.starts.get(at.sha256)
        return found

    def list_below(self, model_sha256s: Collection[str]) -> list[str]:
        """The models that start from one of these, however far, but for these themselves."""
        wanted = set(model_sha256s)
        return sorted(
            child
            for child in self.starts.keys() - wanted
            if any(start.sha256 in wanted for start in self.list_above(child))
        )


def _read_start(catalog: Catalog, row: ModelRow) -> Start | None:
    if row["facts_sha256"] is None:
        return None
    try:
        facts = json.loads(catalog.blobs.get(row["facts_sha256"]))
    except FileNotFoundError:
        return None
    said = facts.get("starts_from")
    return Start(said["sha256"], said["origin"]) if said else None
