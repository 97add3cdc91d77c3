"""Certificates of erasures: what went from which store, without a name of it, each with the hash of the one before.

`erasures/<number>-<sha256 of the file>.json` in the home. An id stands in one as a hash of its own: who has
the id can tell that it is meant, and nobody else.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from assets.disk import make_folder, sync, write_synced

FOLDER = "erasures"
UNDER_WAY = ".under_way"
MOST_LISTED = 10_000  # hashes of ids; of more there is their common one
_NAME = re.compile(r"([0-9]{6})-([0-9a-f]{64})\.json")


@dataclass(frozen=True)
class Certificate:
    """One of them as it is stored."""

    path: Path
    number: int
    sha256: str  # that its name says
    facts: dict[str, Any]


def hash_ids(ids: list[str]) -> dict[str, Any]:
    """How many, the hash of each by which only who knows the id finds it, and of all of them."""
    hashes = sorted(hashlib.sha256(f"erased {one}".encode()).hexdigest() for one in ids)
    every = hashlib.sha256("\n".join(hashes).encode()).hexdigest()
    listed = hashes if len(hashes) <= MOST_LISTED else []
    return {"count": len(hashes), "sha256": every, "hashes": listed}


def write_certificate(home: Path, facts: dict[str, Any]) -> Path:
    """Keep it behind the last one. One of the same erasure is not written twice: that is returned."""
    folder = home / FOLDER
    make_folder(folder)
    known = list(list_certificates(home))
    for one in known:
        if one.facts.get("erasure_id") == facts["erasure_id"]:
            return one.path
    before = known[-1].sha256 if known else ""
    content = json.dumps({**facts, "previous_sha256": before}, indent=1).encode()
    sha256 = hashlib.sha256(content).hexdigest()
    number = known[-1].number + 1 if known else 1
    path = folder / f"{number:06d}-{sha256}.json"
    aside = folder / f".{path.name}.part"
    write_synced(aside, content)
    aside.rename(path)
    sync(folder)
    return path


def list_certificates(home: Path) -> Iterator[Certificate]:
    """The oldest first. One that cannot be read has no facts."""
    folder = home / FOLDER
    for path in sorted(folder.glob("*.json")) if folder.is_dir() else ():
        found = _NAME.fullmatch(path.name)
        if found:
            try:
                facts = json.loads(path.read_bytes())
            except ValueError:
                facts = {}
            yield Certificate(path, int(found[1]), found[2], facts)


def list_leftovers(home: Path) -> list[str]:
    """Erasures of which something is kept that is only needed while they are under way."""
    folder = home / FOLDER / UNDER_WAY
    return sorted(p.name for p in folder.iterdir()) if folder.is_dir() else []


def audit_certificates(home: Path) -> Iterator[tuple[str, str]]:
    """Name and reason for each that is not as it was written, or does not follow; "" for one that is right."""
    before, last = "", 0
    for one in list_certificates(home):
        reason = ""
        if hashlib.sha256(one.path.read_bytes()).hexdigest() != one.sha256:
            reason = "has changed since it was written"
        elif one.number != last + 1:
            reason = f"follows number {last}: those between are gone"
        elif one.facts.get("previous_sha256") != before:
            reason = "does not follow from the certificate before it"
        before, last = one.sha256, one.number
        yield one.path.name, reason
