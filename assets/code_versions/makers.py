"""Makers, their fingerprints, and the versions that people gave these."""

from __future__ import annotations

import json
import os
import uuid
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from assets.code_versions.fingerprints import Fingerprint, Project
from assets.code_versions.tree import ROOT, FolderTree, GitTree
from assets.stages import Maker, all_stages

LISTED = Path(__file__).with_name("versions.json")
LISTED_AT = "assets/code_versions/versions.json"
# beside what Python compiles, and as well founded
_KEPT = Path(__file__).parent / "__pycache__" / "fingerprints.json"
Listed = dict[
    str, dict[str, dict[str, str]]
]  # maker -> version -> fingerprint -> why it makes the same rows


@dataclass(frozen=True)
class Version:
    """The version of a maker's rows. `because`: why a person said that this code makes the rows of the code before;
    "" where it is the first of its version, or not listed."""

    maker: str
    table: str
    value: str
    fingerprint: str
    is_listed: bool
    because: str = ""


@cache
def version_of(maker: str) -> str:
    """The version of the rows that a maker makes as it is here: the listed one, else one of its own.

    Raises KeyError for a maker that no stage declares.
    """
    return name_version(maker, _take_fingerprints()[maker], read_listed()).value


def list_versions(commit: Project | None = None) -> dict[str, Version]:
    """maker -> the version of its rows, here or in a commit, which may lack makers.

    Those of a commit that are not listed there may be listed here: that is where they are said to make the same rows.
    """
    if commit is None:
        listed = read_listed()
        taken = _take_fingerprints()
        return {name: name_version(name, taken[name], listed) for name in taken}
    tree = commit.tree
    assert isinstance(tree, GitTree), tree
    listed = merge_listed(read_listed(), tree.read_file(LISTED_AT))
    found = {
        name: commit.take_fingerprint(maker.entries)
        for name, maker in list_makers(commit).items()
    }
    return {
        name: name_version(name, taken.value, listed)
        for name, taken in found.items()
        if taken is not None
    }


def list_makers(project: Project) -> dict[str, Maker]:
    """Every declared maker by its name, those behind `each_of` one by one."""
    found = {}
    for stage in all_stages():
        for maker in stage.makers:
            if not maker.each_of:
                found[maker.name] = maker
                continue
            for entry in project.list_made(maker.each_of):
                name = f"{maker.name} {project.read_text(entry, 'name')}"
                found[name] = Maker(name, maker.table, (entry,))
    return found


def compare(maker: str, before: Project, after: Project) -> list[str]:
    """The definitions by which a maker differs between two trees, in order."""
    taken: list[Fingerprint] = []
    for project in (before, after):
        makers = list_makers(project)
        found = (
            project.take_fingerprint(makers[maker].entries) if maker in makers else None
        )
        taken.append(found or Fingerprint("", {}))
    return taken[1].list_differences(taken[0])


def read_listed(path: Path = LISTED) -> Listed:
    """What people said of fingerprints."""
    return dict(json.loads(path.read_text())) if path.exists() else {}


def merge_listed(ours: Listed, theirs: bytes | None) -> Listed:
    """What is listed here, and beside it what is listed in a commit alone."""
    merged: dict[str, Any] = json.loads(theirs) if theirs else {}
    for maker, versions in ours.items():
        known = {f for listed in versions.values() for f in listed}
        others = {
            version: {f: why for f, why in listed.items() if f not in known}
            for version, listed in merged.get(maker, {}).items()
        }
        merged[maker] = {
            version: {**others.get(version, {}), **versions.get(version, {})}
            for version in {**others, **versions}
        }
    return merged


def name_version(maker: str, fingerprint: str, listed: Listed) -> Version:
    """The version that a fingerprint is listed under, else one of its own."""
    table = _find_table(maker)
    for version, fingerprints in listed.get(maker, {}).items():
        if fingerprint in fingerprints:
            return Version(
                maker, table, version, fingerprint, True, fingerprints[fingerprint]
            )
    return Version(maker, table, f"code-{fingerprint[:12]}", fingerprint, False)


def _find_table(maker: str) -> str:
    declared = {m.name: m.table for stage in all_stages() for m in stage.makers}
    return declared.get(maker) or declared[maker.split(" ")[0]]


@cache
def _take_fingerprints() -> Mapping[str, str]:
    """maker -> fingerprint of the code that runs; kept until a file of it changes."""
    tree = FolderTree(ROOT)
    stamp = tree.stamp()
    with suppress(OSError, ValueError, KeyError, TypeError):
        kept = json.loads(_KEPT.read_text())
        if kept["stamp"] == stamp:
            return dict(kept["fingerprints"])
    found = take_fingerprints(Project(tree))
    with suppress(OSError):
        _KEPT.parent.mkdir(exist_ok=True)
        aside = _KEPT.with_name(f"{_KEPT.name}.{uuid.uuid4().hex}")
        aside.write_text(json.dumps({"stamp": stamp, "fingerprints": found}))
        os.replace(aside, _KEPT)
    return found


def take_fingerprints(project: Project) -> dict[str, str]:
    """maker -> fingerprint. Raises ValueError for a maker whose code is not there."""
    found = {}
    for name, maker in list_makers(project).items():
        taken = project.take_fingerprint(maker.entries)
        if taken is None:
            raise ValueError(
                f"maker {name!r} names {', '.join(maker.entries)}, of which one is not there: "
                "mend the stage.py that declares it"
            )
        found[name] = taken.value
    return found
