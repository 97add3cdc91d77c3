"""What one training leaves for other machines: its checkpoints in the store, by content, to go on from elsewhere.

A checkpoint is there when its manifest is, which comes last and names the sha256 of every other file. Each training has
a prefix of its own, named as its folder is, so nothing of it is shared with blobs that rows name.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from assets.inference.checkpoint import MANIFEST, name_contents, write_folder
from assets.storage import BlobStore, Folder, drop_objects, put_object
from assets.workspace import Elsewhere

_TRAININGS = "trainings"  # below the store
_SUFFIX = ".json"  # of manifests


@dataclass(frozen=True)
class RunStore:
    """The checkpoints of one training in the store of its home. `run` is the name of its folder."""

    store: Elsewhere
    run: str

    @property
    def _blobs(self) -> BlobStore:
        return BlobStore(
            f"{self.store.uri}/{_TRAININGS}/{self.run}", self.store.options
        )

    def put(self, folder: Path) -> None:
        """Store the checkpoint in a folder of this machine, under the folder's name."""
        blobs = self._blobs
        manifest = (folder / MANIFEST).read_bytes()
        for name, sha256 in name_contents(manifest, str(folder / MANIFEST)).items():
            with (folder / name).open("rb") as stream:
                stored = blobs.put(stream)
            if stored != sha256:
                raise OSError(
                    f"{folder / name} has changed while it was stored: look at the disk"
                )
        put_object(blobs.folder, f"{folder.name}{_SUFFIX}", manifest)

    def names(self) -> list[str]:
        """The checkpoints that are there, sorted."""
        return sorted(
            name.removesuffix(_SUFFIX)
            for name in self._list()
            if name.endswith(_SUFFIX)
        )

    def bring(self, folder: Path) -> None:
        """The checkpoint of the folder's name, into that folder. Raises ValueError where it has changed, and
        FileNotFoundError where it is gone."""
        blobs = self._blobs
        manifest, hashes = self._read_manifest(folder.name)
        files = {name: blobs.get(sha256) for name, sha256 in hashes.items()}
        write_folder(folder, {**files, MANIFEST: manifest})

    def drop(self, names: Iterable[str]) -> None:
        """Remove checkpoints, each at once, and then what no other one names."""
        gone = {f"{name}{_SUFFIX}" for name in names}
        if not gone:
            return
        drop_objects(self._blobs.folder, gone)
        unnamed = set(self._blobs.names()) - self._list_named()
        drop_objects(self._blobs.folder, (f"{sha[:2]}/{sha}" for sha in unnamed))

    def clear(self) -> None:
        """Remove all of the training."""
        drop_objects(self._blobs.folder, self._list())

    def _list_named(self) -> set[str]:
        named = set[str]()
        for name in self.names():
            # one that has changed names nothing that could be proven
            with suppress(ValueError, FileNotFoundError):
                named.update(self._read_manifest(name)[1].values())
        return named

    def _read_manifest(self, name: str) -> tuple[bytes, dict[str, str]]:
        folder = self._blobs.folder
        found = folder.find(f"{name}{_SUFFIX}")
        if found is None:
            raise FileNotFoundError(f"{folder.uri}/{name}{_SUFFIX} is gone")
        with folder.open(found) as stream:
            manifest = stream.read()
        return manifest, name_contents(manifest, f"{folder.uri}/{name}{_SUFFIX}")

    def _list(self) -> list[str]:
        folder = self._blobs.folder
        return [file.path for file in folder.files()] if folder.exists() else []


def drop_abandoned_runs(store: Elsewhere, kept_days: float) -> list[str]:
    """Remove trainings that nobody has written to for so long; their names."""
    folder = Folder(f"{store.uri}/{_TRAININGS}", store.options)
    if not folder.exists():
        return []
    newest: dict[str, float] = {}
    prefix = folder._root.rstrip("/") + "/"
    for path, facts in folder.fs.find(folder._root, detail=True).items():
        run = path.removeprefix(prefix).split("/")[0]
        newest[run] = max(newest.get(run, 0.0), _read_time_s(facts))
    before_s = time.time() - kept_days * 86_400
    gone = sorted(run for run, at_s in newest.items() if at_s < before_s)
    for run in gone:
        RunStore(store, run).clear()
    return gone


def _read_time_s(facts: dict[str, Any]) -> float:
    at = facts.get("LastModified", facts.get("mtime"))
    return at.timestamp() if isinstance(at, datetime) else float(at or 0.0)
