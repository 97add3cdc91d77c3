"""Folders of files that are complete or invisible: written aside, synced, then exchanged with what was there."""

from __future__ import annotations

import errno
import glob
import hashlib
import json
import os
import shutil
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from assets.disk import exchange, make_folder, sync, write_synced

if TYPE_CHECKING:
    from torch import Tensor

T = TypeVar("T")
MANIFEST = "manifest.json"
WEIGHTS = "weights.safetensors"
FACTS = "facts.json"
_OWN = "manifest_sha256"
_MAX_REPLACED = 1000  # in the time that one reading takes
_MAX_LOOKS = 10  # a writer is between its two renames for microseconds


def write_folder(folder: Path, files: Mapping[str, bytes]) -> None:
    """Write `files` as `folder`, replacing what was there; all of it is on disk when this returns.

    At every moment `read_whole` finds the whole old or the whole new one. A writer that dies leaves a hidden folder
    beside it.
    """
    make_folder(folder.parent)
    aside = folder.parent / f".{folder.name}.{uuid.uuid4().hex}"
    aside.mkdir()
    for name, content in files.items():
        write_synced(aside / name, content)
    sync(aside)
    replaced = _put_in_place(aside, folder)
    sync(folder.parent)
    if replaced:
        shutil.rmtree(replaced, ignore_errors=True)


def read_whole(folder: Path, read: Callable[[Path], T]) -> T:
    """What `read` makes of the files of one folder: called again where a writer has replaced it meanwhile.

    Raises what `read` raises of a folder that stays, and TimeoutError for one that is replaced over and over.
    """
    for _ in range(_MAX_REPLACED):
        at = _locate(folder)
        with _holding(at) as held:
            try:
                found = read(at)
            except (OSError, ValueError):
                if _locate(folder) == at and _is_same(at, held):
                    raise
                continue
            if _is_same(at, held):
                return found
    raise TimeoutError(
        f"{folder} was replaced {_MAX_REPLACED} times while it was read: read it when its writers have ended"
    )


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

    contents = read_whole(folder, _read_contents)
    return load(contents[WEIGHTS]), json.loads(contents[FACTS])


def name_contents(manifest: bytes, where: str) -> dict[str, str]:
    """The sha256 of each other file of a checkpoint, by name, as its manifest says. Raises ValueError where that has
    changed; `where` it lies is told."""
    try:
        hashes: dict[str, str] = json.loads(manifest)
        del hashes[_OWN]
        is_same = (
            hashes.keys() == {WEIGHTS, FACTS} and _dump_manifest(hashes) == manifest
        )
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{where} has changed: {error}; train again") from error
    if not is_same:
        raise ValueError(
            f"{where} has changed: it no longer proves itself; train again"
        )
    return hashes


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
    path = folder / MANIFEST
    return name_contents(path.read_bytes(), str(path))


def _read_contents(folder: Path) -> dict[str, bytes]:
    if not (folder / MANIFEST).is_file():
        raise FileNotFoundError(
            f"{folder} has no {MANIFEST}, so it is not a complete checkpoint: train again"
        )
    return {
        name: read_proven(folder / name, sha256)
        for name, sha256 in _read_manifest(folder).items()
    }


def _put_in_place(aside: Path, folder: Path) -> Path | None:
    """Make `aside` the folder; where what it has replaced lies now, None where there was nothing."""
    try:
        aside.rename(folder)
        return None
    except OSError as error:
        if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
            raise
    if exchange(aside, folder):
        return aside
    # between two renames the old one is found under its hidden name
    old = folder.parent / f"{_old_prefix(folder)}{uuid.uuid4().hex}"
    folder.rename(old)
    aside.rename(folder)
    return old


def _locate(folder: Path) -> Path:
    """Where the folder lies: under its name, or, while a writer is between two renames, under a hidden one."""
    for _ in range(_MAX_LOOKS):
        if folder.is_dir():
            return folder
        old = sorted(folder.parent.glob(f"{glob.escape(_old_prefix(folder))}*"))
        if old:
            return old[0]
    return folder


def _old_prefix(folder: Path) -> str:
    return f".{folder.name}.old."


@contextmanager
def _holding(folder: Path) -> Iterator[os.stat_result | None]:
    """What tells the folder from one that takes its place: nothing else gets its number while it is open."""
    try:
        descriptor = os.open(folder, os.O_RDONLY)
    except FileNotFoundError:
        yield None
        return
    try:
        yield os.fstat(descriptor)
    finally:
        os.close(descriptor)


def _is_same(folder: Path, held: os.stat_result | None) -> bool:
    try:
        found = folder.stat()
    except FileNotFoundError:
        return held is None
    return held is not None and os.path.samestat(found, held)
