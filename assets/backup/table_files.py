"""Fix which versions of the tables a backup holds, while others write: so that no row names what is not there.

Whatever is named is written before what names it: a version before its publication, a model before its scores, frames
before the row of their capture. So tables that name others are fixed before those, and of one table first its seals,
then its tags, then its versions. Data files never change, so they are copied later. The ledger comes before all tables.
"""

from __future__ import annotations

import json
import posixpath
import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from assets.home_lock import PLACE
from assets.storage import Folder
from assets.tables.catalog import PUBLISHED, no_panic
from assets.tables.durable import list_files, name_manifest, version_of_manifest
from assets.tables.presence import announce
from assets.tables.schemas import TABLES

_MANIFEST = re.compile(r".*/_versions/\d{20}\.manifest")


@dataclass
class FixedTables:
    """What of the tables' moving files belongs to the backup, by path below the folder of the tables."""

    contents: dict[str, bytes] = field(default_factory=dict)  # tags and seals
    manifests: set[str] = field(default_factory=set)

    def is_kept(self, path: str) -> bool:
        """Whether a file is to be copied: every data file is, and of the manifests those that were fixed."""
        if path in self.contents:
            return False  # written as it was read
        if "/_versions/" in path:
            return path in self.manifests
        return "/_refs/" not in path and not path.startswith(("_seals/", f"{PLACE}/"))


def fix_tables(tables: Folder) -> FixedTables:
    """Read what is there now, in the order that keeps it consistent."""
    announce(tables.uri)  # as long as this process lasts, nobody drops these versions
    fixed = FixedTables()
    published = [f"{name}.lance/_refs/tags/{PUBLISHED}.json" for name in TABLES]
    for path in published:  # each follows its publication
        _read(tables, path, fixed)
    for name in order_tables():
        for path in _list(tables, f"_seals/{name}"):
            if not posixpath.basename(path).startswith("."):
                _read(tables, path, fixed)
        for path in _list(tables, f"{name}.lance/_refs/tags"):
            if path not in published:
                _read(tables, path, fixed)
        found = _list(tables, f"{name}.lance/_versions")
        fixed.manifests.update(p for p in found if _MANIFEST.fullmatch(p))
    return fixed


def order_tables() -> list[str]:
    """Those that name others first; the rows that are written last of a capture and of a release before their own."""
    names = list(reversed(TABLES))
    for last, first in (("releases", "release_frames"), ("captures", "clock_reports")):
        names.remove(last)
        names.insert(names.index(first), last)
    return names


def find_missing(
    tables: Folder,
    options: dict[str, str] | None,
    fixed: FixedTables,
    copied: set[str],
) -> list[str]:
    """Files that the newest and the tagged of the fixed versions rest on, and that were not copied. `options` are for
    Lance's object store."""
    import lance

    missing = []
    for table, versions in _list_needed(fixed).items():
        for version in sorted(versions):
            try:
                with no_panic(table):
                    at = f"{tables.uri}/{table}"
                    dataset = lance.dataset(
                        at, version=version, storage_options=options
                    )
                    needed = list_files(dataset)
            except (ValueError, OSError):
                needed = [name_manifest(version)]
                copied = copied - {f"{table}/{needed[0]}"}
            missing += [f"{table}/{f}" for f in needed if f"{table}/{f}" not in copied]
    return missing


def _list_needed(fixed: FixedTables) -> dict[str, set[int]]:
    """Folder of each table -> its newest version, and those that tags name."""
    needed: dict[str, set[int]] = {}
    for path in fixed.manifests:
        table, _, name = path.partition("/_versions/")
        version = version_of_manifest(name)
        newest = max(needed.get(table, {0}))
        needed[table] = {max(newest, version)}
    for path, content in fixed.contents.items():
        table, _, tag = path.partition("/_refs/tags/")
        if tag and table in needed:
            needed[table].add(int(json.loads(content)["version"]))
    return needed


def _list(tables: Folder, folder: str) -> Sequence[str]:
    return [f"{folder}/{name}" for name in tables.names_in(folder)]


def _read(tables: Folder, path: str, fixed: FixedTables) -> None:
    try:
        fixed.contents[path] = tables.read(path)
    except (FileNotFoundError, IsADirectoryError):
        return  # a seal that a newer one has replaced, or no tag yet
