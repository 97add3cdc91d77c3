"""Folders of files that are complete or invisible: written aside, flushed to disk, then renamed into place."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import Tensor

MANIFEST = "manifest.json"
WEIGHTS = "weights.safetensors"
FACTS = "facts.json"
_OWN = "manifest_sha256"


def write_folder(folder: Path, files: Mapping[str, bytes]) -> None:
    """Write `files` as `folder`, replacing what was there. A reader sees the whole old or the whole new one.

    A writer that dies leaves only a hidden folder beside it.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    aside = folder.parent / f".{folder.name}.{uuid.uuid4().hex}"
    aside.mkdir()
    for name, content in files.items():
        _write_flushed(aside / name, content)
    _flush_folder(aside)
    old = folder.parent / f".{folder.name}.old.{uuid.uuid4().hex}"
    if folder.exists():
        folder.rename(old)
    aside.rename(folder)
    _flush_folder(folder.parent)
    shutil.rmtree(old, ignore_errors=True)


def write_checkpoint(
    folder: Path, weights: Mapping[str, Tensor], facts: Mapping[str, Any]
) -> None:
    """Weights and JSON facts, with a manifest of their hashes."""
    from safetensors.torch import save

    files = {
        WEIGHTS: save(dict(weights)),
        FACTS: json.dumps(dict(facts), indent=1).encode(),
    }
    write_folder(
        folder,
        {
            **files,
            MANIFEST: _dump_manifest(
                {n: hash_bytes(content) for n, content in files.items()}
            ),
        },
    )


def read_checkpoint(folder: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Weights and facts. Raises FileNotFoundError where there is no checkpoint, ValueError where a file has changed."""
    from safetensors.torch import load

    if not (folder / MANIFEST).is_file():
        raise FileNotFoundError(
            f"{folder} has no {MANIFEST}, so it is not a complete checkpoint: train again"
        )
    contents = {
        name: read_proven(folder / name, sha256)
        for name, sha256 in _read_manifest(folder).items()
    }
    return load(contents[WEIGHTS]), json.loads(contents[FACTS])


def find_checkpoints(below: Path) -> list[Path]:
    """Folders below that hold a file of a checkpoint, also without its manifest; those under way are hidden."""
    found = {path.parent for name in (MANIFEST, WEIGHTS) for path in below.rglob(name)}
    return sorted(folder for folder in found if not folder.name.startswith("."))


def read_proven(path: Path, sha256: str) -> bytes:
    """The bytes of a file that must hash to `sha256`. Raises ValueError when it is missing or has changed."""
    if not path.is_file():
        raise ValueError(f"{path} is missing: restore it from a backup or train again")
    content = path.read_bytes()
    found = hash_bytes(content)
    if found != sha256:
        raise ValueError(
            f"{path} has changed: it hashes to {found[:16]}…, not {sha256[:16]}…; "
            "restore it or train again"
        )
    return content


def hash_bytes(content: bytes) -> str:
    """The sha256 as 64 hexadecimal digits."""
    return hashlib.sha256(content).hexdigest()


def _dump_manifest(hashes: Mapping[str, str]) -> bytes:
    """The hashes of the files, and one over them, so that a manifest proves itself."""
    own = hash_bytes(json.dumps(dict(hashes), sort_keys=True).encode())
    return json.dumps({**hashes, _OWN: own}, indent=1).encode()


def _read_manifest(folder: Path) -> dict[str, str]:
    content = (folder / MANIFEST).read_bytes()
    try:
        hashes: dict[str, str] = json.loads(content)
        del hashes[_OWN]
        is_same = (
            hashes.keys() == {WEIGHTS, FACTS} and _dump_manifest(hashes) == content
        )
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(
            f"{folder / MANIFEST} has changed: {error}; train again"
        ) from error
    if not is_same:
        raise ValueError(
            f"{folder / MANIFEST} has changed: it no longer proves itself; train again"
        )
    return hashes


def _write_flushed(path: Path, content: bytes) -> None:
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _flush_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
